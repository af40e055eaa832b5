"""referrals.tsv: who waits to be sequenced, and the cases that these referrals make."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from wgs_pipeline.errors import Problem
from wgs_pipeline.identifiers import canonical_patient_id, shown_word
from wgs_pipeline.planning.capacity import Capacity
from wgs_pipeline.planning.cases import URGENCIES, Cases
from wgs_pipeline.planning.weeks import Calendar, parse_day
from wgs_pipeline.sheets import Sample
from wgs_pipeline.tables import Row, read_table


@dataclass(frozen=True)
class Referral:
    """One patient's samples that wait to be sequenced.

    Attributes:
        patient_id: The person; never to be shown.
        sample_ids: The samples, sorted.
        materials: Material of each sample.
        family_id: Family, or "" where there is none.
        region: Health region.
        patient_group: Patient group.
        urgency: acute, soon or routine.
        referred: Day of the referral.
        due: Last day of its limit, or None for that of its urgency.
        line: 1-based line of the sheet.
    """

    patient_id: str = field(repr=False)
    sample_ids: tuple[str, ...]
    materials: tuple[str, ...]
    family_id: str
    region: str
    patient_group: str
    urgency: str
    referred: date
    due: date | None = None
    line: int = 0


@dataclass(frozen=True)
class Roster:
    """Cases, and the referrals of each."""

    cases: Cases
    members: tuple[tuple[Referral, ...], ...]


def parse_referrals(
    path: Path, samples: Sequence[Sample], today: date
) -> tuple[list[Referral], list[Problem]]:
    """Read a sheet of referrals as far as possible, and everything wrong with it.

    Args:
        path: The sheet.
        samples: The project's samples, for material and family of those that are known.
        today: The day of the plan; a later referral is a problem.
    """
    table = read_table(path, "referrals")
    problems, referrals = list(table.problems), []
    known = {sample.sample_id: sample for sample in samples}
    for row in table.rows:
        read = _referral(path, row, known, today)
        if isinstance(read, Referral):
            referrals.append(read)
        else:
            problems.append(read)
    return referrals, [*problems, *_repeated(path, referrals)]


def _referral(path: Path, row: Row, known: Mapping[str, Sample], today: date) -> Referral | Problem:
    def problem(found: str, expected: str, remedy: str) -> Problem:
        return Problem(str(path), row.line, found, expected, remedy)

    patient = canonical_patient_id(row["patient_id"])
    family, named = row.get("family_id") or "", row.get("sample_ids")
    if named:
        names = named.split(",")
    else:
        mine = (s for s in known.values() if s.patient_id == patient and s.family_id == family)
        names = [sample.sample_id for sample in mine]
    if not names:
        expected = "sample_ids, or a family_id under which samples.tsv has the patient's samples"
        return problem("a referral without samples", expected, "Fill in sample_ids.")
    for name in names:
        if name in known and known[name].patient_id != patient:
            found = f"sample {name!r} is another patient's in the project's sheet of samples"
            return problem(found, "a sample of this patient", "Correct sample or patient.")
        family = family or (known[name].family_id if name in known else "")
    stated = (row.get("materials") or "").split(",") if row.get("materials") else []
    if stated and len(stated) != len(names):
        found = f"{len(stated)} materials for {len(names)} samples"
        return problem(found, "one for each sample", "Correct the materials.")
    materials = stated or [known[n].material if n in known else "germline" for n in names]
    referred, due_text = parse_day(row["referred_at"]), row.get("due_by")
    due = parse_day(due_text) if due_text else None
    if referred is None or (due_text and due is None):
        return problem("no date of the calendar", "dates as 2025-01-31", "Correct the date.")
    if referred > today:
        expected = f"a day up to that of the plan ({today.isoformat()})"
        return problem(f"referred_at is {referred}, in the future", expected, "Correct the date.")
    if due is not None and due < referred:
        found = f"due_by {due} before referred_at {referred}"
        return problem(found, "a limit after the referral", "Correct one of the two.")
    pairs = sorted(zip(names, materials, strict=True))
    return Referral(
        patient_id=patient,
        sample_ids=tuple(name for name, _ in pairs),
        materials=tuple(material for _, material in pairs),
        family_id=family,
        region=row["region"],
        patient_group=row["patient_group"],
        urgency=row["urgency"],
        referred=referred,
        due=due,
        line=row.line,
    )


def _repeated(path: Path, referrals: Iterable[Referral]) -> list[Problem]:
    problems: list[Problem] = []
    first: dict[str, int] = {}
    for referral in referrals:
        for name in referral.sample_ids:
            line = first.setdefault(name, referral.line)
            if line != referral.line or referral.sample_ids.count(name) > 1:
                found = f"sample {name!r} again (first on line {line})"
                remedy = "Remove one: a sample is sequenced once."
                problems.append(
                    Problem(str(path), referral.line, found, "each sample once", remedy)
                )
    return problems


def match_capacity(path: Path, referrals: Sequence[Referral], capacity: Capacity) -> list[Problem]:
    """Referrals that no site takes, and families of several regions or too large."""
    problems = []
    for referral in referrals:
        if referral.region not in capacity.transport_days:
            found = f"region {shown_word(referral.region)}"
            expected = f"one of {', '.join(sorted(capacity.transport_days))}"
            remedy = "Correct the region, or add it to transport_days of the capacity file."
            problems.append(Problem(str(path), referral.line, found, expected, remedy))
    for name, members in _families(referrals).items():
        problems += _family_problems(path, name, members, capacity)
    return problems


def _family_problems(
    path: Path, name: str, members: Sequence[Referral], capacity: Capacity
) -> list[Problem]:
    line, regions = members[0].line, sorted({member.region for member in members})
    if len(regions) > 1:
        found = f"family {name!r} with regions {', '.join(map(shown_word, regions))}"
        remedy = "Give the region that collects the samples to all of them."
        return [Problem(str(path), line, found, "one region per family", remedy)]
    reached = capacity.transport_days.get(regions[0], {})
    sizes = [site.flowcell_places for site in capacity.sites if site.name in reached]
    places = sum(capacity.places(m) for member in members for m in member.materials)
    if capacity.larger_than_flowcell == "refuse" and sizes and places > max(sizes):
        samples = sum(len(member.sample_ids) for member in members)
        found = f"family {name!r} has {samples} samples that need {places} places"
        expected = f"at most {max(sizes)}, the places of a flowcell that takes its region"
        remedy = "Use larger flowcells, or set batch.larger_than_flowcell: split."
        return [Problem(str(path), line, found, expected, remedy)]
    return []


def _families(referrals: Iterable[Referral]) -> dict[str, list[Referral]]:
    """Referrals by what stays together: those of a family or of one patient; sorted by name."""
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        while parent.setdefault(key, key) != key:
            key = parent[key]
        return key

    listed = sorted(referrals, key=lambda referral: referral.sample_ids)
    for referral in listed:
        own = root(f"patient {referral.patient_id}")
        if referral.family_id:
            parent[own] = root(f"family {referral.family_id}")
    groups: dict[str, list[Referral]] = {}
    for referral in listed:
        groups.setdefault(root(f"patient {referral.patient_id}"), []).append(referral)
    named = {}
    for members in groups.values():
        families = sorted({member.family_id for member in members if member.family_id})
        named[families[0] if families else members[0].sample_ids[0]] = members
    return dict(sorted(named.items()))


def make_roster(referrals: Iterable[Referral], capacity: Capacity, calendar: Calendar) -> Roster:
    """The cases of referrals; nothing is frozen and nobody has a previous slot."""
    families = _families(referrals)
    members = tuple(tuple(group) for group in families.values())
    cells = sorted({(m.region, m.patient_group) for group in members for m in group})
    place = {cell: number for number, cell in enumerate(cells)}
    leads = [_lead(group) for group in members]
    none = np.full(len(members), -1)

    def column(value: Callable[[tuple[Referral, ...]], float]) -> list[float]:
        return [value(group) for group in members]

    cases = Cases(
        names=tuple(families),
        places=np.array(
            column(lambda g: sum(capacity.places(m) for r in g for m in r.materials)),
            dtype=np.int64,
        ),
        patients=np.array(column(len), dtype=np.int64),
        referred=np.array(column(lambda g: _mean_week(g, calendar)), dtype=np.float64),
        cell=np.array([place[r.region, r.patient_group] for r in leads], dtype=np.int64),
        urgency=np.array([URGENCIES.index(r.urgency) for r in leads], dtype=np.int64),
        due=np.array(column(lambda g: _due_week(g, capacity, calendar)), dtype=np.int64),
        arrival=_arrivals(members, capacity, calendar),
        fixed_week=none,
        fixed_site=none,
        previous_week=none,
        previous_site=none,
        cells=tuple(cells),
    )
    return Roster(cases, members)


def _lead(group: Sequence[Referral]) -> Referral:
    """The referral whose urgency and patient group are the family's: the most urgent, earliest."""
    return min(group, key=lambda r: (URGENCIES.index(r.urgency), r.referred, r.sample_ids))


