"""Reading a long opt-out list: lines in a usual spelling in columns, all others one by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.consent.cells import Block, Bools, Cells, Content, Int64s, Words
from wgs_pipeline.consent.events import ConsentEvent, Decision, Scope
from wgs_pipeline.consent.identities import hashes, identifiers, texts
from wgs_pipeline.consent.moments import DAY_US, days_since_1970, microseconds
from wgs_pipeline.consent.optouts import (
    CPR,
    SOURCE,
    content_lines,
    decoded,
    moments_of,
    no_list,
    read_bytes,
    read_line,
)
from wgs_pipeline.consent.timelines import DECISIONS, SCOPES, Columns
from wgs_pipeline.errors import Problem, ProblemsError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_SECOND_US = DAY_US - 1_000_000
#: Places of the digits of a day, month and year, and of the marks between them.
_ISO = ((8, 9), (5, 6), (0, 1, 2, 3), (4, 7))
_DANISH = ((0, 1), (3, 4), (6, 7, 8, 9), (2, 5))


@dataclass(frozen=True)
class OptoutEvents:
    """The events of an opt-out list, made from its bytes.

    Attributes:
        persons: Identifiers, as of ``identities.identifiers``, shape (events, words).
        effective: Microseconds since 1970-01-01T00:00Z, shape (events,).
        lines: Line numbers, shape (events,).
    """

    persons: Words
    effective: Int64s
    lines: Int64s

    def event(self, row: int) -> ConsentEvent:
        """The event of a row."""
        (person,) = texts(self.persons[row : row + 1])
        at = _EPOCH + timedelta(microseconds=int(self.effective[row]))
        line = int(self.lines[row])
        return ConsentEvent(person, Scope.RESEARCH, Decision.REFUSED, at, at, SOURCE, line)


@dataclass(frozen=True)
class _Part:
    """Some lines: place and number of each, and the first and last moment of its day."""

    starts: Int64s
    lengths: Int64s
    lines: Int64s
    first: Int64s
    last: Int64s


def read_optout_columns(path: Path, now: datetime) -> Columns:
    """As ``optouts.read_optouts``, in columns: two events a line.

    Raises:
        RegisterError: The list is missing, unreadable or empty.
        ProblemsError: Every malformed line; no message shows one.
    """
    text = read_bytes(path)
    decoded(path, text)
    content = Content.of_bytes(text)
    separator = b";" if b";" in text[:65_536] else b"\t"
    cut = list(content.blocks(content.start, 1, 2, separator))
    parts = [_certain(block, microseconds(now)) for block in cut]
    parts.append(_one_by_one(path, content, cut, parts, now))
    starts, lengths, lines, first, last = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("starts", "lengths", "lines", "first", "last")
    )
    if not len(lines):
        raise no_list(path, "an empty opt-out list")
    persons, lengths = identifiers(Cells(content.data, starts, lengths))
    hashed, persons = np.tile(hashes(persons, lengths), 2), np.tile(persons, (2, 1))
    effective = np.concatenate([first, last])
    return Columns(
        persons,
        hashed,
        np.full(len(effective), SCOPES.index(Scope.RESEARCH), np.uint8),
        np.full(len(effective), DECISIONS.index(Decision.REFUSED), np.uint8),
        effective,
        effective,
        OptoutEvents(persons, effective, np.tile(lines, 2)),
    )


def _certain(block: Block, now: int) -> _Part:
    persons, dates = block.columns
    text = dates.window(16).view(np.uint8)
    is_danish = np.isin(text[:, 2], list(b"-."))
    (iso, are_iso), (danish, are_danish) = _days(text, *_ISO), _days(text, *_DANISH)
    day = np.where(is_danish, danish, iso)
    certain = (dates.lengths == 10) & np.where(is_danish, are_danish, are_iso)
    certain &= _are_cpr(persons) & (day <= now // DAY_US)
    first = day[certain] * DAY_US
    last = np.maximum(np.minimum(first + _LAST_SECOND_US, now), first)
    lines = block.first + block.rows[certain]
    return _Part(persons.starts[certain], persons.lengths[certain], lines, first, last)


def _days(
    text: NDArray[np.uint8],
    day: tuple[int, ...],
    month: tuple[int, ...],
    year: tuple[int, ...],
    marks: tuple[int, ...],
) -> tuple[Int64s, Bools]:
    """Days since 1970-01-01 of dates, and which are dates of the calendar."""
    digit = (text - np.uint8(ord("0"))).astype(np.int64)
    known = (digit[:, [*day, *month, *year]] < 10).all(axis=1)
    between = text[:, list(marks)]
    known &= (between == ord("-")).all(axis=1) | (
        (between == ord(".")).all(axis=1) & (marks == _DANISH[3])
    )
    parts = []
    for places in (year, month, day):
        number = np.zeros(len(text), np.int64)
        for place in places:
            number = number * 10 + digit[:, place]
        parts.append(np.where(known, number, 1))
    since, real = days_since_1970(*parts)
    return since, known & real


def _are_cpr(cells: Cells) -> Bools:
    """Which are ten digits, with or without hyphen, whose first six are a date."""
    text = cells.window(16).view(np.uint8)
    with_hyphen = (cells.lengths == 11) & (text[:, 6] == ord("-"))
    digit = (text - np.uint8(ord("0"))).astype(np.int64)
    known: Bools = with_hyphen | (cells.lengths == 10)
    known &= (digit[:, [0, 1, 2, 3, 4, 5, 7, 8, 9]] < 10).all(axis=1)
    known &= np.where(with_hyphen, digit[:, 10], digit[:, 6]) < 10
    days, months = digit[:, 0] * 10 + digit[:, 1], digit[:, 2] * 10 + digit[:, 3]
    days = np.where(days > 60, days - 60, days)  # replacement numbers
    # The century is not known here: a year divisible by 4 is a leap year in one of them.
    years = np.where((digit[:, 4] * 10 + digit[:, 5]) % 4 == 0, 2000, 2001)
    _, real = days_since_1970(years, months, days)
    return known & real


def _one_by_one(
    path: Path, content: Content, cut: list[Block], parts: list[_Part], now: datetime
) -> _Part:
    """The lines that are not certain.

    Raises:
        ProblemsError: Everything wrong with them.
    """
    doubtful = dict(_doubtful(cut, parts))
    certain = min((int(part.lines[0]) for part in parts if len(part.lines)), default=None)
    text = (
        (number, content.text(start, end).decode()) for number, (start, end) in doubtful.items()
    )
    problems: list[Problem] = []
    found: list[tuple[int, int, int, int, int]] = []
    for number, line in content_lines(text, certain):
        read = read_line(path, number, line, now)
        if isinstance(read, Problem):
            problems.append(read)
            continue
        start, end = doubtful[number]
        start += content.text(start, end).index(line.encode())
        length = len(CPR.match(line).group())  # type: ignore[union-attr]
        first, last = map(microseconds, moments_of(read[1], now))
        found.append((start, length, number, first, last))
    if problems:
        raise ProblemsError(problems)
    columns = np.array(found, np.int64).reshape(-1, 5)
    return _Part(*columns.T)


def _doubtful(cut: list[Block], parts: list[_Part]) -> Iterator[tuple[int, tuple[int, int]]]:
    """Number and place of the lines that are not certain."""
    for block, part in zip(cut, parts, strict=True):
        others = np.ones(len(block.starts), np.bool_)
        others[part.lines - block.first] = False
        for line in np.flatnonzero(others):
            place = int(block.starts[line]), int(block.ends[line])
            yield block.first + int(line), place
