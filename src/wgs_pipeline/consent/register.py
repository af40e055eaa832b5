"""The consent register: every event of every patient, in one sheet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from wgs_pipeline.consent.events import ConsentEvent, Decision, Scope
from wgs_pipeline.errors import ConsentError, Problem, ProblemsError
from wgs_pipeline.identifiers import canonical_patient_id
from wgs_pipeline.tables import Row, read_table


@dataclass(frozen=True)
class ConsentRegister:
    """Consent events by patient, in order of precedence (the deciding one last)."""

    events_of: Mapping[str, tuple[ConsentEvent, ...]] = field(repr=False)

    @classmethod
    def read(cls, path: Path, now: datetime | None = None) -> ConsentRegister:
        """Read a register.

        Args:
            path: The sheet, as consents.schema.yaml describes it.
            now: The present moment; events after it are refused. Default: the clock.

        Raises:
            ConsentError: The register is missing, unreadable or empty.
            ProblemsError: Everything wrong with its rows.
        """
        table = read_table(path, "consents")
        if not table.rows and not table.broken and all(p.line == 0 for p in table.problems):
            raise ConsentError("\n".join(str(problem) for problem in table.problems))
        moment = now or datetime.now(UTC)
        problems, events = list(table.problems), []
        for row in table.rows:
            read = _event(path, row, moment)
            if isinstance(read, ConsentEvent):
                events.append(read)
            else:
                problems += read
        if problems:
            raise ProblemsError(problems)
        return cls.from_events(events)

    @classmethod
    def from_events(cls, events: Iterable[ConsentEvent]) -> ConsentRegister:
        """A register of the given events, in any order."""
        by_patient: dict[str, list[ConsentEvent]] = {}
        for event in events:
            by_patient.setdefault(canonical_patient_id(event.patient_id), []).append(event)
        return cls(
            {
                patient_id: tuple(sorted(of_patient, key=lambda event: event.precedence))
                for patient_id, of_patient in by_patient.items()
            }
        )

    def latest(self, patient_id: str, scope: Scope, as_of: datetime) -> ConsentEvent | None:
        """The event that decides on ``scope`` at the moment ``as_of``; None where there is none.

        It is the latest by ``effective_from``; of several, the last recorded; of several of
        those, the most restrictive.
        """
        if as_of.tzinfo is None:
            raise ValueError("as_of needs a time zone")
        events = self.events_of.get(canonical_patient_id(patient_id), ())
        for event in reversed(events):
            if event.scope is scope and event.effective_from <= as_of:
                return event
        return None


_SCOPES = {scope.value: scope for scope in Scope}
_DECISIONS = {decision.value: decision for decision in Decision}


def _event(path: Path, row: Row, now: datetime) -> ConsentEvent | list[Problem]:
    problems, moments = [], {}
    for column in ("effective_from", "recorded_at"):
        text = row[column]
        try:
            moments[column] = datetime.fromisoformat(text)
        except ValueError:
            remedy = "Correct the date."
            found = f"{column} is {text!r}, no date of the calendar"
            problems.append(Problem(str(path), row.line, found, "a date and time", remedy))
            continue
        if moments[column] > now:
            found = f"{column} is {text!r}, in the future"
            expected = f"a moment up to now ({now.isoformat(timespec='seconds')})"
            remedy = "Correct the date, or register the event when it takes effect."
            problems.append(Problem(str(path), row.line, found, expected, remedy))
    if problems:
        return problems
    return ConsentEvent(
        patient_id=row["patient_id"],
        scope=_SCOPES[row["scope"]],
        decision=_DECISIONS[row["decision"]],
        effective_from=moments["effective_from"],
        recorded_at=moments["recorded_at"],
        source=row.get("source") or "",
        line=row.line,
    )
