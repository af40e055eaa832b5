"""Dates from outside the pipeline: referrals, sequencing, clinical answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from wgs_pipeline.errors import Problem, ProblemsError
from wgs_pipeline.identifiers import canonical_patient_id
from wgs_pipeline.sheets import Sample
from wgs_pipeline.tables import Row, read_table


@dataclass(frozen=True)
class Milestones:
    """When what happened to a sample; None where nobody said."""

    referred_at: datetime | None = None
    sequenced_at: datetime | None = None
    reported_at: datetime | None = None


def read_milestones(paths: Iterable[Path]) -> dict[str, Milestones]:
    """Milestones by sample; of a sample in several files the later file's row holds.

    Raises:
        ProblemsError: Everything wrong with the sheets.
    """
    found: dict[str, Milestones] = {}
    for path in paths:
        for row, moments in _rows(path, "milestones", tuple(Milestones.__dataclass_fields__)):
            found[row["sample_id"]] = Milestones(**moments)
    return found


def read_referrals(paths: Iterable[Path], samples: Sequence[Sample]) -> dict[str, datetime]:
    """When each sample was referred: its earliest referral.

    Args:
        paths: Referral sheets, as referrals.schema.yaml describes them.
        samples: Samples of which they may speak; others are ignored.

    Raises:
        ProblemsError: Everything wrong with the sheets.
    """
    of_person: dict[str, list[Sample]] = {}
    known = {sample.sample_id: sample for sample in samples}
    for sample in samples:
        of_person.setdefault(canonical_patient_id(sample.patient_id), []).append(sample)
    referred: dict[str, datetime] = {}
    for path in paths:
        for row, moments in _rows(path, "referrals", ("referred_at",)):
            at = moments["referred_at"]
            for sample in _meant(row, known, of_person):
                if at is not None:
                    referred[sample.sample_id] = min(at, referred.get(sample.sample_id, at))
    return referred


def _meant(
    row: Row, known: Mapping[str, Sample], of_person: Mapping[str, Sequence[Sample]]
) -> Sequence[Sample]:
    """Samples of a referral: those named, else the patient's, of the family where one is named."""
    names, family = row.get("sample_ids"), row.get("family_id")
    if names:
        return [known[name] for name in names.split(",") if name in known]
    mine = of_person.get(canonical_patient_id(row["patient_id"]), ())
    return [sample for sample in mine if family in (None, sample.family_id)]


def _rows(
    path: Path, schema: str, columns: Sequence[str]
) -> list[tuple[Row, dict[str, datetime | None]]]:
    table = read_table(path, schema)
    problems, rows = list(table.problems), []
    for row in table.rows:
        moments: dict[str, datetime | None] = {}
        for column in columns:
            try:
                moments[column] = _moment(row.get(column))
            except ValueError:
                found = f"{column} is {row[column]!r}, no date of the calendar"
                problems.append(Problem(str(path), row.line, found, "a date", "Correct the date."))
        rows.append((row, moments))
    if problems:
        raise ProblemsError(problems)
    return rows


def _moment(text: str | None) -> datetime | None:
    """A date counts from its beginning; a moment without zone is UTC."""
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
