"""The linear programme of column generation, kept warm in HiGHS between rounds."""

from __future__ import annotations

import highspy
import numpy as np

from wgs_pipeline.planning.cases import Floats


class Master:
    """Mixtures of columns: the least worst cell, or the least total below a ceiling.

    Minimises ``worst`` or the total over shares that sum to 1, with each cell's mean wait at most
    ``worst``, or at most a ceiling. Rows: the sum of shares, then one a cell.
    """

    def __init__(self, cells: int) -> None:
        self._cells = cells
        self._totals: list[float] = []
        self._scale: float | None = None
        self._highs = highspy.Highs()
        self._highs.silent()
        # After columns have come the last basis is still feasible: primal simplex goes on from it.
        options = {"threads": 1, "random_seed": 1, "solver": "simplex", "simplex_strategy": 4}
        for option, value in options.items():
            self._highs.setOptionValue(option, value)
        infinity = highspy.kHighsInf
        self._highs.addRow(1.0, 1.0, 0, [], [])
        for _ in range(cells):
            self._highs.addRow(-infinity, 0.0, 0, [], [])
        rows = np.arange(1, cells + 1, dtype=np.int32)
        self._highs.addCol(1.0, 0.0, infinity, cells, rows, np.full(cells, -1.0))
        self._rows = np.arange(cells + 1, dtype=np.int32)

    def add(self, means: Floats, total: float) -> None:
        """Add a column: mean wait of each cell, and total weighted wait."""
        self._totals.append(total)
        values = np.concatenate([[1.0], means])
        cost = total / self._scale if self._scale else 0.0
        self._highs.addCol(cost, 0.0, highspy.kHighsInf, self._cells + 1, self._rows, values)

    def least_worst(self) -> tuple[Floats, float, Floats]:
        """The mixture with the least worst mean, that mean, and the cells' prices (sum 1)."""
        mix, value, prices = self._solve()
        return mix, value, prices / max(float(prices.sum()), 1e-12)

    def hold(self, ceiling: float) -> None:
        """From here on minimise the total, with every mean at most ``ceiling``."""
        self._highs.changeColBounds(0, ceiling, ceiling)
        self._highs.changeColCost(0, 0.0)
        self._scale = max(min(self._totals), 1.0)
        for column, total in enumerate(self._totals, 1):
            self._highs.changeColCost(column, total / self._scale)

    def least_total(self) -> tuple[Floats, float, Floats]:
        """The mixture of least total, that total, and the price of each cell's mean."""
        mix, value, prices = self._solve()
        scale = self._scale or 1.0
        return mix, value * scale, prices * scale

    def _solve(self) -> tuple[Floats, float, Floats]:
        self._highs.run()
        solution = self._highs.getSolution()
        mix = np.maximum(np.asarray(solution.col_value[1:]), 0.0)
        prices = np.maximum(-np.asarray(solution.row_dual[1:]), 0.0)
        return mix / max(float(mix.sum()), 1e-12), self._highs.getObjectiveValue(), prices
