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

quick = settings(derandomize=True, deadline=None, max_examples=60)
SEGMENT = 2 << 16

#: Sizes on both sides of the border between the two forms of a container.
sizes = st.sampled_from([0, 0, 1, 2, 9, 300, 4_094, 4_095, 4_096, 4_097, 4_098, 5_000, 65_536])
changes = st.sampled_from([0, 0, 1, 1, 2, 3, 40, 5_000])


def serialised(slots: set[int]) -> bytes:
    """As the roaring format specification says, without run containers."""
    if not slots:
        return b""
    head = struct.pack("<IIHHI", 12_346, 1, min(slots) >> 16, len(slots) - 1, 16)
    if len(slots) <= 4_096:
        return head + struct.pack(f"<{len(slots)}H", *(slot & 0xFFFF for slot in sorted(slots)))
    bits = bytearray(8_192)
    for slot in slots:
        bits[(slot & 0xFFFF) // 8] |= 1 << slot % 8
    return head + bytes(bits)


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
        order = (randomness.permutation(65_536) + SEGMENT).tolist()
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
        assert not each or set(BitMap.deserialize(blob)) == each
    assert bitmaps.cardinalities(found).tolist() == [len(each) for each in expected]


@quick
@given(cases(), st.integers(1, 7))
def test_overlaps_are_sizes_of_intersections(case: tuple[list[set[int]], ...], apart: int) -> None:
    before, some, _ = case
    wanted = {5, SEGMENT - 1} | {slot for each in some for slot in sorted(each)[::apart]}
    for chosen in (wanted, set(sorted(wanted)[-2:])):
        found = bitmaps.overlaps(column(before), np.array(sorted(chosen), np.uint32))
        assert found.tolist() == [len(each & chosen) for each in before]


@pytest.mark.parametrize("size", [0, 1, 100, 4_095, 4_096, 4_097, 9_000])
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
    blob = bytearray(serialised(set(range(9_000))))
    blob[5_000] ^= 1
    with pytest.raises(ValueError, match="as many slots"):
        bitmaps.cardinalities(pa.array([bytes(blob)], pa.large_binary()))


def test_run_containers_and_slices_are_edited_too() -> None:
    runs = BitMap(range(100, 9_000))
    runs.run_optimize()
    whole = pa.array([b"x", runs.serialize(), BitMap([5]).serialize()], pa.large_binary())
    found = edit(whole.slice(1), edits([{7}, {6}]), edits([{100}, {5}]))
    assert found.to_pylist() == column([{7, *range(101, 9_000)}, {6}]).to_pylist()
    assert bitmaps.cardinalities(whole.slice(1)).tolist() == [8_900, 1]
    assert bitmaps.overlaps(whole.slice(1), np.array([5, 200], np.uint32)).tolist() == [1, 1]
