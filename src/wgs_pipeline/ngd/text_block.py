"""VCF lines as one byte buffer and the borders of their fields, read without splitting.

A field is never copied out unless it is asked for: numbers are read eight characters at a time,
as one 64-bit word, and texts are compared in the same way. All of it is NumPy over whole blocks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Rows = NDArray[np.int64]

_WORD = 8
#: Bytes before and after a text in its buffer, so that a word can be read at every byte.
PADDING = _WORD
_TAB, _NEWLINE, _POINT = b"\t\n."
_FIRST_PRINTABLE = 32
_FEW = 48
_ZEROS = np.uint64(0x3030303030303030)  # the character 0 in each byte
_EACH_BYTE = np.uint64(0x0101010101010101)
_HIGH_BITS = np.uint64(0x8080808080808080)
_ABOVE_NINE = np.uint64(
    0x7676767676767676
)  # added to a byte above 9, gives one with its high bit set
_ONE = np.uint64(1)
_MOST_DIGITS = 18


class BadLines(ValueError):  # noqa: N818 (becomes a GvcfError with its line)
    """The text is not lines of the columns that were expected."""


@dataclass(frozen=True)
class Fields:
    """Texts in a byte buffer.

    Attributes:
        data: The buffer, with a word of padding at both ends.
        starts: First byte of each text, shape (texts,).
        ends: One past its last byte, shape (texts,).
    """

    data: NDArray[np.uint8]
    starts: Rows
    ends: Rows

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, rows: Rows) -> Fields:
        return Fields(self.data, self.starts[rows], self.ends[rows])

    @property
    def sizes(self) -> Rows:
        """Bytes of each text."""
        return self.ends - self.starts

    def text(self, row: int) -> bytes:
        """One text."""
        return self.data[self.starts[row] : self.ends[row]].tobytes()

    def first_bytes(self) -> NDArray[np.uint8]:
        """First byte of each text; of an empty one the delimiter after it."""
        return self.data[self.starts]

    def equal(self, text: bytes) -> NDArray[np.bool_]:
        """Which texts are this one."""
        same: NDArray[np.bool_] = self.sizes == len(text)
        rows = slice(None) if same.all() else np.flatnonzero(same)
        same[rows] = starts_with(self.data, self.starts[rows], text)
        return same

    def missing(self) -> NDArray[np.bool_]:
        """Which texts are empty or ``.``."""
        sizes = self.sizes
        missing: NDArray[np.bool_] = (sizes == 0) | ((sizes == 1) & (self.first_bytes() == _POINT))
        return missing

    def whole_numbers(self) -> tuple[Rows, NDArray[np.bool_]]:
        """Value of each text that is digits alone, and which are; 0 for the others."""
        sizes = self.sizes
        clear = ((_WORD - np.minimum(sizes, _WORD)) * 8).astype(np.uint64)
        digits = (_words(self.data, self.ends - _WORD) ^ _ZEROS) >> clear << clear
        good = (((digits + _ABOVE_NINE) | digits) & _HIGH_BITS) == 0
        good &= (sizes > 0) & (sizes <= _MOST_DIGITS)
        values = _value(digits)
        long = np.flatnonzero(good & (sizes > _WORD))
        if len(long):
            head = Fields(self.data, self.starts[long], self.ends[long] - _WORD)
            high, whole = head.whole_numbers()
            values[long] += high * 10**_WORD
            good[long] &= whole
        values[~good] = 0
        return values, good

    def strings(self) -> pa.StringArray:
        """The texts as an Arrow array of their own."""
        flat, offsets = self.joined()
        return pa.StringArray.from_buffers(len(self), pa.py_buffer(offsets), pa.py_buffer(flat))

    def split(self, separator: bytes) -> tuple[Fields, Rows]:
        """The parts of every text, and the first part of each text, shape (texts + 1,)."""
        sizes = self.sizes + 1  # with the delimiter after it
        offsets = np.concatenate(([0], np.cumsum(sizes)))
        index = np.arange(offsets[-1]) + np.repeat(self.starts - offsets[:-1], sizes)
        data = np.zeros(offsets[-1] + 2 * PADDING, np.uint8)
        data[PADDING:-PADDING] = self.data[index]
        data[offsets[1:] + PADDING - 1] = separator[0]
        ends = np.flatnonzero(data == separator[0])
        starts = np.concatenate(([PADDING], ends + 1))[:-1]
        return Fields(data, starts, ends), np.searchsorted(starts, offsets + PADDING)

    def joined(self) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
        """The texts one after another, and where each begins, shape (texts + 1,)."""
        sizes = self.sizes
        offsets = np.zeros(len(self) + 1, np.int32)
        np.cumsum(sizes, out=offsets[1:])
        index = np.arange(offsets[-1]) + np.repeat(self.starts - offsets[:-1], sizes)
        return self.data[index], offsets

    def dictionary(self) -> tuple[list[str], Rows]:
        """The distinct texts, and the index of each text in them, shape (texts,)."""
        codes = np.empty(len(self), np.int64)
        texts: list[str] = []
        rest, fields = np.arange(len(self)), self
        while len(rest) and len(texts) < _FEW:  # a block has few distinct FORMATs, FILTERs, GTs
            text = fields.text(0)
            same = fields.equal(text)
            codes[rest[same]] = len(texts)
            texts.append(text.decode("utf-8"))
            rest = rest[~same]
            fields = self[rest]
        if len(rest):
            encoded = fields.strings().dictionary_encode()
            codes[rest] = np.asarray(encoded.indices) + len(texts)
            texts += encoded.dictionary.to_pylist()
        return texts, codes


@dataclass(frozen=True)
class TextBlock:
    """Lines of a VCF.

    Attributes:
        data: Their bytes, with a word of padding at both ends.
        ends: Where each column ends, shape (columns, lines).
    """

    data: NDArray[np.uint8]
    ends: Rows

    def __len__(self) -> int:
        return len(self.ends[0])

    @classmethod
    def of(cls, data: NDArray[np.uint8], columns: int) -> TextBlock:
        """Find the borders of whole lines.

        Args:
            data: The lines, with a word of padding at both ends.
            columns: Columns of each.

        Raises:
            BadLines: A line has another number of columns, or there are control characters.
        """
        inner = data[PADDING:-PADDING]
        borders = np.flatnonzero(inner < _FIRST_PRINTABLE)
        pattern = np.array([_TAB] * (columns - 1) + [_NEWLINE], np.uint8)
        if len(borders) % columns or (inner[borders].reshape(-1, columns) != pattern).any():
            raise BadLines
        borders += PADDING
        return cls(data, np.ascontiguousarray(borders.reshape(-1, columns).T))

    def column(self, index: int) -> Fields:
        """One column of all lines, the first column being 0."""
        if index:
            return Fields(self.data, self.ends[index - 1] + 1, self.ends[index])
        starts = np.empty_like(self.ends[0])
        starts[:1] = PADDING
        starts[1:] = self.ends[-1, :-1] + 1
        return Fields(self.data, starts, self.ends[0])


def starts_with(data: NDArray[np.uint8], positions: Rows, text: bytes) -> NDArray[np.bool_]:
    """At which positions of a padded buffer this text stands."""
    same = np.ones(len(positions), np.bool_)
    last = len(data) - _WORD
    for at in range(0, len(text), _WORD):
        part = text[at : at + _WORD]
        words = _words(data, np.minimum(positions + at, last))
        if len(part) < _WORD:
            words &= (1 << 8 * len(part)) - 1
        same &= words == int.from_bytes(part, "little")
    return same


def leading_numbers(data: NDArray[np.uint8], positions: Rows) -> tuple[Rows, Rows]:
    """Value of the digits at each position of a padded buffer, and one past the last of them.

    Of more than 16 digits only the first 16 are read.
    """
    values, count = _leading_digits(data, positions)
    full = np.flatnonzero(count == _WORD)
    if len(full):
        more, width = _leading_digits(data, positions[full] + _WORD)
        values[full] = values[full] * 10**width + more
        count[full] += width
    return values, positions + count


def next_of(data: NDArray[np.uint8], starts: Rows, stops: Rows, byte: bytes) -> Rows:
    """Where a byte first stands at or after each start; the stop if it does not before that."""
    found = stops.copy()
    rows, at = np.arange(len(starts)), starts
    while len(rows):
        count = _bytes_before(_words(data, at) ^ np.uint64(byte[0]) * _EACH_BYTE)
        ends = stops[rows]
        found[rows] = np.minimum(at + count, ends)
        more = np.flatnonzero((count == _WORD) & (at + _WORD < ends))
        rows, at = rows[more], at[more] + _WORD
    return found


def find_all(data: NDArray[np.uint8], text: bytes) -> Rows:
    """Every position at which a text stands."""
    size = len(data) - len(text) + 1
    if size < 1:
        return np.empty(0, np.int64)
    found = data[:size] == text[0]
    for at, byte in enumerate(text[1:], start=1):
        found &= data[at : at + size] == byte
    return np.flatnonzero(found)


def _words(data: NDArray[np.uint8], positions: Rows) -> NDArray[np.uint64]:
    """The eight bytes at each position, the first one lowest."""
    words = np.ndarray((len(data) - _WORD + 1,), "<u8", data, 0, (1,))  # one at every byte
    result: NDArray[np.uint64] = words[positions]
    return result


def _leading_digits(data: NDArray[np.uint8], positions: Rows) -> tuple[Rows, Rows]:
    """Value of up to eight digits at each position, and how many they are."""
    digits = _words(data, positions) ^ _ZEROS
    count = _lowest_flag(((digits + _ABOVE_NINE) | digits) & _HIGH_BITS)
    return _value(digits << ((_WORD - count) * 8).astype(np.uint64)), count


def _bytes_before(words: NDArray[np.uint64]) -> Rows:
    """How many bytes of each word are not zero before one is; 8 if all are."""
    return _lowest_flag((words - _EACH_BYTE) & ~words & _HIGH_BITS)


def _lowest_flag(flags: NDArray[np.uint64]) -> Rows:
    """Index of the lowest byte whose high bit is set; 8 if none is."""
    below = (flags & (~flags + _ONE)) - _ONE
    return np.bitwise_count(below).astype(np.int64) >> 3


def _value(digits: NDArray[np.uint64]) -> Rows:
    """Number of eight decimal digits, one a byte, the most significant one lowest."""
    pairs = (digits & 0x0F0F0F0F0F0F0F0F) * 2561 >> 8
    fours = (pairs & 0x00FF00FF00FF00FF) * 6553601 >> 16
    return ((fours & 0x0000FFFF0000FFFF) * 42949672960001 >> 32).astype(np.int64)
