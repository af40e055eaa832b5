"""Exchanges of slots between two cases of one size: nobody else's plan changes."""

from __future__ import annotations

import numpy as np

from wgs_pipeline.planning.cases import ACUTE, Cases, Floats, Ints, Slots
from wgs_pipeline.planning.measures import mean_waits

#: Most exchanges in favour of the worst-off.
MOST = 400


def relieve_worst(cases: Cases, slots: Slots, goal: float, weights: Floats) -> Slots:
    """Exchange slots until no cell's mean wait is above ``goal``, or no exchange helps.

    A case of the cell that waits longest takes the earlier slot of a case as large whose cell
    stays below ``goal``; of such exchanges, the one that adds least to the weighted total.

    Args:
        cases: The cases.
        slots: A plan of all of them.
        goal: Mean wait in weeks.
        weights: Weight of each case.
    """
    week, site = slots.week.copy(), slots.site.copy()
    places = np.maximum(cases.places_by_cell(), 1)
    means = mean_waits(cases, week)
    movable = cases.free & (cases.urgency != ACUTE) & slots.placed
    for _ in range(MOST):
        cell = int(np.argmax(means))
        if means[cell] <= goal:
            break
        pair = _best_pair(cases, week, site, means, goal, cell, movable, weights)
        if pair is None:
            break
        one, other = pair
        shift = (week[one] - week[other]) * cases.places[one]
        means[cell] -= shift / places[cell]
        means[cases.cell[other]] += shift / places[cases.cell[other]]
        week[[one, other]], site[[one, other]] = week[[other, one]], site[[other, one]]
    return Slots(week, site)


def _best_pair(
    cases: Cases,
    week: Ints,
    site: Ints,
    means: Floats,
    goal: float,
    cell: int,
    movable: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
    weights: Floats,
) -> tuple[int, int] | None:
    places = np.maximum(cases.places_by_cell(), 1)
    best: tuple[float, float, int, int] | None = None
    everyone = np.flatnonzero(movable & (cases.cell != cell))
    for one in np.flatnonzero(movable & (cases.cell == cell)).tolist():
        size = int(cases.places[one])
        others = everyone[(cases.places[everyone] == size) & (week[everyone] < week[one])]
        others = others[cases.arrival[one, site[others]] <= week[others]]
        others = others[cases.arrival[others, site[one]] <= week[one]]
        gain = (week[one] - week[others]) * size
        others_cell = cases.cell[others]
        fits = means[others_cell] + gain / places[others_cell] <= goal
        others, gain = others[fits], gain[fits]
        if not len(others):
            continue
        cost = gain * (weights[others] - weights[one])
        # Enough, and no more than enough, of the excess of the worst-off.
        short = np.abs(gain - (means[cell] - goal) * places[cell])
        choice = int(np.lexsort((others, short, cost))[0])
        rank = (float(cost[choice]), float(short[choice]), one, int(others[choice]))
        best = rank if best is None else min(best, rank)
    return None if best is None else (best[2], best[3])


def return_previous(cases: Cases, slots: Slots) -> Slots:
    """Give cases their previous slot where one of equal cell, urgency and size holds it.

    The two exchange slots, so the sums of waits stay as they are.
    """
    week, site = slots.week.copy(), slots.site.copy()
    holders: dict[tuple[int, ...], list[int]] = {}

    def key(case: int, slot_week: int, slot_site: int) -> tuple[int, ...]:
        kind = (cases.cell[case], cases.urgency[case], cases.places[case])
        return (*map(int, kind), slot_week, slot_site)

    movable = np.flatnonzero(cases.free & slots.placed & (cases.urgency != ACUTE)).tolist()
    for case in movable:
        holders.setdefault(key(case, int(week[case]), int(site[case])), []).append(case)
    for case in movable:
        wanted = int(cases.previous_week[case]), int(cases.previous_site[case])
        here = int(week[case]), int(site[case])
        if wanted[0] < 0 or wanted == here or cases.arrival[case, wanted[1]] > wanted[0]:
            continue
        for other in holders.get(key(case, *wanted), ()):
            settled = (cases.previous_week[other], cases.previous_site[other]) == wanted
            if settled or cases.arrival[other, here[1]] > here[0]:
                continue
            holders[key(case, *wanted)].remove(other)
            holders[key(case, *here)].remove(case)
            holders[key(case, *wanted)].append(case)
            holders[key(case, *here)].append(other)
            (week[case], site[case]), (week[other], site[other]) = wanted, here
            break
    return Slots(week, site)
