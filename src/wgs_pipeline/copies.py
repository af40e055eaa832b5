"""Intervals by the copies that a person has of them, for callers that take one ploidy a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.reference import Interval, subtract

_DIPLOID = 2


def split_by_ploidy(
    intervals: Iterable[Interval], ploidy: Mapping[str, NDArray[np.int64]]
) -> dict[int, tuple[Interval, ...]]:
    """The parts of intervals that have each number of copies, in the order of the intervals.

    Args:
        intervals: In reference order, disjoint.
        ploidy: Start, end and copies by contig, as ``wgs_pipeline.ploidy.read_ploidy`` reads them;
            sorted, disjoint. Elsewhere there are two copies.

    Returns:
        Copies to intervals; copies that no base has are left out.
    """
    parts: dict[int, list[Interval]] = {}
    for whole in intervals:
        here = [
            (Interval(whole.contig, max(start, whole.start), min(end, whole.end)), copies)
            for start, end, copies in ploidy.get(whole.contig, np.empty((0, 3), np.int64)).tolist()
            if start < whole.end and whole.start < end
        ]
        rest = subtract(whole, [part for part, _ in here])
        for part, copies in sorted([*here, *((part, _DIPLOID) for part in rest)]):
            parts.setdefault(copies, []).append(part)
    return {copies: tuple(parts[copies]) for copies in sorted(parts)}
