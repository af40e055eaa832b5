"""Many moments at once: ISO 8601 text with zone as microseconds since 1970-01-01T00:00Z.

Only what is certain is read here. A text of another shape, or no date of the calendar, is left to
``datetime.fromisoformat``, whose word is final.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from wgs_pipeline.consent.cells import Bools, Cells, Int64s, Words

DAY_US = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(moment: datetime) -> int:
    """A moment with zone, in microseconds since 1970-01-01T00:00Z."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def parse_moments(cells: Cells) -> tuple[Int64s, Bools]:
    """Read the shapes of consents.schema.yaml.

    Args:
        cells: One text each, shape (n,).

    Returns:
        Microseconds since 1970-01-01T00:00Z, and which of them were recognised; both shape (n,).
        Where one was not, its number means nothing.
    """
    lengths = cells.lengths
    head = cells.window(24)
    date, known = _digits(head[:, 0], b"0000-00-")
    clock, also = _digits(head[:, 1], b"00T00:00")
    known &= also
    date, clock = _pairs(date), _pairs(clock)
    years = _pair(date, 0) * 100 + _pair(date, 2)
    days, also = days_since_1970(years, _pair(date, 5), _pair(clock, 0))
    known &= also
    hours, minutes = _pair(clock, 3), _pair(clock, 6)
    known &= (hours < 24) & (minutes < 60)

    tail = Cells(cells.data, cells.starts + lengths - 8, lengths).window(8)[:, 0]
    ends_in_z = tail >> np.uint64(56) == ord("Z")
    minutes += hours * 60
    if not ends_in_z.all():
        east, also = _offset(tail)
        known &= ends_in_z | also
        minutes -= np.where(ends_in_z, 0, east)

    rest = lengths - 16 - np.where(ends_in_z, 1, 6)  # bytes between the minutes and the zone
    clock, with_seconds = _digits(head[:, 2], b":00", 3)
    seconds = _pair(_pairs(clock), 1)
    without = rest == 0
    known &= without | (with_seconds & (rest >= 3) & (seconds < 60))
    seconds[without] = 0
    moments = days * DAY_US + (minutes * 60 + seconds) * 1_000_000
    longer = np.flatnonzero(known & (rest > 3))
    if longer.size:
        fractions, known[longer] = _fractions(cells.where(longer), rest[longer] - 4)
        moments[longer] += fractions
    return moments, known


def days_since_1970(years: Int64s, months: Int64s, days: Int64s) -> tuple[Int64s, Bools]:
    """Days from 1970-01-01 in the Gregorian calendar, and which dates there are.

    Args:
        years: Any number; there are the years 1 to 9999.
        months: Any number.
        days: Any number.
    """
    known = (years >= 1) & (years <= 9999)
    years = np.clip(years, 0, 9999)
    month = _LEAP[years] * 100 + np.clip(months, 0, 13)
    known &= (days >= 1) & (days <= _DAYS_OF[month])
    return _DAYS_BEFORE_YEAR[years] + _DAYS_BEFORE[month] + days - 1, known


def _calendar() -> tuple[Int64s, Int64s, Int64s, Int64s]:
    """Per year: whether it is a leap year, days from 1970 to it. Per month: its days, days before.

    Months of leap years have 100 added; a month that is none has no days.
    """
    years = np.arange(10_000, dtype=np.int64)
    leap = ((years % 4 == 0) & ((years % 100 != 0) | (years % 400 == 0))).astype(np.int64)
    before_year = np.cumsum(365 + leap) - (365 + leap)
    days_of = np.zeros(200, np.int64)
    for shift, february in ((0, 28), (100, 29)):
        lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        days_of[shift + 1 : shift + 13] = lengths
    before = np.zeros(200, np.int64)
    for shift in (0, 100):
        before[shift + 1 : shift + 13] = np.cumsum(days_of[shift : shift + 12])
    return leap, before_year - before_year[1970], days_of, before


_LEAP, _DAYS_BEFORE_YEAR, _DAYS_OF, _DAYS_BEFORE = _calendar()
_HIGH, _SIX, _CARRY = (
    np.uint64(int.from_bytes(b * 8, "little")) for b in (b"\xf0", b"\6", b"\x10")
)


def _digits(words: Words, pattern: bytes, length: int = 8) -> tuple[Words, Bools]:
    """Words as numbers 0 to 9 a byte, and which of them have digits where the pattern has 0."""
    inside = np.uint64((1 << (8 * length)) - 1)
    marks = bytes(0 if byte == ord("0") else 255 for byte in pattern)
    values = (words ^ np.uint64(int.from_bytes(pattern, "little"))) & inside
    wrong = (values & _HIGH) | ((values + _SIX) & _CARRY & inside)
    wrong |= values & np.uint64(int.from_bytes(marks, "little"))
    return values, wrong == 0


def _pairs(digits: Words) -> Words:
    """At each byte the number, 0 to 99, of its digit and the next; where both are digits."""
    return digits * np.uint64(10) + (digits >> np.uint64(8))


def _pair(pairs: Words, place: int) -> Int64s:
    """The number at one byte."""
    number: Int64s = ((pairs >> np.uint64(8 * place)) & np.uint64(255)).view(np.int64)
    return number


def _offset(tail: Words) -> tuple[Int64s, Bools]:
    """Minutes east of UTC of zones such as +01:00 at the end of words, and which are such."""
    zone = tail >> np.uint64(16)
    digits, west = _digits(zone, b"-00:00", 6)
    _, east = _digits(zone, b"+00:00", 6)
    pairs = _pairs(digits)
    hours, minutes = _pair(pairs, 1), _pair(pairs, 4)
    known = (east | west) & (hours < 24) & (minutes < 60)
    return np.where(west, -1, 1) * (hours * 60 + minutes), known


def _fractions(cells: Cells, n_digits: Int64s) -> tuple[Int64s, Bools]:
    """Microseconds after the second, and which are well written: a point and 1 to 6 digits."""
    text = cells.window(32).view(np.uint8)
    known = (text[:, 19] == ord(".")) & (n_digits >= 1) & (n_digits <= 6)
    fractions = np.zeros(len(text), np.int64)
    for place in range(6):
        digit = (text[:, 20 + place] - np.uint8(ord("0"))).astype(np.int64)
        inside = place < n_digits
        known &= ~inside | (digit < 10)
        fractions += np.where(inside, digit, 0) * 10 ** (5 - place)
    return fractions, known
