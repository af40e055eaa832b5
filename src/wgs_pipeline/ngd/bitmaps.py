"""Sets of slots as serialised bitmaps, whole columns at a time.

A set is of one segment, and has one of two forms: those of a roaring bitmap of one container (the
roaring format specification), but that a container is as wide as a segment and not 65,536 wide.

    bytes 0-7    12346 and 1, both of 32 bits: a bitmap without run containers, one container
    bytes 8-15   number of the segment, members less one (both of 16 bits), 16 (of 32 bits)
    from 16 on   up to ``ARRAY_MOST`` members: each less the first slot of the segment, 16 bits,
                 ascending; of more, ``BITSET_BYTES`` bytes of bits, the first slot in the lowest

An empty set has no bytes; numbers are little-endian. Any roaring library reads the first form (and
gives segment << 16 for the first slot of the segment). Bits are told by the length of the value,
and any library of arrays unpacks them.

NumPy writes, reads and counts both forms for all rows at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wgs_pipeline.ngd.layout import SEGMENT_SLOTS

Rows = NDArray[np.int64]
Slots = NDArray[np.uint32]

#: Serial cookie of a bitmap without run containers, then the number of containers: one.
_HEADER = np.array([12_346, 1], "<u4").view(np.uint8)
HEADER_BYTES = 16
HEADER_WORDS = HEADER_BYTES // 2
#: Place of the segment in the header, in 16-bit words, and of (cardinality - 1).
KEY_WORD = 4
COUNT_WORD = 5
#: Bits of a slot that say which one of its segment it is.
LOW_BITS = SEGMENT_SLOTS - 1
BITSET_BYTES = SEGMENT_SLOTS // 8
#: Members up to which numbers take no more bytes than bits.
ARRAY_MOST = BITSET_BYTES // 2
#: Up to so many slots are looked for one by one.
_FEW = 16
#: Bitset containers that are counted at once: 2 MB.
_AT_ONCE = 512
#: Forms of a row.
EMPTY, ARRAY, BITSET = range(3)
OTHER_FORM = "a bitmap has another form than is written here"


def encode(slots: Slots, offsets: Rows) -> pa.LargeBinaryArray:
    """Serialise one set per row; an empty set is an empty value.

    Args:
        slots: Members of all sets, ascending within each and of one segment, shape (members,).
        offsets: Row r has ``slots[offsets[r]:offsets[r + 1]]``, shape (rows + 1,).
    """
    counts = np.diff(offsets)
    small = counts <= ARRAY_MOST
    sizes = np.where(counts == 0, 0, HEADER_BYTES + np.where(small, 2 * counts, BITSET_BYTES))
    ends = np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
    words = np.zeros(int(ends[-1]) // 2, "<u2")
    _put_headers(words, ends // 2, slots[offsets[:-1][counts > 0]], counts)
    low = (slots & LOW_BITS).astype("<u2")
    rows = np.flatnonzero(small & (counts > 0))
    words[_ranges(ends[rows] // 2 + HEADER_WORDS, counts[rows])] = low[
        _ranges(offsets[rows], counts[rows])
    ]
    for row in np.flatnonzero(~small):
        start = ends[row] // 2 + HEADER_WORDS
        packed = _packed(low[offsets[row] : offsets[row + 1]])
        words[start : start + BITSET_BYTES // 2] = packed.view("<u2")
    return from_buffers(words, ends)


def decode(blobs: pa.Array) -> tuple[Slots, Rows]:
    """The reverse of ``encode``: members of all sets, and the row that each belongs to."""
    view = View.of(blobs)
    slots: list[Slots] = [np.empty(0, np.uint32)]
    rows: list[Rows] = [np.empty(0, np.int64)]
    array = np.flatnonzero(view.form == ARRAY)
    if len(array):
        ends, words = view.words(array)
        counts = view.counts[array]
        low = words[_ranges(ends[:-1] + HEADER_WORDS, counts)].astype(np.uint32)
        slots.append(np.repeat(view.keys[array] * SEGMENT_SLOTS, counts) + low)
        rows.append(np.repeat(array, counts))
    for row in np.flatnonzero(view.form == BITSET):
        members = view.members(int(row))
        slots.append(members)
        rows.append(np.full(len(members), row, np.int64))
    joined = np.concatenate(rows)
    if len(slots) == 2:  # arrays alone are in order already
        return np.concatenate(slots), joined
    order = np.argsort(joined, kind="stable")
    return np.concatenate(slots)[order], joined[order]


def among(slots: Slots, wanted: Slots) -> NDArray[np.bool_]:
    """Which of some slots are among others, by a table of all slots; in any order.

    Faster than a sort, and ``np.isin`` imports all of ``numpy.ma`` where it is first called.
    """
    table = np.zeros(int(max(slots.max(initial=0), wanted.max(initial=0))) + 1, np.bool_)
    table[wanted] = True
    found: NDArray[np.bool_] = table[slots]
    return found


def cardinalities(blobs: pa.Array) -> Rows:
    """Members of each set, counted bit by bit where the form does not give their number.

    Raises:
        ValueError: A header says another number than there are members.
    """
    return View.of(blobs).cardinalities()


def overlaps(blobs: pa.Array, slots: Slots) -> Rows:
    """How many of some slots are in each set, shape (rows,)."""
    return View.of(blobs).overlaps(slots)


@dataclass(frozen=True)
class View:
    """Rows of a column of bitmaps where they lie, and what their headers say.

    Attributes:
        data: Bytes of the column.
        starts: First byte of each row.
        stops: One past its last byte.
        form: Empty, array or bitset.
        counts: Members of each row.
        keys: Segment of each row; 0 of an empty one.
    """

    data: NDArray[np.uint8]
    starts: Rows
    stops: Rows
    form: NDArray[np.int8]
    counts: Rows
    keys: Slots

    @classmethod
    def of(cls, blobs: pa.Array, rows: Rows | None = None) -> View:
        """All rows of a column, or some; -1 stands for an empty one.

        Raises:
            ValueError: A row has another form than those of this module.
        """
        data, ends = buffers(blobs)
        starts, stops = ends[:-1], ends[1:]
        if rows is not None:
            starts, stops = (np.where(rows < 0, 0, each[rows]) for each in (starts, stops))
        form, counts = np.zeros(len(starts), np.int8), np.zeros(len(starts), np.int64)
        keys = np.zeros(len(starts), np.uint32)
        filled = np.flatnonzero(stops > starts)
        if len(filled):
            begins, segments, last = _heads(data, starts[filled])
            held = last.astype(np.int64) + 1
            small = held <= ARRAY_MOST
            sizes = np.where(small, 2 * held, BITSET_BYTES) + HEADER_BYTES
            sound = (begins == _HEADER.view("<u8")) & (sizes == (stops - starts)[filled])
            if not sound.all():
                raise ValueError(OTHER_FORM)
            form[filled] = np.where(small, ARRAY, BITSET)
            keys[filled], counts[filled] = segments, held
        return cls(data, starts, stops, form, counts, keys)

    def words(self, rows: Rows) -> tuple[Rows, NDArray[np.uint16]]:
        """Some rows, headers included, one after another, and where each ends, in 16-bit words."""
        starts, stops = self.starts[rows], self.stops[rows]
        joined = gathered([self.data], np.zeros(len(rows), np.int64), starts, stops)
        return np.concatenate(([0], np.cumsum(stops - starts))) // 2, joined.view("<u2")

    def bits(self, rows: Rows) -> NDArray[np.uint64]:
        """Bits of rows that are bitset containers, shape (rows, SEGMENT_SLOTS / 64)."""
        _, words = self.words(rows)
        table = words.view("<u8").reshape(len(rows), (HEADER_BYTES + BITSET_BYTES) // 8)
        return table[:, HEADER_BYTES // 8 :]

    def cardinalities(self) -> Rows:
        """Members of each row, counted bit by bit where the form does not give their number.

        Raises:
            ValueError: A header says another number than there are members.
        """
        bitset = np.flatnonzero(self.form == BITSET)
        for first in range(0, len(bitset), _AT_ONCE):
            rows = bitset[first : first + _AT_ONCE]
            found = np.bitwise_count(self.bits(rows)).sum(axis=1, dtype=np.int64)
            if (found != self.counts[rows]).any():
                raise ValueError("a bitmap does not hold as many slots as it says")
        return self.counts

    def overlaps(self, slots: Slots) -> Rows:
        """How many of some slots are in each row, shape (rows,)."""
        result = np.zeros(len(self.counts), np.int64)
        segments = slots // SEGMENT_SLOTS
        for key in np.unique(segments):
            low = np.unique(slots[segments == key] & LOW_BITS).astype(np.uint16)
            of_segment = (self.form != EMPTY) & (self.keys == key)
            array = np.flatnonzero(of_segment & (self.form == ARRAY))
            if len(array):
                result[array] += _overlaps_of_arrays(*self.words(array), low)
            bitset = np.flatnonzero(of_segment & (self.form == BITSET))
            if len(low) <= _FEW:
                at = self.starts[bitset] + HEADER_BYTES
                for each in low.tolist():
                    result[bitset] += (self.data[at + (each >> 3)] >> (each & 7)) & 1
            else:
                shared = np.bitwise_count(self.bits(bitset) & _packed(low).view("<u8"))
                result[bitset] += shared.sum(axis=1, dtype=np.int64)
        return result

    def members(self, row: int) -> Slots:
        """Slots of one row that is a bitset container."""
        blob = self.data[self.starts[row] : self.stops[row]]
        bits = np.unpackbits(blob[HEADER_BYTES:], bitorder="little")
        slots: Slots = np.flatnonzero(bits).astype(np.uint32) + self.keys[row] * SEGMENT_SLOTS
        return slots


def buffers(blobs: pa.Array) -> tuple[NDArray[np.uint8], Rows]:
    """Bytes of a column, and its offsets in them, shape (rows + 1,)."""
    blobs = blobs.cast(pa.large_binary())
    if not len(blobs):
        return np.empty(0, np.uint8), np.zeros(1, np.int64)
    _, offset_buffer, data_buffer = blobs.buffers()
    ends = np.frombuffer(offset_buffer, np.int64)[blobs.offset : blobs.offset + len(blobs) + 1]
    return np.frombuffer(data_buffer or b"", np.uint8), ends


def from_buffers(data: NDArray[np.generic], ends: Rows) -> pa.LargeBinaryArray:
    """The reverse of ``buffers``."""
    parts = [None, pa.py_buffer(ends.astype(np.int64)), pa.py_buffer(np.ascontiguousarray(data))]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(ends) - 1, parts)


def gathered(
    sources: Sequence[NDArray[np.uint8]], which: Rows, starts: Rows, stops: Rows
) -> NDArray[np.uint8]:
    """Stretches of some buffers, one after another; those that touch are copied at once.

    Args:
        sources: The buffers.
        which: Place among them of the buffer of each stretch, shape (stretches,).
        starts: Its first byte.
        stops: One past its last byte.
    """
    filled = stops > starts
    which, starts, stops = which[filled], starts[filled], stops[filled]
    if not len(which):
        return np.empty(0, np.uint8)
    apart = np.flatnonzero((which[1:] != which[:-1]) | (starts[1:] != stops[:-1]))
    first, last = np.concatenate(([0], apart + 1)), np.concatenate((apart, [len(which) - 1]))
    pieces = zip(which[first].tolist(), starts[first].tolist(), stops[last].tolist(), strict=True)
    return np.concatenate([sources[source][start:stop] for source, start, stop in pieces])


def _heads(
    data: NDArray[np.uint8], starts: Rows
) -> tuple[NDArray[np.uint64], NDArray[np.uint16], NDArray[np.uint16]]:
    """First eight bytes of rows, and the words after them: segment, and cardinality less one."""
    if (starts % 2).any() or starts.max() + HEADER_BYTES > len(data):
        raise ValueError(OTHER_FORM)
    words, at = data[: len(data) // 2 * 2].view("<u2"), starts // 2
    begins = np.ndarray((len(words) - KEY_WORD + 1,), "<u8", data, 0, (2,))
    return begins[at], words[at + KEY_WORD], words[at + COUNT_WORD]


def _put_headers(words: NDArray[np.uint16], at: Rows, first: Slots, counts: Rows) -> None:
    """Write the headers of all rows that are not empty; ``first`` has a member of each."""
    filled = np.flatnonzero(counts > 0)
    head = np.zeros((len(filled), HEADER_WORDS), "<u2")
    head[:, :4] = _HEADER.view("<u2")
    head[:, KEY_WORD] = first // SEGMENT_SLOTS
    head[:, COUNT_WORD] = counts[filled] - 1
    head[:, 6] = HEADER_BYTES
    words[at[filled][:, np.newaxis] + np.arange(HEADER_WORDS)] = head


def _packed(low: NDArray[np.uint16]) -> NDArray[np.uint8]:
    bits = np.zeros(SEGMENT_SLOTS, np.bool_)
    bits[low] = True
    return np.packbits(bits, bitorder="little")


def _overlaps_of_arrays(ends: Rows, words: NDArray[np.uint16], low: NDArray[np.uint16]) -> Rows:
    """Members of array containers that are among some numbers, shape (rows,)."""
    if len(low) <= _FEW:
        hits = [np.flatnonzero(words == each) for each in low]
    else:
        wanted = np.zeros(1 << 16, np.bool_)  # words of headers are looked up too
        wanted[low] = True
        hits = [np.flatnonzero(wanted[words])]
    at = np.concatenate(hits)
    rows = np.searchsorted(ends, at, side="right") - 1
    rows = rows[at >= ends[rows] + HEADER_WORDS]  # headers are no members
    return np.bincount(rows, minlength=len(ends) - 1)


def _ranges(starts: Rows, counts: Rows) -> Rows:
    """The numbers of [start, start + count) of each row, one after another."""
    before = np.cumsum(counts) - counts
    return np.repeat(starts - before, counts) + np.arange(int(counts.sum()))
