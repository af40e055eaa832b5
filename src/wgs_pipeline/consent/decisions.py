"""Decisions: whether consent allows a use, as of a moment. Unknown is never yes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from wgs_pipeline.consent.events import RESTRICTIVENESS, ConsentEvent, Decision, Scope
from wgs_pipeline.consent.purposes import Purpose
from wgs_pipeline.consent.register import ConsentRegister

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

#: Purposes that a refusal of research closes.
RESEARCH_LIKE = frozenset({Purpose.RESEARCH, Purpose.STATISTICS})
_GIVEN = RESTRICTIVENESS[Decision.GIVEN]


@dataclass(frozen=True)
class Ruling:
    """A decision and what it rests on.

    Attributes:
        allowed: Whether the use is allowed.
        reason: Why, in words that name no person.
        events: The events that decide, one per scope asked; empty where there are none.
    """

    allowed: bool
    reason: str
    events: tuple[ConsentEvent, ...] = ()


def decide(
    register: ConsentRegister,
    patient_id: str,
    purpose: Purpose,
    as_of: datetime,
    research_default: str = "allowed",
) -> Ruling:
    """Whether a person's genome may be used for ``purpose`` at the moment ``as_of``.

    Care and quality rest on consent to analysis. Research and statistics need that too, and no
    refusal of research; ``research_default`` (allowed or refused) decides only where no research
    event is in force.
    """
    analysis = may_analyse(register, patient_id, as_of)
    if not analysis.allowed or purpose not in RESEARCH_LIKE:
        return analysis
    research = register.latest(patient_id, Scope.RESEARCH, as_of)
    if research is None:
        allowed = research_default == "allowed"
        said = f"no research event; the default of policy.research_default is {research_default}"
        return Ruling(allowed, f"{analysis.reason}; {said}", analysis.events)
    return Ruling(
        research.decision is Decision.GIVEN,
        f"{analysis.reason}; {_said(research)}",
        (*analysis.events, research),
    )


def decide_many(
    register: ConsentRegister,
    patient_ids: Sequence[str] | pa.Array,
    purpose: Purpose,
    as_of: datetime,
    research_default: str = "allowed",
) -> NDArray[np.bool_]:
    """``decide`` for many persons at once.

    Args:
        register: The consent register.
        patient_ids: Canonical identifiers, shape (persons,); one may stand there many times.
        purpose: What the genomes are to be used for.
        as_of: Moment of the decision, with time zone.
        research_default: As for ``decide``.

    Returns:
        Whether the use is allowed, shape (persons,); False for whom the register does not know.
    """
    if purpose not in RESEARCH_LIKE:
        (analysis,) = _states(register, patient_ids, (Scope.ANALYSIS,), as_of)
        may_care: NDArray[np.bool_] = analysis == _GIVEN
        return may_care
    analysis, research = _states(register, patient_ids, (Scope.ANALYSIS, Scope.RESEARCH), as_of)
    allowed: NDArray[np.bool_] = research == _GIVEN
    if research_default == "allowed":
        allowed |= research < 0
    allowed &= analysis == _GIVEN
    return allowed


def may_analyse_many(
    register: ConsentRegister, patient_ids: Sequence[str], as_of: datetime
) -> list[bool]:
    """``may_analyse`` for many persons at once, without NumPy where the register is small."""
    if register.timelines is None:
        return [may_analyse(register, each, as_of).allowed for each in patient_ids]
    allowed: list[bool] = decide_many(register, patient_ids, Purpose.CARE, as_of).tolist()
    return allowed


def may_analyse(register: ConsentRegister, patient_id: str, as_of: datetime) -> Ruling:
    """Whether a person's reads may be read at all."""
    return _needs_given(register, patient_id, Scope.ANALYSIS, as_of)


def may_show_secondary_findings(
    register: ConsentRegister, patient_id: str, as_of: datetime
) -> Ruling:
    """Whether findings beside the question asked may be shown; only where analysis may be."""
    analysis = may_analyse(register, patient_id, as_of)
    if not analysis.allowed:
        return analysis
    findings = _needs_given(register, patient_id, Scope.SECONDARY_FINDINGS, as_of)
    events = (*analysis.events, *findings.events)
    return Ruling(findings.allowed, f"{analysis.reason}; {findings.reason}", events)


def _states(
    register: ConsentRegister,
    patient_ids: Sequence[str] | pa.Array,
    scopes: Sequence[Scope],
    as_of: datetime,
) -> tuple[NDArray[np.int8], ...]:
    """Restrictiveness of the decision in force, -1 where there is none; (persons,) per scope."""
    if register.timelines is not None:
        return register.timelines.states(patient_ids, scopes, as_of)
    import numpy as np

    persons = patient_ids if isinstance(patient_ids, Sequence) else patient_ids.to_pylist()
    states = []
    for scope in scopes:
        known = {
            person: RESTRICTIVENESS[event.decision]
            for person in set(persons)
            if person and (event := register.latest(person, scope, as_of))
        }
        states.append(np.fromiter((known.get(each, -1) for each in persons), np.int8, len(persons)))
    return tuple(states)


def _needs_given(
    register: ConsentRegister, patient_id: str, scope: Scope, as_of: datetime
) -> Ruling:
    event = register.latest(patient_id, scope, as_of)
    if event is None:
        return Ruling(False, f"no consent to {scope} on record")
    return Ruling(event.decision is Decision.GIVEN, _said(event), (event,))


def _said(event: ConsentEvent) -> str:
    return f"{event.scope} {event.decision} from {event.effective_from.isoformat()}"
