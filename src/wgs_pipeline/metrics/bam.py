"""Uncompressed BAM as ``samtools view -u`` writes it: framing, header, fields of a record.

Compiled code (numba) that works on blocks of bytes, so that no read becomes a Python object.
Offsets and layouts are those of the SAM specification (BGZF in 4.1, records in 4.2).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from enum import IntFlag
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

from wgs_pipeline.errors import AlignmentError

Bytes = NDArray[np.uint8]
#: A whole number of compiled code; numba makes no difference between the two.
Int = int | np.int64
_Function = TypeVar("_Function", bound=Callable[..., object])

_FRAME_HEADER, _FRAME_FOOTER, _STORED_HEADER = 18, 8, 5
#: What ``unframe`` returns where a frame is compressed or is none.
BAD_FRAME = -1


_STAMP = tuple(
    (path.name, path.stat().st_mtime_ns, path.stat().st_size)
    for path in sorted(Path(__file__).parent.glob("*.py"))
)


def compiled(function: _Function) -> _Function:
    """Compile code that counts, and keep it between runs.

    It does without numba's counting of references to arrays, which takes as long as what is
    counted. So it can make no arrays: what it works on is handed to it.
    """
    options: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False}
    wrapped: _Function = njit(**options)(function)
    # numba makes a function again when its own file changes, not when one that it calls does, and
    # would go on with the old code of that one.
    wrapped._cache._cache_file._source_stamp = _STAMP  # type: ignore[attr-defined]
    return wrapped


class Flag(IntFlag):
    """Bits of FLAG."""

    PAIRED = 0x1
    PROPER = 0x2
    UNMAPPED = 0x4
    MATE_UNMAPPED = 0x8
    REVERSE = 0x10
    MATE_REVERSE = 0x20
    FIRST = 0x40
    LAST = 0x80
    SECONDARY = 0x100
    QC_FAIL = 0x200
    DUPLICATE = 0x400
    SUPPLEMENTARY = 0x800


@compiled
def copy_bytes(source: Bytes, target: Bytes) -> None:
    """Copy bytes to as many that do not overlap them."""
    for k in range(len(source)):
        target[k] = source[k]


@compiled
def unframe(raw: Bytes, size: Int, out: Bytes, filled: Int) -> tuple[Int, Int]:
    """Copy the content of whole BGZF frames that hold stored (uncompressed) data.

    Args:
        raw: Frames; the last may be incomplete.
        size: Bytes of ``raw`` that are filled.
        out: Where the content is appended; must have room for ``size`` bytes.
        filled: Bytes of ``out`` in use before.

    Returns:
        Bytes of ``raw`` that were used (``BAD_FRAME`` where a frame is not a stored one) and bytes
        of ``out`` in use after.
    """
    at: Int = 0
    while at + _FRAME_HEADER <= size:
        if raw[at] != 31 or raw[at + 1] != 139 or raw[at + 12] != 66 or raw[at + 13] != 67:
            return BAD_FRAME, filled
        length = np.int64(raw[at + 16]) + (np.int64(raw[at + 17]) << 8) + 1
        if at + length > size:
            break
        end = at + length - _FRAME_FOOTER
        content = (
            np.int64(raw[end + 4]) + (np.int64(raw[end + 5]) << 8) + (np.int64(raw[end + 6]) << 16)
        )
        if content:
            begin = at + _FRAME_HEADER + _STORED_HEADER
            if raw[at + _FRAME_HEADER] & 6 or end - begin != content:
                return BAD_FRAME, filled
            copy_bytes(raw[begin:end], out[filled : filled + content])
            filled += content
        at += length
    return at, filled


def read_header(data: bytes) -> tuple[tuple[str, ...], int] | None:
    """Contigs of a BAM and where its first record begins; None where ``data`` ends before.

    Raises:
        AlignmentError: It is not a BAM.
    """
    if len(data) >= 4 and data[:4] != b"BAM\1":
        raise AlignmentError("the stream is not a BAM; expected the output of samtools view -u")
    try:
        at = 8 + struct.unpack_from("<i", data, 4)[0]
        (count,) = struct.unpack_from("<i", data, at)
        at += 4
        names = []
        for _ in range(count):
            (length,) = struct.unpack_from("<i", data, at)
            name = data[at + 4 : at + 4 + length]
            struct.unpack_from("<i", data, at + 4 + length)
            names.append(name.rstrip(b"\0").decode("ascii"))
            at += 8 + length
    except struct.error:
        return None
    return tuple(names), at


_G_OR_C, _UNKNOWN = (2, 4), 15  # in the four bits of a base
_PAIRS = np.stack([np.arange(256) >> 4, np.arange(256) & 15])
#: Of the two bases in a byte, those that are G or C, and from bit 32 on those that are N.
_COMPOSITION = np.isin(_PAIRS, _G_OR_C).sum(axis=0) + ((_PAIRS == _UNKNOWN).sum(axis=0) << 32)


@compiled
def composition(data: Bytes, sequence: Int, length: Int) -> tuple[Int, Int]:
    """Bases G or C of a read, and those that are N."""
    found: Int = 0
    for pair in data[sequence : sequence + (length + 1) // 2]:
        found += _COMPOSITION[pair]
    return found & 0xFFFFFFFF, found >> 32


@compiled
def int32(data: Bytes, at: Int) -> Int:
    """Little-endian signed 32-bit number."""
    value = (
        np.int64(data[at])
        | (np.int64(data[at + 1]) << 8)
        | (np.int64(data[at + 2]) << 16)
        | (np.int64(data[at + 3]) << 24)
    )
    return value - (1 << 32) if value >= 1 << 31 else value


@compiled
def uint16(data: Bytes, at: Int) -> Int:
    """Little-endian unsigned 16-bit number."""
    return np.int64(data[at]) | (np.int64(data[at + 1]) << 8)


@compiled
def name_hash(data: Bytes, at: Int, length: Int) -> np.uint64:
    """FNV-1a of a read's name, never 0."""
    value = np.uint64(14695981039346656037)
    for byte in data[at : at + length]:
        value = (value ^ np.uint64(byte)) * np.uint64(1099511628211)
    # Neighbouring names differ in their last digits only; spread them over the low bits.
    value ^= value >> np.uint64(29)
    return value if value else np.uint64(1)


@compiled
def tag_size(data: Bytes, at: Int, end: Int) -> Int:
    """Bytes of the tag that begins at ``at``: name, type and value; what is left if unknown."""
    kind = data[at + 2]
    if kind in (65, 99, 67):  # A c C
        return 4
    if kind in (115, 83):  # s S
        return 5
    if kind in (105, 73, 102):  # i I f
        return 7
    if kind in (90, 72):  # Z H
        last: Int = at + 3
        while last < end and data[last]:
            last += 1
        return last + 1 - at
    if kind == 66:  # B
        width = 1
        if data[at + 3] in (115, 83):
            width = 2
        elif data[at + 3] in (105, 73, 102):
            width = 4
        return 8 + width * int32(data, at + 4)
    return end - at


@compiled
def tag_number(data: Bytes, at: Int) -> Int:
    """Value of a tag of a whole-number type."""
    kind = data[at + 2]
    if kind == 99:
        return np.int64(np.int8(data[at + 3]))
    if kind == 67:
        return np.int64(data[at + 3])
    if kind in (115, 83):
        value = uint16(data, at + 3)
        return value - (1 << 16) if kind == 115 and value >= 1 << 15 else value
    return int32(data, at + 3)
