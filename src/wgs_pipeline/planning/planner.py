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
from wgs_pipeline.planning.exchange import relieve_worst, return_previous
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
        """How far a goal may be from its optimum, as a share of the bound; infinite above 0."""
        value, bound = float(getattr(self.values, goal)), self.bounds[goal]
        if value <= bound + 1e-6:
            return 0.0
        return (value - bound) / bound if bound > 0 else float("inf")


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
    breaches = float(_least_breaches(cases, supply) if base.breaches else 0)
    bounds = {
        "breaches": breaches,
        "lateness": max(breaches, _least_lateness(cases)),
        "acute_wait": _least_acute_wait(cases, supply),
    }
    order: Floats = np.zeros(len(cases))
    if len(streams.cell):
        generation = Generation(streams, settings.gap / 20, deadline)
        worst = generation.worst_off()
        ceiling = worst.value * (1 + settings.gap / 2)
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
    if not best[1].placed.all():
        return best[1]
    return relieve_worst(cases, best[1], goal, settings.weights.of(cases))


def _keep_previous(
    cases: Cases,
    supply: Supply,
    settings: Settings,
    order: Floats,
    slots: Slots,
    bounds: Mapping[str, float],
) -> Slots:
    """The plan nearest the previous one that is as good as ours within the gap; else ours."""
    had = cases.previous_week >= 0
    if not had.any():
        return slots
    best = return_previous(cases, slots)
    ours = evaluate(cases, supply, best, settings.weights)
    fewest = ours.changes
    goal = max(ours.worst, bounds["worst"] * (1 + settings.gap))
    weights = settings.weights.of(cases)
    for share in (1.0, 0.8, 0.6, 0.4, 0.2):
        near = share * (cases.previous_week + 0.5) + (1 - share) * order
        found = dispatch(cases, supply, np.where(had, near, order), acute_first=True)
        if found.placed.all():
            found = return_previous(cases, relieve_worst(cases, found, goal, weights))
        values = evaluate(cases, supply, found, settings.weights)
        if (
            found.placed.all()
            and (values.breaches, values.lateness) <= (ours.breaches, ours.lateness)
            and values.acute_wait <= ours.acute_wait + 1e-9
            and values.worst <= goal + 1e-9
            and values.total <= max(ours.total, bounds["total"] * (1 + settings.gap)) + 1e-9
            and values.changes < fewest
        ):
            best, fewest = found, values.changes
            break
    return best


def _least_acute_wait(cases: Cases, supply: Supply) -> float:
    """Place-weeks that acute cases wait when served first, divisible, at pooled sites."""
    acute = cases.urgency == ACUTE
    left = supply.less(Slots(cases.fixed_week, cases.fixed_site).load(cases, supply)).pooled
    soonest = np.where(cases.free, cases.arrival.min(axis=1), cases.fixed_week)
    arriving = np.bincount(
        soonest[acute & cases.free], cases.places[acute & cases.free], supply.weeks + 1
    )
    least = float((cases.waits(soonest) * cases.places)[acute].sum())
    waiting = 0.0
    for week, room in enumerate(left.tolist()):
        waiting = max(0.0, waiting + float(arriving[week]) - room)
        least += waiting
    return least


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
    left = supply.less(Slots(cases.fixed_week, cases.fixed_site).load(cases, supply))
    room = np.concatenate([[0], np.cumsum(left.pooled)])
    worst = 0
    for first in range(supply.weeks):
        inside = (since >= first) & ~late & (due < supply.weeks)
        needed = np.bincount(due[inside], cases.places[acute[inside]], supply.weeks)
        excess = np.cumsum(needed)[first:] - (room[first + 1 :] - room[first])
        worst = max(worst, int(excess.max(initial=0)))
    return int(late.sum()) + int(frozen.sum()) + -(-worst // largest)
