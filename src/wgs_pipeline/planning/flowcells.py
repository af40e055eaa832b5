"""Flowcells: which case lies on which, and fewer of them with places left."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from wgs_pipeline.planning.cases import ACUTE, Cases, Ints, Slots, Supply
from wgs_pipeline.planning.measures import part_filled


def pack(
    cases: Cases, supply: Supply, slots: Slots, kept: Mapping[int, tuple[int, ...]]
) -> dict[int, tuple[int, ...]]:
    """The flowcells of each placed case, numbered from 1 within its site and week.

    The largest case is placed first, on the first flowcell with room for all of it. Only where no
    flowcell has, a case lies on several of the same site and week.

    Args:
        cases: The cases.
        supply: Sizes of flowcells.
        slots: Week and site of each case.
        kept: Flowcells of frozen cases in the previous plan; they stay.
    """
    groups: dict[tuple[int, int], list[int]] = {}
    for case in np.flatnonzero(slots.placed).tolist():
        groups.setdefault((int(slots.site[case]), int(slots.week[case])), []).append(case)
    flowcells: dict[int, tuple[int, ...]] = {}
    for (site, _), members in sorted(groups.items()):
        size = int(supply.flowcell_places[site])
        load = int(cases.places[members].sum())
        count = supply.flowcells_for(site, load)
        free = dict.fromkeys(range(1, count + 1), size)
        for case in sorted(members, key=lambda c: (c not in kept, -int(cases.places[c]), c)):
            flowcells[case] = _place(int(cases.places[case]), free, kept.get(case, ()), size)
    return flowcells


def _place(places: int, free: dict[int, int], kept: Sequence[int], size: int) -> tuple[int, ...]:
    for number in kept:
        free.setdefault(number, size)
    whole = [n for n in (*kept, *sorted(free)) if free[n] >= places]
    if whole:
        free[whole[0]] -= places
        return (whole[0],)
    used = []
    for number in sorted(free, key=lambda n: (-free[n], n)):
        taken = min(places, free[number])
        if taken:
            free[number] -= taken
            places -= taken
            used.append(number)
        if not places:
            break
    while places:
        number = max(free, default=0) + 1
        free[number] = size - min(places, size)
        places -= min(places, size)
        used.append(number)
    return tuple(sorted(used))


def consolidate(cases: Cases, supply: Supply, slots: Slots) -> Slots:
    """Move cases between sites within their week so that fewer flowcells have places left.

    Weeks do not change, so that no wait does. Frozen cases stay.
    """
    site = slots.site.copy()
    load = slots.load(cases, supply)
    movable = np.flatnonzero(slots.placed & cases.free)
    by_week = movable[np.argsort(slots.week[movable], kind="stable")]
    bounds = np.searchsorted(slots.week[by_week], np.arange(supply.weeks + 1))
    for week in range(supply.weeks):
        members = by_week[bounds[week] : bounds[week + 1]]
        _consolidate_week(cases, supply, week, members, site, load)
    return Slots(slots.week, site)


def _consolidate_week(
    cases: Cases, supply: Supply, week: int, members: Ints, site: Ints, load: Ints
) -> None:
    improved = True
    while improved:
        improved = False
        for source, target in itertools.permutations(range(len(supply.sites)), 2):
            for places in _amounts(supply, load[:, week], source, target):
                if load[target, week] + places > supply.places[target, week]:
                    continue
                trial = load[:, [week]].copy()
                trial[source] -= places
                trial[target] += places
                if part_filled(supply, trial) >= part_filled(supply, load[:, [week]]):
                    continue
                usable = members[(site[members] == source)]
                usable = usable[cases.arrival[usable, target] <= week]
                chosen = _of_size(cases, usable, places)
                if chosen:
                    site[chosen] = target
                    load[:, week] = trial[:, 0]
                    improved = True
                    break


def _amounts(supply: Supply, load: Ints, source: int, target: int) -> set[int]:
    """Places to move: what stands on the source's last flowcell, what the target's lacks."""
    here, there = int(load[source]), int(load[target])
    if not here:
        return set()
    last = supply.flowcells_for(source, here)
    spill = here - supply.open_places(source, last - 1)
    lack = supply.open_places(target, supply.flowcells_for(target, there)) - there
    return {places for places in (spill, lack) if 0 < places <= here}


def _of_size(cases: Cases, usable: Ints, places: int) -> list[int]:
    """Cases that take exactly ``places`` together, the largest first; empty where none do."""
    chosen = []
    # Acute cases move last: they are the ones whose transport has least slack.
    order = np.lexsort((usable, -cases.places[usable], cases.urgency[usable] == ACUTE))
    for case in usable[order].tolist():
        if cases.places[case] <= places:
            chosen.append(case)
            places -= int(cases.places[case])
        if not places:
            return chosen
    return []


def least_part_filled(supply: Supply, load: Ints) -> int:
    """Fewest part-filled flowcells of any plan with the same load in each week: a bound."""
    total, bound = load.sum(axis=0), 0
    for week in np.flatnonzero(total).tolist():
        sums = {0}
        for site in range(len(supply.sites)):
            most = supply.flowcells_for(site, int(supply.places[site, week]))
            offers = {supply.open_places(site, count) for count in range(most + 1)}
            sums = {a + b for a in sums for b in offers if a + b <= total[week]}
        bound += int(total[week]) not in sums
    return bound
