"""The tables of the report: what may leave the house, with small numbers withheld."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from wgs_pipeline.files import replacing
from wgs_pipeline.governance import ALL
from wgs_pipeline.governance.accesses import questions
from wgs_pipeline.governance.counting import Cube, count
from wgs_pipeline.governance.equal_access import Access, access, persons_by_region_and_group
from wgs_pipeline.governance.footprint import footprints
from wgs_pipeline.governance.gather import Gathered
from wgs_pipeline.governance.genomes import FAILED, OUTCOMES
from wgs_pipeline.governance.honouring import DECISIONS, STATES, honouring
from wgs_pipeline.governance.settings import Settings
from wgs_pipeline.governance.suppression import Mask, small, with_totals, withhold
from wgs_pipeline.governance.turnaround import turnaround

#: Name of the total over outcomes.
SEQUENCED = "sequenced"
#: Counted in samples, from the run reports: nothing of them was read.
LEFT_OUT = "samples left out of runs for lack of consent"
_Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Report:
    """What may be shown.

    Attributes:
        settings: What the programme is measured against.
        generated_at: When it was made.
        generation: Generation of the database; None where the number of its genomes is withheld,
            as nearly every load makes a generation.
        tables: Tables by name, as rows.
        notes: What the reader must know about gaps in the data.
    """

    settings: Settings
    generated_at: datetime
    generation: int | None
    tables: Mapping[str, _Rows]
    notes: Sequence[str]


def publish(gathered: Gathered, now: datetime) -> Report:
    """Count, and withhold what must not be shown.

    Args:
        gathered: What was read.
        now: When the report is made, with time zone.
    """
    settings, minimum = gathered.settings, gathered.settings.minimum_count
    relevant = settings.relevant_patients
    groups = {group for of in relevant.values() for group in of}
    cube = count(gathered.genomes, list(relevant), list(groups))
    withheld, equal = _counted(gathered, cube)
    durations, backwards = turnaround(gathered.genomes, cube.regions, minimum)
    consent, speed = _consent(gathered, now)
    tables: dict[str, _Rows] = {
        "genomes": _genome_rows(cube, withheld),
        "database": _database_rows(gathered, bool(withheld[-1, -1, -1, 0]), minimum),
        "turnaround": [asdict(each) for each in durations],
        "equal_access": equal,
        "failures": _failure_rows(gathered, bool(withheld[-1, -1, -1, 1]), minimum),
        "footprint": [asdict(each) for each in footprints(gathered.runs, settings)],
        "consent": consent,
        "consent_speed": speed,
        "accesses": _access_rows(gathered.holdings.log),
    }
    return Report(
        settings,
        now.astimezone(UTC),
        None if withheld[-1, -1, -1, 0] else gathered.holdings.generation,
        tables,
        _notes(gathered, cube, backwards),
    )


def write_tables(report: Report, folder: Path) -> None:
    """Write every table as ``<name>.csv`` and ``<name>.parquet``."""
    for name, rows in report.tables.items():
        table = pa.Table.from_pylist(rows, schema=SCHEMAS[name])
        with replacing(folder / f"{name}.parquet") as temporary:
            pq.write_table(table, temporary)
        with replacing(folder / f"{name}.csv") as temporary:
            pa.csv.write_csv(table, temporary)


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema(list(columns.items()))


_TEXT, _COUNT, _NUMBER, _YES = pa.string(), pa.int64(), pa.float64(), pa.bool_()
SCHEMAS: dict[str, pa.Schema] = {
    "genomes": _schema(
        month=_TEXT, region=_TEXT, patient_group=_TEXT, outcome=_TEXT,
        genomes=_COUNT, withheld=_YES,
    ),
    "database": _schema(plane=_TEXT, genomes=_COUNT, withheld=_YES),
    "turnaround": _schema(
        region=_TEXT, stage=_TEXT, genomes=_COUNT, p50_days=_NUMBER, p90_days=_NUMBER
    ),
    "equal_access": _schema(
        region=_TEXT, patients=_COUNT, relevant_patients=_COUNT,
        rate=_NUMBER, rate_low=_NUMBER, rate_high=_NUMBER,
        index=_NUMBER, index_low=_NUMBER, index_high=_NUMBER, withheld=_YES,
    ),
    "failures": _schema(reason=_TEXT, genomes=_COUNT, withheld=_YES),
    "footprint": _schema(
        month=_TEXT, core_hours=_NUMBER, gb_hours=_NUMBER, cost=_NUMBER, kwh=_NUMBER,
        co2e_g=_NUMBER,
    ),
    "consent": _schema(decision=_TEXT, state=_TEXT, persons=_COUNT, withheld=_YES),
    "consent_speed": _schema(
        decision=_TEXT, moment_known=_TEXT, p50_days=_NUMBER, p90_days=_NUMBER,
        oldest_waiting=_TEXT,
    ),
    "accesses": _schema(
        month=_TEXT, purpose=_TEXT, action=_TEXT, decision=_TEXT, questions=_COUNT
    ),
}  # fmt: skip


def _counted(gathered: Gathered, cube: Cube) -> tuple[Mask, _Rows]:
    """Cells of the cube to withhold, and the rows of equal access, which must agree.

    Persons and genomes of a region are nearly the same number, so what is withheld of one is
    withheld of the other.
    """
    settings, minimum = gathered.settings, gathered.settings.minimum_count
    persons = persons_by_region_and_group(gathered.genomes, cube.regions, cube.groups)
    relevant = settings.relevant_patients
    configured = np.array(
        [[group in relevant.get(region, {}) for group in cube.groups] for region in cube.regions],
        dtype=np.bool_,
    ).reshape(persons.shape)
    counted, rest = (np.where(each, persons, 0).sum(axis=1) for each in (configured, ~configured))
    split = with_totals(np.stack([counted, rest], axis=1))
    also: Mask = np.zeros(cube.table.shape, dtype=np.bool_)
    while True:
        withheld = cube.withheld(minimum, also)
        regions = withheld[-1, :, -1, -1]
        sensitive = small(split, minimum)
        sensitive[:, -1] |= regions
        hidden = withhold(split, sensitive)
        if not (hidden[:, -1] & ~regions).any():
            break
        also[-1, :, -1, -1] |= hidden[:, -1]
    rare = {group for place, group in enumerate(cube.groups) if withheld[-1, -1, place, -1]}
    found = access(persons, cube.regions, cube.groups, relevant, rare)
    places = {region: place for place, region in enumerate((*cube.regions, ALL))}
    return withheld, [_access_row(each, bool(hidden[places[each.region], 0])) for each in found]


def _access_row(each: Access, hidden: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "region": each.region, "patients": None, "relevant_patients": each.relevant
    }  # fmt: skip
    names = ("rate", "rate_low", "rate_high", "index", "index_low", "index_high")
    row |= dict.fromkeys(names) | {"withheld": hidden}
    if hidden:
        return row
    values = (*each.rate, *(each.index or (None,) * 3))
    digits = (1, 1, 1, 3, 3, 3)
    return row | {"patients": each.patients} | {
        name: None if value is None else round(value, places)
        for name, value, places in zip(names, values, digits, strict=True)
    }  # fmt: skip


def _genome_rows(cube: Cube, withheld: Mask) -> _Rows:
    names = (
        (*cube.months, ALL), (*cube.regions, ALL), (*cube.groups, ALL), (*OUTCOMES, SEQUENCED)
    )  # fmt: skip
    return [
        {
            "month": names[0][cell[0]], "region": names[1][cell[1]],
            "patient_group": names[2][cell[2]], "outcome": names[3][cell[3]],
            **_shown("genomes", int(cube.table[cell]), bool(withheld[cell])),
        }
        for cell in np.ndindex(cube.table.shape)
    ]  # fmt: skip


def _database_rows(gathered: Gathered, total_withheld: bool, minimum: int) -> _Rows:
    planes = ("research", "care_only")
    held = gathered.holdings.held
    table = with_totals(
        np.array([sum(each.plane == plane for each in held) for plane in planes], dtype=np.int64)
    )
    persons = [len({each.person for each in held if each.plane == plane}) for plane in planes]
    everyone = len({each.person for each in held})
    sensitive = small(table, minimum) | small(np.array([*persons, everyone]), minimum)
    sensitive[-1] |= total_withheld
    hidden = withhold(table, sensitive)
    return [
        {"plane": plane, **_shown("genomes", int(value), bool(gone))}
        for plane, value, gone in zip((*planes, ALL), table, hidden, strict=True)
    ]


def _failure_rows(gathered: Gathered, total_withheld: bool, minimum: int) -> _Rows:
    """Genomes that failed, by reason; none is shown where the number that failed is not.

    One genome may have several reasons.
    """
    failed = [each for each in gathered.genomes if each.outcome == FAILED]
    counts = Counter(reason for each in failed for reason in each.reasons or ("not stated",))
    ranked = sorted(counts, key=lambda reason: (-counts[reason], reason))
    table = with_totals(np.array([counts[reason] for reason in ranked], dtype=np.int64))
    hidden = withhold(table, small(table, minimum)) | total_withheld
    return [
        {"reason": reason, **_shown("genomes", counts[reason], bool(hidden[place]))}
        for place, reason in enumerate(ranked)
    ]


def _consent(gathered: Gathered, now: datetime) -> tuple[_Rows, _Rows]:
    minimum = gathered.settings.minimum_count
    counts, speeds = honouring(gathered.holdings, now, minimum)
    table = with_totals(counts)
    hidden = withhold(table, small(table, minimum))
    decisions, states = (*DECISIONS.values(), ALL), (*STATES, ALL)
    rows = [
        {
            "decision": decisions[row], "state": states[column],
            **_shown("persons", int(table[row, column]), bool(hidden[row, column])),
        }
        for row in range(len(decisions) - 1)  # a person may have decided on both
        for column in range(len(states))
    ]  # fmt: skip
    left_out = gathered.left_out
    shown = _shown("persons", left_out, 0 < left_out < minimum)
    rows.append({"decision": LEFT_OUT, "state": ALL, **shown})
    speed = [
        {
            "decision": each.decision, "moment_known": _portion(each.known, each.done),
            "p50_days": each.p50_days, "p90_days": each.p90_days,
            "oldest_waiting": each.oldest_waiting,
        }
        for each in speeds
    ]  # fmt: skip
    return rows, speed


def _portion(known: int, done: int) -> str:
    if done == 0:
        return "nothing to know"
    return "none" if known == 0 else "all" if known == done else "some"


def _access_rows(log: Sequence[Mapping[str, Any]]) -> _Rows:
    names = ("month", "purpose", "action", "decision")
    return [
        dict(zip(names, key, strict=True)) | {"questions": number}
        for key, number in sorted(questions(log).items())
    ]


def _shown(name: str, value: int, withheld: bool) -> dict[str, Any]:
    return {name: None if withheld else value, "withheld": withheld}


def _notes(gathered: Gathered, cube: Cube, backwards: int) -> list[str]:
    """What the reader must know; about how many people it holds is said in words only."""
    genomes = gathered.genomes
    found = []
    if not gathered.runs:
        found.append("No run report was given: failures, yield, cost and emission are unknown.")
    if not any(each.referred_at for each in genomes):
        found.append("No referral dates were given: time from referral is unknown.")
    unknown = sum(each.sequenced_at is None for each in genomes)
    if unknown:
        found.append(
            f"{_how_many(unknown, len(genomes))} genomes have no date of sequencing and are "
            "counted in the month of their first run or load."
        )
    if backwards:
        found.append("Some dates run backwards (an end before its beginning); they are left out.")
    if any(run.memory_is_bound for run in gathered.runs):
        found.append(
            "Some runs came without their benchmark files: their memory-hours are upper bounds."
        )
    if gathered.settings.relevant_patients:
        missing = _without_base(gathered, cube)
        if missing:
            found.append(
                "Without a number of relevant patients, and so not in equal access: "
                + "; ".join(missing) + "."
            )  # fmt: skip
    return found


def _how_many(part: int, whole: int) -> str:
    share = part / whole
    return "All" if part == whole else "Most" if share > 0.5 else "Some"


def _without_base(gathered: Gathered, cube: Cube) -> list[str]:
    """Groups that lack relevant patients in some region."""
    relevant = gathered.settings.relevant_patients
    pairs: Iterable[tuple[str, str]] = {(e.region, e.patient_group) for e in gathered.genomes}
    lacking = {group for region, group in pairs if group not in relevant.get(region, {})}
    return [group for group in cube.groups if group in lacking]
