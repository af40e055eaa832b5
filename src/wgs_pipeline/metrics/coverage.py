"""Depth metrics from the files of ``mosdepth --by BED --thresholds 1,10,15,20,30``.

The BED is that of ``wgs qc regions``: the reference without N, cut at the PAR. ``docs/qc.md``
gives the whole command line and how its counting differs from the GA4GH rule.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.errors import AlignmentError
from wgs_pipeline.metrics.catalogue import Finding, NotApplicable, ratio
from wgs_pipeline.metrics.contigs import Part, interval_part
from wgs_pipeline.metrics.histogram import median_absolute_deviation, weighted_median
from wgs_pipeline.metrics.karyotype import infer_karyotype
from wgs_pipeline.reference import Interval

#: Depths of which the breadth is reported.
BREADTHS = (1, 10, 15, 20, 30)


@dataclass(frozen=True)
class DepthStats:
    """What mosdepth counted over the intervals of the BED.

    Attributes:
        intervals: The intervals, shape (n,).
        bases: Sum of the depth over each interval, shape (n,).
        at_least: Bases of each interval with depth of at least ``BREADTHS``, shape (n, 5).
        distributions: Per contig the share of its bases with depth ≥ 0, 1, 2, …; a contig
            without reads is absent.
    """

    intervals: tuple[Interval, ...]
    bases: NDArray[np.float64]
    at_least: NDArray[np.int64]
    distributions: dict[str, NDArray[np.float64]]


def read_depth_stats(prefix: Path) -> DepthStats:
    """Read ``PREFIX.regions.bed.gz``, ``.thresholds.bed.gz`` and ``.mosdepth.region.dist.txt``.

    Raises:
        AlignmentError: A file is missing, cut short, or was made with other options.
    """
    regions = _read_table(Path(f"{prefix}.regions.bed.gz"))
    thresholds_path = Path(f"{prefix}.thresholds.bed.gz")
    header, *thresholds = _read_table(thresholds_path)
    expected = [f"{depth}X" for depth in BREADTHS]
    if header[4:] != expected:
        raise AlignmentError(
            f"{thresholds_path}: has columns {' '.join(header[4:])}; expected "
            f"{' '.join(expected)}. Run mosdepth with --thresholds "
            f"{','.join(map(str, BREADTHS))}"
        )
    if [row[:3] for row in regions] != [row[:3] for row in thresholds]:
        raise AlignmentError(
            f"{thresholds_path}: has other intervals than {prefix}.regions.bed.gz; "
            "run mosdepth again"
        )
    try:
        intervals = tuple(Interval(row[0], int(row[1]), int(row[2])) for row in regions)
        means = np.array([row[-1] for row in regions], np.float64)
        at_least = np.array([row[4:] for row in thresholds], np.int64).reshape(-1, len(BREADTHS))
    except ValueError as error:
        raise AlignmentError(f"{prefix}.regions.bed.gz: {error}; run mosdepth again") from error
    # With MOSDEPTH_PRECISION=12 the product is the whole number that mosdepth divided.
    bases = np.round(means * np.array([len(each) for each in intervals], np.float64), 3)
    distributions = _read_distributions(Path(f"{prefix}.mosdepth.region.dist.txt"))
    return DepthStats(intervals, bases, at_least, distributions)


def _read_table(path: Path) -> list[list[str]]:
    try:
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise AlignmentError(f"{path}: cannot be read: {error}; run mosdepth again") from error
    if not text:
        raise AlignmentError(f"{path}: is empty; run mosdepth again")
    return [line.split("\t") for line in text.splitlines()]


def _read_distributions(path: Path) -> dict[str, NDArray[np.float64]]:
    shares: dict[str, dict[int, float]] = {}
    try:
        for contig, depth, share in _read_table(path):
            shares.setdefault(contig, {})[int(depth)] = float(share)
    except ValueError as error:
        raise AlignmentError(f"{path}: {error}; run mosdepth again") from error
    return {contig: _filled(depths) for contig, depths in shares.items() if contig != "total"}


def _filled(depths: dict[int, float]) -> NDArray[np.float64]:
    """Cumulative shares at every depth; mosdepth leaves out depths above 300 that nothing has."""
    filled = np.zeros(max(depths) + 1)
    filled[list(depths)] = list(depths.values())
    # The share at a depth left out equals that of the next higher one that was written.
    return np.maximum.accumulate(filled[::-1])[::-1]


@dataclass(frozen=True)
class Coverage:
    """Depth over one part of the genome.

    Attributes:
        length: Bases without N.
        bases: Sum of the depth over them.
        at_least: Bases with depth of at least ``BREADTHS``, shape (5,).
    """

    length: int
    bases: float
    at_least: NDArray[np.int64]

    @property
    def mean(self) -> float:
        """Mean depth; zero over nothing."""
        return self.bases / self.length if self.length else 0.0


def summed_coverage(stats: DepthStats, chosen: NDArray[np.bool_]) -> Coverage:
    """Coverage over the intervals where ``chosen``, shape (n,), is true."""
    lengths = np.array([len(each) for each in stats.intervals], np.int64)
    return Coverage(
        int(lengths[chosen].sum()),
        float(stats.bases[chosen].sum()),
        stats.at_least[chosen].sum(axis=0),
    )


def interval_parts(
    stats: DepthStats, parts: dict[str, Part], par: Sequence[Interval]
) -> NDArray[np.str_]:
    """Part of the genome of each interval, shape (n,)."""
    return np.array([interval_part(each, parts, par) for each in stats.intervals], np.str_)


def depth_histogram(stats: DepthStats, contigs: Sequence[str]) -> NDArray[np.int64]:
    """Bases of the contigs at each depth, shape (highest depth + 1,).

    mosdepth leaves out depths that fewer than 0.008 % of a contig's bases reach; those bases
    count at the highest depth that it wrote.
    """
    lengths: dict[str, int] = {}
    for each in stats.intervals:
        lengths[each.contig] = lengths.get(each.contig, 0) + len(each)
    highest = max((len(stats.distributions.get(name, ())) for name in contigs), default=0)
    histogram = np.zeros(max(highest, 1), np.int64)
    for name in contigs:
        length = lengths.get(name, 0)
        shares = stats.distributions.get(name, np.ones(1))
        reached = np.rint(shares * length).astype(np.int64)
        # Distributions start at depth 0, which every base has.
        reached[0] = length
        histogram[: len(reached)] += reached - np.append(reached[1:], 0)
    return histogram


def coverage_metrics(
    stats: DepthStats, parts: dict[str, Part], par: Sequence[Interval]
) -> dict[str, Finding]:
    """Depth of the autosomes, of X, Y and the mitochondrion against them, and the karyotype."""
    where = interval_parts(stats, parts, par)
    covered = {part: summed_coverage(stats, where == part.value) for part in Part}
    autosomes = covered[Part.AUTOSOME]
    names = [name for name, part in parts.items() if part is Part.AUTOSOME]
    x = _relative(covered[Part.X], autosomes, "X")
    y = _relative(covered[Part.Y], autosomes, "Y")
    mitochondrion = _relative(covered[Part.MITOCHONDRION], autosomes, "mitochondrial contig")
    return {
        **_autosome_metrics(autosomes, depth_histogram(stats, names)),
        "x_coverage_ratio": x,
        "y_coverage_ratio": y,
        "mitochondrial_coverage_ratio": mitochondrion,
        "inferred_karyotype": infer_karyotype(x, y, autosomes.mean),
    }


def _autosome_metrics(autosomes: Coverage, histogram: NDArray[np.int64]) -> dict[str, Finding]:
    breadths = [f"pct_autosomes_{depth}x" for depth in BREADTHS]
    if not autosomes.length:
        depths = ("mean_autosome_coverage", "median_autosome_coverage", "mad_autosome_coverage")
        none = NotApplicable("the measured intervals hold no autosome")
        return dict.fromkeys((*depths, *breadths), none)
    depth = np.arange(len(histogram), dtype=np.float64)
    shares = (100 * autosomes.at_least / autosomes.length).tolist()
    return {
        "mean_autosome_coverage": autosomes.mean,
        "median_autosome_coverage": weighted_median(depth, histogram),
        "mad_autosome_coverage": median_absolute_deviation(depth, histogram),
        **dict(zip(breadths, shares, strict=True)),
    }


def _relative(part: Coverage, autosomes: Coverage, name: str) -> float | NotApplicable:
    if not part.length:
        return NotApplicable(f"the reference has no {name}")
    return ratio(part.mean, autosomes.mean, "the autosomes have no coverage")


def contig_rows(
    stats: DepthStats, parts: dict[str, Part], par: Sequence[Interval]
) -> list[dict[str, object]]:
    """Coverage of every contig for ``metrics.json``; X and Y outside PAR, and PAR by itself."""
    where = interval_parts(stats, parts, par)
    names = np.array([each.contig for each in stats.intervals], np.str_)
    rows: list[dict[str, object]] = []
    for name in dict.fromkeys(names.tolist()):
        for part in dict.fromkeys(where[names == name].tolist()):
            covered = summed_coverage(stats, (names == name) & (where == part))
            row: dict[str, object] = {
                "contig": name, "part": part, "length": covered.length, "mean": covered.mean,
            }  # fmt: skip
            for depth, bases in zip(BREADTHS, covered.at_least, strict=True):
                row[f"pct_{depth}x"] = 100 * int(bases) / covered.length
            rows.append(row)
    return rows
