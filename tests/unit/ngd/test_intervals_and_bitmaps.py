import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from wgs_pipeline.ngd import bitmaps
from wgs_pipeline.ngd.alleles import trim
from wgs_pipeline.ngd.intervals import Bases, depth

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
def test_bitmaps_are_roaring_and_come_back(segment: int):
    randomness = np.random.default_rng(5)
    sizes = [0, 1, 2, 4_096, 4_097, 0, 60_000, 7]
    rows = [np.sort(randomness.choice(65_536, size, replace=False)) for size in sizes]
    rows = [(row + segment * 65_536).astype(np.uint32) for row in rows]
    offsets = np.concatenate(([0], np.cumsum(sizes)))
    encoded = bitmaps.encode(np.concatenate(rows), offsets)
    for row, blob in zip(rows, encoded.to_pylist(), strict=True):
        if len(row):
            assert set(BitMap.deserialize(blob)) == set(row.tolist())
            small = len(row) <= 4_096
            assert (blob == BitMap(row).serialize()) or not small
    slots, owners = bitmaps.decode(encoded)
    assert np.array_equal(slots, np.concatenate(rows))
    assert np.array_equal(owners, np.repeat(np.arange(len(sizes)), sizes))
    # A slice of a column, and what pyroaring wrote with run containers, are read as well.
    runs = BitMap(range(100, 50_000))
    runs.run_optimize()
    import pyarrow as pa

    column = pa.array([b"", runs.serialize(), BitMap([5]).serialize()], pa.large_binary())
    slots, owners = bitmaps.decode(column.slice(1))
    assert slots.tolist() == [*range(100, 50_000), 5]
    assert owners.tolist() == [0] * 49_900 + [1]


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
