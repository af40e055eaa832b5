"""The plan: goal after goal, to the optimum or with its gap stated."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from wgs_pipeline.planning import exact, flowcells
from wgs_pipeline.planning.cases import ACUTE, Cases, Floats, Slots, Supply, Weights
from wgs_pipeline.planning.columns import Generation, Streams, fluid_order
from wgs_pipeline.planning.dispatch import dispatch, greedy
from wgs_pipeline.planning.measures import Values, evaluate, mean_waits
from wgs_pipeline.planning.shortage import Shortage, find_shortages

#: Rounds in which whole cases are fitted to the shares of divisible work.
ROUNDS = 16


@dataclass(frozen=True)
class Plan:
    """A plan and how good it is.

    Attributes:
        slots: Week and site of each case.
        flowcells: Flowcells of each case, numbered within its site and week.
        values: The goals' values.
        bounds: By goal, a value that no plan can better, given the goals before it.
        method: exact or columns.
        seconds: Wall time.
    """

    slots: Slots
    flowcells: Mapping[int, tuple[int, ...]]
    values: Values
    bounds: Mapping[str, float]
    method: str
    seconds: float = field(compare=False, default=0.0)

    def gap(self, goal: str) -> float:
        """How far a goal may be from its optimum, as a share of it."""
        value, bound = float(getattr(self.values, goal)), self.bounds[goal]
        return max(0.0, value - bound) / max(abs(bound), 1e-9) if value > bound + 1e-6 else 0.0


@dataclass(frozen=True)
class Refusal:
    """There is no plan: the constraints that cannot be kept, and the cases without a week."""

    shortages: tuple[Shortage, ...]
    unplaced: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """When to stop, and what weighs how much."""

    weights: Weights = field(default_factory=Weights)
    gap: float = 0.01
    seconds: float = 60.0
    largest_exact: int = exact.LARGEST


def make_plan(
    cases: Cases,
    supply: Supply,
    settings: Settings = Settings(),
    kept_flowcells: Mapping[int, tuple[int, ...]] | None = None,
) -> Plan | Refusal:
    """Plan every case, or say which constraint stands in the way.

    Args:
        cases: The cases; frozen ones keep their slots.
        supply: Places per site and week.
        settings: Weights and limits of the solver.
        kept_flowcells: Flowcells of frozen cases in the previous plan.
    """
    started = time.monotonic()
    shortages = find_shortages(cases, supply)
    if shortages:
        return Refusal(tuple(shortages))
    small = exact.size(cases, supply) <= settings.largest_exact
    found = _exact(cases, supply, settings) if small else None
    found = found or _shared(cases, supply, settings)
    if isinstance(found, Refusal):
        return found
    slots, bounds, method = found
    return Plan(
        slots=slots,
        flowcells=flowcells.pack(cases, supply, slots, kept_flowcells or {}),
        values=evaluate(cases, supply, slots, settings.weights),
        bounds=bounds,
        method=method,
        seconds=time.monotonic() - started,
    )


_Found = tuple[Slots, dict[str, float], str]


def _exact(cases: Cases, supply: Supply, settings: Settings) -> _Found | Refusal | None:
    """The optimum by integer programming; None where time did not suffice to prove it."""
    solved = exact.solve(cases, supply, settings.weights, settings.seconds)
    if solved is None:
        slots = dispatch(cases, supply, greedy(cases), acute_first=True)
        names = (cases.names[case] for case in np.flatnonzero(~slots.placed))
        return Refusal((), tuple(names) or cases.names)
    if not solved.optimal:
        return None
    values = evaluate(cases, supply, solved.slots, settings.weights)
    bounds = {name: float(value) for name, value in vars(values).items()}
    return solved.slots, bounds, "exact"


def _shared(cases: Cases, supply: Supply, settings: Settings) -> _Found | Refusal:
    """A plan by column generation, rounded to whole cases."""
    deadline = time.monotonic() + settings.seconds
    acute = _acute_only(cases, supply)
    left = supply.less(acute.load(cases, supply)).pooled
    streams = Streams.of(cases, left, acute.week, settings.weights.of(cases))
    base = evaluate(cases, supply, acute, settings.weights)
    bounds = {
        "breaches": float(_least_breaches(cases, supply) if base.breaches else 0),
        "lateness": _least_lateness(cases),
        "acute_wait": base.acute_wait,
    }
    order: Floats = np.zeros(len(cases))
    if len(streams.cell):
        generation = Generation(streams, settings.gap / 20, deadline)
        worst = generation.worst_off()
        ceiling = worst.value * (1 + settings.gap / 4)
        generation.gap = settings.gap / 4
        total = generation.total(ceiling)
        order = fluid_order(cases, streams, total.backlog(streams))
        bounds |= {"worst": worst.bound, "total": total.bound}
        goal = worst.bound * (1 + settings.gap / 2)
    else:
        bounds |= {"worst": float(mean_waits(cases, acute.week).max(initial=0.0))}
        bounds["total"] = float(
            (cases.waits(acute.week) * cases.places * settings.weights.of(cases)).sum()
        )
        goal = bounds["worst"]
    slots = _round(cases, supply, settings, order, goal)
    if not slots.placed.all():
        names = tuple(cases.names[case] for case in np.flatnonzero(~slots.placed))
        return Refusal((), names)
    slots = _keep_previous(cases, supply, settings, order, slots, bounds)
    slots = flowcells.consolidate(cases, supply, slots)
    bounds["part_filled"] = float(flowcells.least_part_filled(supply, slots.load(cases, supply)))
    return slots, bounds, "columns"


def _acute_only(cases: Cases, supply: Supply) -> Slots:
    """Slots of the acute and the frozen cases, as if there were no others."""
    acute = (cases.urgency == ACUTE)[:, np.newaxis]
    nowhere = np.where(acute, cases.arrival, supply.weeks)
    return dispatch(replace(cases, arrival=nowhere), supply, np.zeros(len(cases)), acute_first=True)


def _round(cases: Cases, supply: Supply, settings: Settings, order: Floats, goal: float) -> Slots:
    """Whole cases in the order of the fluid plan, cells that wait above ``goal`` moved forward."""
    ahead = np.zeros(len(cases.cells))
    best: tuple[tuple[float, ...], Slots] | None = None
    for _ in range(ROUNDS):
        slots = dispatch(cases, supply, order - ahead[cases.cell], acute_first=True)
        values = evaluate(cases, supply, slots, settings.weights)
        rank = (
            float((~slots.placed).sum()),
            *(float(values.breaches), values.lateness),
            *(max(values.worst, goal), values.total),
        )
        if best is None or rank < best[0]:
            best = rank, slots
        weeks = np.where(slots.placed, slots.week, supply.weeks)
        excess = mean_waits(cases, weeks) - goal
        if values.worst <= goal:
            break
        ahead += np.maximum(excess, -0.2)
    assert best is not None
    return best[1]


def _keep_previous(
    cases: Cases,
    supply: Supply,
    settings: Settings,
    order: Floats,
    slots: Slots,
    bounds: Mapping[str, float],
) -> Slots:
    """The previous plan, completed, where it is as good as ours within the gap; else ours.

    Ours takes over slots of the previous plan between cases of equal standing.
    """
    had = cases.previous_week >= 0
    if not had.any():
        return slots
    slots = _exchange(cases, slots)
    candidate = dispatch(
        cases, supply, np.where(had, cases.previous_week - 0.5, order), acute_first=True
    )
    ours = evaluate(cases, supply, slots, settings.weights)
    kept = evaluate(cases, supply, candidate, settings.weights)
    good = candidate.placed.all() and (kept.breaches, kept.lateness) <= (
        ours.breaches,
        ours.lateness,
    )
    for goal in ("worst", "total"):
        least = max(getattr(ours, goal), bounds[goal] * (1 + settings.gap))
        good = good and getattr(kept, goal) <= least + 1e-9
    return candidate if good and kept.changes < ours.changes else slots


def _exchange(cases: Cases, slots: Slots) -> Slots:
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


def _least_lateness(cases: Cases) -> float:
    """Weeks past the limit of acute cases that arrive, or are frozen, past it."""
    soonest = np.where(cases.free, cases.arrival.min(axis=1), cases.fixed_week)
    return float(np.maximum(soonest - cases.due, 0)[cases.urgency == ACUTE].sum())


def _least_breaches(cases: Cases, supply: Supply) -> int:
    """Acute cases that must breach: what is due within some weeks beyond their places."""
    acute = np.flatnonzero((cases.urgency == ACUTE) & cases.free)
    since, due = cases.arrival[acute].min(axis=1), cases.due[acute]
    late = due < since
    frozen = (cases.urgency == ACUTE) & ~cases.free & (cases.fixed_week > cases.due)
    largest = int(cases.places[acute].max(initial=1))
    room = np.concatenate([[0], np.cumsum(supply.pooled)])
    worst = 0
    for first in range(supply.weeks):
        inside = (since >= first) & ~late & (due < supply.weeks)
        needed = np.bincount(due[inside], cases.places[acute[inside]], supply.weeks)
        excess = np.cumsum(needed)[first:] - (room[first + 1 :] - room[first])
        worst = max(worst, int(excess.max(initial=0)))
    return int(late.sum()) + int(frozen.sum()) + -(-worst // largest)
