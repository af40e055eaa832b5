"""What a plan does to the people in it: waits by cell, the worst-off, Gini, breaches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wgs_pipeline.planning.cases import ACUTE, Cases, Floats, Ints, Slots, Supply, Weights


@dataclass(frozen=True)
class Values:
    """The goals of a plan, in the order of their rank; less is better.

    Attributes:
        breaches: Acute cases sequenced after their limit.
        lateness: Weeks past the limit, summed over these.
        acute_wait: Weeks waited by acute cases, each times its places.
        worst: Mean wait in weeks of the cell that waits longest.
        total: Weeks waited by all cases, each times its places and the weight of its urgency.
        part_filled: Flowcells with places left that are not the reserve.
        changes: Cases with another week or site than in the previous plan.
    """

    breaches: int
    lateness: float
    acute_wait: float
    worst: float
    total: float
    part_filled: int
    changes: int


def evaluate(cases: Cases, supply: Supply, slots: Slots, weights: Weights) -> Values:
    """The goals' values; a case without a slot counts as sequenced in the week past the last."""
    weeks = np.where(slots.placed, slots.week, supply.weeks)
    waits = cases.waits(weeks) * cases.places
    acute = cases.urgency == ACUTE
    late = np.maximum(weeks - cases.due, 0) * acute
    return Values(
        breaches=int((late > 0).sum()),
        lateness=float(late.sum()),
        acute_wait=float(waits[acute].sum()),
        worst=float(mean_waits(cases, weeks).max(initial=0.0)),
        total=float((waits * weights.of(cases)).sum()),
        part_filled=part_filled(supply, slots.load(cases, supply)),
        changes=changes(cases, slots),
    )


def mean_waits(cases: Cases, weeks: Ints) -> Floats:
    """Mean wait in weeks over the places of each cell."""
    waited = np.bincount(cases.cell, cases.waits(weeks) * cases.places, len(cases.cells))
    return waited / np.maximum(cases.places_by_cell(), 1)


def part_filled(supply: Supply, load: Ints) -> int:
    """Flowcells with places left that are not the reserve, over all sites and weeks."""
    return sum(
        supply.open_places(site, supply.flowcells_for(site, places)) > places
        for site in range(len(supply.sites))
        for places in load[site].tolist()
        if places
    )


def changes(cases: Cases, slots: Slots) -> int:
    """Cases with a slot in the previous plan that have another one now."""
    moved = (cases.previous_week != slots.week) | (cases.previous_site != slots.site)
    return int((moved & (cases.previous_week >= 0)).sum())


def quantiles(cases: Cases, weeks: Ints, members: Ints, shares: tuple[float, ...]) -> list[float]:
    """Quantiles of the wait of the cases ``members``, each counted once per patient."""
    if not len(members):
        return [float("nan")] * len(shares)
    waits = cases.waits(weeks)[members]
    order = np.argsort(waits, kind="stable")
    cumulative = np.cumsum(cases.patients[members][order])
    ranks = np.searchsorted(cumulative, np.asarray(shares) * cumulative[-1])
    return [float(value) for value in waits[order][np.minimum(ranks, len(order) - 1)]]


def gini(values: Floats, weights: Floats) -> float:
    """Gini coefficient of ``values`` in a population of ``weights``: 0 where all are equal.

    Half the mean absolute difference over the mean (Gini 1912), from the Lorenz curve.
    """
    order = np.argsort(values, kind="stable")
    people = np.concatenate([[0.0], np.cumsum(weights[order])])
    shares = np.concatenate([[0.0], np.cumsum((values * weights)[order])])
    if people[-1] <= 0 or shares[-1] <= 0:
        return 0.0
    area = float(np.trapezoid(shares / shares[-1], people / people[-1]))
    return max(0.0, 1.0 - 2.0 * area)
