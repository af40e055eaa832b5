"""Identifiers of persons as numbers that can be sorted and found, without a text object each.

A hash of 61 bits orders them; the bytes themselves decide whether two are the same, so that a
collision can never give one person the consent of another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from wgs_pipeline.consent.cells import WORD, Bools, Cells, Content, Int64s, Words

if TYPE_CHECKING:
    import pyarrow as pa

#: Bits that a hash leaves free for a scope.
SCOPE_BITS = 3
#: Bytes of an identifier that are looked at; no register has longer ones.
LONGEST = 136
_CPR_BYTES = 11
_ODD = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9)


def identifiers(cells: Cells) -> tuple[Words, Int64s]:
    """Identifiers in their canonical spelling; see ``identifiers.canonical_patient_id``.

    Returns:
        Their bytes, padded with zeros, shape (persons, words), and their lengths, shape (persons,).
    """
    longest = min(max(int(cells.lengths.max(initial=1)), _CPR_BYTES), LONGEST)
    lengths = np.minimum(cells.lengths, longest)
    words = cells.words(-(-longest // WORD) * WORD)
    with_hyphen = np.flatnonzero(cells.lengths == _CPR_BYTES)
    if with_hyphen.size:
        text = words[with_hyphen].view(np.uint8)
        digits = (text[:, :_CPR_BYTES] - np.uint8(ord("0"))) < 10
        digits[:, 6] = text[:, 6] == ord("-")
        is_cpr = digits.all(axis=1)
        with_hyphen, text = with_hyphen[is_cpr], text[is_cpr]
        text[:, 6:10] = text[:, 7:11].copy()
        text[:, 10] = 0
        words[with_hyphen] = text.view(np.uint64)
        lengths[with_hyphen] -= 1
    return words, lengths


def texts(words: Words) -> list[str]:
    """Identifiers as text."""
    padded = np.ascontiguousarray(words).view(f"S{words.shape[1] * WORD}")[:, 0]
    return [each.decode("ascii") for each in padded.tolist()]


def lengths_of(words: Words) -> Int64s:
    """Lengths of identifiers in bytes, shape (persons,)."""
    lengths: Int64s = (words.view(np.uint8) != 0).sum(axis=1, dtype=np.int64)
    return lengths


def joined(parts: Sequence[Words]) -> Words:
    """Words of identifiers below each other, padded to the widest."""
    widest = max(part.shape[1] for part in parts)
    padded = [np.pad(part, ((0, 0), (0, widest - part.shape[1]))) for part in parts]
    return np.concatenate(padded)


def hashes(words: Words, lengths: Int64s, seed: int = 0) -> Words:
    """Hashes of identifiers, shape (persons,); the lowest ``SCOPE_BITS`` bits are 0."""
    state = (lengths.view(np.uint64) + np.uint64(seed + 1)) * _ODD
    for place in range(words.shape[1]):
        mixed = (state ^ words[:, place]) * _MIX
        mixed ^= mixed >> np.uint64(29)
        mixed *= _ODD
        mixed ^= mixed >> np.uint64(32)
        # Padding is not hashed: the hash must not depend on the longest identifier beside it.
        state = np.where(lengths > place * WORD, mixed, state) if place else mixed
    hashed: Words = state << np.uint64(SCOPE_BITS)
    return hashed


def same(left: Words, right: Words) -> Bools:
    """Which pairs of identifiers are the same, by their words, shape (pairs,)."""
    common = min(left.shape[1], right.shape[1])
    equal = np.ones(len(left), np.bool_)
    for place in range(common):
        equal &= left[:, place] == right[:, place]
    for longer in (left, right):
        for place in range(common, longer.shape[1]):
            equal &= longer[:, place] == 0
    return equal


def cells_of(patient_ids: Sequence[str] | pa.Array) -> Cells:
    """Identifiers given as text, or an Arrow (chunked) array; null is one that nobody has."""
    if not isinstance(patient_ids, Sequence):
        if hasattr(patient_ids, "combine_chunks"):
            patient_ids = patient_ids.combine_chunks()
        if str(patient_ids.type) == "string" and not patient_ids.null_count:
            return _arrow_cells(patient_ids)
        patient_ids = [each or "" for each in patient_ids.to_pylist()]
    text = "".join(patient_ids).encode("utf-8", "surrogatepass")
    lengths = np.fromiter(map(len, patient_ids), np.int64, len(patient_ids))
    if lengths.sum() != len(text):
        encoded = [each.encode("utf-8", "surrogatepass") for each in patient_ids]
        lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
    content = Content.of_bytes(text)
    return Cells(content.data, content.start + np.cumsum(lengths) - lengths, lengths)


def _arrow_cells(array: Any) -> Cells:
    _, offsets, data = array.buffers()
    places = np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1]
    starts = places.astype(np.int64)
    first, last = (int(starts[0]), int(starts[-1])) if len(starts) else (0, 0)
    content = Content.of_bytes(data.slice(first, last - first).to_pybytes() if data else b"")
    starts += content.start - first
    return Cells(content.data, starts[:-1], np.diff(starts))
