"""Depth as copies, freed of the bias by GC.

Fragments rich or poor in G and C are amplified less (Benjamini and Speed 2012, Nucleic Acids Res.
40:e72). Each bin is divided by the median of the bins of its own GC percent, as Yoon et al. do
(2009, Genome Res. 19:1586), over the median of all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.errors import StructuralError

_PERCENT = 101
#: A stratum with fewer bins takes in its neighbours until there are as many.
_FEWEST_BINS = 100


def copies(
    depth: NDArray[np.float64],
    gc: NDArray[np.float64],
    calibrating: NDArray[np.bool_],
    fewest: int = _FEWEST_BINS,
) -> NDArray[np.float64]:
    """Copies of each bin, two where depth is as in the calibrating bins of like GC.

    Args:
        depth: Mean depth (reads), shape (bins,).
        gc: Share of G and C, 0 to 1; NaN where unknown, shape (bins,).
        calibrating: Bins that are taken to be diploid, most of them, shape (bins,).
        fewest: Bins that a stratum must have; smaller ones take in neighbours.

    Returns:
        Copies, shape (bins,); NaN where GC is not known.

    Raises:
        StructuralError: No bin calibrates, or half of them have no reads.
    """
    levels = gc_medians(depth[calibrating], gc[calibrating], fewest)
    strata = np.zeros(len(gc), np.int64)
    known = np.isfinite(gc)
    strata[known] = _stratum(gc[known])
    found: NDArray[np.float64] = np.where(known, 2 * depth / levels[strata], np.nan)
    return found


def gc_medians(
    depth: NDArray[np.float64], gc: NDArray[np.float64], fewest: int = _FEWEST_BINS
) -> NDArray[np.float64]:
    """Median depth of the bins of each GC percent, shape (101,).

    A percent with fewer than ``fewest`` bins takes those of as many neighbours on both sides as
    it needs; all of them where there are not as many.

    Raises:
        StructuralError: There are no bins, or half of them have no reads.
    """
    if not len(depth) or np.median(depth) <= 0:
        raise StructuralError(
            "there is no depth to tell copies from: no bin of an autosome that is usable, or half "
            "of them without reads. Expected a genome sequenced as a whole; switch "
            "structural.enabled off for others"
        )
    order = np.argsort(gc, kind="stable")
    depth, strata = depth[order], _stratum(gc[order])
    lows = np.searchsorted(strata, np.arange(_PERCENT), "left")
    highs = np.searchsorted(strata, np.arange(_PERCENT), "right")
    overall = float(np.median(depth))
    levels = np.empty(_PERCENT)
    for percent in range(_PERCENT):
        first, last = percent, percent
        while highs[last] - lows[first] < fewest and (first > 0 or last < _PERCENT - 1):
            first, last = max(first - 1, 0), min(last + 1, _PERCENT - 1)
        levels[percent] = np.median(depth[lows[first] : highs[last]])
    return np.where(levels > 0, levels, overall)


def _stratum(gc: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.rint(100 * gc).astype(np.int64)
