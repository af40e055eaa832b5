"""Histograms of whole numbers in few bins, for plots."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MOST_BINS = 80
_SHOWN = 0.999


@dataclass(frozen=True)
class Binned:
    """Counts in bins of equal width from 0 up.

    Attributes:
        width: Width of a bin, in units of the value: bin i holds i*width <= value < (i+1)*width.
        counts: One a bin.
        beyond: Count of the values above the last bin.
    """

    width: int
    counts: tuple[int, ...]
    beyond: int


def binned(values: Sequence[int], counts: Sequence[int]) -> Binned | None:
    """Bin a histogram so that at least 99.9 % of it lies in at most ``MOST_BINS`` bins.

    Args:
        values: Distinct whole numbers from 0 up, in any order.
        counts: How often each occurs.

    Returns:
        The bins; None where nothing was counted.
    """
    if len(values) != len(counts) or not sum(counts):
        return None
    numbers, occurrences = np.asarray(values, np.int64), np.asarray(counts, np.int64)
    order = np.argsort(numbers)
    cumulative = np.cumsum(occurrences[order])
    total = int(cumulative[-1])
    needed = math.ceil(_SHOWN * total)
    highest = int(numbers[order][np.searchsorted(cumulative, needed)])
    width = highest // MOST_BINS + 1
    sums = np.zeros(highest // width + 1, np.int64)
    places = numbers // width
    shown = places < len(sums)
    np.add.at(sums, places[shown], occurrences[shown])
    return Binned(width, tuple(sums.tolist()), total - int(sums.sum()))
