"""Medians of whole numbers of which only the counts are known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def weighted_median(values: NDArray[np.float64], counts: NDArray[np.int64]) -> float:
    """Median of ``values`` of which each occurs ``counts`` times.

    An even total gives the mean of the two middle values, as numpy.median does.

    Args:
        values: Shape (bins,), in any order.
        counts: Shape (bins,), at least one above zero.
    """
    order = np.argsort(values, kind="stable")
    ordered, cumulative = values[order], np.cumsum(counts[order])
    total = int(cumulative[-1])
    low, high = np.searchsorted(cumulative, [(total - 1) // 2, total // 2], side="right")
    return float(ordered[low] + ordered[high]) / 2


def median_absolute_deviation(values: NDArray[np.float64], counts: NDArray[np.int64]) -> float:
    """Median distance from the median, without a scale factor (as Picard's MAD_COVERAGE)."""
    return weighted_median(np.abs(values - weighted_median(values, counts)), counts)
