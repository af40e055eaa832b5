"""Fair shares by column generation: the fluid plan of minimal worst-off, then total, wait.

Sites are pooled, and the cases of one cell and urgency form a *stream* of divisible work. A
*column* is a whole plan: serve the streams by fixed priority, never idle. The waits that plans
can reach are the convex hull of the columns (they form a polymatroid; Shanthikumar and Yao 1992),
and the plan that is best for given prices of the cells serves the dearest first. So a small linear
programme over the columns and that rule find the optimum, and the rule's value is a bound on every
plan (Dantzig and Wolfe 1960). docs/planning.md has the model.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from wgs_pipeline.planning.cases import Cases, Floats, Ints
from wgs_pipeline.planning.programmes import Master


@dataclass(frozen=True)
class Streams:
    """Streams of divisible work.

    Attributes:
        of_case: Stream of each case, -1 for those that are not shared out (acute and frozen).
        cell: Cell of each stream.
        weight: Weight of a week's wait of a place of each stream.
        arriving: Places arriving per week, shape (weeks, streams).
        capacity: Places per week left for them, shape (weeks,).
        base: Place-weeks waited in each cell however the streams are served: by acute and frozen
            cases, and by all others until they arrive.
        base_total: The same, weighted and over all cells.
        places: Places of each cell, at least 1.
    """

    of_case: Ints
    cell: Ints
    weight: Floats
    arriving: Floats
    capacity: Floats
    base: Floats
    base_total: float
    places: Floats

    @classmethod
    def of(cls, cases: Cases, capacity: Ints, settled: Ints, weights: Floats) -> Streams:
        """The streams of the cases that are not settled.

        Args:
            cases: All cases.
            capacity: Places per week beside the settled cases.
            settled: Week of each settled case, -1 for the cases to be shared out.
            weights: Weight of each case.
        """
        weeks, to_share = len(capacity), settled < 0
        keys = np.stack([cases.cell, cases.urgency], axis=1)
        unique, of_shared = np.unique(keys[to_share], axis=0, return_inverse=True)
        of_case = np.full(len(cases), -1)
        of_case[to_share] = of_shared.ravel()
        since = cases.arrival.min(axis=1)
        arriving = np.zeros((weeks, len(unique)))
        arrives = to_share & (since < weeks)
        np.add.at(arriving, (since[arrives], of_case[arrives]), cases.places[arrives])
        base = cases.waits(np.where(to_share, since, settled)) * cases.places
        weight = np.zeros(len(unique))
        weight[of_case[to_share]] = weights[to_share]
        return cls(
            of_case=of_case,
            cell=unique[:, 0],
            weight=weight,
            arriving=arriving,
            capacity=capacity.astype(np.float64),
            base=np.bincount(cases.cell, base, len(cases.cells)).astype(np.float64),
            base_total=float((base * weights).sum()),
            places=np.maximum(cases.places_by_cell(), 1),
        )

    def backlog(self, priority: Floats) -> Floats:
        """Places of each stream waiting at the end of each week, served by ``priority``.

        Streams of higher priority are served first. Shape (weeks, streams).
        """
        order = np.argsort(-priority, kind="stable")
        prefix = np.cumsum(self.arriving[:, order], axis=1)
        waiting = np.zeros(prefix.shape[1])
        behind = np.empty_like(prefix)
        for week, capacity in enumerate(self.capacity.tolist()):
            waiting = np.maximum(waiting + prefix[week] - capacity, 0.0)
            behind[week] = waiting
        backlog = np.empty_like(prefix)
        backlog[:, order] = np.diff(behind, axis=1, prepend=0.0)
        return backlog


@dataclass(frozen=True)
class Column:
    """One plan by fixed priority: place-weeks waited per cell, and weighted over all."""

    priority: Floats
    waits: Floats
    total: float


@dataclass(frozen=True)
class Shares:
    """A mixture of columns.

    Attributes:
        value: Its value of the goal.
        bound: No plan has less.
        columns: The columns.
        mix: Their shares, which sum to 1.
    """

    value: float
    bound: float
    columns: tuple[Column, ...]
    mix: Floats

    @property
    def gap(self) -> float:
        """How far the value may be from the optimum, as a share of the bound."""
        return max(0.0, self.value - self.bound) / max(abs(self.bound), 1e-9)

    def backlog(self, streams: Streams) -> Floats:
        """The backlog of the mixture, shape (weeks, streams)."""
        used = [(share, column) for share, column in zip(self.mix, self.columns, strict=True)]
        parts = (share * streams.backlog(column.priority) for share, column in used if share > 0)
        return np.asarray(sum(parts, np.zeros_like(streams.arriving)))


@dataclass
class Generation:
    """The columns found so far, and when to stop."""

    streams: Streams
    gap: float
    deadline: float
    columns: list[Column] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._master = Master(len(self.streams.base))

    def add(self, priority: Floats) -> Column:
        """Make the column of a priority and keep it."""
        streams = self.streams
        weeks = streams.backlog(priority).sum(axis=0)
        waits = streams.base + np.bincount(streams.cell, weeks, len(streams.base))
        column = Column(priority, waits, streams.base_total + float(weeks @ streams.weight))
        self.columns.append(column)
        self._master.add(waits / streams.places, column.total)
        return column

    @property
    def expired(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() > self.deadline

    def worst_off(self) -> Shares:
        """The mixture whose cell of longest mean wait waits least."""
        streams = self.streams
        prices = np.full(len(streams.base), 1 / streams.places.sum())
        bound, centre = 0.0, prices
        self._explore()
        while True:
            mix, value, prices = self._master.least_worst()
            prices = prices / streams.places
            for point in (0.3 * prices + 0.7 * centre, prices):
                column = self.add(point[streams.cell])
                least = float(point @ column.waits)
                if least > bound:
                    bound, centre = least, point
            if value - bound <= self.gap * max(bound, 1e-9) or self.expired:
                mix, value, _ = self._master.least_worst()
                return Shares(value, bound, tuple(self.columns), mix)

    def total(self, ceiling: float) -> Shares:
        """The mixture of least total weighted wait with no cell's mean above ``ceiling``."""
        streams = self.streams
        bound, centre = 0.0, np.zeros(len(streams.base))
        allowed = ceiling * streams.places
        self._master.hold(ceiling)
        while True:
            mix, value, prices = self._master.least_total()
            prices = prices / streams.places
            for point in (0.3 * prices + 0.7 * centre, prices):
                priority = point[streams.cell] + streams.weight
                column = self.add(priority)
                least = column.total + float(point @ (column.waits - allowed))
                if least > bound:
                    bound, centre = least, point
            if value - bound <= self.gap * max(bound, 1e-9) or self.expired:
                mix, value, _ = self._master.least_total()
                return Shares(value, bound, tuple(self.columns), mix)

    def _explore(self, rounds: int = 120) -> None:
        """Columns of prices that rise for the cells that wait too long (multiplicative weights)."""
        streams = self.streams
        prices = streams.places / streams.places.sum()
        waited = np.zeros(len(prices))
        for number in range(1, rounds + 1):
            column = self.add((prices / streams.places)[streams.cell])
            waited += column.waits / streams.places
            mean = waited / number
            scale = max(float(mean.max()), 1e-9)
            prices = np.exp(30.0 * (mean / scale - 1.0))
            prices /= prices.sum()
            if self.expired:
                return


