"""Carriers under a mask: counts and members of columns of bitmaps, read straight from their buffer.

The form of the bitmaps is that of ``bitmaps``: a header of eight 16-bit words, then numbers, or
bits. All blobs of a column stand one after another, so that the column as a whole is one array of
words.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wgs_pipeline.ngd.bitmaps import ARRAY, BITSET, HEADER_BYTES, HEADER_WORDS, Slots, View
from wgs_pipeline.ngd.layout import SEGMENT_SLOTS

#: Which slots of one segment are meant, shape (SEGMENT_SLOTS,).
Mask = NDArray[np.bool_]

#: Values of a word, and width of a container of a roaring bitmap.
_WORD_VALUES = 1 << 16
#: Bitset containers whose slots are counted at once: 1 MB.
_AT_ONCE = 256


def masked_counts(blobs: pa.Array, mask: Mask) -> NDArray[np.int32]:
    """How many slots of each bitmap the mask has, shape (rows,).

    Args:
        blobs: Bitmaps of one segment.
        mask: Slots of that segment that count.
    """
    view = View.of(blobs)
    result = np.zeros(len(view.counts), np.int32)
    arrays = np.flatnonzero(view.form == ARRAY)
    if len(arrays):
        result[arrays] = _array_counts(view, arrays, mask)
    packed = np.packbits(mask, bitorder="little").view("<u8")
    bitsets = np.flatnonzero(view.form == BITSET)
    for first in range(0, len(bitsets), _AT_ONCE):
        rows = bitsets[first : first + _AT_ONCE]
        result[rows] = np.bitwise_count(view.bits(rows) & packed).sum(axis=1, dtype=np.int32)
    return result


def members(blobs: pa.Array, mask: Mask) -> tuple[Slots, NDArray[np.int64]]:
    """Slots of bitmaps that the mask has, row after row, and how many each row has.

    Args:
        blobs: Bitmaps of one segment.
        mask: Slots of that segment that are shown.

    Returns:
        Slots, ascending within a row, shape (members,), and their number, shape (rows,).
    """
    view = View.of(blobs)
    counts = np.zeros(len(view.counts), np.int64)
    filled = np.flatnonzero(view.counts)
    if not len(filled):
        return np.empty(0, np.uint32), counts
    found = _places_of_rows(view, filled)
    places = np.concatenate(found, dtype=np.uint32, casting="safe")
    counts[filled] = view.counts[filled]
    shown = mask[places]
    if not shown.all():
        hidden = np.repeat(np.arange(len(counts)), counts)[~shown]
        counts -= np.bincount(hidden, minlength=len(counts))
        places = places[shown]
    places += view.keys[filled[0]] * np.uint32(SEGMENT_SLOTS)
    return places, counts


def _array_counts(view: View, rows: NDArray[np.int64], mask: Mask) -> NDArray[np.int64]:
    """Counts of rows that hold numbers."""
    first, last = int(view.starts[rows[0]]), int(view.stops[rows[-1]])
    table = np.zeros(_WORD_VALUES, np.uint8)  # words of headers and of bits are looked up too
    table[:SEGMENT_SLOTS] = mask
    hits = table[view.data[first:last].view("<u2")]
    bounds = np.empty(2 * len(rows), np.int64)
    bounds[0::2] = (view.starts[rows] - first) // 2 + HEADER_WORDS
    bounds[1::2] = (view.stops[rows] - first) // 2
    # reduceat sums from each bound to the next: every other sum is of a header, or of bits
    sums: NDArray[np.int64] = np.add.reduceat(hits, bounds[:-1], dtype=np.int64)[0::2]
    return sums


def _places_of_rows(
    view: View, rows: NDArray[np.int64]
) -> list[NDArray[np.uint16] | NDArray[np.uint32]]:
    """Places in the segment of the members of each of some rows that are not empty."""
    bitsets = rows[view.form[rows] == BITSET]
    ends = np.cumsum(view.counts[bitsets])
    places = _places_of_bits(view, bitsets)
    of_bits = iter(np.split(places, ends[:-1]) if len(bitsets) else [])
    bounds = (view.starts[rows] + HEADER_BYTES, view.stops[rows], view.form[rows] == ARRAY)
    return [
        view.data[start:stop].view("<u2") if is_array else next(of_bits)
        for start, stop, is_array in zip(*(each.tolist() for each in bounds), strict=True)
    ]


def _places_of_bits(view: View, rows: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Places in the segment of the members of bitset containers, row after row.

    pyroaring lists the members of a set ten times faster than NumPy does, so the rows are made one
    roaring bitmap: a container of that has as many rows as are 65,536 wide. Each row has more
    members than a sixteenth of its width, so that the container has to be a bitset too; the last
    one is filled up with bits that are set.
    """
    from pyroaring import BitMap

    rows_each = _WORD_VALUES // SEGMENT_SLOTS
    containers = -(-len(rows) // rows_each)
    bits = np.full((containers * rows_each, SEGMENT_SLOTS // 64), ~np.uint64(0))
    bits[: len(rows)] = view.bits(rows)
    counts = np.full(len(bits), SEGMENT_SLOTS)
    counts[: len(rows)] = view.counts[rows]
    keys = np.stack([np.arange(containers), counts.reshape(-1, rows_each).sum(axis=1) - 1], axis=1)
    offsets = 8 + 8 * containers + _WORD_VALUES // 8 * np.arange(containers)
    head = (np.array([12_346, containers], "<u4"), keys.astype("<u2"), offsets.astype("<u4"))
    blob = b"".join(each.tobytes() for each in (*head, bits))
    found = np.frombuffer(BitMap.deserialize(blob).to_array(), np.uint32)
    return found[: int(view.counts[rows].sum())] & np.uint32(SEGMENT_SLOTS - 1)
