"""Reading a large register: rows that are certain in columns, all others one by one.

A row is certain where it has every cell, each in its usual spelling. The others go the way of a
small register, whose messages therefore are the messages of a large one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.consent.cells import WORD, Block, Bools, Cells, Content, Int64s, Words
from wgs_pipeline.consent.events import ConsentEvent
from wgs_pipeline.consent.identities import cells_of, hashes, identifiers, joined
from wgs_pipeline.consent.moments import microseconds, parse_moments
from wgs_pipeline.consent.rows import event_of, events_of_table
from wgs_pipeline.consent.timelines import DECISIONS, SCOPES, Columns
from wgs_pipeline.errors import ProblemsError
from wgs_pipeline.tables import MAX_LINE_BYTES, Row, Table, read_lines

_SHEET = "consents"
_LONGEST_ID = 128
#: Longer sources are no error, but are looked at one by one: one word has a bit for each byte.
_LONGEST_SOURCE = 64
#: Bytes between the date and the last digits of a CPR number: a dash, and spaces on both sides.
_LONGEST_GAP = 5


@dataclass(frozen=True)
class SheetEvents:
    """The events of a sheet, made from its bytes.

    Attributes:
        content: The bytes of the sheet.
        columns: Names in its header.
        starts: First byte of the line of each row.
        lines: Its number, 1-based.
    """

    content: Content
    columns: tuple[str, ...]
    starts: Int64s
    lines: NDArray[np.int32]

    def event(self, row: int) -> ConsentEvent:
        """The event of a row."""
        start = int(self.starts[row])
        line = self.content.text(start, self.content.line_end(start)).rstrip(b"\n")
        cells = line.removesuffix(b"\r").decode("utf-8").split("\t")
        index = {column: place for place, column in enumerate(self.columns)}
        return event_of(Row(int(self.lines[row]), cells, index))


@dataclass(frozen=True)
class _Part:
    """Certain rows of one block, and number, start and end of its doubtful lines."""

    starts: Int64s
    lines: NDArray[np.int32]
    identifiers: Words
    hashes: Words
    scopes: NDArray[np.uint8]
    decisions: NDArray[np.uint8]
    effective: Int64s
    recorded: Int64s
    doubtful: tuple[tuple[int, int, int], ...] = ()


def read_columns(path: Path, now: datetime) -> Columns | None:
    """Read a register in columns; None where it is no sheet, has no rows, or cannot be read.

    Args:
        path: The sheet, as consents.schema.yaml describes it.
        now: The present moment; events after it are refused.

    Raises:
        ProblemsError: Everything wrong with its rows.
    """
    try:
        content = Content.read(path)
    except OSError:
        return None
    begins = _header(path, content) if content.is_text() else None
    if begins is None:
        return None
    columns, start, first = begins
    reader = _Reader(content.data, columns, microseconds(now))
    parts = [reader.read(block) for block in content.blocks(start, first, len(columns), b"\t")]
    if any(end - start > MAX_LINE_BYTES for part in parts for _, start, end in part.doubtful):
        return None
    parts.append(_one_by_one(path, content, columns, parts, now))

    def column(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(part, name) for part in parts])

    return Columns(
        joined([part.identifiers for part in parts]),
        column("hashes"),
        column("scopes"),
        column("decisions"),
        column("effective"),
        column("recorded"),
        SheetEvents(content, columns, column("starts"), column("lines")),
    )


def _header(path: Path, content: Content) -> tuple[tuple[str, ...], int, int] | None:
    """Columns, and place and number of the line after the header; None where the sheet is odd."""
    header, after, first, start, number = "", 0, 0, content.start, 0
    while start < content.stop:
        end, number = content.line_end(start), number + 1
        line = content.text(start, end).decode("utf-8-sig" if number == 1 else "utf-8")
        line = line.rstrip("\n").removesuffix("\r")
        lines = [(1, header), (2, line)] if header else [(1, line)]
        table = read_lines(path, lines, _SHEET)
        if table.rows or table.broken:
            return table.columns, after, first
        if any(problem.line for problem in table.problems):  # the header is wrong
            return None
        if table.columns and not header:
            header, after, first = line, end, number + 1
        start = end
    return None


@dataclass(frozen=True)
class _Reader:
    """Reads blocks of one sheet; ``now`` is in microseconds since 1970-01-01T00:00Z."""

    data: NDArray[np.uint8]
    columns: tuple[str, ...]
    now: int

    def read(self, block: Block) -> _Part:
        cells = dict(zip(self.columns, block.columns, strict=True))
        scopes, certain = _words(cells["scope"], SCOPES)
        decisions, known = _words(cells["decision"], DECISIONS)
        certain &= known & _are_identifiers(cells["patient_id"])
        moments = []
        for column in ("effective_from", "recorded_at"):
            moment, known = parse_moments(cells[column])
            certain &= known & (moment <= self.now)
            moments.append(moment)
        if "source" in cells:
            certain &= _are_sources(cells["source"])
        # A comment has the cells of a row by chance only; it must not be taken for one.
        certain &= self.data[block.starts[block.rows]] != ord("#")
        doubtful = np.ones(len(block.starts), np.bool_)
        doubtful[block.rows[certain]] = False
        chosen = slice(None) if certain.all() else certain
        rows = block.rows[chosen]
        persons, lengths = identifiers(cells["patient_id"].where(chosen))
        return _Part(
            block.starts[rows],
            (block.first + rows).astype(np.int32),
            persons,
            hashes(persons, lengths),
            scopes[chosen],
            decisions[chosen],
            moments[0][chosen],
            moments[1][chosen],
            tuple(
                (block.first + int(line), int(block.starts[line]), int(block.ends[line]))
                for line in np.flatnonzero(doubtful)
            ),
        )


def _words(cells: Cells, words: Sequence[str]) -> tuple[NDArray[np.uint8], Bools]:
    """Which of some words each cell is, and which cells are one of them."""
    width = -(-max(map(len, words)) // WORD) * WORD
    text = cells.words(width)
    index, known = np.zeros(len(text), np.uint8), np.zeros(len(text), np.bool_)
    for place, word in enumerate(words):
        wanted = np.frombuffer(word.encode().ljust(width, b"\0"), "<u8")
        equal = (cells.lengths == len(word)) & (text[:, 0] == wanted[0])
        for column in range(1, -(-len(word) // WORD)):
            equal &= text[:, column] == wanted[column]
        index[equal] = place
        known |= equal
    return index, known


def _are_identifiers(cells: Cells) -> Bools:
    """Cells of 1 to 128 visible ASCII characters."""
    fitting: Bools = (cells.lengths >= 1) & (cells.lengths <= _LONGEST_ID)
    text = cells.words(_width(cells, _LONGEST_ID), b"!").view(np.uint8)
    return fitting & _everywhere((text - np.uint8(ord("!"))) <= ord("~") - ord("!"))


def _are_sources(cells: Cells) -> Bools:
    """Cells of at most 64 bytes, none of control, without anything like a CPR number."""
    fitting: Bools = cells.lengths <= _LONGEST_SOURCE
    text = cells.words(_width(cells, _LONGEST_SOURCE), b" ").view(np.uint8)
    fitting &= _everywhere((text >= 32) & (text != 127))
    digits = _bits((text - np.uint8(ord("0"))) < 10)
    if (np.bitwise_count(digits) >= 10).any():
        fitting &= ~_may_have_cpr_shape(text, digits)
    return fitting


def _may_have_cpr_shape(text: NDArray[np.uint8], digits: Words) -> Bools:
    """Whether the shape of a CPR number may stand in a cell, see ``identifiers.has_cpr_shape``.

    Six digits, what may stand between, and four digits; or a date in three parts. Cells with ten
    digits and letters beyond ASCII, among which are dashes and spaces, are looked at one by one.

    Args:
        text: Bytes of the cells, shape (cells, at most 64).
        digits: Which of them are digits, a bit for each byte, shape (cells,).
    """
    between = _bits((text == ord(" ")) | (text == ord("-")) | (text == ord("_")))
    parting = between | _bits((text == ord(".")) | (text == ord("/")))
    two = digits & (digits >> np.uint64(1))
    four = two & (two >> np.uint64(2))
    found = _followed(four & (two >> np.uint64(4)), between, four, 6)
    parts = two & (parting >> np.uint64(2)) & (two >> np.uint64(3)) & (parting >> np.uint64(5))
    found |= _followed(parts & (two >> np.uint64(6)), between, four, 8)
    beyond = (np.bitwise_count(digits) >= 10) & (_bits(text >= 128) != 0)
    may: Bools = (found != 0) | beyond
    return may


def _followed(begins: Words, between: Words, four: Words, size: int) -> Words:
    """Where four digits follow ``size`` bytes after a begin, at most five others between."""
    found = np.zeros_like(begins)
    for gap in range(_LONGEST_GAP + 1):
        found |= begins & (four >> np.uint64(size + gap))
        begins = begins & (between >> np.uint64(size + gap))
    return found


def _width(cells: Cells, longest: int) -> int:
    return -(-min(max(int(cells.lengths.max(initial=1)), 1), longest) // WORD) * WORD


def _everywhere(which: Bools) -> Bools:
    """Rows in which every byte is true, of an array of shape (rows, a multiple of 8)."""
    words = which.view(np.uint64)
    true = np.ones(len(words), np.bool_)
    for place in range(words.shape[1]):
        true &= words[:, place] == 0x0101010101010101
    return true


def _bits(which: Bools) -> Words:
    """A bit for each byte of rows, the first lowest; shape (rows, at most 64) becomes (rows,)."""
    words = which.view(np.uint64)
    bits = np.zeros(len(words), np.uint64)
    for place in range(words.shape[1]):
        # The product brings the lowest bits of the eight bytes together in the highest byte.
        packed = (words[:, place] * np.uint64(0x0102040810204080)) >> np.uint64(56)
        bits |= packed << np.uint64(WORD * place)
    return bits


def _one_by_one(
    path: Path, content: Content, columns: tuple[str, ...], parts: Sequence[_Part], now: datetime
) -> _Part:
    """The doubtful lines of all blocks, read as those of a small register.

    Raises:
        ProblemsError: Everything wrong with them.
    """
    places = {number: start for part in parts for number, start, _ in part.doubtful}
    lines = [(0, "\t".join(columns))]
    for part in parts:
        for number, start, end in part.doubtful:
            lines.append((number, content.text(start, end).decode("utf-8")))
    table = read_lines(path, lines, _SHEET)
    if not table.rows and not table.broken:  # comments and empty lines only
        table = Table(path)
    events, problems = events_of_table(table, now)
    if problems:
        raise ProblemsError(problems)
    persons, lengths = identifiers(cells_of([event.patient_id for event in events]))
    return _Part(
        np.array([places[event.line] for event in events], np.int64),
        np.array([event.line for event in events], np.int32),
        persons,
        hashes(persons, lengths),
        np.array([SCOPES.index(event.scope) for event in events], np.uint8),
        np.array([DECISIONS.index(event.decision) for event in events], np.uint8),
        np.array([microseconds(event.effective_from) for event in events], np.int64),
        np.array([microseconds(event.recorded_at) for event in events], np.int64),
    )
