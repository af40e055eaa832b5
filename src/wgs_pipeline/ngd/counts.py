"""Count arrays: how many genomes are callable at each base, by plane and stratum.

An array is derived from the one before: plus the runs of genomes that come, minus those of
genomes that go, both read from their shards.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.karyotypes import SEX_CHROMOSOMES
from wgs_pipeline.ngd.layout import BIN_BP
from wgs_pipeline.ngd.reference import Reference

#: Stratum of contigs whose ploidy does not depend on the karyotype.
ALL = "all"


def stratum_of(reference: Reference, contig: str, karyotype: str, counted: bool) -> str | None:
    """Stratum in which a genome counts on a contig; None if it counts in none."""
    if not counted:
        return None
    if not reference.depends_on_sex(contig):
        return ALL
    return karyotype if karyotype in SEX_CHROMOSOMES else None


def bins_of(reference: Reference, contig: str) -> Iterator[tuple[int, int, int]]:
    """Bin number, first base and one past the last base of each bin of a contig."""
    length = reference.contigs[contig]
    for bin_ in range((length + BIN_BP - 1) // BIN_BP):
        yield bin_, bin_ * BIN_BP, min((bin_ + 1) * BIN_BP, length)


class Depths:
    """Runs added and taken away over a stretch of a contig, as differences between bases."""

    def __init__(self, low: int, high: int) -> None:
        """Begin with no runs on [low, high)."""
        self._low, self._high = low, high
        self._steps = np.zeros(high - low + 1, np.int32)
        self._filled = False

    def add(self, starts: NDArray[np.int64], ends: NDArray[np.int64], sign: int) -> None:
        """Add runs (sign 1) or take them away (sign -1); what lies outside is cut off."""
        size = self._high - self._low
        low, high = np.clip(starts - self._low, 0, size), np.clip(ends - self._low, 0, size)
        inside = high > low
        np.add.at(self._steps, low[inside], np.int32(sign))
        np.add.at(self._steps, high[inside], np.int32(-sign))
        self._filled = self._filled or bool(inside.any())

    def changes(self) -> NDArray[np.int32]:
        """Change of the count at each base, shape (high - low,)."""
        if not self._filled:
            return np.zeros(self._high - self._low, np.int32)
        return np.cumsum(self._steps[:-1], dtype=np.int32)
