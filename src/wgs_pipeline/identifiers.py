"""What may name a sample, a family, a library: safe characters, and never a person's number."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator, Mapping

#: Names become parts of file names, wildcards and command lines: these characters and no others.
SAFE_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"

_SAFE_NAME = re.compile(SAFE_NAME)
_SPACE = " \u00a0\u2007\u2009\u202f"
_DASH = "-\u00ad\u2010-\u2015\u2212\ufe63\uff0d"  # of typesetting too: text is pasted from letters
#: Digests and UUIDs name files of laboratories and archives; within them any digits occur.
_DIGEST = (
    r"(?<![0-9A-Za-z])(?:[0-9a-fA-F]{32,128}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})"
    r"(?![0-9A-Za-z])"
)
#: DDMMYY and four digits, with what people put between; the date itself in parts only where a
#: dash follows, since a time of day may follow a date.
_CPR = re.compile(
    rf"{_DIGEST}|(?<![0-9])"
    rf"(?:([0-9]{{2}})([0-9]{{2}})([0-9]{{2}})[{_SPACE}]{{0,2}}[{_DASH}_]?[{_SPACE}]{{0,2}}"
    rf"|([0-9]{{2}})([ ./-])([0-9]{{2}})\5([0-9]{{2}})[{_SPACE}]?[{_DASH}][{_SPACE}]?)"
    r"[0-9]{4}(?![0-9])"
)
_WHOLE_CPR = re.compile(r"([0-9]{2})([0-9]{2})([0-9]{2})-?([0-9]{4})")
_WITHHELD = "[withheld]"


def is_safe_name(text: str) -> bool:
    """Whether ``text`` may name a sample, family, library, flowcell or lane."""
    return _SAFE_NAME.fullmatch(text) is not None and ".." not in text


def has_cpr_shape(text: str) -> bool:
    """Whether ``text`` is or contains what may be a Danish civil registration (CPR) number.

    A CPR number is DDMMYY and four digits, with nothing, spaces, a dash or ``_`` between. The date
    decides and not the modulus-11 check digit, which has not been guaranteed since 2007.
    Replacement numbers, given to people without a CPR number, have 60 added to the day. Digits
    within a UUID or a digest (32 or more hexadecimal digits) are none.
    """
    return any(map(_has_date, _CPR.finditer(text)))


def without_cpr(text: str) -> str:
    """``text`` with everything withheld that has the shape of a CPR number."""
    return _CPR.sub(lambda match: _WITHHELD if _has_date(match) else match[0], text)


def cpr_places(value: object, keys: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where text with the shape of a CPR number stands in nested values, keys of objects included.

    Numbers are amounts and are passed over.

    Yields:
        Keys and indices from the outside in; the last may be such text itself, so is not shown.
    """
    if isinstance(value, str):
        if has_cpr_shape(value):
            yield keys
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if has_cpr_shape(str(key)):
                yield (*keys, key)
            else:
                yield from cpr_places(inner, (*keys, key))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from cpr_places(inner, (*keys, index))


def canonical_patient_id(text: str) -> str:
    """One spelling for one person: a CPR number loses its hyphen, all else stays as it is.

    Without this, a withdrawal registered with the hyphen would not reach a sample registered
    without it.
    """
    match = _WHOLE_CPR.fullmatch(text)
    return "".join(match.groups()) if match else text


def shown(text: str, limit: int = 60) -> str:
    """``text`` quoted for a message: control characters escaped, long text cut, CPR withheld."""
    if has_cpr_shape(text):
        return _WITHHELD
    return repr(text if len(text) <= limit else text[:limit] + "…")


def shown_word(text: str) -> str:
    """``text`` quoted for a message where an identifier may have slipped in from another column.

    Words of letters are shown; anything with a digit, or longer than a word, is withheld.
    """
    is_word = len(text) <= 40 and re.fullmatch(r"[^\W\d_]+([ _-][^\W\d_]+)*", text)
    return repr(text) if is_word else _WITHHELD


def shown_moment(text: str) -> str:
    """``text`` quoted for a message where it looks like a date or time, else withheld."""
    looks_dated = re.fullmatch(r"[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}[0-9T:.+Z -]{0,24}", text)
    return repr(text) if looks_dated else _WITHHELD


def _has_date(match: re.Match[str]) -> bool:
    day, month, year, first, _, second, third = match.groups()
    if first:
        return _is_date(first, second, third)
    return bool(day) and _is_date(day, month, year)


def _is_date(day_text: str, month_text: str, year_text: str) -> bool:
    day, month, year = int(day_text), int(month_text), int(year_text)
    if not 1 <= month <= 12:
        return False
    # The century stands in the seventh digit; a leap day of any century is reason enough.
    leap = 2000 if any(calendar.isleap(century + year) for century in (1800, 1900, 2000)) else 1999
    last = calendar.monthrange(leap, month)[1]
    return 1 <= day <= last or 61 <= day <= 60 + last
