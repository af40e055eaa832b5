"""Plans keep every rule and reach the optimum, by integer programming and by columns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from planning_builders import all_plans, cases_of, goals_of, instances, supply_of

from wgs_pipeline.planning.measures import changes, part_filled
from wgs_pipeline.planning.planner import Plan, Settings, make_plan

EXACT = Settings(largest_exact=10_000)
COLUMNS = Settings(largest_exact=0)
few = settings(derandomize=True, deadline=None, max_examples=20)
some = settings(derandomize=True, deadline=None, max_examples=60)


def keeps_the_rules(cases, supply, plan):
    slots = plan.slots
    assert slots.placed.all()
    load = slots.load(cases, supply)
    assert (load <= supply.places).all()
    assert (load.sum(axis=0) <= supply.compute).all()
    free = np.flatnonzero(cases.free)
    assert (slots.week[free] >= cases.arrival[free, slots.site[free]]).all()
    fixed = ~cases.free
    assert (slots.week[fixed] == cases.fixed_week[fixed]).all()
    assert (slots.site[fixed] == cases.fixed_site[fixed]).all()
    flowcells_hold(cases, supply, plan)


def flowcells_hold(cases, supply, plan):
    """Flowcells hold what lies on them, and none is opened that is not needed."""
    used: dict[tuple[int, int], set[int]] = {}
    alone: dict[tuple[int, int, int], int] = {}
    for case, numbers in plan.flowcells.items():
        key = int(plan.slots.site[case]), int(plan.slots.week[case])
        used.setdefault(key, set()).update(numbers)
        if len(numbers) == 1:
            alone[(*key, numbers[0])] = alone.get((*key, numbers[0]), 0) + int(cases.places[case])
    for (site, _, _), places in alone.items():
        assert places <= supply.flowcell_places[site]
    load = plan.slots.load(cases, supply)
    for (site, week), numbers in used.items():
        assert len(numbers) <= supply.flowcells_for(site, int(load[site, week]))


@few
@given(instances(most_cases=5, weeks=5))
def test_small_plans_equal_the_brute_force_optimum(instance):
    cases, supply = instance
    plan = make_plan(cases, supply, EXACT)
    best = min(goals_of(cases, each) for each in all_plans(cases, supply))
    values = plan.values
    ours = values.breaches, values.lateness, values.acute_wait, values.worst, values.total
    assert ours == pytest.approx([float(value) for value in best])
    assert plan.method == "exact"
    keeps_the_rules(cases, supply, plan)


@few
@given(instances(most_cases=5, weeks=5))
def test_no_plan_is_below_the_bounds_of_columns(instance):
    cases, supply = instance
    plan = make_plan(cases, supply, COLUMNS)
    assume(isinstance(plan, Plan))
    keeps_the_rules(cases, supply, plan)
    every = [goals_of(cases, each) for each in all_plans(cases, supply)]
    assert plan.bounds["breaches"] <= min(goals[0] for goals in every)
    assert plan.bounds["lateness"] <= min(goals[1] for goals in every)


@few
@given(instances(most_cases=6, most_places=1))
def test_bounds_of_columns_hold_for_cases_of_one_place(instance):
    cases, supply = instance
    cases = replace(
        cases,
        arrival=np.repeat(cases.arrival.min(axis=1)[:, None], 2, axis=1)[:, : len(supply.sites)],
    )
    plan, best = make_plan(cases, supply, COLUMNS), make_plan(cases, supply, EXACT)
    acute_alike = plan.values.acute_wait == pytest.approx(best.values.acute_wait)
    assert plan.values.breaches >= best.values.breaches
    assert acute_alike
    assert plan.bounds["worst"] <= best.values.worst + 1e-6


@some
@given(instances(most_cases=12, weeks=8), st.sampled_from([EXACT, COLUMNS]), st.data())
def test_replanning_moves_nobody_who_is_frozen(instance, how, data):
    cases, supply = instance
    plan = make_plan(cases, supply, how)
    assume(isinstance(plan, Plan))
    frozen = plan.slots.week < 3
    gone = np.array(data.draw(st.lists(st.booleans(), min_size=len(cases), max_size=len(cases))))
    again = replace(
        cases,
        urgency=np.where(frozen | ~gone, cases.urgency, 0),
        previous_week=plan.slots.week,
        previous_site=plan.slots.site,
        fixed_week=np.where(frozen, plan.slots.week, -1),
        fixed_site=np.where(frozen, plan.slots.site, -1),
    )
    kept = {case: plan.flowcells[case] for case in np.flatnonzero(frozen).tolist()}
    second = make_plan(again, supply, how, kept)
    keeps_the_rules(again, supply, second)
    for case, numbers in kept.items():
        assert second.flowcells[case] == numbers


@few
@given(instances(most_cases=10, weeks=8), st.sampled_from([EXACT, COLUMNS]))
def test_planning_again_without_news_changes_nothing(instance, how):
    cases, supply = instance
    plan = make_plan(cases, supply, how)
    assume(isinstance(plan, Plan))
    again = replace(cases, previous_week=plan.slots.week, previous_site=plan.slots.site)
    second = make_plan(again, supply, how)
    assert second.values.changes == 0
    assert changes(again, second.slots) == 0


@few
@given(instances(most_cases=8, weeks=7, most_places=1))
def test_doubling_capacity_never_makes_the_worst_off_wait_longer(instance):
    cases, supply = instance
    double = replace(supply, places=supply.places * 2, compute=supply.compute * 2)
    before, after = make_plan(cases, supply, EXACT), make_plan(cases, double, EXACT)
    assert after.values.worst <= before.values.worst + 1e-6
    before, after = make_plan(cases, supply, COLUMNS), make_plan(cases, double, COLUMNS)
    assert after.bounds["worst"] <= before.bounds["worst"] * 1.01 + 1e-6


def test_the_worst_off_cell_goes_before_the_sooner_arrived():
    # Two cells of one case each, and one place a week; the second cell has waited longer.
    cases = cases_of([(1, 0, 2, 0, 9, [0]), (1, 1, 2, -5, 9, [0])], weeks=2)
    for how in (EXACT, COLUMNS):
        plan = make_plan(cases, supply_of([[1, 1]]), how)
        assert plan.slots.week.tolist() == [1, 0]
        assert plan.values.worst == pytest.approx(5)


def test_acute_goes_first_and_urgency_weighs_within_a_cell():
    rows = [(1, 0, 2, 0, 9, [0]), (1, 0, 1, 0, 9, [0]), (1, 0, 0, 0, 0, [0])]
    for how in (EXACT, COLUMNS):
        plan = make_plan(cases_of(rows, weeks=3), supply_of([[1, 1, 1]]), how)
        assert plan.slots.week.tolist() == [2, 1, 0]
        assert plan.values.breaches == 0


def test_sites_share_a_week_so_that_fewer_flowcells_have_places_left():
    rows = [(1, 0, 2, 0, 9, [0, 0])] * 4
    for how in (EXACT, COLUMNS):
        plan = make_plan(cases_of(rows, 2, 1), supply_of([[4], [4]]), how)
        assert plan.values.part_filled == 0
        assert len({*plan.slots.site.tolist()}) == 1


def test_part_filled_flowcells_leave_out_the_reserve():
    supply = replace(supply_of([[9, 9]], flowcell=5), open_share=0.9)
    # Two flowcells of 5 offer 9 places, one offers 4.
    assert part_filled(supply, np.array([[9, 4]])) == 0
    assert part_filled(supply, np.array([[5, 0]])) == 1
    assert part_filled(supply, np.array([[8, 1]])) == 2
