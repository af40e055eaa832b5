"""Which bases of a simulated genome are callable: runs and gaps as measured on real gVCFs.

Half of the gaps of a genome lie at positions where others have gaps too (hard regions: each has a
prevalence between 0 and 1, and its ends differ a little between persons), half are its own. That
share is an assumption; one gVCF does not show it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.ngd.intervals import Bases, union

#: Longest gap that is taken for a gap; longer ones are borders of what was sequenced, in bp.
_LONGEST_GAP = 5_000
#: How far an end of a shared gap lies from where others have it, at most, in bp.
_JITTER = 3
_CALIBRATION_PERSONS = 200
#: Finer where lengths are longest.
_QUANTILES = np.concatenate((np.linspace(0, 0.95, 20), (0.99, 0.995, 0.999, 1)))


@dataclass(frozen=True)
class Lengths:
    """Runs and gaps of real genomes.

    Attributes:
        name: Which caller made the gVCF.
        origin: Where they were measured.
        runs_per_mb: Callable runs per Mb of a genome.
        runs: Run lengths at the quantiles 0, 5 %, …, 95 %, 99 %, 99.5 %, 99.9 %, 100 %, in bp.
        gaps: Gap lengths at the same quantiles, in bp.
    """

    name: str
    origin: str
    runs_per_mb: float
    runs: tuple[int, ...]
    gaps: tuple[int, ...]


#: Least depth 10 and least genotype quality 20 throughout.
BCFTOOLS = Lengths(
    "bcftools",
    "this workflow with the bcftools engine on lanes of GIAB HG002 (162 kb of chr20; the density) "
    "and HG001 (100 kb; with it the lengths)",
    142,
    (1, 1, 3, 12, 33, 155, 290, 442, 580, 857, 984, 1380, 2170, 3427, 4179, 6564, 9743, 12437,
     20289, 24471, 27855, 28206, 28486, 28557),
    (1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 5, 6, 7, 7, 11, 14, 18, 24, 38, 263, 352, 423, 441),
)  # fmt: skip
GATK = Lengths(
    "gatk",
    "production WGS of NA12878, GATK HaplotypeCaller gVCF, chr20:60,001-999,989 of GRCh37",
    6_363,
    (1, 1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 7, 11, 16, 27, 67, 285, 1000, 3109, 4017, 5678, 8503),
    (1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 4, 7, 19, 29, 129, 1135),
)  # fmt: skip


def measured(gvcf: Path, name: str) -> Lengths:
    """Runs and gaps of a real gVCF, read through the library."""
    from wgs_pipeline.ngd.contig_calls import parse_contigs
    from wgs_pipeline.ngd.gvcf_source import read_header
    from wgs_pipeline.ngd.records import Rule
    from wgs_pipeline.ngd.reference import Reference

    header = read_header(gvcf)
    lengths = {contig: length for contig, length in header.contigs.items() if length}
    reference = Reference.build(lengths)
    runs, gaps, span = [], [], 0
    for contig in parse_contigs(gvcf, header.sample, reference, "XX", Rule(10, 20), None, None):
        bases = contig.callable
        if len(bases) < 2:
            continue
        between = bases.starts[1:] - bases.ends[:-1]
        gaps.append(between[between < _LONGEST_GAP])
        runs.append(bases.ends - bases.starts)
        span += int(runs[-1].sum() + gaps[-1].sum())
    all_runs, all_gaps = np.concatenate(runs), np.concatenate(gaps)
    return Lengths(
        name,
        f"{gvcf.name}, read at the time of the benchmark",
        len(all_runs) / span * 1e6,
        tuple(np.quantile(all_runs, _QUANTILES).astype(int).tolist()),
        tuple(np.quantile(all_gaps, _QUANTILES).astype(int).tolist()),
    )


@dataclass(frozen=True)
class Callability:
    """Draws the callable bases of persons in one region.

    Attributes:
        length: Region in bp.
        lengths: What runs and gaps look like.
        stretch: Factor on the distances between gaps, so that the density is as measured.
        shared: Gaps that many have: starts, ends, prevalence; each of shape (shared gaps,).
    """

    length: int
    lengths: Lengths
    stretch: float
    shared: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]

    @classmethod
    def build(cls, length: int, lengths: Lengths, seed: int) -> Callability:
        """Place the shared gaps, and calibrate the density on some persons."""
        stretch, model = 1.0, None
        for _ in range(3):
            rng = np.random.default_rng(seed)
            starts, ends = _gaps(1, length, lengths, stretch, rng)
            model = cls(length, lengths, stretch, (starts, ends, rng.random(len(starts))))
            found = model.runs_per_mb(model.draw(_CALIBRATION_PERSONS, seed + 1))
            stretch *= found / lengths.runs_per_mb
        assert model is not None
        return model

    def draw(self, persons: int, seed: int) -> list[Bases]:
        """Callable bases of some persons, 0-based half-open."""
        rng = np.random.default_rng(seed)
        starts, ends, prevalence = self.shared
        who, which = np.nonzero(rng.random((persons, len(starts)), np.float32) < prevalence)
        jitter = rng.integers(0, _JITTER + 1, (2, len(who)))
        shift = who * (self.length + 1)  # one axis for all persons, a base apart
        first = np.maximum(starts[which] - jitter[0], 0) + shift
        last = np.minimum(ends[which] + jitter[1], self.length) + shift
        own = _gaps(persons, self.length, self.lengths, 2 * self.stretch, rng)
        # The base between two persons is in everyone's gaps.
        border = np.arange(1, persons + 1) * (self.length + 1) - 1
        gaps = union(
            np.concatenate((first, own[0], border)), np.concatenate((last, own[1], border + 1))
        )
        begins = np.concatenate(([0], gaps.ends[:-1]))
        kept = gaps.starts > begins
        begins, stops = begins[kept], gaps.starts[kept]
        person = begins // (self.length + 1)
        cuts = np.searchsorted(person, np.arange(persons + 1))
        shift = person * (self.length + 1)
        begins, stops = begins - shift, stops - shift
        return [Bases(begins[low:high], stops[low:high]) for low, high in pairwise(cuts)]

    def runs_per_mb(self, drawn: list[Bases]) -> float:
        """Mean density of runs."""
        return sum(map(len, drawn)) / len(drawn) / self.length * 1e6


def _gaps(
    persons: int, length: int, lengths: Lengths, stretch: float, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Gaps of some persons one after another on one axis, a base apart: starts and ends."""
    mean = length * 1e-6 * lengths.runs_per_mb / stretch
    draws = int(2 * mean + 8 * np.sqrt(mean + 1) + 8)
    gap = _from_quantiles(lengths.gaps, (persons, draws), rng)
    run = _from_quantiles(lengths.runs, (persons, draws), rng) * stretch
    run *= (1e6 / lengths.runs_per_mb * stretch - gap.mean()) / run.mean()  # the tail is rough
    ends = np.cumsum(np.maximum(run, 1).astype(np.int64) + gap.astype(np.int64), axis=1)
    ends -= rng.integers(0, max(length // 10, 1), (persons, 1))  # no one starts with a fresh run
    starts = ends - gap.astype(np.int64)
    inside = (ends > 0) & (starts < length)
    shift = (np.arange(persons) * (length + 1))[:, np.newaxis]
    starts = np.maximum(starts, 0) + shift
    ends = np.minimum(ends, length) + shift
    return starts[inside], ends[inside]


def _from_quantiles(
    values: tuple[int, ...], shape: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Lengths with the given quantiles, between which their logarithm is linear."""
    drawn = np.interp(rng.random(shape), _QUANTILES, np.log(values))
    rounded: NDArray[np.float64] = np.maximum(np.rint(np.exp(drawn)), 1)
    return rounded
