"""Counts and members under a mask, against sets of Python."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from wgs_pipeline.ngd import bitmaps, masks
from wgs_pipeline.ngd.layout import SEGMENT_SLOTS as WIDTH

SLOTS = st.integers(0, WIDTH - 1)


def _blobs(rows: list[set[int]], segment: int = 0) -> pa.Array:
    slots = [sorted(slot + WIDTH * segment for slot in row) for row in rows]
    offsets = np.cumsum([0, *(len(row) for row in slots)]).astype(np.int64)
    return bitmaps.encode(np.array([slot for row in slots for slot in row], np.uint32), offsets)


def _mask(slots: set[int]) -> np.ndarray:
    mask = np.zeros(WIDTH, np.bool_)
    mask[list(slots)] = True
    return mask


def _large(seed: int, size: int) -> set[int]:
    return set(np.random.default_rng(seed).choice(WIDTH, size, replace=False).tolist())


@st.composite
def _rows(draw: st.DrawFn) -> list[set[int]]:
    small = st.sets(SLOTS, max_size=6)
    large = st.builds(
        _large, st.integers(0, 9), st.sampled_from([WIDTH // 16, WIDTH // 16 + 1, WIDTH // 2])
    )
    return draw(st.lists(st.one_of(small, small, large), max_size=8))


@settings(derandomize=True, deadline=None, max_examples=60)
@given(_rows(), st.one_of(st.sets(SLOTS, max_size=9), st.builds(_large, st.just(3), st.just(3000))),
       st.sampled_from([0, 1, 5]), st.integers(0, 3))  # fmt: skip
def test_counts_and_members_are_those_of_the_sets(
    rows: list[set[int]], shown: set[int], segment: int, skipped: int
):
    blobs = _blobs(rows, segment).slice(min(skipped, len(rows)))
    rows = rows[skipped:]
    assert masks.masked_counts(blobs, _mask(shown)).tolist() == [len(row & shown) for row in rows]
    slots, counts = masks.members(blobs, _mask(shown))
    assert counts.tolist() == [len(row & shown) for row in rows]
    expected = [slot + WIDTH * segment for row in rows for slot in sorted(row & shown)]
    assert slots.tolist() == expected


def test_a_bitmap_of_another_form_is_refused():
    runs = BitMap(range(100, 9_000))
    runs.run_optimize()
    column = pa.array([BitMap([1]).serialize(), runs.serialize()], pa.large_binary())
    for asked in (masks.masked_counts, masks.members):
        with pytest.raises(ValueError, match="another form"):
            asked(column, _mask({1}))
