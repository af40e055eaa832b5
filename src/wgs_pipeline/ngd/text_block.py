"""VCF lines as one byte buffer and the borders of their fields, read without splitting.

A field is never copied out unless it is asked for: numbers are read and texts compared where they
lie, by compiled loops over whole blocks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wgs_pipeline.ngd import text_kernels

Rows = NDArray[np.int64]

_WORD = 8
#: Bytes before and after a text in its buffer, so that a word can be read at every byte.
PADDING = _WORD
_NEWLINE, _POINT = b"\n."
_FEW = 48


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
        same = np.empty(len(self), np.bool_)
        text_kernels.find_equal(self.data, self.starts, self.ends, _bytes(text), same)
        return same

    def missing(self) -> NDArray[np.bool_]:
        """Which texts are empty or ``.``."""
        sizes = self.sizes
        missing: NDArray[np.bool_] = (sizes == 0) | ((sizes == 1) & (self.first_bytes() == _POINT))
        return missing

    def whole_numbers(self) -> tuple[Rows, NDArray[np.bool_]]:
        """Value of each text that is digits alone, and which are; 0 for the others."""
        values, good = np.empty(len(self), np.int64), np.empty(len(self), np.bool_)
        text_kernels.read_whole(self.data, self.starts, self.ends, values, good)
        return values, good

    def strings(self) -> pa.StringArray:
        """The texts as an Arrow array of their own."""
        flat, offsets = self.joined()
        return pa.StringArray.from_buffers(len(self), pa.py_buffer(offsets), pa.py_buffer(flat))

    def split(self, separator: bytes) -> tuple[Fields, Rows]:
        """The parts of every text, and the first part of each text, shape (texts + 1,)."""
        texts, byte = (self.starts, self.ends), separator[0]
        inner = text_kernels.count_bytes(self.data, *texts, byte)
        size = int(self.sizes.sum()) + len(self)
        data, ends = np.zeros(size + 2 * PADDING, np.uint8), np.empty(inner + len(self), np.int64)
        firsts = np.empty(len(self) + 1, np.int64)
        text_kernels.split(self.data, texts, byte, data, ends, firsts)
        data.flags.writeable = False  # as the buffer of a block, so that loops are compiled once
        starts = np.concatenate(([PADDING], ends + 1))[:-1]
        return Fields(data, starts, ends), firsts

    def joined(self) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
        """The texts one after another, and where each begins, shape (texts + 1,)."""
        offsets = np.zeros(len(self) + 1, np.int32)
        np.cumsum(self.sizes, out=offsets[1:])
        joined = np.empty(offsets[-1], np.uint8)
        text_kernels.join(self.data, self.starts, self.ends, joined)
        return joined, offsets

    def dictionary(self) -> tuple[list[str], Rows]:
        """The distinct texts, and the index of each text in them, shape (texts,)."""
        firsts, codes = np.empty(_FEW, np.int64), np.empty(len(self), np.int64)
        found = text_kernels.find_distinct(self.data, self.starts, self.ends, firsts, codes)
        texts = [self.text(row).decode("utf-8") for row in firsts[:found].tolist()]
        if found == _FEW:  # a block has few distinct FORMATs, FILTERs, GTs, but it need not
            rest = np.flatnonzero(codes < 0)
            encoded = self[rest].strings().dictionary_encode()
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
        lines = int(np.count_nonzero(inner == _NEWLINE))
        ends = np.empty(columns * lines, np.int64)
        words = data[PADDING : PADDING + -(-len(inner) // _WORD) * _WORD].view(np.uint64)
        if text_kernels.find_borders(words, PADDING, lines, ends) != lines:
            raise BadLines
        return cls(data, ends.reshape(columns, lines))

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
    same = np.empty(len(positions), np.bool_)
    text_kernels.find_text(data, positions, _bytes(text), same)
    return same


def leading_numbers(data: NDArray[np.uint8], positions: Rows) -> tuple[Rows, Rows]:
    """Value of the digits at each position of a padded buffer, and one past the last of them.

    Of more than 16 digits only the first 16 are read.
    """
    values, ends = np.empty_like(positions), np.empty_like(positions)
    text_kernels.read_leading(data, positions, values, ends)
    return values, ends


def next_of(data: NDArray[np.uint8], starts: Rows, stops: Rows, byte: bytes) -> Rows:
    """Where a byte first stands at or after each start; the stop if it does not before that."""
    found = np.empty_like(starts)
    text_kernels.find_next(data, starts, stops, byte[0], found)
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


def _bytes(text: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(text, np.uint8)
