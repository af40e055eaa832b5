"""Heterozygosity of X and of the autosomes, from the bases that reads show in sampled windows.

It asks no caller, so it is known before a sample is called: the one pass over an alignment counts
the bases. X is measured outside the pseudoautosomal regions, where one copy shows no heterozygous
base. It is held against the autosomes of the same genome, so that little diversity (parents who
are related) or many errors count on both sides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.metrics.catalogue import NotApplicable
from wgs_pipeline.metrics.contigs import Part
from wgs_pipeline.reference import Interval

Longs = NDArray[np.int64]

#: Parts of the genome that are sampled, each in at most ``WINDOWS`` windows of ``WINDOW_BP``.
SAMPLED = (Part.AUTOSOME, Part.X)
WINDOWS, WINDOW_BP = 500, 1_000
#: Fewer reads at a base do not tell one copy from two.
LEAST_DEPTH = 10
#: Reads, and share of the reads, of the second allele of a heterozygous base. One of three copies
#: is a third.
_LEAST_READS, _LEAST_SHARE = 3, 0.2
#: Bases of this many times the median depth lie in repeats that the reference has too few of.
_MOST_DEPTH = 2.5
#: Heterozygous bases closer than this stem from a misaligned indel or a paralogue.
_ISOLATION_BP = 10
#: With fewer heterozygous bases on the autosomes, or expected on two X chromosomes, X says nothing.
_LEAST_AUTOSOMAL, _LEAST_EXPECTED = 20, 8.0
#: Of two X chromosomes relative to two autosomes: X has three quarters of the copies and fewer
#: mutations, and in people some 0.6 of the diversity (Gottipati et al. 2011, Nature Genetics
#: 43:741).
_USUAL_RATIO = 0.6


@dataclass(frozen=True)
class Heterozygosity:
    """Heterozygous bases of a part of the genome.

    Attributes:
        examined: Bases with enough reads.
        heterozygous: Of these, those at which reads show two alleles.
    """

    examined: int
    heterozygous: int

    def as_json(self) -> dict[str, Any]:
        """As the tally's file holds it."""
        return asdict(self)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Heterozygosity:
        """From the tally's file."""
        return cls(int(document["examined"]), int(document["heterozygous"]))


def heterozygosity_ratio(of: Mapping[Part, Heterozygosity]) -> float | NotApplicable:
    """Heterozygous bases of X relative to the autosomes': some 0.6 with two copies, 0 with one."""
    autosomes, x = of.get(Part.AUTOSOME), of.get(Part.X)
    if autosomes is None or x is None:
        return NotApplicable("heterozygosity was not measured")
    if autosomes.heterozygous < _LEAST_AUTOSOMAL:
        return NotApplicable(
            f"the autosomes show {autosomes.heterozygous} heterozygous bases; "
            f"{_LEAST_AUTOSOMAL} are needed"
        )
    rate = autosomes.heterozygous / autosomes.examined
    if _USUAL_RATIO * rate * x.examined < _LEAST_EXPECTED:
        return NotApplicable(
            f"X has {x.examined:,} bases with {LEAST_DEPTH} reads or more, too few to show "
            "whether it is heterozygous"
        )
    return x.heterozygous / x.examined / rate


def sampled_windows(intervals: Sequence[Interval]) -> tuple[Interval, ...]:
    """At most ``WINDOWS`` windows, spread evenly over intervals; all of them where they are short.

    A window that would reach beyond an interval goes on in the next one.
    """
    lengths = np.array([len(each) for each in intervals], np.int64)
    total = int(lengths.sum())
    if total <= WINDOWS * WINDOW_BP:
        return tuple(intervals)
    firsts = np.linspace(0, total - WINDOW_BP, WINDOWS).astype(np.int64)
    ends = np.cumsum(lengths)
    windows = []
    for first in firsts.tolist():
        at, left = int(np.searchsorted(ends, first, side="right")), WINDOW_BP
        start = intervals[at].end - (int(ends[at]) - first)
        while left > 0:
            end = min(start + left, intervals[at].end)
            windows.append(Interval(intervals[at].contig, start, end))
            left -= end - start
            at += 1
            start = intervals[at].start if left > 0 else 0
    return tuple(windows)


def count_heterozygous(contig: Longs, position: Longs, bases: Longs) -> Heterozygosity:
    """Count the bases at which reads show two alleles.

    Args:
        contig: Number of the contig of each base, ascending, shape (sites,).
        position: Its position, ascending within the contig.
        bases: Reads with A C G T, shape (sites, 4).
    """
    depth = bases.sum(axis=1)
    enough = depth >= LEAST_DEPTH
    if not enough.any():
        return Heterozygosity(0, 0)
    enough &= depth <= _MOST_DEPTH * np.median(depth[enough])
    second = np.sort(bases, axis=1)[:, 2]
    two = enough & (second >= _LEAST_READS) & (second >= _LEAST_SHARE * depth)
    place = contig[two] << 40 | position[two]
    far = np.diff(place, prepend=-_ISOLATION_BP, append=1 << 62) >= _ISOLATION_BP
    return Heterozygosity(int(enough.sum()), int((far[1:] & far[:-1]).sum()))
