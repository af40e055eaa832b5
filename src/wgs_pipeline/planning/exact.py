"""Small plans to the optimum: one integer programme, solved goal after goal with PuLP and HiGHS."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pulp

from wgs_pipeline.planning.cases import ACUTE, Cases, Slots, Supply, Weights

#: Most slots (case, site, week) of a plan that is solved as one integer programme.
LARGEST = 2_500


@dataclass(frozen=True)
class Exact:
    """A plan and whether every goal was solved to the optimum."""

    slots: Slots
    optimal: bool


def size(cases: Cases, supply: Supply) -> int:
    """Slots that the integer programme would choose from."""
    free = cases.arrival[cases.free]
    return int(np.maximum(supply.weeks - free, 0).sum())


def solve(cases: Cases, supply: Supply, weights: Weights, seconds: float) -> Exact | None:
    """The plan that is best goal after goal; None where no plan keeps every rule.

    The goals are those of ``measures.Values``, each held while the next is improved.
    """
    programme = _Programme(cases, supply)
    deadline = time.monotonic() + seconds
    optimal = True
    for goal in (
        programme.breaches(),
        programme.lateness(),
        programme.waits(np.where(cases.urgency == ACUTE, 1.0, 0.0)),
        programme.worst_mean(),
        programme.waits(weights.of(cases)),
        programme.part_filled(),
        programme.moves(),
    ):
        status = programme.improve(goal, max(1.0, deadline - time.monotonic()))
        if status == pulp.LpStatusInfeasible:
            return None
        optimal = optimal and status == pulp.LpStatusOptimal
    return Exact(programme.slots(), optimal)


class _Programme:
    def __init__(self, cases: Cases, supply: Supply) -> None:
        self._cases, self._supply = cases, supply
        self._problem = pulp.LpProblem("plan", pulp.LpMinimize)
        self._chosen: dict[tuple[int, int, int], pulp.LpVariable] = {}
        for case in np.flatnonzero(cases.free).tolist():
            for site, since in enumerate(cases.arrival[case].tolist()):
                for week in range(since, supply.weeks):
                    name = f"x_{case:05d}_{site:02d}_{week:03d}"
                    variable = self._problem.add_variable(name, cat="Binary")
                    self._chosen[case, site, week] = variable
        self._held = 0
        self._flowcell_load: dict[tuple[int, int], list[tuple[pulp.LpVariable, int]]] = {}
        self._rules()

    def _rules(self) -> None:
        cases, supply = self._cases, self._supply
        frozen = Slots(cases.fixed_week, cases.fixed_site).load(cases, supply)
        self._frozen = frozen
        by_case: dict[int, list[pulp.LpVariable]] = {}
        by_slot: dict[tuple[int, int], list[tuple[pulp.LpVariable, int]]] = {}
        by_week: dict[int, list[tuple[pulp.LpVariable, int]]] = {}
        for (case, site, week), variable in self._chosen.items():
            term = (variable, int(cases.places[case]))
            by_case.setdefault(case, []).append(variable)
            by_slot.setdefault((site, week), []).append(term)
            by_week.setdefault(week, []).append(term)
        for case in np.flatnonzero(cases.free).tolist():
            self._problem += pulp.lpSum(by_case.get(case, [])) == 1
        for (site, week), terms in by_slot.items():
            room = int(supply.places[site, week] - frozen[site, week])
            self._problem += pulp.LpAffineExpression(terms) <= room
        for week, terms in by_week.items():
            room = int(supply.compute[week] - frozen[:, week].sum())
            self._problem += pulp.LpAffineExpression(terms) <= room
        self._by_slot = by_slot

    def improve(self, goal: pulp.LpAffineExpression, seconds: float) -> int:
        """Minimise a goal and hold it at what was reached; the solver's status."""
        self._problem.setObjective(goal)
        solver = pulp.getSolver(
            "HiGHS",
            msg=False,
            threads=1,
            timeLimit=seconds,
            gapRel=0,
            random_seed=1,
        )
        status = int(self._problem.solve(solver))
        if status == pulp.LpStatusOptimal or self._problem.sol_status > 0:
            reached = float(pulp.value(goal) or 0.0)
            self._held += 1
            row = pulp.LpConstraint(goal, pulp.LpConstraintLE, f"held_{self._held}", reached + 1e-6)
            self._problem.addConstraint(row)
        return status

    def slots(self) -> Slots:
        """The slots chosen, and those that are frozen."""
        week, site = self._cases.fixed_week.copy(), self._cases.fixed_site.copy()
        for (case, at, when), variable in self._chosen.items():
            if (variable.value() or 0) > 0.5:
                week[case], site[case] = when, at
        return Slots(week, site)

    def _sum(self, terms: Sequence[tuple[pulp.LpVariable, float]]) -> pulp.LpAffineExpression:
        return pulp.LpAffineExpression([term for term in terms if term[1]])

    def breaches(self) -> pulp.LpAffineExpression:
        late = self._late()
        return self._sum([(variable, 1) for variable, _ in late])

    def lateness(self) -> pulp.LpAffineExpression:
        return self._sum(self._late())

    def _late(self) -> list[tuple[pulp.LpVariable, int]]:
        cases = self._cases
        return [
            (variable, week - int(cases.due[case]))
            for (case, _, week), variable in self._chosen.items()
            if cases.urgency[case] == ACUTE and week > cases.due[case]
        ]

    def waits(
        self, weights: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    ) -> pulp.LpAffineExpression:
        """Weighted place-weeks, without the constant of the referral."""
        cost = weights * self._cases.places
        return self._sum(
            [
                (variable, float(cost[case]) * week)
                for (case, _, week), variable in self._chosen.items()
            ]
        )

    def worst_mean(self) -> pulp.LpAffineExpression:
        """A variable above the mean wait of every cell."""
        cases = self._cases
        worst = self._problem.add_variable("worst")
        total = np.maximum(cases.places_by_cell(), 1)
        terms: dict[int, list[tuple[pulp.LpVariable, float]]] = {}
        for (case, _, week), variable in self._chosen.items():
            cell = int(cases.cell[case])
            terms.setdefault(cell, []).append(
                (variable, float(cases.places[case]) * week / float(total[cell]))
            )
        settled = np.where(cases.free, 0, cases.fixed_week)
        base = np.bincount(cases.cell, cases.waits(settled) * cases.places, len(total)) / total
        for cell in range(len(total)):
            self._problem += pulp.LpAffineExpression(terms.get(cell, [])) - worst <= -float(
                base[cell]
            )
        return worst + 0

    def part_filled(self) -> pulp.LpAffineExpression:
        """Whether the flowcells of a site and week, as few as hold its load, have places left."""
        supply, marks = self._supply, []
        for (site, week), terms in self._by_slot.items():
            frozen = int(self._frozen[site, week])
            most = supply.flowcells_for(site, int(supply.places[site, week]))
            offers = [supply.open_places(site, count) for count in range(most + 1)]
            full = [
                self._problem.add_variable(f"full_{site:02d}_{week:03d}_{count}", cat="Binary")
                for count in range(most + 1)
            ]
            mark = self._problem.add_variable(f"part_{site:02d}_{week:03d}", cat="Binary")
            self._problem += pulp.lpSum(full) + mark == 1
            exact = pulp.LpAffineExpression(list(zip(full, offers, strict=True)))
            load = pulp.LpAffineExpression(terms) + frozen
            most_places = int(supply.places[site, week])
            self._problem += load <= exact + most_places * mark
            self._problem += load >= exact
            marks.append((mark, 1))
        return self._sum(marks)

    def moves(self) -> pulp.LpAffineExpression:
        """Cases that keep their previous slot, counted down."""
        cases = self._cases
        kept = [
            (variable, -1)
            for (case, site, week), variable in self._chosen.items()
            if cases.previous_week[case] == week and cases.previous_site[case] == site
        ]
        return self._sum(kept)
