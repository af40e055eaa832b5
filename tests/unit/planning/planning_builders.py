"""Small plans for tests: cases, sites and their brute-force optimum."""

from __future__ import annotations

import itertools
from datetime import date
from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from wgs_pipeline.planning.capacity import Capacity, Site
from wgs_pipeline.planning.cases import Cases, Supply
from wgs_pipeline.planning.referrals import Referral
from wgs_pipeline.planning.weeks import Calendar

MONDAY = date(2026, 1, 5)
WEIGHTS = (4, 2, 1)


def cases_of(rows, sites=1, weeks=6):
    """Cases of rows (places, cell, urgency, referred, due, arrivals)."""
    none = np.full(len(rows), -1)
    columns = list(zip(*rows, strict=True))
    arrival = np.array(columns[5], dtype=np.int64).reshape(len(rows), sites)
    return Cases(
        names=tuple(f"c{number:02d}" for number in range(len(rows))),
        places=np.array(columns[0], dtype=np.int64),
        patients=np.ones(len(rows), dtype=np.int64),
        referred=np.array(columns[3], dtype=np.float64),
        cell=np.array(columns[1], dtype=np.int64),
        urgency=np.array(columns[2], dtype=np.int64),
        due=np.array(columns[4], dtype=np.int64),
        arrival=np.minimum(arrival, weeks),
        fixed_week=none,
        fixed_site=none,
        previous_week=none,
        previous_site=none,
        cells=tuple((f"region {cell}", "group") for cell in range(max(columns[1]) + 1)),
    )


def supply_of(places, flowcell=4, compute=1_000):
    """Sites with ``places`` (a list of weeks per site), no reserve."""
    array = np.array(places, dtype=np.int64)
    return Supply(
        sites=tuple(f"site-{number}" for number in range(len(array))),
        places=array,
        flowcell_places=np.full(len(array), flowcell),
        open_share=1.0,
        compute=np.full(array.shape[1], compute),
    )


@st.composite
def instances(draw, most_cases=6, weeks=6, most_places=3):
    """Cases and sites; often short of places in some week, never over the horizon."""
    sites = draw(st.integers(1, 2))
    flowcells = draw(st.lists(st.integers(0, 1), min_size=sites * weeks, max_size=sites * weeks))
    places = np.array(flowcells).reshape(sites, weeks) * 3
    places[:, -3:] = 9  # so that there is a plan
    rows = []
    for _ in range(draw(st.integers(1, most_cases))):
        week = draw(st.integers(0, 2))
        urgency = draw(st.integers(0, 2))
        arrival = [week + draw(st.integers(0, 1)) for _ in range(sites)]
        size = draw(st.integers(1, most_places))
        cell = draw(st.integers(0, 2))
        rows.append((size, cell, urgency, week - 1, week + draw(st.integers(0, 2)), arrival))
    return cases_of(rows, sites, weeks), supply_of(places, flowcell=3)


def all_plans(cases, supply):
    """Every plan that keeps the rules, as a tuple of (site, week) per case."""
    choices = []
    for case in range(len(cases)):
        since = cases.arrival[case]
        choices.append(
            [
                (site, week)
                for site in range(len(supply.sites))
                for week in range(int(since[site]), supply.weeks)
            ]
        )

    def extend(case, left, compute, chosen):
        if case == len(cases):
            yield tuple(chosen)
            return
        size = int(cases.places[case])
        for slot in choices[case]:
            if left[slot] >= size and compute[slot[1]] >= size:
                left[slot] -= size
                compute[slot[1]] -= size
                yield from extend(case + 1, left, compute, [*chosen, slot])
                left[slot] += size
                compute[slot[1]] += size

    slots = itertools.product(range(len(supply.sites)), range(supply.weeks))
    left = {slot: int(supply.places[slot]) for slot in slots}
    yield from extend(0, left, supply.compute.tolist(), [])


def goals_of(cases, plan):
    """Breaches, lateness, acute wait, worst mean and weighted total, counted by hand."""
    breaches = lateness = 0
    acute_wait = total = Fraction(0)
    waited, places = {}, {}
    for case, (_, week) in enumerate(plan):
        size, urgency = int(cases.places[case]), int(cases.urgency[case])
        wait = (week - Fraction(float(cases.referred[case]))) * size
        if urgency == 0:
            breaches += week > cases.due[case]
            lateness += max(0, week - int(cases.due[case]))
            acute_wait += wait
        total += wait * WEIGHTS[urgency]
        cell = int(cases.cell[case])
        waited[cell] = waited.get(cell, 0) + wait
        places[cell] = places.get(cell, 0) + size
    worst = max(waited[cell] / places[cell] for cell in waited)
    return breaches, lateness, acute_wait, worst, total


CALENDAR = Calendar(MONDAY, 8)


def capacity(**changes):
    """Two sites of one flowcell of 2 x 4 places a week, and two regions."""
    values = {
        "sites": (Site("east", 1, 8), Site("west", 1, 8)),
        "transport_days": {"A": {"east": 1, "west": 3}, "B": {"west": 1}},
        "core_hours_per_week": 1_000.0,
        "failure_rate": 0.0,
        "horizon_weeks": 8,
    }
    return Capacity(**{**values, **changes})


def referral(name, **changes):
    """A routine germline referral of region A on the first day of the plan."""
    values = {
        "patient_id": f"patient-{name}",
        "sample_ids": (name,),
        "materials": ("germline",),
        "family_id": "",
        "region": "A",
        "patient_group": "group",
        "urgency": "routine",
        "referred": MONDAY,
    }
    return Referral(**{**values, **changes})
