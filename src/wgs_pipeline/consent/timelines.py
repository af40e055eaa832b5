"""Time lines of very many persons, in columns sorted so that the deciding event is last."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.consent.cells import Bools, Cells, Int64s, Words
from wgs_pipeline.consent.events import RESTRICTIVENESS, ConsentEvent, Decision, Scope
from wgs_pipeline.consent.identities import (
    SCOPE_BITS,
    cells_of,
    hashes,
    identifiers,
    joined,
    lengths_of,
    same,
    texts,
)
from wgs_pipeline.consent.moments import microseconds

if TYPE_CHECKING:
    import pyarrow as pa

SCOPES = tuple(Scope)
#: Decisions by restrictiveness.
DECISIONS = tuple(sorted(Decision, key=RESTRICTIVENESS.__getitem__))
_PER_PERSON = 1 << SCOPE_BITS
#: Rounds of swapping neighbours before all that is still out of order is sorted at once.
_ROUNDS = 6


class EventSource(Protocol):
    """Makes the event of a row when somebody asks for it."""

    def event(self, row: int) -> ConsentEvent:
        """The event of a row, as numbered in ``Columns``."""


@dataclass(frozen=True)
class Columns:
    """Events in any order.

    Attributes:
        persons: Identifiers, as of ``identities.identifiers``, shape (events, words).
        hashes: Their hashes with seed 0, shape (events,).
        scopes: Indices into ``SCOPES``, shape (events,).
        decisions: Indices into ``DECISIONS``, shape (events,).
        effective: Microseconds since 1970-01-01T00:00Z, shape (events,).
        recorded: The same of ``recorded_at``.
        source: Makes events of rows.
    """

    persons: Words
    hashes: Words
    scopes: NDArray[np.uint8]
    decisions: NDArray[np.uint8]
    effective: Int64s
    recorded: Int64s
    source: EventSource


class Timelines(Mapping[str, tuple[ConsentEvent, ...]]):
    """Events by person and scope, each time line in order of precedence.

    As a mapping: the events of a person by canonical identifier, made when asked for.
    """

    def __init__(self, columns: Columns) -> None:
        """Sort the events."""
        group, order, words, self._seed = _grouped(columns)
        self._effective, ties = _sort_within_groups(group, order, columns)
        self._decision = (ties % len(DECISIONS)).astype(np.int8)
        self._source, self._row = columns.source, order
        first = np.flatnonzero(_begins(group))
        #: Where the rows of each entry, one time line, begin; one more for the end.
        self._first = np.append(first, len(group))
        persons = group[first] >> np.uint64(SCOPE_BITS)
        begins = _begins(persons)
        #: Persons in order of their hashes, and the entry of each scope, -1 where there is none.
        self._hashes, self._words = persons[begins], words[first[begins]]
        self._entry = np.full((len(self._hashes), len(SCOPES)), -1, np.int32)
        scopes = (group[first] % _PER_PERSON).view(np.int64)
        self._entry[np.cumsum(begins) - 1, scopes] = np.arange(len(first))

    @property
    def n_events(self) -> int:
        """Events of all persons."""
        return len(self._row)

    def states(
        self, patient_ids: Sequence[str] | pa.Array, scopes: Sequence[Scope], as_of: datetime
    ) -> tuple[NDArray[np.int8], ...]:
        """The decision in force for many persons.

        Args:
            patient_ids: Identifiers, shape (persons,).
            scopes: What is asked about.
            as_of: Moment of the question, with time zone.

        Returns:
            For each scope: indices into ``DECISIONS``, -1 where there is no event; shape
            (persons,).
        """
        asked, known = self._find(cells_of(patient_ids))
        states = []
        for scope in scopes:
            rows = self._deciding(self._entry[known, SCOPES.index(scope)], as_of)
            there = rows >= 0
            state = np.full(len(patient_ids), -1, np.int8)
            state[asked[there]] = self._decision[rows[there]]
            states.append(state)
        return tuple(states)

    def latest(self, patient_id: str, scope: Scope, as_of: datetime) -> ConsentEvent | None:
        """The event that decides for one person; None where there is none."""
        _, known = self._find(cells_of([patient_id]))
        rows = self._deciding(self._entry[known, SCOPES.index(scope)], as_of)
        return self._event(int(rows[0])) if (rows >= 0).any() else None

    def deciding(
        self, scope: Scope, as_of: datetime, wanted: Callable[[Decision], bool]
    ) -> Iterator[ConsentEvent]:
        """The events in force on a scope whose decision is ``wanted``, one per person."""
        rows = self._deciding(self._entry[:, SCOPES.index(scope)], as_of)
        rows = rows[rows >= 0]
        decisions = [place for place, each in enumerate(DECISIONS) if wanted(each)]
        for row in rows[np.isin(self._decision[rows], decisions)]:
            yield self._event(int(row))

    def __getitem__(self, patient_id: str) -> tuple[ConsentEvent, ...]:
        _, known = self._find(cells_of([patient_id]))
        if not known.size:
            raise KeyError("no event of this person")
        rows: list[int] = []
        for entry in self._entry[known[0]]:
            if entry >= 0:
                rows += range(int(self._first[entry]), int(self._first[entry + 1]))
        return tuple(
            sorted(map(self._event, rows), key=lambda event: (event.precedence, event.line))
        )

    def __iter__(self) -> Iterator[str]:
        return iter(texts(self._words))

    def __len__(self) -> int:
        return len(self._hashes)

    def _find(self, cells: Cells) -> tuple[Int64s, Int64s]:
        """Which of some identifiers are of persons with events, and which persons these are."""
        words, lengths = identifiers(cells)
        hashed = hashes(words, lengths, self._seed) >> np.uint64(SCOPE_BITS)
        asked = np.argsort(hashed)  # so that neighbours are found in one place of the memory
        places = np.searchsorted(self._hashes, hashed[asked])
        places = np.minimum(places, len(self._hashes) - 1)
        there = np.flatnonzero(self._hashes[places] == hashed[asked])
        asked, places = asked[there], places[there]
        equal = same(words[asked], self._words[places])
        return asked[equal], places[equal]

    def _deciding(self, entries: NDArray[np.int32], as_of: datetime) -> Int64s:
        """Row in force of each entry, -1 where none is; an entry -1 has none."""
        moment = microseconds(as_of)
        rows: Int64s = np.where(entries >= 0, self._first[entries + 1] - 1, -1)
        later = np.flatnonzero(rows >= 0)
        later = later[self._effective[rows[later]] > moment]
        while later.size:
            rows[later] -= 1
            ended = rows[later] < self._first[entries[later]]
            rows[later[ended]] = -1
            later = later[~ended]
            later = later[self._effective[rows[later]] > moment]
        return rows

    def _event(self, row: int) -> ConsentEvent:
        return self._source.event(int(self._row[row]))


@dataclass(frozen=True)
class _Chained:
    """Rows of one source, then those of another."""

    first: EventSource
    n_first: int
    second: EventSource

    def event(self, row: int) -> ConsentEvent:
        if row < self.n_first:
            return self.first.event(row)
        return self.second.event(row - self.n_first)


def chained(first: Columns, second: Columns) -> Columns:
    """The events of both."""
    return Columns(
        joined([first.persons, second.persons]),
        np.concatenate([first.hashes, second.hashes]),
        np.concatenate([first.scopes, second.scopes]),
        np.concatenate([first.decisions, second.decisions]),
        np.concatenate([first.effective, second.effective]),
        np.concatenate([first.recorded, second.recorded]),
        _Chained(first.source, len(first.scopes), second.source),
    )


def _begins(sorted_: Words) -> Bools:
    """Where another value begins."""
    begins = np.ones(len(sorted_), np.bool_)
    begins[1:] = sorted_[1:] != sorted_[:-1]
    return begins


def _grouped(columns: Columns) -> tuple[Words, Int64s, Words, int]:
    """The rows by person and scope.

    Returns:
        Sorted, one number per person and scope, which no two persons share; the rows in that
        order; the words of their identifiers; the seed of the hashes.
    """
    person = columns.hashes
    for seed in range(64):
        group = person + columns.scopes
        order = np.argsort(group)
        group = group[order]
        one_hash = (group[1:] ^ group[:-1]) < _PER_PERSON
        words = columns.persons[order]
        if not (one_hash & ~same(words[1:], words[:-1])).any():
            return group, order, words, seed
        person = hashes(columns.persons, lengths_of(columns.persons), seed + 1)
    raise AssertionError("identifiers collide under every seed")


def _sort_within_groups(group: Words, order: Int64s, columns: Columns) -> tuple[Int64s, Int64s]:
    """Bring the rows of each group into order of precedence, of equal ones that of the file.

    Time lines are short, so neighbours are swapped until all is in order; what then is not, is
    sorted at once.

    Args:
        group: Sorted, shape (events,).
        order: Rows by group; changed.
        columns: The events.

    Returns:
        ``effective`` in that order, and what decides between equal ones: ``recorded`` times the
        number of decisions, plus the decision.
    """
    effective = columns.effective[order]
    ties = (columns.recorded * len(DECISIONS) + columns.decisions)[order]
    sorted_ = (effective, ties, order)

    def disordered(places: Int64s) -> Int64s:
        after = places + 1
        one, other = effective[places], effective[after]
        wrong = one > other
        equal = np.flatnonzero(one == other)
        if equal.size:
            a, b = places[equal], after[equal]
            wrong[equal] = (ties[a] > ties[b]) | ((ties[a] == ties[b]) & (order[a] > order[b]))
        return places[wrong]

    pairs = every = np.flatnonzero(group[1:] == group[:-1])
    for _ in range(_ROUNDS):
        swapped = []
        for parity in (0, 1):
            places = disordered(pairs[pairs % 2 == parity])
            for column in sorted_:
                column[places], column[places + 1] = column[places + 1], column[places]
            swapped.append(places)
        moved = np.concatenate(swapped)
        if not moved.size:
            return effective, ties
        near = np.zeros(len(group) + 1, np.bool_)
        near[moved + 1] = True
        near[moved - 1] = True  # of the first row this is the last place, which is no pair
        pairs = every[near[every]]
    places = np.flatnonzero(np.isin(group, group[disordered(pairs)]))
    by = places[np.lexsort((order[places], ties[places], effective[places], group[places]))]
    for column in sorted_:
        column[places] = column[by]
    return effective, ties
