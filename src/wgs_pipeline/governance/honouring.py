"""Whether refusals and withdrawals are honoured in the stored bytes, and how fast.

Every answer reads the consent register anew, so a decision works on answers from the moment it is
in the register; that holds by construction and is not measured here. Measured is what lies on disk:
a refusal of research is honoured when none of the person's bits lies in the research plane, a
withdrawal of analysis when the database holds no genome of the person (or keeps it sealed, where
that is the policy). The moment is known only where the access log names the person's slot in a line
of compaction or erasure; otherwise it is said to be unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from wgs_pipeline.consent.events import ConsentEvent, Scope
from wgs_pipeline.governance.holdings import Held, Holdings
from wgs_pipeline.governance.suppression import Counts
from wgs_pipeline.identifiers import canonical_patient_id

#: What was decided, by scope.
DECISIONS = {
    Scope.RESEARCH: "research refused",
    Scope.ANALYSIS: "analysis refused or withdrawn",
}
NOTHING_HELD, KEPT_OUT, DONE, WAITING = "nothing held", "kept out at loading", "done", "waiting"
STATES = (NOTHING_HELD, KEPT_OUT, DONE, WAITING)
#: Actions of the access log that take a person's bits away.
_REMOVING = frozenset({"compact", "erase", "seal"})
#: Ages in which a waiting decision is told, days.
_AGES = ((1, "less than a day"), (8, "1 to 7 days"), (31, "8 to 30 days"))


@dataclass(frozen=True)
class Speed:
    """How fast decisions of one kind were honoured on disk.

    Attributes:
        decision: What was decided.
        done: Persons of state ``done``.
        known: Of them, those for whom the log says when.
        p50_days: Median of the known ones from recording to removal, days; None where few.
        p90_days: 90th percentile; None where few.
        oldest_waiting: Age of the oldest waiting one, as a range; "" where none waits.
    """

    decision: str
    done: int
    known: int
    p50_days: float | None
    p90_days: float | None
    oldest_waiting: str


def honouring(holdings: Holdings, now: datetime, minimum: int) -> tuple[Counts, list[Speed]]:
    """Persons by decision and state, shape (decisions, states), and how fast it went.

    A person counts once a scope, by the decision in force.

    Args:
        holdings: The database.
        now: The present moment.
        minimum: Least number of persons behind a quantile.
    """
    held: dict[str, list[Held]] = {}
    for each in holdings.held:
        held.setdefault(each.person, []).append(each)
    removed = _removals(holdings.log)
    counts = np.zeros((len(DECISIONS), len(STATES)), dtype=np.int64)
    speeds = []
    for row, (scope, name) in enumerate(DECISIONS.items()):
        delays: list[float] = []
        oldest: timedelta | None = None
        for event in holdings.register.not_given(scope, now):
            genomes = held.get(canonical_patient_id(event.patient_id), [])
            state = _state(event, genomes, holdings.on_withdrawal)
            counts[row, STATES.index(state)] += 1
            if state == WAITING:
                oldest = max(now - event.recorded_at, oldest or timedelta(0))
            at = _removed_at(event, genomes, removed) if state == DONE else None
            if at is not None:
                delays.append((at - event.recorded_at).total_seconds() / 86_400)
        speeds.append(_speed(name, int(counts[row, STATES.index(DONE)]), delays, oldest, minimum))
    return counts, speeds


def _state(event: ConsentEvent, genomes: Sequence[Held], on_withdrawal: str) -> str:
    if not genomes:
        return NOTHING_HELD
    if event.scope is Scope.ANALYSIS:
        return DONE if on_withdrawal == "seal" else WAITING
    if any(each.plane == "research" for each in genomes):
        return WAITING
    after = all(each.loaded_at and each.loaded_at >= event.recorded_at for each in genomes)
    return KEPT_OUT if after else DONE


def _removals(log: Sequence[Mapping[str, Any]]) -> dict[int, list[datetime]]:
    found: dict[int, list[datetime]] = {}
    for line in log:
        if line["action"] in _REMOVING and line["decision"] == "answered":
            for slot in line["slots"]:
                found.setdefault(slot, []).append(datetime.fromisoformat(line["time"]))
    return found


def _removed_at(
    event: ConsentEvent, genomes: Sequence[Held], removed: Mapping[int, Sequence[datetime]]
) -> datetime | None:
    """When the last of a person's genomes was dealt with; None unless the log says it of all."""
    times = []
    for each in genomes:
        after = [at for at in removed.get(each.slot, ()) if at >= event.recorded_at]
        if not after:
            return None
        times.append(min(after))
    return max(times)


def _speed(
    name: str, done: int, delays: Sequence[float], oldest: timedelta | None, minimum: int
) -> Speed:
    p50, p90 = (None, None)
    if len(delays) >= minimum:
        p50, p90 = (round(float(each), 1) for each in np.quantile(delays, (0.5, 0.9)))
    return Speed(name, done, len(delays), p50, p90, "" if oldest is None else _age(oldest))


def _age(age: timedelta) -> str:
    days = age.total_seconds() / 86_400
    return next((words for limit, words in _AGES if days < limit), "more than 30 days")
