"""The opt-out list of a national register: who refuses research, and since when.

The model is the Danish Vævsanvendelsesregisteret: one person a line, CPR number and date. A list is
a state and no history, so each of its lines becomes refusals of research. A date has no time: the
refusal holds from the first moment of that day (UTC), and outweighs whatever else was decided on
the same day.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path

from wgs_pipeline.consent.events import ConsentEvent, Decision, Scope
from wgs_pipeline.errors import Problem, ProblemsError, RegisterError
from wgs_pipeline.identifiers import canonical_patient_id, has_cpr_shape

#: What events of the list give as their source.
SOURCE = "opt-out list"
#: Events that a line becomes: its day's first moment, and its last.
REFUSALS_PER_LINE = 2
_EXPECTED = (
    "a CPR number (10 digits, with or without hyphen), a tab or semicolon, and the date since "
    "when, as 2020-01-31 or 31-01-2020"
)
#: What the first cell of a line is.
CPR = re.compile(r"[0-9]{6}-?[0-9]{4}")
_ISO = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_DANISH = re.compile(r"([0-9]{2})[-.]([0-9]{2})[-.]([0-9]{4})")
_LAST = time(23, 59, 59, tzinfo=UTC)


def read_optouts(path: Path, now: datetime) -> list[ConsentEvent]:
    """Refusals of research by everyone on a list.

    Args:
        path: UTF-8 text; a header, empty lines and lines that begin with ``#`` are skipped.
        now: The present moment; dates after it are refused.

    Raises:
        RegisterError: The list is missing, unreadable or empty.
        ProblemsError: Every malformed line; no message shows one.
    """
    events: list[ConsentEvent] = []
    problems = []
    for number, line in content_lines(enumerate(decoded(path, read_bytes(path)).split("\n"), 1)):
        found = read_line(path, number, line, now)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            events += refusals(*found, number, now)
    if problems:
        raise ProblemsError(problems)
    if not events:
        raise no_list(path, "an empty opt-out list")
    return events


def read_bytes(path: Path) -> bytes:
    """The bytes of a list.

    Raises:
        RegisterError: It is missing or unreadable.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        what = "no such file" if missing else f"cannot be read ({error.strerror or error})"
        raise no_list(path, what) from error


def decoded(path: Path, content: bytes) -> str:
    """The text of a list.

    Raises:
        RegisterError: It is no text in UTF-8.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise no_list(path, "bytes that are not UTF-8") from error


def content_lines(
    lines: Iterable[tuple[int, str]], first_person: int | None = None
) -> Iterator[tuple[int, str]]:
    """Lines that name a person, each with its number.

    Args:
        lines: Number and text.
        first_person: Number of a line known to name one; a header stands before it.
    """
    may_be_header = True
    for number, line in lines:
        line = line.strip("\ufeff \r\n\t;")
        if line and not line.startswith("#"):
            may_be_header &= first_person is None or number < first_person
            if not (may_be_header and not re.search("[0-9]", line)):
                yield number, line
            may_be_header = False


def read_line(path: Path, number: int, line: str, now: datetime) -> tuple[str, date] | Problem:
    """Person and date of a line, or what is wrong with it, in words that do not show it."""
    remedy = "Correct the line, or fetch the list again."
    cells = [cell.strip() for cell in re.split("[;\t]", line)]
    if len(cells) != 2:
        found = f"{len(cells)} cells (not shown)"
        return Problem(str(path), number, found, _EXPECTED, remedy)
    person, since = cells
    if not CPR.fullmatch(person) or not has_cpr_shape(person):
        found = "no CPR number in the first cell (not shown)"
        return Problem(str(path), number, found, _EXPECTED, remedy)
    day = _date(since)
    if day is None:
        return Problem(str(path), number, "no date in the second cell", _EXPECTED, remedy)
    if day > now.astimezone(UTC).date():
        found = f"the date {day.isoformat()}, in the future"
        expected = f"a date up to now ({now.date().isoformat()})"
        return Problem(str(path), number, found, expected, remedy)
    return canonical_patient_id(person), day


def refusals(person: str, day: date, line: int, now: datetime) -> tuple[ConsentEvent, ...]:
    """What a line of the list says, as events: from the first moment of a day, and at its last."""
    moments = moments_of(day, now)
    return tuple(
        ConsentEvent(person, Scope.RESEARCH, Decision.REFUSED, at, at, SOURCE, line)
        for at in moments
    )


def moments_of(day: date, now: datetime) -> Sequence[datetime]:
    """First and last moment of a day; of today, the moment that is now."""
    first = datetime.combine(day, time(tzinfo=UTC))
    return first, max(first, min(datetime.combine(day, _LAST), now.astimezone(UTC)))


def _date(text: str) -> date | None:
    iso, danish = _ISO.fullmatch(text), _DANISH.fullmatch(text)
    try:
        if iso:
            return date(*map(int, iso.groups()))
        if danish:
            day, month, year = map(int, danish.groups())
            return date(year, month, day)
    except ValueError:
        pass
    return None


def no_list(path: Path, found: str) -> RegisterError:
    """The error of a list that cannot be used."""
    remedy = (
        "Fetch the list again, or correct its place (policy.optout_list): without it, people who "
        "refused would count as consenting."
    )
    return RegisterError(
        Problem(str(path), 0, found, "an opt-out list of at least 1 person", remedy)
    )
