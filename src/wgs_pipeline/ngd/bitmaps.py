"""Sets of slots as serialised roaring bitmaps, whole columns at a time.

One segment is one roaring container, so a set of at most 4,096 slots has a fixed form (the
roaring format specification, "array container"), which NumPy writes and reads for all rows at
once. Larger sets go through pyroaring.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

#: Serial cookie of a bitmap without run containers, then the number of containers: one.
_HEADER = np.array([12_346, 1], "<u4").view(np.uint8)
_HEADER_BYTES = 16
_ARRAY_MOST = 4_096


def encode(slots: NDArray[np.uint32], offsets: NDArray[np.int64]) -> pa.BinaryArray:
    """Serialise one set per row; an empty set is an empty value.

    Args:
        slots: Members of all sets, ascending within each and of one segment, shape (members,).
        offsets: Row r has ``slots[offsets[r]:offsets[r + 1]]``, shape (rows + 1,).
    """
    counts = np.diff(offsets)
    small = counts <= _ARRAY_MOST
    sizes = np.where(counts == 0, 0, _HEADER_BYTES + 2 * counts)
    large = {row: _serialised(slots[offsets[row] : offsets[row + 1]]) for row in _rows(~small)}
    for row, blob in large.items():
        sizes[row] = len(blob)
    ends = np.concatenate(([0], np.cumsum(sizes)))
    data = np.zeros(int(ends[-1]), np.uint8)
    _put_headers(data, ends, slots, offsets, np.flatnonzero(small & (counts > 0)))
    for row, blob in large.items():
        data[ends[row] : ends[row + 1]] = np.frombuffer(blob, np.uint8)
    buffers = [None, pa.py_buffer(ends.astype(np.int64)), pa.py_buffer(data)]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(counts), buffers)


def decode(blobs: pa.BinaryArray) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """The reverse of ``encode``: members of all sets, and the row that each belongs to."""
    blobs = blobs.cast(pa.large_binary())
    if not len(blobs):
        return np.empty(0, np.uint32), np.empty(0, np.int64)
    _, offset_buffer, data_buffer = blobs.buffers()
    ends = np.frombuffer(offset_buffer, np.int64)[blobs.offset : blobs.offset + len(blobs) + 1]
    data = np.frombuffer(data_buffer or b"", np.uint8)
    sizes = np.diff(ends)
    filled = np.flatnonzero(sizes)
    heads = data[ends[filled][:, np.newaxis] + np.arange(_HEADER_BYTES)]
    is_array = (heads[:, :8] == _HEADER).all(axis=1)
    counts = heads[:, 10:12].copy().view("<u2").astype(np.int64).ravel() + 1
    is_array &= counts <= _ARRAY_MOST
    rows, slots = _array_members(data, ends, filled[is_array], heads[is_array], counts[is_array])
    for row in filled[~is_array]:
        members = _members(data[ends[row] : ends[row + 1]].tobytes())
        slots.append(members)
        rows.append(np.full(len(members), row, np.int64))
    order = np.argsort(np.concatenate(rows), kind="stable")
    return np.concatenate(slots)[order], np.concatenate(rows)[order]


def _put_headers(
    data: NDArray[np.uint8],
    ends: NDArray[np.int64],
    slots: NDArray[np.uint32],
    offsets: NDArray[np.int64],
    rows: NDArray[np.int64],
) -> None:
    counts = np.diff(offsets)[rows]
    head = np.zeros((len(rows), _HEADER_BYTES), np.uint8)
    head[:, :8] = _HEADER
    head[:, 8:10] = _bytes_of((slots[offsets[rows]] >> 16).astype("<u2"))
    head[:, 10:12] = _bytes_of((counts - 1).astype("<u2"))
    head[:, 12:16] = np.array([_HEADER_BYTES], "<u4").view(np.uint8)
    data[ends[rows][:, np.newaxis] + np.arange(_HEADER_BYTES)] = head
    source = _ranges(offsets[rows], counts)
    low = _bytes_of((slots[source] & 0xFFFF).astype("<u2"))
    place = ends[rows] + _HEADER_BYTES - 2 * (np.cumsum(counts) - counts)
    at = np.repeat(place, counts) + 2 * np.arange(len(source))
    data[at], data[at + 1] = low[:, 0], low[:, 1]


def _array_members(
    data: NDArray[np.uint8],
    ends: NDArray[np.int64],
    rows: NDArray[np.int64],
    heads: NDArray[np.uint8],
    counts: NDArray[np.int64],
) -> tuple[list[NDArray[np.int64]], list[NDArray[np.uint32]]]:
    key = heads[:, 8:10].copy().view("<u2").astype(np.uint32).ravel()
    at = ends[rows] + _HEADER_BYTES
    at = np.repeat(at - 2 * (np.cumsum(counts) - counts), counts) + 2 * np.arange(counts.sum())
    low = data[at].astype(np.uint32) | (data[at + 1].astype(np.uint32) << 8)
    return [np.repeat(rows, counts)], [np.repeat(key << 16, counts) | low]


def _ranges(starts: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The numbers of [start, start + count) of each row, one after another."""
    return np.repeat(starts - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())


def _bytes_of(values: NDArray[np.uint16]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(values).view(np.uint8).reshape(-1, 2)


def _rows(mask: NDArray[np.bool_]) -> list[int]:
    return [int(row) for row in np.flatnonzero(mask)]


def _serialised(slots: NDArray[np.uint32]) -> bytes:
    from pyroaring import BitMap

    return bytes(BitMap(slots).serialize())


def _members(blob: bytes) -> NDArray[np.uint32]:
    from pyroaring import BitMap

    return np.frombuffer(BitMap.deserialize(blob).to_array(), np.uint32)
