"""Overrides: findings of quality control that an operator signed off, so that they only warn."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from wgs_pipeline.errors import Problem, ProblemsError
from wgs_pipeline.tables import Row, read_table


@dataclass(frozen=True)
class Override:
    """One finding that somebody answers for.

    Attributes:
        sample_id: The sample.
        metric: Metric of the finding.
        other: The other sample, or the read group, of a finding that compares; "" for others.
        signed_by: Who answers for it.
        signed_at: When it was signed, ISO 8601 with zone.
        reason: Why.
    """

    sample_id: str
    metric: str
    other: str
    signed_by: str
    signed_at: str
    reason: str


def read_overrides(path: Path | None) -> tuple[Override, ...]:
    """The overrides of a sheet; none where there is no sheet.

    Raises:
        ProblemsError: Everything wrong with the sheet.
    """
    overrides, problems = parse_overrides(path)
    if problems:
        raise ProblemsError(problems)
    return overrides


def parse_overrides(
    path: Path | None, known: Collection[str] = (), now: datetime | None = None
) -> tuple[tuple[Override, ...], list[Problem]]:
    """Read overrides.tsv as far as possible, and everything wrong with it.

    Args:
        path: The sheet; None: there is none. One with a header alone has no overrides.
        known: Every sample_id of the sheet of samples; none: not compared.
        now: The moment that no signature may lie after. Default: the clock.
    """
    if path is None:
        return (), []
    table = read_table(path, "overrides")
    if table.columns and not table.rows and not table.broken:
        header_alone = all(problem.found == "an empty sheet" for problem in table.problems)
        return (), [] if header_alone else list(table.problems)
    moment = now or datetime.now(UTC)
    problems = list(table.problems)
    first: dict[tuple[str, ...], int] = {}
    for row in table.rows:
        problems += _row_problems(path, row, known, moment)
        key = (row["sample_id"], row["metric"], row.get("other") or "")
        if key in first:
            found = f"sample {key[0]!r}, metric {key[1]!r} again (first on line {first[key]})"
            remedy = "Remove one of the two."
            problems.append(Problem(str(path), row.line, found, "each finding once", remedy))
        first.setdefault(key, row.line)
    return tuple(_override(row) for row in table.rows), problems


def _row_problems(path: Path, row: Row, known: Collection[str], now: datetime) -> list[Problem]:
    problems = []

    def add(found: str, expected: str, remedy: str) -> None:
        problems.append(Problem(str(path), row.line, found, expected, remedy))

    if known and row["sample_id"] not in known:
        found = f"sample {row['sample_id']!r} is not in the sheet of samples"
        add(found, "a sample_id of that sheet", "Correct the sample_id or remove the line.")
    try:
        future = datetime.fromisoformat(row["signed_at"]) > now
    except ValueError:
        add("signed_at is no date of the calendar", "a date that there is", "Correct signed_at.")
    else:
        if future:
            add("signed_at lies in the future", "a moment that has passed", "Correct signed_at.")
    return problems


def _override(row: Row) -> Override:
    cells = row.cells
    return Override(
        cells["sample_id"],
        cells["metric"],
        cells.get("other", ""),
        cells["signed_by"],
        cells["signed_at"],
        cells["reason"],
    )
