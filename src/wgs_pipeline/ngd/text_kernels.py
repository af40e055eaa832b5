"""Loops over the bytes of VCF lines, each of them one pass without temporaries.

They are compiled (numba) once there is much to do. Until then Python runs them as they are: numba
takes most of a second to begin, which the gVCF of a panel or of a test is not worth. A loop makes
no arrays: what it fills is handed to it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]
_Function = TypeVar("_Function", bound=Callable[..., object])

#: Bytes of a block from which on loops are compiled.
MUCH = 64 << 10
_TAB, _NEWLINE, _ZERO = 9, 10, 48
_WORD = 8
#: Digits of a number that are read where it may go on.
_MOST_LEADING = 16
#: Digits of a number that has an end.
_MOST_DIGITS = 18
#: Bits that are 0 in each byte below 32, and all others of each byte.
_PRINTABLE = np.uint64(0xE0E0E0E0E0E0E0E0)
_HIGH_BITS = np.uint64(0x8080808080808080)
_LOW_BITS = np.uint64(0x7F7F7F7F7F7F7F7F)
#: Times a flag in the lowest bit of byte k this has k in its highest byte.
_PLACES = np.uint64(0x0001020304050607)
_ONE, _THREE, _SEVEN, _TOP, _BYTE = (np.uint64(each) for each in (1, 3, 7, 56, 0xFF))


class Compiling:
    """Whether loops are compiled: from the first block on that is large."""

    begun = False


def _loop(function: _Function) -> _Function:
    """A loop whose first argument is the bytes that it goes over; compiled code is kept on disk."""
    made: list[Callable[..., object]] = []

    @wraps(function)
    def run(*arguments: Any) -> object:
        if not Compiling.begun and arguments[0].nbytes < MUCH:
            with np.errstate(over="ignore"):  # of 64 bits, as in compiled code
                return function(*arguments)
        if not made:
            from numba import njit

            Compiling.begun = True
            options: dict[str, Any] = {"cache": True, "nogil": True, "_nrt": False}
            made.append(njit(**options, error_model="numpy")(function))
        return made[0](*arguments)

    return cast(_Function, run)


@_loop
def find_borders(words: NDArray[np.uint64], begin: int, lines: int, ends: Rows) -> int:
    """Find the ends of columns: bytes below 32, of which the last of a line is a line feed.

    Args:
        words: The lines, eight bytes at a time, from the first one; after the last line zeros.
        begin: Where the first line begins in their buffer.
        lines: How many line feeds there are.
        ends: Filled: the ends of the first column, those of the second one, …; (columns * lines,).

    Returns:
        How many lines were found; -1 if a line has other columns or control characters.
    """
    slot = line = 0
    last = len(ends) - lines
    for word in words:
        kept = word & _PRINTABLE
        flags = ~(((kept & _LOW_BITS) + _LOW_BITS) | kept) & _HIGH_BITS
        while flags:
            if line == lines:
                return line
            place = (((flags & (~flags + _ONE)) >> _SEVEN) * _PLACES) >> _TOP
            byte = np.int64((word >> (place << _THREE)) & _BYTE)
            if byte != (_NEWLINE if slot >= last else _TAB):
                return -1
            ends[slot] = begin + np.int64(place)
            if slot >= last:
                line += 1
                slot = line
            else:
                slot += lines
            flags &= flags - _ONE
        begin += _WORD
    return line


@_loop
def read_leading(data: Bytes, positions: Rows, values: Rows, ends: Rows) -> None:
    """Value of the digits at each position, and one past the last of them."""
    for row in range(len(positions)):
        at, value = positions[row], np.int64(0)
        stop = min(at + _MOST_LEADING, len(data))
        while at < stop:
            digit = np.int64(data[at]) - _ZERO
            if digit < 0 or digit > 9:
                break
            value = value * 10 + digit
            at += 1
        values[row], ends[row] = value, at


@_loop
def read_whole(data: Bytes, starts: Rows, ends: Rows, values: Rows, good: Mask) -> None:
    """Value of each text that is digits alone, and which are; 0 for the others."""
    for row in range(len(starts)):
        size = ends[row] - starts[row]
        value, whole = np.int64(0), 0 < size <= _MOST_DIGITS
        if whole:
            for at in range(starts[row], ends[row]):
                digit = np.int64(data[at]) - _ZERO
                whole &= 0 <= digit <= 9
                value = value * 10 + digit
        values[row], good[row] = value if whole else 0, whole


@_loop
def find_next(data: Bytes, starts: Rows, stops: Rows, byte: int, found: Rows) -> None:
    """Where a byte first stands at or after each start; the stop if it does not before that."""
    for row in range(len(starts)):
        at, stop = starts[row], stops[row]
        while at < stop and data[at] != byte:
            at += 1
        found[row] = min(at, stop)


@_loop
def find_text(data: Bytes, positions: Rows, text: Bytes, same: Mask) -> None:
    """At which positions a text stands."""
    last = len(data) - len(text)
    for row in range(len(positions)):
        at = positions[row]
        equal = at <= last
        if equal:
            for k in range(len(text)):
                if data[at + k] != text[k]:
                    equal = False
                    break
        same[row] = equal


@_loop
def find_equal(data: Bytes, starts: Rows, ends: Rows, text: Bytes, same: Mask) -> None:
    """Which texts are this one."""
    for row in range(len(starts)):
        equal = ends[row] - starts[row] == len(text)
        if equal:
            at = starts[row]
            for k in range(len(text)):
                if data[at + k] != text[k]:
                    equal = False
                    break
        same[row] = equal


@_loop
def find_distinct(data: Bytes, starts: Rows, ends: Rows, firsts: Rows, codes: Rows) -> int:
    """Which of the distinct texts, in the order in which they appear, each text is.

    Args:
        data: The buffer.
        starts: First byte of each text.
        ends: One past its last byte.
        firsts: Filled with the first row of each distinct text, as many as there is room for.
        codes: Filled with the place of each text there; -1 of one for which there was no room.

    Returns:
        How many distinct texts were noted.
    """
    count, last = 0, 0
    for row in range(len(starts)):
        start, size = starts[row], ends[row] - starts[row]
        code = -1
        for turn in range(count + 1):  # the text of the row above comes first
            candidate = last if turn == 0 else turn - 1
            if candidate == count:
                break
            other = starts[firsts[candidate]]
            if ends[firsts[candidate]] - other != size:
                continue
            k = 0
            while k < size and data[start + k] == data[other + k]:
                k += 1
            if k == size:
                code = candidate
                break
        if code < 0 and count < len(firsts):
            firsts[count] = row
            code = count
            count += 1
        if code >= 0:
            last = code
        codes[row] = code
    return count


@_loop
def count_bytes(data: Bytes, starts: Rows, ends: Rows, byte: int) -> int:
    """How many bytes of some texts are this one."""
    count = 0
    for row in range(len(starts)):
        for at in range(starts[row], ends[row]):
            count += data[at] == byte
    return count


@_loop
def join(data: Bytes, starts: Rows, ends: Rows, joined: Bytes) -> None:
    """Copy texts, one after another."""
    to = 0
    for row in range(len(starts)):
        for at in range(starts[row], ends[row]):
            joined[to] = data[at]
            to += 1


@_loop
def split(
    data: Bytes,
    texts: tuple[Rows, Rows],
    separator: int,
    parts: Bytes,
    part_ends: Rows,
    firsts: Rows,
) -> None:
    """Copy texts, each with a separator after it, and note where parts of them end.

    Args:
        data: The buffer.
        texts: First byte of each text, and one past its last byte.
        separator: The byte between parts.
        parts: Filled from its ``_WORD``-th byte on.
        part_ends: Filled with the place of the separator after each part.
        firsts: Filled with the first part of each text, shape (texts + 1,).
    """
    starts, ends = texts
    to, part = _WORD, 0
    for row in range(len(starts)):
        firsts[row] = part
        for at in range(starts[row], ends[row]):
            parts[to] = data[at]
            if data[at] == separator:
                part_ends[part] = to
                part += 1
            to += 1
        parts[to] = separator
        part_ends[part] = to
        part += 1
        to += 1
    firsts[len(starts)] = part
