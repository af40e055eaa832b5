"""Carriers under a mask: counts and members of columns of bitmaps, read straight from their buffer.

The form of the bitmaps is that of ``bitmaps``: numbers or bits, whose headers are left out here.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wgs_pipeline.ngd.bitmaps import ARRAY, BITSET, HEADER_WORDS, Slots, View
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
    if not view.counts.any():
        return result
    arrays = np.flatnonzero(view.form == ARRAY)
    if len(arrays):
        result[arrays] = _array_counts(view, arrays, mask)
    packed = _packed(mask)
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
    counts = view.counts
    if not counts.any():
        return np.empty(0, np.uint32), counts
    arrays, bitsets = (np.flatnonzero(view.form == form) for form in (ARRAY, BITSET))
    numbers = _numbers(view, arrays)
    bits = view.bits(bitsets)
    all_shown = bool(mask[numbers].all()) and not (bits & ~_packed(mask)).any()
    slots: Slots
    if len(bitsets):
        slots = np.empty(int(counts.sum()), np.uint32)
        of_numbers = np.repeat(view.form != BITSET, counts)
        slots[of_numbers] = numbers
        slots[~of_numbers] = _places(bits, counts[bitsets])
    else:
        slots = numbers.astype(np.uint32)
    if not all_shown:
        shown = mask[slots]
        hidden = np.repeat(np.arange(len(counts)), counts)[~shown]
        counts = counts - np.bincount(hidden, minlength=len(counts))
        slots = slots[shown]
    slots += view.keys.max(initial=0) * np.uint32(SEGMENT_SLOTS)
    return slots, counts


def _numbers(view: View, rows: NDArray[np.int64]) -> NDArray[np.uint16]:
    """Members of rows that hold numbers, one row after another, without their headers."""
    ends, words = view.words(rows)
    is_number = np.ones(len(words), np.bool_)
    is_number[ends[:-1, np.newaxis] + np.arange(HEADER_WORDS)] = False
    return words[is_number]


def _packed(mask: Mask) -> NDArray[np.uint64]:
    packed: NDArray[np.uint64] = np.packbits(mask, bitorder="little").view("<u8")
    return packed


def _array_counts(view: View, rows: NDArray[np.int64], mask: Mask) -> NDArray[np.int64]:
    """Counts of rows that hold numbers."""
    ends, words = view.words(rows)
    table = np.zeros(_WORD_VALUES, np.uint8)  # words of headers are looked up too
    table[:SEGMENT_SLOTS] = mask
    bounds = np.empty(2 * len(rows), np.int64)
    bounds[0::2], bounds[1::2] = ends[:-1] + HEADER_WORDS, ends[1:]
    # reduceat sums from each bound to the next: every other sum is of a header
    sums: NDArray[np.int64] = np.add.reduceat(table[words], bounds[:-1], dtype=np.int64)[0::2]
    return sums


def _places(bits: NDArray[np.uint64], counts: NDArray[np.int64]) -> Slots:
    """Places of the bits that are set in each of some bitset containers, one after another.

    pyroaring lists the members of a set ten times faster than NumPy does, so the rows are made one
    roaring bitmap: a container of that has as many rows as are 65,536 wide. Each row has more
    members than a sixteenth of its width, so that the container has to be a bitset too; the last
    one is filled up with bits that are set.

    Args:
        bits: The containers, shape (rows, SEGMENT_SLOTS / 64).
        counts: How many bits are set in each, shape (rows,).
    """
    from pyroaring import BitMap

    rows_each = _WORD_VALUES // SEGMENT_SLOTS
    fill = -len(bits) % rows_each
    containers = (len(bits) + fill) // rows_each
    held = np.concatenate((counts, np.full(fill, SEGMENT_SLOTS)))
    keys = np.stack([np.arange(containers), held.reshape(-1, rows_each).sum(axis=1) - 1], axis=1)
    offsets = 8 + 8 * containers + _WORD_VALUES // 8 * np.arange(containers)
    head = (np.array([12_346, containers], "<u4"), keys.astype("<u2"), offsets.astype("<u4"))
    filling = b"\xff" * (fill * SEGMENT_SLOTS // 8)
    blob = b"".join((*(each.tobytes() for each in head), bits.tobytes(), filling))
    found = np.frombuffer(BitMap.deserialize(blob).to_array(), np.uint32)[: int(counts.sum())]
    return found & np.uint32(SEGMENT_SLOTS - 1)
