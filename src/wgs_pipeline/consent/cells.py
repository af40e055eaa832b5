"""The cells of a large sheet as places in its bytes, so that no text object is made per cell.

Eight bytes are looked at together, as one little-endian word.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

#: Bytes of lines that are looked at together: they and what is derived stay in the cache.
BLOCK_BYTES = 1_000_000
#: Bytes before the first and after the last cell that a word may reach into.
PADDING = 320
WORD = 8
#: All bits of the first n bytes of a word.
_FIRST_BYTES = np.array([(1 << (8 * n)) - 1 for n in range(WORD + 1)], np.uint64)

Words = NDArray[np.uint64]
Int64s = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Cells:
    """One column of cells.

    Attributes:
        data: All bytes, with ``PADDING`` more before and after the cells, shape (bytes,).
        starts: First byte of each cell, shape (cells,).
        lengths: Its length in bytes, shape (cells,).
    """

    data: NDArray[np.uint8]
    starts: Int64s
    lengths: Int64s

    def where(self, chosen: Bools | Int64s | slice) -> Cells:
        """Some of the cells."""
        return Cells(self.data, self.starts[chosen], self.lengths[chosen])

    def words(self, width: int, filler: bytes = b"\0") -> Words:
        """The first bytes of each cell; where it is shorter, the filler.

        Args:
            width: Bytes, a multiple of 8.
            filler: One byte.

        Returns:
            Shape (cells, width / 8).
        """
        words = self.window(width)
        beyond = np.uint64(int.from_bytes(filler * WORD, "little"))
        for place in range(words.shape[1]):
            mask = _FIRST_BYTES[np.clip(self.lengths - place * WORD, 0, WORD)]
            column = words[:, place]
            column &= mask
            if beyond:
                column |= ~mask & beyond
        return words

    def window(self, width: int, shift: int = 0) -> Words:
        """The bytes from ``shift`` bytes after the start of each cell on, whatever they are.

        Returns:
            Shape (cells, width / 8).
        """
        if width + abs(shift) > PADDING:
            raise ValueError(f"a window of {width} bytes is wider than the padding")
        places = np.ndarray(len(self.data) - width + 1, f"V{width}", self.data, strides=(1,))
        return places[self.starts + shift].view("<u8").reshape(len(self.starts), width // WORD)


@dataclass(frozen=True)
class Block:
    """Some lines of a sheet.

    Attributes:
        first: Number of the first line, 1-based.
        starts: First byte of each line, shape (lines,).
        ends: One past its last byte, without the line end, shape (lines,).
        rows: Which lines have as many cells as the header, as indices into ``starts``.
        columns: Their cells, by column.
    """

    first: int
    starts: Int64s
    ends: Int64s
    rows: Int64s
    columns: tuple[Cells, ...]


@dataclass(frozen=True)
class Content:
    """The bytes of a file, in the midst of padding.

    Attributes:
        data: Shape (bytes + 2 * PADDING,).
        start: Its first byte.
        stop: One past its last.
    """

    data: NDArray[np.uint8]
    start: int
    stop: int

    @classmethod
    def read(cls, path: Path) -> Content:
        """Read a file; raises OSError."""
        with path.open("rb", buffering=0) as file:
            content = cls.of(os.fstat(file.fileno()).st_size)
            view, filled = content.data[content.start : content.stop].data, 0
            while n_bytes := file.readinto(view[filled:]):
                filled += n_bytes
            rest = file.readall()  # it grew meanwhile
        return cls.of_bytes(content.text()[:filled] + rest) if rest or view[filled:] else content

    @classmethod
    def of(cls, size: int) -> Content:
        """Room for some bytes."""
        data = np.empty(size + 2 * PADDING, np.uint8)
        data[:PADDING] = data[PADDING + size :] = ord("\n")
        return cls(data, PADDING, PADDING + size)

    @classmethod
    def of_bytes(cls, text: bytes) -> Content:
        """Bytes that were read already."""
        content = cls.of(len(text))
        content.data[content.start : content.stop] = np.frombuffer(text, np.uint8)
        return content

    def text(self, start: int | None = None, stop: int | None = None) -> bytes:
        """The bytes of a place, or all."""
        start = self.start if start is None else start
        return self.data[start : self.stop if stop is None else stop].tobytes()

    def line_end(self, place: int) -> int:
        """One past the first line end at or after ``place``."""
        while place < self.stop:
            found = np.flatnonzero(self.data[place : min(place + 4096, self.stop)] == 10)
            if found.size:
                return place + int(found[0]) + 1
            place += 4096
        return self.stop

    def is_text(self) -> bool:
        """Whether it is UTF-8 without NUL."""
        inside = self.data[self.start : self.stop]
        if not inside.size or inside.max() < 128:
            return not inside.size or bool(inside.min() > 0)
        try:
            self.text().decode("utf-8")
        except UnicodeDecodeError:
            return False
        return bool(inside.min() > 0)

    def blocks(self, start: int, first: int, n_columns: int, separator: bytes) -> Iterator[Block]:
        """Cut lines into cells.

        Args:
            start: First byte of the first line.
            first: Its number, 1-based.
            n_columns: Cells of a whole row.
            separator: What separates cells, one byte.
        """
        while start < self.stop:
            end = self.line_end(min(start + BLOCK_BYTES, self.stop) - 1)
            block = _block(self.data, start, end, first, n_columns, separator[0])
            yield block
            first += len(block.starts)
            start = end


def _block(
    data: NDArray[np.uint8], start: int, end: int, first: int, n_columns: int, separator: int
) -> Block:
    piece = data[start:end]
    if separator == 9:
        marks = np.flatnonzero((piece - np.uint8(9)) < 2)
    else:
        marks = np.flatnonzero((piece == separator) | (piece == 10))
    ends = np.flatnonzero(piece == 10)
    if piece[-1] != 10:
        marks, ends = np.append(marks, len(piece)), np.append(ends, len(piece))
    marks += start
    ends += start
    starts = np.concatenate(([start], ends[:-1] + 1))
    if np.array_equal(marks[n_columns - 1 :: n_columns], ends):  # every line is a whole row
        rows, cell_marks = np.arange(len(ends)), marks.reshape(-1, n_columns).T
    else:
        line_marks = np.searchsorted(marks, ends)
        rows = np.flatnonzero(np.diff(line_marks, prepend=-1) == n_columns)
        cell_marks = marks[line_marks[rows] - np.arange(n_columns - 1, -1, -1)[:, np.newaxis]]
    returns = data[ends - 1] == 13
    if returns.any():
        ends = ends - (returns & (ends > starts))
    columns, cell_starts = [], starts[rows]
    for place in range(n_columns):
        cell_ends = cell_marks[place] if place < n_columns - 1 else ends[rows]
        columns.append(Cells(data, cell_starts, cell_ends - cell_starts))
        cell_starts = cell_ends + 1
    return Block(first, starts, ends, rows, tuple(columns))
