"""Small numbers that cannot be worked out from the totals and the other cells of a table.

The hypercube method (Repsilber 1994; Hundepool et al., Statistical Disclosure Control, Wiley
2012), on tables that carry their totals. For each small cell a box is found that has the
cell as one corner: along each dimension it spans the cell and a partner, which is either another
part (then the two change in opposite directions) or the total (then in the same direction). All
corners are withheld. Adding or taking the same number of persons along the box changes no total
and no cell that is shown, so at least ``SPREAD`` + 1 values of the small cell fit what is shown.

One mark stands for every withheld cell: nobody can tell which of them are small.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

#: Least distance between the smallest and the largest value that a withheld cell may have.
SPREAD = 1
#: Partners tried along a dimension, the cheapest first, besides the total.
_MOST_PARTNERS = 5
#: By how much withholding a total is worse than withholding one of its parts.
_TOTAL_COST = 100.0

Counts = NDArray[np.int64]
Mask = NDArray[np.bool_]


def with_totals(parts: Counts) -> Counts:
    """The table with its totals: the last place along each dimension is the sum over it."""
    table = parts
    for axis in range(parts.ndim):
        table = np.concatenate([table, table.sum(axis=axis, keepdims=True)], axis=axis)
    return table


def small(table: Counts, minimum: int) -> Mask:
    """Cells from 1 to ``minimum - 1``."""
    mask: Mask = (table > 0) & (table < minimum)
    return mask


def withhold(table: Counts, sensitive: Mask, published: Mask | None = None) -> Mask:
    """Which cells must not be shown so that no sensitive one can be worked out.

    Args:
        table: Counts with totals, as ``with_totals`` gives them.
        sensitive: Cells to be protected, of the same shape; totals too.
        published: Cells meant to be shown at all; None: every cell.

    Returns:
        The cells to withhold: the sensitive ones, those that protect them, and the unpublished.
    """
    published = np.ones(table.shape, dtype=np.bool_) if published is None else published
    withheld = sensitive | ~published
    cost = _costs(table)
    for cell in np.argwhere(sensitive & published):
        _protect(table, cost, withheld, tuple(int(place) for place in cell))
    return withheld


def _costs(table: Counts) -> NDArray[np.float64]:
    cost = 1.0 + np.log2(1.0 + table.astype(np.float64))
    for axis in range(table.ndim):
        totals = [slice(None)] * table.ndim
        totals[axis] = slice(-1, None)
        cost[tuple(totals)] *= _TOTAL_COST
    return cost


def _protect(
    table: Counts, cost: NDArray[np.float64], withheld: Mask, cell: tuple[int, ...]
) -> None:
    """Withhold the corners of the cheapest box that protects one cell."""
    price = np.where(withheld, 0.0, cost)
    places = [
        (cell[axis], *_partners(table, price, cell, axis)) for axis in range(table.ndim)
    ]  # the cell itself stands first along each dimension
    window = np.ix_(*places)
    box = _cheapest(table[window], price[window], _signs(table.shape, places))
    corners = [(cell[axis], places[axis][1 + box[axis]]) for axis in range(table.ndim)]
    withheld[np.ix_(*corners)] = True


def _partners(
    table: Counts, price: NDArray[np.float64], cell: tuple[int, ...], axis: int
) -> list[int]:
    """Places along a dimension that may be the other side of the box."""
    total = table.shape[axis] - 1
    line: tuple[int | slice, ...] = (*cell[:axis], slice(0, total), *cell[axis + 1 :])
    prices, values = price[line], table[line]
    ranked = np.lexsort((np.arange(total), -values, prices))
    inner = [int(place) for place in ranked if place != cell[axis]]
    if cell[axis] == total:
        # A total changes with a part that it has: one with persons in it, if it has any.
        return inner[:_MOST_PARTNERS] + [p for p in (int(np.argmax(values)),) if p in inner]
    return [*inner[:_MOST_PARTNERS], total]


def _signs(shape: Sequence[int], places: Sequence[Sequence[int]]) -> list[NDArray[np.int64]]:
    """+1 where the partner changes with the cell (one of the two is the total), else -1."""
    signs = []
    for size, (own, *others) in zip(shape, places, strict=True):
        signs.append(np.array([1 if size - 1 in (own, other) else -1 for other in others]))
    return signs


def _cheapest(
    values: Counts, price: NDArray[np.float64], signs: Sequence[NDArray[np.int64]]
) -> tuple[int, ...]:
    """Partner along each dimension of the cheapest box that leaves enough values possible."""
    shape = tuple(len(each) for each in signs)
    down = np.full(shape, np.inf)  # how far the corners that change with the cell can fall
    up = np.full(shape, np.inf)  # how far the others can
    total = np.zeros(shape)
    for corner in itertools.product((False, True), repeat=len(shape)):
        pick = tuple(slice(1, None) if other else slice(0, 1) for other in corner)
        sign = np.ones((1,) * len(shape), dtype=np.int64)
        for axis, other in enumerate(corner):
            if other:
                sign = sign * _along(signs[axis], axis, len(shape))
        value = values[pick].astype(np.float64)
        down = np.minimum(down, np.where(sign > 0, value, np.inf))
        up = np.minimum(up, np.where(sign < 0, value, np.inf))
        total = total + price[pick]
    total = np.where(down + up >= SPREAD, total, np.inf)
    best = np.unravel_index(int(np.argmin(total)), shape)
    return tuple(int(place) for place in best)


def _along(values: NDArray[np.int64], axis: int, dimensions: int) -> NDArray[np.int64]:
    shape = [1] * dimensions
    shape[axis] = len(values)
    return values.reshape(shape)
