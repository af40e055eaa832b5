"""Consent events: what a patient decided about one scope, and from when."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Scope(StrEnum):
    """What a decision is about."""

    ANALYSIS = "analysis"
    RESEARCH = "research"
    SECONDARY_FINDINGS = "secondary_findings"
    RECONTACT = "recontact"
    CROSS_BORDER = "cross_border"


class Decision(StrEnum):
    """What was decided."""

    GIVEN = "given"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


#: Of two events of the same moment, the one with the higher rank decides.
RESTRICTIVENESS = {Decision.GIVEN: 0, Decision.REFUSED: 1, Decision.WITHDRAWN: 2}


@dataclass(frozen=True)
class ConsentEvent:
    """One line of the consent register.

    Attributes:
        patient_id: The person; never to be shown.
        scope: What was decided about.
        decision: What was decided.
        effective_from: From when it holds, with time zone.
        recorded_at: When it was registered, with time zone.
        source: Where it is documented; may be "".
        line: 1-based line of the register, 0 for an event from elsewhere.
    """

    patient_id: str = field(repr=False)
    scope: Scope
    decision: Decision
    effective_from: datetime
    recorded_at: datetime
    source: str = ""
    line: int = field(default=0, compare=False)

    @property
    def precedence(self) -> tuple[datetime, datetime, int]:
        """Of the events in force, the one with the highest precedence decides."""
        return self.effective_from, self.recorded_at, RESTRICTIVENESS[self.decision]

    def __post_init__(self) -> None:
        if self.effective_from.tzinfo is None or self.recorded_at.tzinfo is None:
            raise ValueError("a consent event needs time zones")
