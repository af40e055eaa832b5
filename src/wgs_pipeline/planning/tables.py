"""plan.tsv and the waves: a plan as sheets, and a previous plan read back."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wgs_pipeline.errors import Problem
from wgs_pipeline.planning.cases import URGENCIES
from wgs_pipeline.planning.planner import Plan
from wgs_pipeline.planning.referrals import Roster
from wgs_pipeline.planning.weeks import Calendar, parse_week

COLUMNS = (
    *("sample_id", "family_id", "material", "week", "site", "flowcell", "priority"),
    *("region", "patient_group", "wait_weeks", "within_limit", "frozen"),
)
_SLOT = ("sample_id", "week", "site", "flowcell")
_FLOWCELL = re.compile(r".+[.]([0-9]+)")


@dataclass(frozen=True)
class Slot:
    """Where a sample stood in a previous plan: week by its name, flowcells by their numbers."""

    week: str
    site: str
    flowcells: tuple[int, ...]


def plan_rows(
    roster: Roster, plan: Plan, sites: Sequence[str], calendar: Calendar, repeat_wait: float
) -> list[dict[str, str]]:
    """One row per sample, by week, site, flowcell and sample. No row names a patient.

    Args:
        roster: The cases and their referrals.
        plan: The plan.
        sites: Names of the sites.
        calendar: The weeks of the plan.
        repeat_wait: Expected weeks that repeats add to every wait.
    """
    rows = []
    for case, group in enumerate(roster.members):
        week, site = int(plan.slots.week[case]), int(plan.slots.site[case])
        names = [f"{sites[site]}.{calendar.name(week)}.{number}" for number in plan.flowcells[case]]
        for referral in group:
            waited = week + 1 - (referral.referred - calendar.first).days / 7 + repeat_wait
            for sample, material in zip(referral.sample_ids, referral.materials, strict=True):
                rows.append(
                    {
                        "sample_id": sample,
                        "family_id": roster.cases.names[case],
                        "material": material,
                        "week": calendar.name(week),
                        "site": sites[site],
                        "flowcell": ",".join(names),
                        "priority": URGENCIES[int(roster.cases.urgency[case])],
                        "region": referral.region,
                        "patient_group": referral.patient_group,
                        "wait_weeks": f"{waited:.1f}",
                        "within_limit": "yes" if week <= roster.cases.due[case] else "no",
                        "frozen": "yes" if roster.cases.fixed_week[case] >= 0 else "no",
                    }
                )
    return sorted(rows, key=lambda r: (r["week"], r["site"], r["flowcell"], r["sample_id"]))


def as_tsv(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> str:
    """A sheet: a header and the rows, tab-separated."""
    text = io.StringIO()
    writer = csv.DictWriter(
        text,
        columns,
        delimiter="\t",
        lineterminator="\n",
        extrasaction="ignore",
        quoting=csv.QUOTE_NONE,
        quotechar=None,
    )
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def read_previous(path: Path, sites: Sequence[str]) -> tuple[dict[str, Slot], list[Problem]]:
    """The slots of a plan.tsv by sample, and everything wrong with it."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        found, expected = "cannot be read", "a plan.tsv that wgs plan wrote"
        return {}, [Problem(str(path), 0, found, expected, "Correct --previous.")]
    header = lines[0].split("\t") if lines else []
    missing = [column for column in _SLOT if column not in header]
    if missing:
        found = f"no column {', '.join(missing)}"
        remedy = "Name a plan.tsv that wgs plan wrote."
        return {}, [Problem(str(path), 1, found, f"columns {', '.join(_SLOT)}", remedy)]
    slots: dict[str, Slot] = {}
    problems = []
    for number, line in enumerate(lines[1:], 2):
        cells = dict(zip(header, line.split("\t"), strict=False))
        read = _slot(cells, sites)
        if isinstance(read, str):
            remedy = "Use the plan as wgs plan wrote it."
            problems.append(Problem(str(path), number, read, "a week and a known site", remedy))
        else:
            slots[cells["sample_id"]] = read
    return slots, problems


def _slot(cells: Mapping[str, str], sites: Sequence[str]) -> Slot | str:
    if any(not cells.get(column) for column in _SLOT):
        return "a row without sample_id, week, site or flowcell"
    if parse_week(cells["week"]) is None:
        return "a week that is not in the calendar"
    if cells["site"] not in sites:
        return "a site that the capacity file does not have"
    matches = [_FLOWCELL.fullmatch(name) for name in cells["flowcell"].split(",")]
    numbers = tuple(int(match[1]) for match in matches if match)
    return Slot(cells["week"], cells["site"], numbers)
