"""Putting slots into columns of bitmaps, and taking them out, whole columns at a time.

Rows that nothing touches are copied as they lie, many at once. Array containers are edited by
inserting and deleting 16-bit words, bitset containers by flipping bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wgs_pipeline.ngd.bitmaps import (
    ARRAY,
    ARRAY_MOST,
    BITSET,
    COUNT_WORD,
    HEADER_BYTES,
    HEADER_WORDS,
    KEY_WORD,
    LOW_BITS,
    Rows,
    Slots,
    View,
    buffers,
    decode,
    encode,
    from_buffers,
    gathered,
)
from wgs_pipeline.ngd.layout import SEGMENT_SLOTS

_ABSENT = "a slot to be removed is not there"
_PRESENT = "a slot to be added is there already"
_ELSEWHERE = "a slot of another segment"


@dataclass(frozen=True)
class Edits:
    """Slots to put into rows, or to take out of them, sorted by row and slot, none twice.

    Attributes:
        rows: Row of each edit, shape (edits,).
        slots: Its slot, shape (edits,).
    """

    rows: Rows
    slots: Slots

    def within(self, rows: NDArray[np.bool_]) -> Edits:
        """The edits of the rows chosen by a mask."""
        chosen = rows[self.rows]
        return Edits(self.rows[chosen], self.slots[chosen])

    def of(self, rows: NDArray[np.bool_]) -> Edits:
        """The edits of the rows chosen by a mask, with rows numbered among those."""
        chosen = rows[self.rows]
        place = np.cumsum(rows) - 1
        return Edits(place[self.rows[chosen]], self.slots[chosen])


@dataclass(frozen=True)
class Revision:
    """A column with slots put in and taken out, before its rows are put together.

    Attributes:
        sources: Buffers in which the rows lie: the old column's, and those of edited rows.
        which: Place among them of each row's buffer, shape (rows,).
        starts: First byte of each row there.
        stops: One past its last byte; an empty set has no bytes.
        counts: Row and new cardinality of each edited bitset container, which is still as it was.
        flips: Row, byte and bits to flip in it.
    """

    sources: tuple[NDArray[np.uint8], ...]
    which: Rows
    starts: Rows
    stops: Rows
    counts: tuple[Rows, Rows]
    flips: tuple[Rows, Rows, NDArray[np.uint8]]

    @property
    def sizes(self) -> Rows:
        """Bytes of each row."""
        return self.stops - self.starts

    def column(self, kept: NDArray[np.bool_] | None = None) -> pa.LargeBinaryArray:
        """The column, or some of its rows; an edited bitset is never left out."""
        rows = np.arange(len(self.which)) if kept is None else np.flatnonzero(kept)
        data = gathered(self.sources, self.which[rows], self.starts[rows], self.stops[rows])
        ends = np.concatenate(([0], np.cumsum(self.sizes[rows]))).astype(np.int64)
        place = np.zeros(len(self.which), np.int64)
        place[rows] = ends[:-1]
        row, count = self.counts
        for byte in (0, 1):
            data[place[row] + 2 * COUNT_WORD + byte] = ((count - 1) >> (8 * byte)) & 0xFF
        row, byte_, bits = self.flips
        np.bitwise_xor.at(data, place[row] + byte_, bits)
        return from_buffers(data, ends)


def edit(blobs: pa.Array, added: Edits, removed: Edits) -> pa.LargeBinaryArray:
    """Sets with slots put in and taken out; see ``revise``."""
    return revise(blobs, np.arange(len(blobs)), added, removed).column()


def revise(blobs: pa.Array, source: Rows, added: Edits, removed: Edits) -> Revision:
    """Put slots in and take them out.

    Args:
        blobs: Serialised sets, all of one segment.
        source: Row of ``blobs`` that each row of the result was; -1 of a new one.
        added: Slots to put in, by row of the result; none is there.
        removed: Slots to take out, by row of the result; all are there.

    Raises:
        ValueError: A slot to put in is there, or one to take out is not: the sets are not what
            the caller believes.
    """
    data, ends = buffers(blobs)
    starts, stops = (
        np.where(source < 0, 0, each[source]) if len(each) else np.zeros(len(source), np.int64)
        for each in (ends[:-1], ends[1:])
    )
    touched = np.zeros(len(source), np.bool_)
    touched[added.rows] = True
    touched[removed.rows] = True
    rows = np.flatnonzero(touched)
    added, removed = added.of(touched), removed.of(touched)
    view = View.of(blobs, source[rows]) if len(blobs) else View.of(_empty(len(rows)))
    after = view.counts + np.bincount(added.rows, minlength=len(rows))
    after -= np.bincount(removed.rows, minlength=len(rows))
    if (after < 0).any():
        raise ValueError(_ABSENT)
    flat = (view.form == ARRAY) & (after <= ARRAY_MOST)
    bits = (view.form == BITSET) & (after > ARRAY_MOST)
    which = np.zeros(len(source), np.int64)
    sources = [data]
    for chosen, change in ((flat, _edit_arrays), (~flat & ~bits, _edit_members)):
        part = np.flatnonzero(chosen)
        if len(part):
            mine = (added.of(chosen), removed.of(chosen), after[part])
            edited, places = change(view, part, *mine)
            which[rows[part]] = len(sources)
            starts[rows[part]], stops[rows[part]] = places[:-1], places[1:]
            sources.append(edited)
    row, byte, bit = _flips(view, added.within(bits), removed.within(bits))
    counts = (rows[bits], after[bits])
    return Revision(tuple(sources), which, starts, stops, counts, (rows[row], byte, bit))


def _empty(rows: int) -> pa.Array:
    return pa.array([b""] * rows, pa.large_binary())


def _edit_arrays(
    view: View, rows: Rows, added: Edits, removed: Edits, after: Rows
) -> tuple[NDArray[np.uint8], Rows]:
    """Edit array containers that stay such: 16-bit words are inserted and deleted."""
    ends, words = view.words(rows)
    heads = ends[:-1]
    _require_segment(words[heads + KEY_WORD], added, removed)
    starts, stops = heads + HEADER_WORDS, ends[1:]
    gone = _place(words, starts, stops, removed, there=True)
    new = _place(words, starts, stops, added, there=False)
    words[heads + COUNT_WORD] = np.maximum(after - 1, 0)
    emptied = heads[after == 0][:, np.newaxis] + np.arange(HEADER_WORDS)
    gone = np.sort(np.concatenate((gone, emptied.ravel())))
    new = new - np.searchsorted(gone, new)
    words = np.insert(np.delete(words, gone), new, (added.slots & LOW_BITS).astype("<u2"))
    sizes = np.where(after == 0, 0, HEADER_BYTES + 2 * after)
    return words.view(np.uint8), np.concatenate(([0], np.cumsum(sizes)))


def _flips(view: View, added: Edits, removed: Edits) -> tuple[Rows, Rows, NDArray[np.uint8]]:
    """Row, byte within it and bits to flip, in bitset containers that stay such."""
    parts = []
    for edits, there in ((added, False), (removed, True)):
        if (view.keys[edits.rows] != edits.slots // SEGMENT_SLOTS).any():
            raise ValueError(_ELSEWHERE)
        byte = HEADER_BYTES + ((edits.slots & LOW_BITS) >> 3).astype(np.int64)
        bit = (1 << (edits.slots & 7)).astype(np.uint8)
        _require(((view.data[view.starts[edits.rows] + byte] & bit) > 0) == there, there)
        parts.append((edits.rows, byte, bit))
    (rows, bytes_, bits) = (np.concatenate(each) for each in zip(*parts, strict=True))
    return rows, bytes_, bits


def _edit_members(
    view: View, rows: Rows, added: Edits, removed: Edits, after: Rows
) -> tuple[NDArray[np.uint8], Rows]:
    """Edit sets of either form: those that begin, end, or cross from one form to the other."""
    starts, stops = view.starts[rows], view.stops[rows]
    data = gathered([view.data], np.zeros(len(rows), np.int64), starts, stops)
    blobs = from_buffers(data, np.concatenate(([0], np.cumsum(stops - starts))))
    slots, rows = decode(blobs)
    keys, new, gone = (
        (rows.astype(np.int64) << 32) | slots
        for rows, slots in ((rows, slots), (added.rows, added.slots), (removed.rows, removed.slots))
    )
    _require(np.isin(gone, keys), there=True)
    _require(~np.isin(new, keys), there=False)
    keys = np.sort(np.concatenate((keys[~np.isin(keys, gone)], new)))
    offsets = np.concatenate(([0], np.cumsum(after))).astype(np.int64)
    return buffers(encode((keys & 0xFFFFFFFF).astype(np.uint32), offsets))


def _place(words: NDArray[np.uint16], starts: Rows, stops: Rows, edits: Edits, there: bool) -> Rows:
    """Where the slots of edits are, or belong, among the members of their rows."""
    low = (edits.slots & LOW_BITS).astype(np.uint16)
    first, last = starts[edits.rows], stops[edits.rows]
    end = last
    while (first < last).any():
        middle = (first + last) // 2
        below = (first < last) & (words[np.minimum(middle, len(words) - 1)] < low)
        first, last = np.where(below, middle + 1, first), np.where(below, last, middle)
    inside = first < end
    found = inside & (words[np.where(inside, first, 0)] == low)
    _require(found == there, there)
    return first


def _require(met: NDArray[np.bool_], there: bool) -> None:
    if not met.all():
        raise ValueError(_ABSENT if there else _PRESENT)


def _require_segment(keys: NDArray[np.uint16], added: Edits, removed: Edits) -> None:
    for edits in (added, removed):
        if (keys[edits.rows] != edits.slots // SEGMENT_SLOTS).any():
            raise ValueError(_ELSEWHERE)
