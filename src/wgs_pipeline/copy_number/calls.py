"""Segments of one copy number, and what is not as expected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.copy_number.bins import Bins
from wgs_pipeline.copy_number.expected import DIPLOID
from wgs_pipeline.copy_number.gc_correction import copies
from wgs_pipeline.copy_number.segmentation import noise_sd, segment

#: Copies by which a whole region may lie off for reasons other than noise: waves of replication,
#: mappability. It bounds the quality of long segments.
_SYSTEMATIC_SD = 0.1
_HIGHEST_QUALITY = 1000


@dataclass(frozen=True)
class Settings:
    """How copy number is told from depth.

    Attributes:
        penalty: Of a change, times the logarithm of the number of bins.
        min_bins: Fewest bins of a segment.
        max_gap: Bins farther apart (bp) are not of one segment.
        min_quality: Changes of lower quality (Phred) do not pass.
    """

    penalty: float
    min_bins: int
    max_gap: int
    min_quality: float


@dataclass(frozen=True)
class Segment:
    """Bins of one copy number.

    Attributes:
        contig: The contig.
        start: First base, 0-based.
        end: After the last base.
        bins: How many bins.
        copies: Their median.
        copy_number: The nearest whole number of copies.
        expected: Copies that the person is expected to have.
        quality: Phred-scaled likelihood of ``copy_number`` over ``expected``; 0 where equal.
    """

    contig: str
    start: int
    end: int
    bins: int
    copies: float
    copy_number: int
    expected: int
    quality: float

    @property
    def kind(self) -> str:
        """DEL, DUP, or empty where copies are as expected."""
        if self.copy_number == self.expected:
            return ""
        return "DEL" if self.copy_number < self.expected else "DUP"


@dataclass(frozen=True)
class Profile:
    """Copy number along a genome.

    Attributes:
        bins: By contig, those that were looked at.
        copies: Copies of the bins, as ``bins``; NaN where a bin is not usable.
        segments: In the order of the bins.
        sd: Standard deviation of a bin's noise, copies.
    """

    bins: tuple[Bins, ...]
    copies: tuple[NDArray[np.float64], ...]
    segments: tuple[Segment, ...]
    sd: float


def profile(bins: Sequence[Bins], autosomes: Sequence[str], settings: Settings) -> Profile:
    """Tell copy number from depth.

    Where no copy is expected (a woman's Y) nothing is called: what aligns there is from X.

    Args:
        bins: By contig; the mitochondrion, of which a cell has hundreds, does not belong here.
        autosomes: Contigs whose diploid bins calibrate the rest.
        settings: How.

    Raises:
        StructuralError: There is no depth on the autosomes.
    """
    depth, gc = (np.concatenate([getattr(each, name) for each in bins]) for name in ("depth", "gc"))
    diploid = [
        each.usable & (each.expected == DIPLOID) & (each.contig in autosomes) for each in bins
    ]
    found = copies(depth, gc, np.concatenate(diploid))
    ends = np.cumsum([len(each) for each in bins])[:-1]
    by_contig = [
        np.where(each.usable, part, np.nan)
        for each, part in zip(bins, np.split(found, ends), strict=True)
    ]
    noise = [part[mask] for part, mask in zip(by_contig, diploid, strict=True)]
    sd = noise_sd(np.concatenate(noise))
    segments = [
        each
        for own, part in zip(bins, by_contig, strict=True)
        for each in _segments(own, part, sd, settings)
    ]
    return Profile(tuple(bins), tuple(by_contig), tuple(segments), sd)


def _segments(
    bins: Bins, found: NDArray[np.float64], sd: float, settings: Settings
) -> Iterator[Segment]:
    for rows in _stretches(bins, settings.max_gap):
        expected = int(bins.expected[rows[0]])
        if not expected:
            continue
        parts = [
            (first, last, _nearest(found[rows[first:last]]))
            for first, last in segment(found[rows], sd, settings.penalty, settings.min_bins)
        ]
        for _, same in groupby(parts, key=lambda part: part[2]):
            joined = list(same)
            yield _segment(bins, found, rows[joined[0][0] : joined[-1][1]], expected, sd)


def _stretches(bins: Bins, max_gap: int) -> Iterator[NDArray[np.int64]]:
    """Rows of usable bins that lie near each other and are expected to have the same copies."""
    rows = np.flatnonzero(bins.usable)
    if not len(rows):
        return
    far = bins.starts[rows[1:]] - bins.ends[rows[:-1]] > max_gap
    other = bins.expected[rows[1:]] != bins.expected[rows[:-1]]
    cuts = [0, *(np.flatnonzero(far | other) + 1).tolist(), len(rows)]
    for first, last in pairwise(cuts):
        yield rows[first:last]


def _nearest(values: NDArray[np.float64]) -> int:
    return int(np.rint(np.median(values)))


def _segment(
    bins: Bins, found: NDArray[np.float64], rows: NDArray[np.int64], expected: int, sd: float
) -> Segment:
    middle = float(np.median(found[rows]))
    number = int(np.rint(middle))
    start, end = int(bins.starts[rows[0]]), int(bins.ends[rows[-1]])
    quality = _quality(middle, number, expected, sd, len(rows))
    return Segment(bins.contig, start, end, len(rows), middle, number, expected, quality)


def _quality(middle: float, number: int, expected: int, sd: float, bins: int) -> float:
    """Phred-scaled ratio of the normal likelihoods of two numbers of copies."""
    variance = sd**2 / bins + _SYSTEMATIC_SD**2
    log_ratio = ((middle - expected) ** 2 - (middle - number) ** 2) / (2 * variance)
    return min(float(10 * log_ratio / np.log(10)), _HIGHEST_QUALITY)
