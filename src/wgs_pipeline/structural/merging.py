"""Calls of one event, by one caller or several, become one.

Matched as SVDB does (Eisfeldt 2017, F1000Research 6:664): the ends lie within a distance of each
other, and intervals overlap reciprocally. Every call is compared with the most trusted call of an
event only, so that events never grow together through a chain of neighbours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from wgs_pipeline.structural.calls import Call


@dataclass(frozen=True)
class Criteria:
    """When two calls are of one event.

    Attributes:
        max_distance: Most bases between their ends.
        min_overlap: Least share of the longer interval, or of the longer insertion's length,
            that both have; 0 to 1.
    """

    max_distance: int
    min_overlap: float


@dataclass(frozen=True)
class Event:
    """One event and all calls of it, the most trusted first."""

    calls: tuple[Call, ...]

    @property
    def best(self) -> Call:
        """The call whose place, length and genotype stand for the event."""
        return self.calls[0]

    @property
    def callers(self) -> tuple[str, ...]:
        """Who saw it, the most trusted first."""
        return tuple(dict.fromkeys(call.caller for call in self.calls))

    @property
    def inserted(self) -> Call | None:
        """The most trusted call that knows the inserted sequence."""
        return next((call for call in self.calls if call.inserted), None)


def merge(calls: Iterable[Call], criteria: Criteria, preference: Sequence[str]) -> list[Event]:
    """Gather the calls of each event.

    Args:
        calls: Calls of one sample, in any order, by any callers.
        criteria: When two are of one event.
        preference: Callers, the one whose genotypes are most trusted first.

    Returns:
        Events by contig, start and end. What is gathered does not depend on the order of
        ``calls``.
    """
    rank = {caller: number for number, caller in enumerate(preference)}

    def trust(call: Call) -> tuple[object, ...]:
        good = call.passed and call.carried
        place = (call.contig, call.start, call.end, call.kind, call.length or 0, str(call))
        return (not good, not call.carried, rank[call.caller], -call.quality, *place)

    index = _Index(criteria.max_distance)
    gathered: list[list[Call]] = []
    for call in sorted(calls, key=trust):
        found = min(
            (n for n in index.near(call) if same_event(gathered[n][0], call, criteria)),
            key=lambda n: (_apart(gathered[n][0], call), n),
            default=None,
        )
        if found is None:
            index.add(call, len(gathered))
            gathered.append([call])
        else:
            gathered[found].append(call)
    events = [Event(tuple(found)) for found in gathered]
    return sorted(events, key=lambda each: (each.best.contig, each.best.start, each.best.end))


class _Index:
    """Which events have an end near one of a call's; a bin is as long as two ends may differ."""

    def __init__(self, max_distance: int) -> None:
        self._width = max(max_distance, 1)
        self._bins: dict[tuple[str, int], list[int]] = {}

    def add(self, call: Call, number: int) -> None:
        for bin_ in {self._bin(position) for position in (call.start, call.end)}:
            self._bins.setdefault((call.contig, bin_), []).append(number)

    def near(self, call: Call) -> set[int]:
        bins = {self._bin(position) for position in (call.start, call.end)}
        around = {bin_ + step for bin_ in bins for step in (-1, 0, 1)}
        return {n for bin_ in around for n in self._bins.get((call.contig, bin_), ())}

    def _bin(self, position: int) -> int:
        return position // self._width


def same_event(one: Call, other: Call, criteria: Criteria) -> bool:
    """Whether two calls are of one event. A tandem duplication may be seen as an insertion."""
    if one.contig != other.contig:
        return False
    kinds = {one.kind, other.kind}
    if kinds == {"DUP", "INS"}:
        return _is_inserted_copy(one, other, criteria)
    if len(kinds) > 1 or _apart(one, other) > criteria.max_distance:
        return False
    if one.kind == "BND":
        return one.joined == other.joined
    if one.kind == "INS":
        return _alike(one.length, other.length, criteria.min_overlap)
    shared = min(one.end, other.end) - max(one.start, other.start)
    longer = max(one.end - one.start, other.end - other.start)
    return shared >= criteria.min_overlap * longer


def _is_inserted_copy(one: Call, other: Call, criteria: Criteria) -> bool:
    copied, inserted = (one, other) if one.kind == "DUP" else (other, one)
    distance = min(abs(inserted.start - copied.start), abs(inserted.start - copied.end))
    # Without a length any insertion nearby would be taken for a copy of the duplication.
    known = inserted.length is not None
    return (
        known
        and distance <= criteria.max_distance
        and _alike(copied.length, inserted.length, criteria.min_overlap)
    )


def _alike(one: int | None, other: int | None, share: float) -> bool:
    if one is None or other is None:
        return True
    return min(one, other) >= share * max(one, other)


def _apart(one: Call, other: Call) -> int:
    """Most bases between the ends of two calls."""
    apart = abs(one.start - other.start)
    if one.mate and other.mate:
        near = one.mate[0] == other.mate[0]
        return max(apart, abs(one.mate[1] - other.mate[1])) if near else 1 << 40
    return max(apart, abs(one.end - other.end))


def oriented(calls: Iterable[Call], contigs: Sequence[str]) -> Iterator[Call]:
    """Every junction as seen from its first side in the order of the reference."""
    rank = {contig: number for number, contig in enumerate(contigs)}
    for call in calls:
        if call.mate is None or _in_order(call, call.mate, rank):
            yield call
        else:
            yield _turned(call, call.mate)


def _in_order(call: Call, mate: tuple[str, int], rank: dict[str, int]) -> bool:
    here = rank.get(call.contig, len(rank)), call.start - 1
    return here <= (rank.get(mate[0], len(rank)), mate[1])


def _turned(call: Call, mate: tuple[str, int]) -> Call:
    """The same junction from its other side."""
    contig, position = mate
    return replace(
        call,
        contig=contig,
        start=position + 1,
        end=position + 2,
        mate=(call.contig, call.start - 1),
        joined={"3to5": "5to3", "5to3": "3to5"}.get(call.joined or "", call.joined),
    )
