"""Runs of bases: unions of intervals and what they leave uncovered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Runs:
    """Runs of bases of one contig, 0-based half-open, sorted; no two touch or overlap."""

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    @classmethod
    def empty(cls) -> Self:
        """No base at all."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int64))

    @property
    def bases(self) -> int:
        """Number of bases."""
        return int((self.ends - self.starts).sum())

    def contain(self, positions: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each position lies in a run."""
        if not len(self.starts):
            return np.zeros(len(positions), np.bool_)
        index = np.searchsorted(self.starts, positions, side="right") - 1
        inside: NDArray[np.bool_] = (index >= 0) & (positions < self.ends[index])
        return inside

    def within(self, start: int, end: int) -> Runs:
        """The runs that overlap an interval, whole."""
        first = np.searchsorted(self.ends, start, side="right")
        last = np.searchsorted(self.starts, end, side="left")
        return Runs(self.starts[first:last], self.ends[first:last])


def merge_runs(starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Runs:
    """Union of intervals that are not empty; they may overlap and come in any order."""
    if not len(starts):
        return Runs.empty()
    order = np.argsort(starts, kind="stable")
    starts, ends = starts[order], np.maximum.accumulate(ends[order])
    opens = np.concatenate(([True], starts[1:] > ends[:-1]))
    closes = np.concatenate((opens[1:], [True]))
    return Runs(starts[opens], ends[closes])


def union(parts: Iterable[Runs]) -> Runs:
    """Union of runs."""
    parts = [Runs.empty(), *parts]
    starts = np.concatenate([part.starts for part in parts])
    return merge_runs(starts, np.concatenate([part.ends for part in parts]))


def intersect(first: Runs, second: Runs) -> Runs:
    """Bases that lie in both."""
    cuts = np.concatenate([first.starts, first.ends, second.starts, second.ends])
    cuts = np.unique(cuts)
    inside = first.contain(cuts[:-1]) & second.contain(cuts[:-1])
    return merge_runs(cuts[:-1][inside], cuts[1:][inside])


def first_uncovered(runs: Runs, by: Runs) -> int | None:
    """Position of the first base of ``runs`` that ``by`` does not cover; None if all are."""
    if not len(runs.starts) or not len(by.starts):
        return int(runs.starts[0]) if len(runs.starts) else None
    index = np.searchsorted(by.starts, runs.starts, side="right") - 1
    reached = np.where(index >= 0, by.ends[np.maximum(index, 0)], 0)
    reached = np.maximum(reached, runs.starts)
    short = np.flatnonzero(reached < runs.ends)
    return int(reached[short[0]]) if len(short) else None
