"""Editing and counting columns of bitmaps, against sets of Python and against pyroaring."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from wgs_pipeline.ngd import bitmaps
from wgs_pipeline.ngd.bitmap_edits import Edits, edit
from wgs_pipeline.ngd.layout import SEGMENT_SLOTS as WIDTH

quick = settings(derandomize=True, deadline=None, max_examples=60)
NUMBER = 3
#: First slot of that segment.
SEGMENT = NUMBER * WIDTH
#: Members of the largest set of numbers: of more, numbers of two bytes are longer than bits.
MOST = WIDTH // 16

#: Sizes on both sides of the border between the two forms of a container.
borders = [MOST - 2, MOST - 1, MOST, MOST + 1, MOST + 2]
sizes = st.sampled_from([0, 0, 1, 2, 9, 300, *borders, 5_000, WIDTH])
changes = st.sampled_from([0, 0, 1, 1, 2, 3, 40, 5_000])


def serialised(slots: set[int]) -> bytes:
    """As the docstring of ``bitmaps`` says."""
    if not slots:
        return b""
    low = sorted(slot - SEGMENT for slot in slots)
    head = struct.pack("<IIHHI", 12_346, 1, NUMBER, len(slots) - 1, 16)
    if len(slots) <= MOST:
        return head + struct.pack(f"<{len(low)}H", *low)
    bits = bytearray(WIDTH // 8)
    for place in low:
        bits[place // 8] |= 1 << place % 8
    return head + bytes(bits)


def read(blob: bytes) -> set[int]:
    """As a stranger reads it: pyroaring numbers, and bits once they are as wide as it has them."""
    if not blob:
        return set()
    if len(blob) != 16 + WIDTH // 8:
        return {slot - (NUMBER << 16) + SEGMENT for slot in BitMap.deserialize(blob)}
    bits = np.unpackbits(np.frombuffer(blob, np.uint8, offset=16), bitorder="little")
    found = set((np.flatnonzero(bits) + SEGMENT).tolist())
    if len(found) > 4_096:
        wide = BitMap.deserialize(blob.ljust(16 + 8_192, b"\0"))
        assert {slot - (NUMBER << 16) + SEGMENT for slot in wide} == found
    return found


def column(sets: Sequence[set[int]]) -> pa.Array:
    return pa.array([serialised(each) for each in sets], pa.large_binary())


def edits(sets: Sequence[set[int]]) -> Edits:
    pairs = [(row, slot) for row, each in enumerate(sets) for slot in sorted(each)]
    rows, slots = np.array(pairs, np.int64).reshape(-1, 2).T
    return Edits(rows, slots.astype(np.uint32))


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[set[int]], list[set[int]], list[set[int]]]:
    randomness = np.random.default_rng(draw(st.integers(0, 1_000)))
    before, added, removed = [], [], []
    for size in draw(st.lists(sizes, max_size=6)):
        order = (randomness.permutation(WIDTH) + SEGMENT).tolist()
        before.append(set(order[:size]))
        added.append(set(order[size : size + draw(changes)]))
        removed.append(set(order[: min(size, draw(changes))]))
        if draw(st.booleans()):
            removed[-1] = set(before[-1])
    return before, added, removed


@quick
@given(cases())
def test_an_edit_is_what_sets_do(case: tuple[list[set[int]], ...]) -> None:
    before, added, removed = case
    found = edit(column(before), edits(added), edits(removed))
    expected = [(each | new) - gone for each, new, gone in zip(before, added, removed, strict=True)]
    assert found.to_pylist() == column(expected).to_pylist()
    for blob, each in zip(found.to_pylist(), expected, strict=True):
        assert read(blob) == each
    assert bitmaps.cardinalities(found).tolist() == [len(each) for each in expected]


@quick
@given(cases(), st.integers(1, 7))
def test_overlaps_are_sizes_of_intersections(case: tuple[list[set[int]], ...], apart: int) -> None:
    before, some, _ = case
    wanted = {5, SEGMENT - 1} | {slot for each in some for slot in sorted(each)[::apart]}
    for chosen in (wanted, set(sorted(wanted)[-2:])):
        found = bitmaps.overlaps(column(before), np.array(sorted(chosen), np.uint32))
        assert found.tolist() == [len(each & chosen) for each in before]


@pytest.mark.parametrize("size", [0, 1, 100, MOST - 1, MOST, MOST + 1, 9_000])
def test_a_slot_that_is_there_is_not_added_nor_one_that_is_not_removed(size: int) -> None:
    slots = set(range(SEGMENT, SEGMENT + size))
    there, absent = [{SEGMENT}], [{SEGMENT + size}]
    nothing: list[set[int]] = [set()]
    if size:
        with pytest.raises(ValueError, match="is there already"):
            edit(column([slots]), edits(there), edits(nothing))
    with pytest.raises(ValueError, match="is not there"):
        edit(column([slots]), edits(nothing), edits(absent))


@pytest.mark.parametrize("size", [3, 9_000])
def test_a_slot_of_another_segment_is_refused(size: int) -> None:
    slots = set(range(SEGMENT, SEGMENT + size))
    with pytest.raises(ValueError, match="another segment"):
        edit(column([slots]), edits([{7}]), edits([set()]))


def test_a_bitmap_that_is_not_as_large_as_it_says_is_found() -> None:
    blob = bytearray(serialised(set(range(SEGMENT, SEGMENT + 9_000))))
    blob[100] ^= 1
    with pytest.raises(ValueError, match="as many slots"):
        bitmaps.cardinalities(pa.array([bytes(blob)], pa.large_binary()))


def test_a_slice_of_a_column_is_edited_too() -> None:
    large = set(range(SEGMENT + 100, SEGMENT + 9_000))
    whole = pa.array([b"x" * 18, serialised(large), serialised({SEGMENT + 5})], pa.large_binary())
    new, gone = [{SEGMENT + 7}, {SEGMENT + 6}], [{SEGMENT + 100}, {SEGMENT + 5}]
    found = edit(whole.slice(1), edits(new), edits(gone))
    assert found.to_pylist() == column([(large | new[0]) - gone[0], new[1]]).to_pylist()
    assert bitmaps.cardinalities(whole.slice(1)).tolist() == [8_900, 1]
    asked = np.array([SEGMENT + 5, SEGMENT + 200], np.uint32)
    assert bitmaps.overlaps(whole.slice(1), asked).tolist() == [1, 1]


def other_forms() -> list[bytes]:
    runs = BitMap(range(100, 9_000))
    runs.run_optimize()
    wide = BitMap(range(0, 60_000, 2)).serialize()
    return [runs.serialize(), wide, BitMap([5, 70_000]).serialize(), b"\0" * 18, b"short!"]


@pytest.mark.parametrize("blob", other_forms())
def test_a_bitmap_of_another_form_is_refused(blob: bytes) -> None:
    """Run containers, bits of 65,536 slots, several containers, and what is none at all."""
    blobs = pa.array([serialised({SEGMENT}), blob], pa.large_binary())
    for read_all in (bitmaps.decode, bitmaps.cardinalities):
        with pytest.raises(ValueError, match="another form"):
            read_all(blobs)
