"""Carriers under a mask: counts and members of columns of bitmaps, read straight from their buffer.

The form of the bitmaps is that of ``bitmaps``: a header of eight 16-bit words, then up to 4,096
words that are slots, or 4,096 words that are bits. All blobs of a column stand one after another,
so that the column as a whole is one array of words.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wgs_pipeline.ngd import bitmaps
from wgs_pipeline.ngd.layout import SEGMENT_SLOTS

#: Which slots of one segment are meant, shape (65,536,).
Mask = NDArray[np.bool_]

_HEADER_WORDS = 8
_BITSET_WORDS = SEGMENT_SLOTS // 16
_ARRAY_MOST = 4_096
#: Serial cookie of a bitmap without run containers, then the number of containers: one.
_COOKIE = (12_346, 0, 1, 0)


@dataclass(frozen=True)
class _Column:
    """A column of bitmaps of one segment as words.

    Attributes:
        words: The bytes of all rows, shape (words,).
        starts: First word of the content of each filled row.
        stops: One past its last word.
        rows: Filled rows, ascending.
        is_array: Which of them hold slots; the others hold bits.
        segment: Segment of the slots.
        size: Rows in all.
    """

    words: NDArray[np.uint16]
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]
    rows: NDArray[np.int64]
    is_array: NDArray[np.bool_]
    segment: int
    size: int


def masked_counts(blobs: pa.Array, mask: Mask) -> NDArray[np.int32]:
    """How many slots of each bitmap the mask has, shape (rows,).

    Args:
        blobs: Bitmaps of one segment.
        mask: Slots of that segment that count.
    """
    column = _column(blobs)
    if column is None:
        slots, rows = bitmaps.decode(blobs)
        chosen = rows[mask[slots & (SEGMENT_SLOTS - 1)]]
        return np.bincount(chosen, minlength=len(blobs)).astype(np.int32)
    result = np.zeros(column.size, np.int32)
    arrays = column.is_array
    if arrays.any():
        result[column.rows[arrays]] = _array_counts(column, mask)
    packed = np.packbits(mask, bitorder="little").view("<u8")
    for row, start in zip(column.rows[~arrays], column.starts[~arrays], strict=True):
        bits = column.words[start : start + _BITSET_WORDS].view("<u8")
        result[row] = np.bitwise_count(bits & packed).sum()
    return result


def members(blobs: pa.Array, mask: Mask) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Slots of bitmaps that the mask has, row after row, and how many each row has.

    Args:
        blobs: Bitmaps of one segment.
        mask: Slots of that segment that are shown.

    Returns:
        Slots, ascending within a row, shape (members,), and their number, shape (rows,).
    """
    column = _column(blobs)
    if column is None:
        slots, rows = bitmaps.decode(blobs)
        shown = mask[slots & (SEGMENT_SLOTS - 1)]
        return slots[shown], np.bincount(rows[shown], minlength=len(blobs))
    counts = np.zeros(column.size, np.int64)
    parts = _slots_of_rows(column, mask)
    if not parts:
        return np.empty(0, np.uint32), counts
    counts[column.rows] = [len(part) for part in parts]
    slots = np.concatenate(parts, dtype=np.uint32, casting="safe")
    slots |= np.uint32(column.segment * SEGMENT_SLOTS)
    return slots, counts


def _array_counts(column: _Column, mask: Mask) -> NDArray[np.int64]:
    """Counts of the rows that hold slots."""
    starts, stops = column.starts[column.is_array], column.stops[column.is_array]
    first = int(starts[0])
    hits = mask.view(np.uint8)[column.words[first : int(stops[-1])]]
    bounds = np.empty(2 * len(starts), np.int64)
    bounds[0::2], bounds[1::2] = starts - first, stops - first
    # reduceat sums from each bound to the next: every other sum is of a header, or of bits
    sums: NDArray[np.int64] = np.add.reduceat(hits, bounds[:-1], dtype=np.int64)[0::2]
    return sums


def _slots_of_rows(column: _Column, mask: Mask) -> list[NDArray[np.uint16] | NDArray[np.uint32]]:
    """Slots of each filled row that the mask has."""
    from pyroaring import BitMap

    words = column.words
    if column.is_array.all() or not mask.any():
        meant = BitMap()
    else:
        shown = np.flatnonzero(mask).astype(np.uint32) | np.uint32(column.segment * SEGMENT_SLOTS)
        (blob,) = bitmaps.encode(shown, np.array([0, len(shown)]))
        meant = BitMap.deserialize(blob.as_py())
    places = (column.starts.tolist(), column.stops.tolist(), column.is_array.tolist())
    found: list[NDArray[np.uint16] | NDArray[np.uint32]] = []
    for start, stop, is_array in zip(*places, strict=True):
        if is_array:
            found.append(words[start:stop])
        else:  # the library lists the members of a set ten times faster than NumPy does
            carriers = BitMap.deserialize(words[start - _HEADER_WORDS : stop].tobytes())
            found.append(np.frombuffer((carriers & meant).to_array(), np.uint32))
    arrays = np.flatnonzero(column.is_array).tolist()
    if arrays and not mask[np.concatenate([found[row] for row in arrays])].all():
        for row in arrays:
            found[row] = found[row][mask[found[row]]]
    return found


def _column(blobs: pa.Array) -> _Column | None:
    """The column as words; None where a row has another form than those described above."""
    size = len(blobs)
    blobs = blobs.cast(pa.large_binary())
    _, offset_buffer, data_buffer = blobs.buffers()
    ends = np.frombuffer(offset_buffer, np.int64)[blobs.offset : blobs.offset + size + 1]
    rows = np.flatnonzero(np.diff(ends))
    if not len(rows):
        none = np.empty(0, np.int64)
        return _Column(np.empty(0, np.uint16), none, none, none, np.empty(0, np.bool_), 0, size)
    low, high = int(ends[0]), int(ends[-1])
    if low % 2 or high % 2 or (ends[rows] % 2).any():
        return None
    words = np.frombuffer(data_buffer, "<u2", (high - low) // 2, low)
    starts, stops = (ends[rows] - low) // 2, (ends[rows + 1] - low) // 2
    if (stops - starts <= _HEADER_WORDS).any():
        return None
    heads = words[starts[:, np.newaxis] + np.arange(6)]
    counts = heads[:, 5].astype(np.int64) + 1
    is_array = counts <= _ARRAY_MOST
    expected = _HEADER_WORDS + np.where(is_array, counts, _BITSET_WORDS)
    plain = (heads[:, :4] == _COOKIE).all() and (heads[:, 4] == heads[0, 4]).all()
    if not plain or (stops - starts != expected).any():
        return None
    content = starts + _HEADER_WORDS
    return _Column(words, content, stops, rows, is_array, int(heads[0, 4]), size)
