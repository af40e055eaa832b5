"""Where there is no plan, the constraint that was planted is named, with what would mend it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from planning_builders import CALENDAR, capacity, cases_of, referral, supply_of

from wgs_pipeline.planning.capacity import Site
from wgs_pipeline.planning.planner import Plan, Refusal, Settings, make_plan
from wgs_pipeline.planning.referrals import make_roster, match_capacity
from wgs_pipeline.planning.shortage import explain, find_shortages

EXACT = Settings()


def said(cases, supply, how=EXACT):
    refusal = make_plan(cases, supply, how)
    assert isinstance(refusal, Refusal)
    return str(explain(refusal.shortages, supply, CALENDAR, 30.0, refusal.unplaced))


def test_sites_too_small_for_everybody():
    cases = cases_of([(1, 0, 2, 0, 9, [1])] * 9, weeks=3)
    text = said(cases, supply_of([[4, 4, 0]]))
    assert "sequencing: site site-0 needs 2 more flowcells (5 places)" in text
    assert "weeks 2026-W03 to 2026-W04" in text


def test_what_is_named_is_what_mends():
    cases = cases_of([(1, 0, 2, 0, 9, [1])] * 9, weeks=3)
    supply = supply_of([[4, 4, 0]])
    (shortage,) = find_shortages(cases, supply)
    more = supply.places.copy()
    more[0, shortage.last] += shortage.places
    assert isinstance(make_plan(cases, replace(supply, places=more)), Plan)
    more[0, shortage.last] -= 1
    assert isinstance(make_plan(cases, replace(supply, places=more)), Refusal)


def test_the_one_site_that_a_region_reaches():
    rows = [(1, 0, 2, 0, 9, [9, 0])] * 5 + [(1, 1, 2, 0, 9, [0, 0])]
    text = said(cases_of(rows, 2, 2), supply_of([[8, 8], [2, 2]]))
    assert "sequencing: site site-1 needs 1 more flowcells (1 places)" in text
    assert "site-0" not in text


def test_computers_too_small():
    cases = cases_of([(1, 0, 2, 0, 9, [0])] * 6, weeks=2)
    text = said(cases, supply_of([[8, 8]], compute=2))
    assert "compute: the computers need 60 more core-hours" in text
    assert "sequencing" not in text


def test_frozen_slots_in_an_outage():
    cases = cases_of([(2, 0, 2, 0, 9, [0]), (1, 0, 2, 0, 9, [0])], weeks=3)
    frozen = replace(cases, fixed_week=np.array([1, -1]), fixed_site=np.array([0, -1]))
    text = said(frozen, supply_of([[4, 0, 4]]))
    assert "frozen: site site-0 needs 1 more flowcells (2 places) in week 2026-W03" in text
    assert "freeze_weeks" in text


@pytest.mark.parametrize("how", [EXACT, Settings(largest_exact=0)])
def test_families_that_cannot_be_divided(how):
    # Two places in each of three weeks: six in sum, and two families of three.
    cases = cases_of([(3, 0, 2, 0, 9, [0])] * 2, weeks=3)
    text = said(cases, supply_of([[2, 2, 2]]), how)
    assert "families are not divided: c00, c01" in text


def test_a_family_larger_than_a_flowcell(tmp_path):
    family = [referral(f"S{number}", family_id="F1", line=number + 2) for number in range(5)]
    small = capacity(sites=(Site("east", 2, 4), Site("west", 1, 4)))
    (problem,) = match_capacity(tmp_path / "referrals.tsv", family, small)
    assert problem.found == "family 'F1' has 5 samples that need 5 places"
    assert problem.expected.startswith("at most 4, the places of a flowcell")
    split = replace(small, larger_than_flowcell="split")
    assert match_capacity(tmp_path / "referrals.tsv", family, split) == []
    roster = make_roster(family, split, CALENDAR)
    plan = make_plan(roster.cases, split.supply(CALENDAR))
    assert plan.flowcells == {0: (1, 2)}
