"""Events of the rows of a sheet, one by one: what is certain here is certain."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from wgs_pipeline.consent.events import ConsentEvent, Decision, Scope
from wgs_pipeline.errors import Problem
from wgs_pipeline.tables import Row, Table

_SCOPES = {scope.value: scope for scope in Scope}
_DECISIONS = {decision.value: decision for decision in Decision}


def events_of_table(table: Table, now: datetime) -> tuple[list[ConsentEvent], list[Problem]]:
    """The events of a sheet, and everything wrong with it; one after ``now`` is wrong."""
    problems, events = list(table.problems), []
    for row in table.rows:
        wrong = _moment_problems(table.path, row, now)
        problems += wrong
        if not wrong:
            events.append(event_of(row))
    return events, problems


def event_of(row: Row) -> ConsentEvent:
    """The event of a row that is known to be right."""
    return ConsentEvent(
        patient_id=row["patient_id"],
        scope=_SCOPES[row["scope"]],
        decision=_DECISIONS[row["decision"]],
        effective_from=datetime.fromisoformat(row["effective_from"]),
        recorded_at=datetime.fromisoformat(row["recorded_at"]),
        source=row.get("source") or "",
        line=row.line,
    )


def _moment_problems(path: Path, row: Row, now: datetime) -> list[Problem]:
    problems = []
    for column in ("effective_from", "recorded_at"):
        text = row[column]
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            remedy = "Correct the date."
            found = f"{column} is {text!r}, no date of the calendar"
            problems.append(Problem(str(path), row.line, found, "a date and time", remedy))
            continue
        if moment > now:
            found = f"{column} is {text!r}, in the future"
            expected = f"a moment up to now ({now.isoformat(timespec='seconds')})"
            remedy = "Correct the date, or register the event when it takes effect."
            problems.append(Problem(str(path), row.line, found, expected, remedy))
    return problems