def fluid_order(cases: Cases, streams: Streams, backlog: Floats) -> Floats:
    """The week, with its fraction, in which the fluid plan serves the middle of each case.

    Cases of a stream are served in the order of arrival, then referral, then name. Cases that are
    not in a stream get -1.
    """
    weeks = len(streams.capacity)
    order = np.full(len(cases), -1.0)
    served = np.cumsum(streams.arriving, axis=0) - backlog
    since = cases.arrival.min(axis=1)
    rank = np.lexsort((np.arange(len(cases)), cases.referred, since))
    by_stream = rank[np.argsort(streams.of_case[rank], kind="stable")]
    by_stream = by_stream[streams.of_case[by_stream] >= 0]
    bounds = np.searchsorted(streams.of_case[by_stream], np.arange(len(streams.cell) + 1))
    for stream in range(len(streams.cell)):
        members = by_stream[bounds[stream] : bounds[stream + 1]]
        places = cases.places[members]
        middle = np.cumsum(places) - places / 2
        curve = np.concatenate([[0.0], np.maximum.accumulate(served[:, stream])])
        week = np.searchsorted(curve, middle) - 1
        inside = np.minimum(week, weeks - 1)
        step = np.maximum(curve[inside + 1] - curve[inside], 1e-9)
        fraction = np.clip((middle - curve[inside]) / step, 0, 1)
        order[members] = np.where(week >= weeks, weeks, week + fraction)
    return order
