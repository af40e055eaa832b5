"""Referrals become cases: families together, waits and limits in weeks, no order of the input."""

from __future__ import annotations

import random
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planning_builders import CALENDAR, MONDAY, capacity, referral

from wgs_pipeline.planning.planner import Settings, make_plan
from wgs_pipeline.planning.referrals import make_roster, parse_referrals
from wgs_pipeline.planning.simulation import Scenario, capacity_of, simulate
from wgs_pipeline.planning.tables import plan_rows
from wgs_pipeline.planning.weeks import Calendar, parse_day, parse_week

HEADER = "patient_id\tsample_ids\tmaterials\tfamily_id\tregion\tpatient_group\turgency\t"
HEADER += "referred_at\tdue_by\n"


def test_a_family_is_one_case():
    trio = [
        referral("S1", family_id="F", urgency="acute", patient_group="rare"),
        referral("S2", family_id="F", referred=MONDAY + timedelta(days=2)),
        referral("S3", family_id="F"),
    ]
    cases = make_roster(trio, capacity(), CALENDAR).cases
    assert cases.names == ("F",)
    assert (cases.places.tolist(), cases.patients.tolist()) == ([3], [3])
    assert cases.cells[cases.cell[0]] == ("A", "rare")
    # The last referral is of Wednesday: a day to the east, three to the west, is before Monday.
    assert cases.arrival.tolist() == [[1, 1]]
    # Acute: 14 days from Monday end on the Monday of week 2, so week 1 is the last that is over.
    assert cases.due.tolist() == [1]
    assert cases.referred[0] == pytest.approx((0 + 2 + 0) / 3 / 7 - 1)


def test_a_tumour_takes_its_depth_in_places_and_stays_with_its_normal():
    both = referral("N", sample_ids=("N", "T"), materials=("germline", "tumour"))
    cases = make_roster([both], capacity(), CALENDAR).cases
    assert cases.places.tolist() == [4]
    apart = [referral("N"), referral("T", materials=("tumour",), patient_id="patient-N")]
    assert make_roster(apart, capacity(), CALENDAR).cases.places.tolist() == [4]


def test_a_region_reaches_the_sites_that_it_names():
    cases = make_roster([referral("S", region="B")], capacity(), CALENDAR).cases
    assert cases.arrival.tolist() == [[8, 1]]
    at_once = referral("S", region="B", referred=MONDAY - timedelta(days=1))
    assert make_roster([at_once], capacity(), CALENDAR).cases.arrival[0, 1] == 0
    late = referral("S", referred=MONDAY - timedelta(days=2))
    assert make_roster([late], capacity(), CALENDAR).cases.arrival.tolist() == [[0, 1]]


def test_the_reserve_and_the_outage_take_places():
    from wgs_pipeline.planning.capacity import Site

    outage = Site("east", 2, 8, (("2026-W03", "2026-W04", 0), ("2026-W04", "2026-W04", 1)))
    supply = capacity(sites=(outage,), failure_rate=0.1).supply(CALENDAR)
    assert supply.places.tolist() == [[14, 0, 7, 14, 14, 14, 14, 14]]
    assert supply.compute.tolist() == [30] * 8
    # Of ten genomes one fails, of the repeats again one in ten: 1/9 of two weeks each.
    assert capacity(failure_rate=0.1).repeat_wait == pytest.approx(2 / 9)


@settings(derandomize=True, deadline=None, max_examples=8)
@given(st.integers(0, 1_000), st.sampled_from([0, 10_000]))
def test_the_order_of_the_sheet_changes_nothing(seed, largest_exact):
    scenario = Scenario(
        seed=seed,
        genomes=25,
        weeks=3,
        backlog_weeks=3,
        regions=2,
        groups=2,
        surges=(),
        outages=(),
        new_group_from=None,
    )
    referrals, limits = simulate(scenario), capacity_of(scenario, 4)
    calendar = Calendar(scenario.first, limits.horizon_weeks)
    shuffled = random.Random(seed).sample(referrals, len(referrals))
    rows = []
    for listed in (referrals, shuffled):
        roster = make_roster(listed, limits, calendar)
        supply = limits.supply(calendar)
        plan = make_plan(roster.cases, supply, Settings(largest_exact=largest_exact))
        rows.append(plan_rows(roster, plan, supply.sites, calendar, 0.0))
    assert rows[0] == rows[1]


def test_every_problem_of_the_sheet_at_once(tmp_path):
    path = tmp_path / "referrals.tsv"
    path.write_text(
        HEADER
        + "p1\tS1\t\t\tA\tg\tacute\t2026-01-05\t\n"
        + "p2\tS1\t\t\tA\tg\tacute\t2026-01-05\t\n"
        + "p3\t\t\tF\tA\tg\tsoon\t2026-01-05\t\n"
        + "p4\tS4,S5\tgermline\t\tA\tg\tsoon\t2026-01-05\t\n"
        + "p5\tS6\t\t\tA\tg\turgent\t2026-01-05\t\n"
        + "p6\tS7\t\t\tA\tg\tsoon\t2026-02-30\t\n"
        + "p7\tS8\t\t\tA\tg\tsoon\t2026-03-01\t\n"
        + "p8\tS9\t\t\tA\tg\tsoon\t2026-01-05\t2026-01-01\n"
    )
    referrals, problems = parse_referrals(path, [], date(2026, 1, 7))
    assert sorted(problem.line for problem in problems) == [3, 4, 5, 6, 7, 8, 9]
    assert [referral.sample_ids for referral in referrals] == [("S1",), ("S1",)]
    assert all("p" + str(n) not in str(problem) for n in range(1, 9) for problem in problems)


def test_weeks_and_days():
    assert parse_week("2026-W02") == MONDAY
    assert parse_week("2026-W53") == date(2026, 12, 28)
    assert parse_week("2025-W53") is None
    assert parse_day("2026-01-05T00:30:00+01:00") == date(2026, 1, 4)
    assert parse_day("2026-13-01") is None
    assert CALENDAR.name(-1) == "2026-W01"
    assert CALENDAR.name(52) == "2027-W01"
    assert [CALENDAR.last_completed(MONDAY + timedelta(days=n)) for n in (5, 6, 7)] == [-1, 0, 0]


def test_simulation_is_seeded_and_about_as_large_as_asked():
    scenario = Scenario(genomes=3_000, weeks=30)
    referrals = simulate(scenario)
    assert referrals == simulate(scenario)
    assert referrals != simulate(Scenario(seed=2, genomes=3_000, weeks=30))
    genomes = sum(len(referral.sample_ids) for referral in referrals)
    assert abs(genomes - 3_000) < 200
    names = [name for referral in referrals for name in referral.sample_ids]
    assert len(names) == len(set(names))


def test_a_surge_and_a_new_group_are_in_the_simulation():
    scenario = Scenario(genomes=20_000, weeks=60, surges=((20, 10, 5.0, 0),), new_group_from=40)
    referrals = simulate(scenario)
    weeks = np.array([(r.referred - scenario.first).days // 7 for r in referrals])
    first = np.array([r.region == "region 1" for r in referrals])
    assert first[(weeks >= 20) & (weeks < 30)].mean() > 1.5 * first[weeks < 20].mean()
    newest = np.array([r.patient_group == "group 20" for r in referrals])
    assert not newest[weeks < 40].any()
    assert newest[weeks >= 40].any()