def _mean_week(group: Sequence[Referral], calendar: Calendar) -> float:
    """Mean moment of referral in weeks, from the end of week 0: waiting lasts to a week's end."""
    days = sum((referral.referred - calendar.first).days for referral in group)
    return days / len(group) / 7 - 1


def _due_week(group: Sequence[Referral], capacity: Capacity, calendar: Calendar) -> int:
    def due(referral: Referral) -> date:
        limit = capacity.limits_days[URGENCIES.index(referral.urgency)]
        return referral.due or referral.referred + timedelta(days=limit)

    lead = _lead(group)
    return calendar.last_completed(min(due(r) for r in group if r.urgency == lead.urgency))


def _arrivals(
    members: Sequence[Sequence[Referral]], capacity: Capacity, calendar: Calendar
) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """First week that begins when all samples of a case stand at a site, shape (cases, sites)."""
    arrivals = np.full((len(members), len(capacity.sites)), calendar.count, dtype=np.int64)
    for case, group in enumerate(members):
        last = max(referral.referred for referral in group)
        places = sum(capacity.places(m) for r in group for m in r.materials)
        for number, site in enumerate(capacity.sites):
            days = capacity.transport_days.get(group[0].region, {}).get(site.name)
            too_large = places > site.flowcell_places
            if days is None or (too_large and capacity.larger_than_flowcell == "refuse"):
                continue
            week = calendar.index(last + timedelta(days=days + 6))
            arrivals[case, number] = min(max(0, week), calendar.count)
    return arrivals
