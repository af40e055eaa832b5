"""A plan beside the policies that a queue would follow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wgs_pipeline.planning.cases import Cases, Floats, Ints, Slots, Supply, Weights
from wgs_pipeline.planning.dispatch import dispatch, first_come_first_served, greedy
from wgs_pipeline.planning.measures import Values, evaluate, gini, mean_waits, quantiles


@dataclass(frozen=True)
class Outcome:
    """What one policy does to the people in the plan; waits in weeks.

    Attributes:
        policy: Its name.
        values: The goals' values.
        p50: Median wait over patients.
        p90: Wait that nine in ten patients do not exceed.
        means: Mean wait of each cell, over its places.
        worst_cell: Index of the cell that waits longest.
        gini: Inequality of the cells' means, each counted by its places.
        past_limit: Cases of any urgency sequenced after their limit.
        unplaced: Cases without a week within the horizon.
        cell_p50: Median wait of each cell's patients.
        cell_p90: Wait that nine in ten of each cell's patients do not exceed.
    """

    policy: str
    values: Values
    p50: float
    p90: float
    means: Floats
    worst_cell: int
    gini: float
    past_limit: int
    unplaced: int
    cell_p50: Floats
    cell_p90: Floats


def compare(
    cases: Cases, supply: Supply, slots: Slots, weights: Weights, repeat_wait: float = 0.0
) -> list[Outcome]:
    """The plan, first come first served, and urgency then wait, in this order."""
    policies = {
        "fair plan": slots,
        "first come": dispatch(cases, supply, first_come_first_served(cases)),
        "urgent first": dispatch(cases, supply, greedy(cases)),
    }
    return [
        outcome(name, cases, supply, each, weights, repeat_wait) for name, each in policies.items()
    ]


def outcome(
    policy: str, cases: Cases, supply: Supply, slots: Slots, weights: Weights, repeat_wait: float
) -> Outcome:
    """What ``slots`` do; every wait has the expected wait for repeats added to it."""
    weeks = np.where(slots.placed, slots.week, supply.weeks)
    means = mean_waits(cases, weeks) + repeat_wait
    by_cell = [
        quantiles(cases, weeks, np.flatnonzero(cases.cell == cell), (0.5, 0.9))
        for cell in range(len(cases.cells))
    ]
    p50, p90 = quantiles(cases, weeks, np.arange(len(cases)), (0.5, 0.9))
    cells = np.array(by_cell).reshape(-1, 2) + repeat_wait
    return Outcome(
        policy=policy,
        values=evaluate(cases, supply, slots, weights),
        p50=p50 + repeat_wait,
        p90=p90 + repeat_wait,
        means=means,
        worst_cell=int(np.argmax(means)) if len(means) else 0,
        gini=gini(means, cases.places_by_cell()),
        past_limit=int((weeks > cases.due).sum()),
        unplaced=int((~slots.placed).sum()),
        cell_p50=cells[:, 0],
        cell_p90=cells[:, 1],
    )


def patients_by_cell(cases: Cases) -> Ints:
    """Patients of each cell."""
    return np.bincount(cases.cell, cases.patients, len(cases.cells)).astype(np.int64)
