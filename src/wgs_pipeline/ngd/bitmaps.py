"""Sets of slots as serialised roaring bitmaps, whole columns at a time.

One segment is one roaring container, so a set has one of two fixed forms (the roaring format
specification): up to 4,096 slots an "array container" of 16-bit numbers, above that a "bitset
container" of 8 KB. NumPy writes, reads, edits and counts both for all rows at once. Other forms
(run containers, which nothing here writes) are read through pyroaring.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Slots = NDArray[np.uint32]

#: Serial cookie of a bitmap without run containers, then the number of containers: one.
_HEADER = np.array([12_346, 1], "<u4").view(np.uint8)
_HEADER_BYTES = 16
_HEADER_WORDS = _HEADER_BYTES // 2
#: Place of (cardinality - 1) in the header, in 16-bit words.
_COUNT_WORD = 5
_ARRAY_MOST = 4_096
_BITSET_BYTES = 8_192
_EMPTY, _ARRAY, _BITSET, _OTHER = range(4)


@dataclass(frozen=True)
class Edits:
    """Slots to put into rows, or to take out of them, sorted by row and slot, none twice.

    Attributes:
        rows: Row of each edit, shape (edits,).
        slots: Its slot, shape (edits,).
    """

    rows: Rows
    slots: Slots

    def of(self, rows: NDArray[np.bool_]) -> Edits:
        """The edits of the rows chosen by a mask, with rows numbered among those."""
        chosen = rows[self.rows]
        place = np.cumsum(rows) - 1
        return Edits(place[self.rows[chosen]], self.slots[chosen])


def encode(slots: Slots, offsets: Rows) -> pa.LargeBinaryArray:
    """Serialise one set per row; an empty set is an empty value.

    Args:
        slots: Members of all sets, ascending within each and of one segment, shape (members,).
        offsets: Row r has ``slots[offsets[r]:offsets[r + 1]]``, shape (rows + 1,).
    """
    counts = np.diff(offsets)
    small = counts <= _ARRAY_MOST
    sizes = np.where(counts == 0, 0, _HEADER_BYTES + np.where(small, 2 * counts, _BITSET_BYTES))
    ends = np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
    words = np.zeros(int(ends[-1]) // 2, "<u2")
    _put_headers(words, ends // 2, slots[offsets[:-1][counts > 0]], counts)
    low = (slots & 0xFFFF).astype("<u2")
    rows = np.flatnonzero(small & (counts > 0))
    words[_ranges(ends[rows] // 2 + _HEADER_WORDS, counts[rows])] = low[
        _ranges(offsets[rows], counts[rows])
    ]
    for row in np.flatnonzero(~small):
        start = ends[row] // 2 + _HEADER_WORDS
        packed = _packed(low[offsets[row] : offsets[row + 1]])
        words[start : start + _BITSET_BYTES // 2] = packed.view("<u2")
    return _array(ends, words)


def decode(blobs: pa.Array) -> tuple[Slots, Rows]:
    """The reverse of ``encode``: members of all sets, and the row that each belongs to."""
    view = _View.of(blobs)
    slots: list[Slots] = [np.empty(0, np.uint32)]
    rows: list[Rows] = [np.empty(0, np.int64)]
    array = np.flatnonzero(view.form == _ARRAY)
    if len(array):
        counts = view.counts[array]
        at = _ranges(view.ends[array] + _HEADER_BYTES, counts, step=2)
        low = view.data[at].astype(np.uint32) | (view.data[at + 1].astype(np.uint32) << 8)
        slots.append(np.repeat(view.keys[array] << 16, counts) | low)
        rows.append(np.repeat(array, counts))
    for row in np.flatnonzero(view.form >= _BITSET):
        members = view.members(int(row))
        slots.append(members)
        rows.append(np.full(len(members), row, np.int64))
    joined = np.concatenate(rows)
    if len(slots) == 2:  # arrays alone are in order already
        return np.concatenate(slots), joined
    order = np.argsort(joined, kind="stable")
    return np.concatenate(slots)[order], joined[order]


def edit(blobs: pa.Array, added: Edits, removed: Edits) -> pa.LargeBinaryArray:
    """Sets with slots put in and taken out.

    Args:
        blobs: Serialised sets, all of one segment.
        added: Slots to put in, none of which is there.
        removed: Slots to take out, all of which are there.

    Raises:
        ValueError: A slot to put in is there, or one to take out is not: the sets are not what
            the caller believes.
    """
    view = _View.of(blobs)
    after = view.counts + np.bincount(added.rows, minlength=len(view.counts))
    after -= np.bincount(removed.rows, minlength=len(view.counts))
    if (after < 0).any():
        raise ValueError("a slot to be removed is not there")
    flat = (view.form == _ARRAY) & (after <= _ARRAY_MOST)
    bits = (view.form == _BITSET) & (after > _ARRAY_MOST)
    other = ~flat & ~bits
    parts, places = [], []
    for chosen, change in ((flat, _edit_arrays), (bits, _edit_bitsets), (other, _edit_members)):
        if chosen.any():
            rows = np.flatnonzero(chosen)
            mine = (added.of(chosen), removed.of(chosen), after[rows])
            parts.append(change(view.taken(rows), *mine))
            places.append(rows)
    if not parts:
        return view.blobs
    order = np.argsort(np.concatenate(places))
    return parts[0] if len(parts) == 1 else pa.concat_arrays(parts).take(pa.array(order))


def cardinalities(blobs: pa.Array) -> Rows:
    """Members of each set, counted bit by bit where the form does not give their number.

    Raises:
        ValueError: A header says another number than there are members.
    """
    view = _View.of(blobs)
    counts = view.counts.copy()
    bitset = np.flatnonzero(view.form == _BITSET)
    found = np.bitwise_count(view.bitsets(bitset)).sum(axis=1, dtype=np.int64)
    if (found != counts[bitset]).any():
        raise ValueError("a bitmap does not hold as many slots as it says")
    return counts


def overlaps(blobs: pa.Array, slots: Slots) -> Rows:
    """How many of some slots are in each set, shape (rows,)."""
    view = _View.of(blobs)
    result = np.zeros(len(view.counts), np.int64)
    for key in np.unique(slots >> 16):
        wanted = np.zeros(65_536, np.bool_)
        wanted[slots[slots >> 16 == key] & 0xFFFF] = True
        of_segment = (view.form != _EMPTY) & (view.keys == key)
        array = np.flatnonzero(of_segment & (view.form == _ARRAY))
        if len(array):
            result[array] += _overlaps_of_arrays(view.taken(array), wanted)
        bitset = np.flatnonzero(of_segment & (view.form == _BITSET))
        mask = np.packbits(wanted, bitorder="little")
        shared = np.bitwise_count(view.bitsets(bitset) & mask)
        result[bitset] += shared.sum(axis=1, dtype=np.int64)
    for row in np.flatnonzero(view.form == _OTHER):
        result[row] = np.isin(view.members(int(row)), slots).sum()
    return result


@dataclass(frozen=True)
class _View:
    """Buffers of a column of bitmaps, and what their headers say.

    Attributes:
        blobs: The column.
        data: Its bytes.
        ends: Row r is ``data[ends[r]:ends[r + 1]]``.
        form: Empty, array, bitset or other.
        counts: Members of each row.
        keys: Segment of each row; 0 of an empty one.
    """

    blobs: pa.LargeBinaryArray
    data: NDArray[np.uint8]
    ends: Rows
    form: NDArray[np.int8]
    counts: Rows
    keys: Slots

    @classmethod
    def of(cls, blobs: pa.Array) -> _View:
        blobs = blobs.cast(pa.large_binary())
        size = len(blobs)
        form, counts = np.zeros(size, np.int8), np.zeros(size, np.int64)
        keys = np.zeros(size, np.uint32)
        if not size:
            return cls(blobs, np.empty(0, np.uint8), np.zeros(1, np.int64), form, counts, keys)
        _, offset_buffer, data_buffer = blobs.buffers()
        ends = np.frombuffer(offset_buffer, np.int64)[blobs.offset : blobs.offset + size + 1]
        data = np.frombuffer(data_buffer or b"", np.uint8)
        sizes = np.diff(ends)
        filled = np.flatnonzero(sizes)
        at = ends[filled][:, np.newaxis] + np.arange(_HEADER_BYTES)
        heads = data[np.minimum(at, len(data) - 1)]  # other forms may be shorter
        plain = (heads[:, :8] == _HEADER).all(axis=1)
        keys[filled] = heads[:, 8:10].copy().view("<u2").ravel()
        counts[filled] = heads[:, 10:12].copy().view("<u2").astype(np.int64).ravel() + 1
        small = counts[filled] <= _ARRAY_MOST
        expected = np.where(small, 2 * counts[filled], _BITSET_BYTES) + _HEADER_BYTES
        form[filled] = np.where(small, _ARRAY, _BITSET)
        form[filled[~plain | (sizes[filled] != expected)]] = _OTHER
        view = cls(blobs, data, ends, form, counts, keys)
        for row in np.flatnonzero(form == _OTHER):
            members = view.members(int(row))
            counts[row], keys[row] = len(members), members[0] >> 16
        return view

    def taken(self, rows: Rows) -> pa.LargeBinaryArray:
        """Some rows, in a buffer of their own."""
        return self.blobs.take(pa.array(rows, pa.int64()))

    def bitsets(self, rows: Rows) -> NDArray[np.uint8]:
        """Bits of rows that are bitset containers, shape (rows, 8192)."""
        _, words = _buffers(self.taken(rows))
        table = words.view(np.uint8).reshape(len(rows), _HEADER_BYTES + _BITSET_BYTES)
        return table[:, _HEADER_BYTES:]

    def members(self, row: int) -> Slots:
        """Slots of one row of any form."""
        blob = self.data[self.ends[row] : self.ends[row + 1]]
        if self.form[row] == _BITSET:
            bits = np.unpackbits(blob[_HEADER_BYTES:], bitorder="little")
            slots: Slots = np.flatnonzero(bits).astype(np.uint32) | (self.keys[row] << 16)
            return slots
        from pyroaring import BitMap

        return np.frombuffer(BitMap.deserialize(blob.tobytes()).to_array(), np.uint32)


def _edit_arrays(blobs: pa.Array, added: Edits, removed: Edits, after: Rows) -> pa.Array:
    """Edit array containers that stay such: 16-bit words are inserted and deleted in place."""
    ends, words = _buffers(blobs)
    heads = ends[:-1] // 2
    _require_segment(words[heads + 4], added, removed)
    starts, stops = heads + _HEADER_WORDS, ends[1:] // 2
    gone = _place(words, starts, stops, removed, there=True)
    new = _place(words, starts, stops, added, there=False)
    words = words.copy()
    words[heads + _COUNT_WORD] = np.maximum(after - 1, 0)
    emptied = np.flatnonzero(after == 0)
    gone = np.sort(np.concatenate((gone, _ranges(heads[emptied], np.full(len(emptied), 8)))))
    new = new - np.searchsorted(gone, new)
    words = np.insert(np.delete(words, gone), new, (added.slots & 0xFFFF).astype("<u2"))
    sizes = np.where(after == 0, 0, _HEADER_BYTES + 2 * after)
    return _array(np.concatenate(([0], np.cumsum(sizes))).astype(np.int64), words)


def _edit_bitsets(blobs: pa.Array, added: Edits, removed: Edits, after: Rows) -> pa.Array:
    """Edit bitset containers that stay such: bits are set and cleared in place."""
    ends, words = _buffers(blobs)
    _require_segment(words[ends[:-1] // 2 + 4], added, removed)
    words = words.reshape(len(blobs), -1).copy()
    words[:, _COUNT_WORD] = after - 1
    table = words.view(np.uint8)
    for edits, there in ((added, False), (removed, True)):
        at = (edits.rows, _HEADER_BYTES + ((edits.slots & 0xFFFF) >> 3).astype(np.int64))
        bit = (1 << (edits.slots & 7)).astype(np.uint8)
        _require(((table[at] & bit) > 0) == there, there)
        np.bitwise_xor.at(table, at, bit)
    return _array(ends - ends[0], words.ravel())


def _edit_members(blobs: pa.Array, added: Edits, removed: Edits, after: Rows) -> pa.Array:
    """Edit sets of any form: those that begin, end, or cross from one form to the other."""
    slots, rows = decode(blobs)
    keys, new, gone = (
        (rows.astype(np.int64) << 32) | slots
        for rows, slots in ((rows, slots), (added.rows, added.slots), (removed.rows, removed.slots))
    )
    _require(np.isin(gone, keys), there=True)
    _require(~np.isin(new, keys), there=False)
    keys = np.sort(np.concatenate((keys[~np.isin(keys, gone)], new)))
    offsets = np.concatenate(([0], np.cumsum(after))).astype(np.int64)
    return encode((keys & 0xFFFFFFFF).astype(np.uint32), offsets)


def _place(words: NDArray[np.uint16], starts: Rows, stops: Rows, edits: Edits, there: bool) -> Rows:
    """Where the slots of edits are, or belong, among the members of their rows."""
    low = (edits.slots & 0xFFFF).astype(np.uint16)
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
        raise ValueError(
            "a slot to be removed is not there" if there else "a slot to be added is there already"
        )


def _require_segment(keys: NDArray[np.uint16], added: Edits, removed: Edits) -> None:
    for edits in (added, removed):
        if (keys[edits.rows] != edits.slots >> 16).any():
            raise ValueError("a slot of another segment")


def _put_headers(words: NDArray[np.uint16], at: Rows, first: Slots, counts: Rows) -> None:
    """Write the headers of all rows that are not empty; ``first`` has a member of each."""
    filled = np.flatnonzero(counts > 0)
    head = np.zeros((len(filled), _HEADER_WORDS), "<u2")
    head[:, :4] = _HEADER.view("<u2")
    head[:, 4] = first >> 16
    head[:, _COUNT_WORD] = counts[filled] - 1
    head[:, 6] = _HEADER_BYTES
    words[at[filled][:, np.newaxis] + np.arange(_HEADER_WORDS)] = head


def _buffers(blobs: pa.Array) -> tuple[Rows, NDArray[np.uint16]]:
    """Offsets and 16-bit words of a column just taken, so that it begins at its buffer."""
    if not len(blobs):
        return np.zeros(1, np.int64), np.empty(0, "<u2")
    _, offset_buffer, data_buffer = blobs.buffers()
    ends = np.frombuffer(offset_buffer, np.int64)[: len(blobs) + 1]
    return ends, np.frombuffer(data_buffer or b"", "<u2", int(ends[-1]) // 2)


def _array(ends: Rows, words: NDArray[np.uint16]) -> pa.LargeBinaryArray:
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(np.ascontiguousarray(words))]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(ends) - 1, buffers)


def _packed(low: NDArray[np.uint16]) -> NDArray[np.uint8]:
    bits = np.zeros(65_536, np.bool_)
    bits[low] = True
    return np.packbits(bits, bitorder="little")


def _overlaps_of_arrays(blobs: pa.Array, wanted: NDArray[np.bool_]) -> Rows:
    """Members of array containers that are wanted, shape (rows,)."""
    ends, words = _buffers(blobs)
    chosen = np.flatnonzero(wanted)
    hits = np.zeros(len(words) + 1, np.bool_)
    if len(chosen) > 4:
        hits[:-1] = wanted[words]
    else:
        for each in chosen:
            hits[:-1] |= words == each
    # Between a row's first member and the next row's header, in turn: every second sum is wanted.
    borders = np.stack((ends[:-1] // 2 + _HEADER_WORDS, ends[1:] // 2), axis=1).ravel()
    return np.add.reduceat(hits, borders, dtype=np.int64)[::2]


def _ranges(starts: Rows, counts: Rows, step: int = 1) -> Rows:
    """The numbers of [start, start + step * count) of each row, one after another."""
    total = int(counts.sum())
    before = np.cumsum(counts) - counts
    return np.repeat(starts - step * before, counts) + step * np.arange(total)
