"""List scheduling: week by week, the first case in order that fits is sequenced.

Every policy is an order. A week's places are never left empty while a case that fits waits.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

import numpy as np

from wgs_pipeline.planning.cases import ACUTE, Cases, Floats, Ints, Slots, Supply


def first_come_first_served(cases: Cases) -> Floats:
    """The order of the mean week of referral, whatever the urgency."""
    return cases.referred


def greedy(cases: Cases) -> Floats:
    """The order of urgency, then of the week of referral."""
    span = float(np.ptp(cases.referred)) + 1 if len(cases) else 1.0
    return cases.urgency * span + cases.referred


def frozen_slots(cases: Cases) -> Slots:
    """The slots of the frozen cases, and no others."""
    return Slots(cases.fixed_week.copy(), cases.fixed_site.copy())


def dispatch(cases: Cases, supply: Supply, order: Floats, *, acute_first: bool = False) -> Slots:
    """Place every case in the order of ``order`` (least first; ties by name).

    Args:
        cases: The cases; frozen ones keep their slots.
        supply: Places per site and week.
        order: Rank of each case, shape (cases,).
        acute_first: Acute cases go before all others: those within their limit by due week, then
            those past it. For cases of one place this leaves the fewest past their limit.
    """
    slots = frozen_slots(cases)
    left = supply.less(slots.load(cases, supply))
    room, compute = left.places, left.compute
    frozen = set(np.flatnonzero(~cases.free).tolist())
    queue = _Queue(cases, order, acute_first)
    entering: list[list[int]] = [[] for _ in range(supply.weeks)]
    for case, week in enumerate(cases.arrival.min(axis=1, initial=supply.weeks).tolist()):
        if week < supply.weeks and case not in frozen:
            entering[week].append(case)
    for week in range(supply.weeks):
        queue.enter(entering[week])
        _fill_week(week, queue, cases, room[:, week], int(compute[week]), slots)
    return slots


class _Queue:
    """The cases that have arrived, in the order in which they are to be sequenced."""

    def __init__(self, cases: Cases, order: Floats, acute_first: bool) -> None:
        self._acute = (cases.urgency == ACUTE).tolist() if acute_first else [False] * len(cases)
        self._due = cases.due.tolist()
        self._order = order.tolist()
        self._urgent: list[tuple[float, int]] = []
        self._late: list[tuple[float, int]] = []
        self._others: list[tuple[float, int]] = []

    def enter(self, names: Iterable[int]) -> None:
        """Add cases."""
        for case in names:
            if self._acute[case]:
                heapq.heappush(self._urgent, (self._due[case], case))
            else:
                heapq.heappush(self._others, (self._order[case], case))

    def pop(self, week: int) -> int | None:
        """The next case to try in ``week``; None at the end of the queue."""
        while self._urgent and self._urgent[0][0] < week:
            heapq.heappush(self._late, heapq.heappop(self._urgent))
        for heap in (self._urgent, self._late, self._others):
            if heap:
                return heapq.heappop(heap)[1]
        return None


def _fill_week(
    week: int, queue: _Queue, cases: Cases, room: Ints, compute: int, slots: Slots
) -> None:
    """Take cases from the queue until the week is full; put back those that do not fit."""
    free = room.tolist()
    aside = []
    while compute > 0 and max(free, default=0) > 0:
        case = queue.pop(week)
        if case is None:
            break
        places = int(cases.places[case])
        usual = int(cases.previous_site[case]) if cases.previous_week[case] == week else -1
        site = _site(week, places, cases.arrival[case].tolist(), free, usual)
        if site is None or places > compute:
            aside.append(case)
            continue
        slots.week[case], slots.site[case] = week, site
        free[site] -= places
        compute -= places
    queue.enter(aside)


def _site(week: int, places: int, arrival: list[int], free: list[int], usual: int) -> int | None:
    """The usual site, else that with most room, of those at which a case has arrived and fits."""
    if usual >= 0 and arrival[usual] <= week and free[usual] >= places:
        return usual
    best = None
    for site, since in enumerate(arrival):
        if since <= week and free[site] >= places and (best is None or free[site] > free[best]):
            best = site
    return best
