"""The consent register: every event of every patient, and an opt-out list where there is one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from wgs_pipeline.consent.events import ConsentEvent, Decision, Scope
from wgs_pipeline.consent.rows import events_of_table
from wgs_pipeline.errors import ProblemsError, RegisterError
from wgs_pipeline.identifiers import canonical_patient_id
from wgs_pipeline.tables import read_table

if TYPE_CHECKING:
    from wgs_pipeline.consent.timelines import Timelines

#: From this size on registers are read in columns; below, importing NumPy takes longer than that.
COLUMNAR_BYTES = 400_000


@dataclass(frozen=True)
class ConsentRegister:
    """Consent events by patient, in order of precedence (the deciding one last).

    Attributes:
        events_of: Events by canonical patient_id; those of a large register are made when asked
            for.
        timelines: The same in columns, for a register that was read so.
        n_optouts: Persons on the opt-out list.
        n_optout_events: Their refusals, which are among the other events.
    """

    events_of: Mapping[str, tuple[ConsentEvent, ...]] = field(repr=False)
    timelines: Timelines | None = field(default=None, repr=False)
    n_optouts: int = 0
    n_optout_events: int = 0

    @classmethod
    def read(
        cls, path: Path, now: datetime | None = None, optouts: Path | None = None
    ) -> ConsentRegister:
        """Read a register.

        Args:
            path: The sheet, as consents.schema.yaml describes it.
            now: The present moment; events after it are refused. Default: the clock.
            optouts: Opt-out list of a national register, whose lines become refusals of research.

        Raises:
            RegisterError: The register or list is missing, unreadable or empty.
            ProblemsError: Everything wrong with its rows.
        """
        moment = now or datetime.now(UTC)
        if sum(_size(each) for each in (path, optouts) if each) >= COLUMNAR_BYTES:
            register = _read_columnar(path, moment, optouts)
            if register is not None:
                return register
        events = _read_events(path, moment)
        refusals = [] if optouts is None else _read_optouts(optouts, moment)
        by_patient = cls.from_events([*events, *refusals]).events_of
        return cls(by_patient, None, len({event.line for event in refusals}), len(refusals))

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

    @property
    def n_events(self) -> int:
        """Events of all patients."""
        if self.timelines is not None:
            return self.timelines.n_events
        return sum(map(len, self.events_of.values()))

    def latest(self, patient_id: str, scope: Scope, as_of: datetime) -> ConsentEvent | None:
        """The event that decides on ``scope`` at the moment ``as_of``; None where there is none.

        It is the latest by ``effective_from``; of several, the last recorded; of several of
        those, the most restrictive.
        """
        if as_of.tzinfo is None:
            raise ValueError("as_of needs a time zone")
        if self.timelines is not None:
            return self.timelines.latest(patient_id, scope, as_of)
        events = self.events_of.get(canonical_patient_id(patient_id), ())
        for event in reversed(events):
            if event.scope is scope and event.effective_from <= as_of:
                return event
        return None

    def not_given(self, scope: Scope, as_of: datetime) -> Iterator[ConsentEvent]:
        """The deciding events on ``scope`` of everyone who refused or withdrew it."""
        if self.timelines is not None:
            yield from self.timelines.deciding(scope, as_of, _is_restriction)
            return
        for patient_id in self.events_of:
            event = self.latest(patient_id, scope, as_of)
            if event is not None and _is_restriction(event.decision):
                yield event


def _is_restriction(decision: Decision) -> bool:
    return decision is not Decision.GIVEN


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # reading it says what is wrong


def _read_events(path: Path, now: datetime) -> list[ConsentEvent]:
    table = read_table(path, "consents")
    if not table.rows and not table.broken and all(p.line == 0 for p in table.problems):
        raise RegisterError(table.problems[0])
    events, problems = events_of_table(table, now)
    if problems:
        raise ProblemsError(problems)
    return events


def _read_optouts(path: Path, now: datetime) -> list[ConsentEvent]:
    from wgs_pipeline.consent.optouts import read_optouts

    return read_optouts(path, now)


def _read_columnar(path: Path, now: datetime, optouts: Path | None) -> ConsentRegister | None:
    from wgs_pipeline.consent.columns import read_columns
    from wgs_pipeline.consent.optout_columns import read_optout_columns
    from wgs_pipeline.consent.optouts import REFUSALS_PER_LINE
    from wgs_pipeline.consent.timelines import Timelines, chained

    columns, n_refusals = read_columns(path, now), 0
    if columns is None:
        return None
    if optouts is not None:
        refusals = read_optout_columns(optouts, now)
        columns, n_refusals = chained(columns, refusals), len(refusals.scopes)
    timelines = Timelines(columns)
    return ConsentRegister(timelines, timelines, n_refusals // REFUSALS_PER_LINE, n_refusals)
