"""Where the number of copies changes: least squares with a penalty for each change.

Change points are found by PELT (Killick, Fearnhead and Eckley 2012, J. Am. Stat. Assoc. 107:1590)
as the library ruptures has it. Its time grows with the square of the length of an unchanged
stretch, so it runs over overlapping blocks; of the change points of all blocks those with the least
penalised cost are taken, which a second pass finds exactly.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

#: Bins of a block, and from one block to the next: an event of half a block lies whole in one.
_BLOCK, _STEP = 4_000, 2_000
#: Median absolute deviation to standard deviation of normal noise.
_MAD_TO_SD = 1.4826


def noise_sd(values: NDArray[np.float64]) -> float:
    """Standard deviation of the noise of bins, from the differences of neighbours.

    Few neighbours differ by a change of copies, and the median does not see those.
    """
    if len(values) < 2:
        return 0.0
    differences = np.diff(values)
    spread = np.median(np.abs(differences - np.median(differences)))
    return float(_MAD_TO_SD * spread / np.sqrt(2))


def segment(
    values: NDArray[np.float64], sd: float, penalty: float, min_bins: int
) -> list[tuple[int, int]]:
    """Split bins into segments of one mean.

    Args:
        values: Copies, shape (bins,), finite.
        sd: Standard deviation of their noise.
        penalty: What a change costs, times the logarithm of the number of bins; squared
            deviations are counted in units of ``sd``. 3 is that of the modified BIC (Zhang and
            Siegmund 2007, Biometrics 63:22).
        min_bins: Fewest bins of a segment.

    Returns:
        Segments as half-open ranges of bins, in order, without gaps.
    """
    number = len(values)
    if number < 2 * min_bins:
        return [(0, number)] if number else []
    scaled = values / max(sd, 1e-6)
    cost = penalty * np.log(number)
    candidates = {0, number}
    for start in range(0, max(number - _STEP, 1), _STEP):
        block = scaled[start : start + _BLOCK]
        candidates |= {start + at for at in _change_points(block, cost, min_bins)}
    best = _best_subset(scaled, sorted(candidates), cost, min_bins)
    return list(pairwise(best))


def _change_points(values: NDArray[np.float64], cost: float, min_bins: int) -> list[int]:
    from ruptures import KernelCPD  # it takes half a second

    if len(values) < 2 * min_bins:
        return []
    search = KernelCPD(kernel="linear", min_size=min_bins).fit(values.reshape(-1, 1))
    return [int(at) for at in search.predict(pen=cost)[:-1]]


def _best_subset(
    values: NDArray[np.float64], candidates: list[int], cost: float, min_bins: int
) -> list[int]:
    """The candidates, first and last among them, whose segments cost least.

    Dynamic programming over all pairs: exact, and quick for the few hundred that there are.
    """
    at = np.array(candidates)
    sums = np.concatenate([[0.0], np.cumsum(values)])[at]
    squares = np.concatenate([[0.0], np.cumsum(values**2)])[at]
    total, previous = np.zeros(len(at)), np.zeros(len(at), np.int64)
    for last in range(1, len(at)):
        lengths = at[last] - at[:last]
        within = squares[last] - squares[:last] - (sums[last] - sums[:last]) ** 2 / lengths
        costs = total[:last] + within + cost
        costs[lengths < min_bins] = np.inf
        previous[last] = int(np.argmin(costs))
        total[last] = costs[previous[last]]
    chosen = [len(at) - 1]
    while chosen[-1]:
        chosen.append(int(previous[chosen[-1]]))
    return [int(at[number]) for number in reversed(chosen)]
