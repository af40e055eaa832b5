"""Sets of bases on one contig, as NumPy arrays: 0-based, half-open, sorted, disjoint."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.int64]


@dataclass(frozen=True)
class Bases:
    """A set of bases.

    Attributes:
        starts: First base of each run, shape (runs,).
        ends: One past its last base, shape (runs,); runs neither overlap nor touch.
    """

    starts: Positions
    ends: Positions

    def __len__(self) -> int:
        return len(self.starts)

    @classmethod
    def empty(cls) -> Bases:
        """No base."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int64))

    @classmethod
    def of(cls, pairs: Iterable[tuple[int, int]]) -> Bases:
        """The union of (start, end) pairs in any order."""
        array = np.array(list(pairs), np.int64).reshape(-1, 2)
        return union(array[:, 0], array[:, 1])

    def contains(self, positions: Positions) -> NDArray[np.bool_]:
        """Which of the positions are in the set, shape as given."""
        if not len(self):
            return np.zeros(positions.shape, np.bool_)
        run = np.searchsorted(self.starts, positions, side="right") - 1
        inside: NDArray[np.bool_] = (run >= 0) & (positions < self.ends[run])
        return inside

    def intersect(self, other: Bases) -> Bases:
        """The bases in both sets."""
        first = np.searchsorted(other.ends, self.starts, side="right")
        last = np.searchsorted(other.starts, self.ends, side="left")
        count = np.maximum(last - first, 0)
        mine = np.repeat(np.arange(len(self)), count)
        theirs = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        theirs += np.repeat(first, count)
        starts = np.maximum(self.starts[mine], other.starts[theirs])
        return Bases(starts, np.minimum(self.ends[mine], other.ends[theirs]))

    def minus(self, other: Bases) -> Bases:
        """The bases of this set that are not in the other."""
        if not len(self) or not len(other):
            return self
        low = np.concatenate(([np.iinfo(np.int64).min], other.ends))
        high = np.concatenate((other.starts, [np.iinfo(np.int64).max]))
        return self.intersect(Bases(low, high))


def union(starts: Positions, ends: Positions) -> Bases:
    """The bases in any of the runs, given in any order; empty runs are ignored."""
    kept = ends > starts
    starts, ends = starts[kept], ends[kept]
    if not len(starts):
        return Bases.empty()
    order = np.argsort(starts, kind="stable")
    starts, ends = starts[order], np.maximum.accumulate(ends[order])
    first = np.concatenate(([True], starts[1:] > ends[:-1]))
    last = np.concatenate((first[1:], [True]))
    return Bases(starts[first].astype(np.int64), ends[last].astype(np.int64))


def depth(starts: Positions, ends: Positions, low: int, high: int) -> NDArray[np.int32]:
    """How many of the runs cover each base from ``low`` to ``high``, shape (high - low,)."""
    size = high - low
    opened = np.bincount(np.clip(starts - low, 0, size), minlength=size + 1)
    closed = np.bincount(np.clip(ends - low, 0, size), minlength=size + 1)
    return np.cumsum(opened - closed)[:size].astype(np.int32)
