import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from wgs_pipeline.ngd import bitmaps
from wgs_pipeline.ngd.alleles import trim
from wgs_pipeline.ngd.intervals import Bases, depth
from wgs_pipeline.ngd.layout import SEGMENT_SLOTS

pairs = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=8)
quick = settings(derandomize=True, deadline=None, max_examples=200)


def _set(runs: list[tuple[int, int]]) -> set[int]:
    return {base for low, high in runs for base in range(low, high)}


def _members(bases: Bases) -> set[int]:
    runs = list(zip(bases.starts.tolist(), bases.ends.tolist(), strict=True))
    assert runs == sorted(runs)
    assert all(low < high for low, high in runs)
    assert all(a[1] < b[0] for a, b in itertools.pairwise(runs))
    return _set(runs)


@quick
@given(pairs, pairs)
def test_bases_are_a_set_algebra(first, second):
    a, b = Bases.of(first), Bases.of(second)
    assert _members(a) == _set(first)
    assert _members(a.intersect(b)) == _set(first) & _set(second)
    assert _members(a.minus(b)) == _set(first) - _set(second)
    positions = np.arange(-2, 45)
    assert set(positions[a.contains(positions)].tolist()) == _set(first)


@quick
@given(pairs, st.integers(0, 20), st.integers(21, 40))
def test_depth_counts_runs(runs, low, high):
    runs = [(a, b) for a, b in runs if a <= b]
    starts, ends = (np.array([each[k] for each in runs], np.int64) for k in (0, 1))
    expected = [sum(a <= base < b for a, b in runs) for base in range(low, high)]
    assert depth(starts, ends, low, high).tolist() == expected


@pytest.mark.parametrize("segment", [0, 3])
def test_bitmaps_come_back_and_numbers_are_roaring(segment: int):
    randomness = np.random.default_rng(5)
    most = SEGMENT_SLOTS // 16
    sizes = [0, 1, 2, most, most + 1, 0, SEGMENT_SLOTS - 9, 7]
    low = [np.sort(randomness.choice(SEGMENT_SLOTS, size, replace=False)) for size in sizes]
    rows = [(row + segment * SEGMENT_SLOTS).astype(np.uint32) for row in low]
    offsets = np.concatenate(([0], np.cumsum(sizes)))
    encoded = bitmaps.encode(np.concatenate(rows), offsets)
    for row, blob in zip(low, encoded.to_pylist(), strict=True):
        if 0 < len(row) <= most:
            assert blob == BitMap(row + (segment << 16)).serialize()
        elif len(row):
            bits = np.unpackbits(np.frombuffer(blob, np.uint8)[16:], bitorder="little")
            assert np.flatnonzero(bits).tolist() == row.tolist()
            assert len(bits) == SEGMENT_SLOTS
    slots, owners = bitmaps.decode(encoded)
    assert np.array_equal(slots, np.concatenate(rows))
    assert np.array_equal(owners, np.repeat(np.arange(len(sizes)), sizes))
    slots, owners = bitmaps.decode(encoded.slice(3))
    assert np.array_equal(slots, np.concatenate(rows[3:]))
    assert np.array_equal(owners, np.repeat(np.arange(len(sizes) - 3), sizes[3:]))


def test_nothing_is_nothing():
    assert len(bitmaps.encode(np.empty(0, np.uint32), np.zeros(1, np.int64))) == 0
    encoded = bitmaps.encode(np.empty(0, np.uint32), np.zeros(4, np.int64))
    assert [len(each) for each in bitmaps.decode(encoded)] == [0, 0]


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        (("A", "G"), (0, "A", "G")),
        (("CAT", "CGT"), (1, "A", "G")),
        (("TTT", "TT"), (0, "TT", "T")),
        (("CA", "CAGA"), (0, "C", "CAG")),
        (("ACG", "TCG"), (0, "A", "T")),
    ],
)
def test_trim(pair: tuple[str, str], expected: tuple[int, str, str]):
    assert trim(*pair) == expected
