"""A circular contig cut open at two places, half of it apart.

Aligners know lines only: where the reference ends, reads that go on at its beginning are cut short,
and what differs near the ends is lost. So reads are aligned to the sequence as it is and to the
sequence turned by half, and each is believed in the half around its middle (as in the mitochondrial
workflow of GATK, Laricchia et al. 2022, Genome Research 32:569).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Longs = NDArray[np.int64]


@dataclass(frozen=True)
class Cut:
    """The circle cut open at one place.

    Attributes:
        length: Bases of the circle.
        offset: Position on the reference of the first base.
    """

    length: int
    offset: int

    @classmethod
    def both(cls, length: int) -> tuple[Cut, Cut]:
        """As in the reference, and turned by half."""
        return cls(length, 0), cls(length, length // 2)

    def sequence(self, reference: str) -> str:
        """The bases from the cut on."""
        return reference[self.offset :] + reference[: self.offset]

    def lift(self, positions: Longs) -> Longs:
        """Positions on the reference of positions from the cut on, 0-based."""
        lifted: Longs = (positions + self.offset) % self.length
        return lifted

    def trusts(self, positions: Longs) -> NDArray[np.bool_]:
        """Whether positions from the cut on lie in the half around the middle.

        Of the two cuts of ``both`` each base of the circle is trusted in exactly one.
        """
        quarter, half = self.length // 4, self.length // 2
        lifted = self.lift(positions)
        middle = (lifted >= quarter) & (lifted < quarter + half)
        return middle if self.offset == 0 else ~middle
