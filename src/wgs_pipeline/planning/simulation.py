"""Seeded referrals and sites, to compare policies: seasons, surges, an outage, a new group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from wgs_pipeline.planning.capacity import Capacity, Site
from wgs_pipeline.planning.cases import URGENCIES, Floats
from wgs_pipeline.planning.referrals import Referral
from wgs_pipeline.planning.weeks import Calendar

#: What one case may be: share of the cases, and the materials of each of its patients.
KINDS: tuple[tuple[float, tuple[tuple[str, ...], ...]], ...] = (
    (0.62, (("germline",),)),
    (0.06, (("germline",), ("germline",))),
    (0.22, (("germline",), ("germline",), ("germline",))),
    (0.10, (("germline", "tumour"),)),
)
GENOMES_PER_CASE = sum(share * sum(map(len, people)) for share, people in KINDS)
PLACES_PER_CASE = sum(
    share * sum(3 if m == "tumour" else 1 for person in people for m in person)
    for share, people in KINDS
)


@dataclass(frozen=True)
class Scenario:
    """What is simulated; weeks count from the first week of the plan.

    Attributes:
        seed: The same scenario and seed give the same referrals.
        genomes: About as many genomes are referred.
        weeks: Over as many weeks.
        backlog_weeks: Weeks of referrals that wait when the plan begins.
        first: Monday of week 0.
        regions: Number of regions, the first the most populous.
        groups: Number of patient groups, the first the commonest.
        urgencies: Shares of acute, soon, routine.
        season: Height of the yearly wave: 0.2 is 20 % above and below the mean.
        surges: (first week, weeks, factor, region): that region refers so much more.
        outages: (site, first week, weeks): the site stands still.
        new_group_from: Week in which the last group begins to be referred, or None.
        load: Referred places over the places of the sites.
    """

    seed: int = 1
    genomes: int = 60_000
    weeks: int = 208
    backlog_weeks: int = 4
    first: date = date(2026, 1, 5)
    regions: int = 5
    groups: int = 20
    urgencies: tuple[float, float, float] = (0.08, 0.32, 0.60)
    season: float = 0.2
    surges: tuple[tuple[int, int, float, int], ...] = ((70, 6, 2.5, 1), (150, 4, 2.0, 3))
    outages: tuple[tuple[int, int, int], ...] = ((1, 110, 5),)
    new_group_from: int | None = 104
    load: float = 0.95


#: Share of all flowcells that each site runs; lanes of a flowcell, and genomes of a lane.
_SITE_SHARES = (0.5, 0.3, 0.2)
_PLACES = (4, 6)


def capacity_of(scenario: Scenario, slack_weeks: int = 12) -> Capacity:
    """Sites that can just take the scenario's referrals, over its weeks and ``slack_weeks``."""
    size = _PLACES[0] * _PLACES[1]
    places = scenario.genomes / GENOMES_PER_CASE * PLACES_PER_CASE
    weekly = places / (scenario.weeks + scenario.backlog_weeks) / scenario.load / 0.97
    sites = []
    for number, share in enumerate(_SITE_SHARES):
        changes = tuple(
            (_week(scenario, first), _week(scenario, first + weeks - 1), 0)
            for site, first, weeks in scenario.outages
            if site == number
        )
        count = max(1, round(weekly * share / size))
        sites.append(Site(f"site-{number + 1}", count, size, changes))
    total = sum(site.flowcells_per_week for site in sites) * size
    return Capacity(
        sites=tuple(sites),
        transport_days={
            region: {site.name: 1 + (r + s) % 3 for s, site in enumerate(sites)}
            for r, region in enumerate(_regions(scenario))
        },
        core_hours_per_week=float(total * 30),
        horizon_weeks=scenario.weeks + slack_weeks,
    )


def simulate(scenario: Scenario) -> list[Referral]:
    """The referrals of a scenario, in the order of their days."""
    rng = np.random.default_rng(scenario.seed)
    rate = _rates(scenario)
    cases = scenario.genomes / GENOMES_PER_CASE
    counts = rng.poisson(rate / rate.sum() * cases)
    week, region, group = (
        np.repeat(index.ravel(), counts.ravel()) for index in np.indices(counts.shape)
    )
    day = (week - scenario.backlog_weeks) * 7 + rng.choice(
        7, len(week), p=[0.2, 0.2, 0.2, 0.2, 0.18, 0.01, 0.01]
    )
    kind = rng.choice(len(KINDS), len(week), p=[share for share, _ in KINDS])
    urgency = rng.choice(3, len(week), p=scenario.urgencies)
    # Whoever was acute more than a week before the plan has been sequenced.
    urgency[(urgency == 0) & (day < -7)] = 1
    regions, groups = _regions(scenario), _groups(scenario)
    referrals: list[Referral] = []
    for number, case in enumerate(np.argsort(day, kind="stable").tolist()):
        referrals += _case(
            number,
            KINDS[kind[case]][1],
            (regions[region[case]], groups[group[case]], URGENCIES[urgency[case]]),
            scenario.first + timedelta(days=int(day[case])),
        )
    return referrals


def _case(
    number: int,
    people: Sequence[tuple[str, ...]],
    labels: tuple[str, str, str],
    day: date,
) -> list[Referral]:
    family = f"F{number:06d}" if len(people) > 1 else ""
    return [
        Referral(
            patient_id=f"simulated-{number:06d}-{person}",
            sample_ids=tuple(f"S{number:06d}-{person}-{m}" for m in range(len(materials))),
            materials=materials,
            family_id=family,
            region=labels[0],
            patient_group=labels[1],
            urgency=labels[2],
            referred=day,
        )
        for person, materials in enumerate(people)
    ]


def _rates(scenario: Scenario) -> Floats:
    """Relative number of cases per week, region and group."""
    span = scenario.weeks + scenario.backlog_weeks
    weeks = np.arange(span) - float(scenario.backlog_weeks)
    season = 1 + scenario.season * np.sin(2 * np.pi * weeks / 52)
    people = 1 / np.arange(2, scenario.regions + 2)
    sizes = 1 / np.arange(3, scenario.groups + 3)
    rate = season[:, None, None] * people[None, :, None] * sizes[None, None, :]
    for first, length, factor, region in scenario.surges:
        begin = first + scenario.backlog_weeks
        rate[begin : begin + length, region % scenario.regions] *= factor
    if scenario.new_group_from is not None and scenario.groups > 1:
        rate[: scenario.new_group_from + scenario.backlog_weeks, :, -1] = 0
        rate[scenario.new_group_from + scenario.backlog_weeks :, :, -1] *= 4
    return np.asarray(rate)


def _regions(scenario: Scenario) -> list[str]:
    return [f"region {number + 1}" for number in range(scenario.regions)]


def _groups(scenario: Scenario) -> list[str]:
    return [f"group {number + 1:02d}" for number in range(scenario.groups)]


def _week(scenario: Scenario, week: int) -> str:
    return Calendar(scenario.first, scenario.weeks).name(week)
