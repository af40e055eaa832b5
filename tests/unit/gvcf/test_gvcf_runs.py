import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from wgs_pipeline.gvcf.blocks import uncovered_bands
from wgs_pipeline.gvcf.runs import Runs, first_uncovered, intersect, merge_runs, union

LENGTH = 40
settings.register_profile("runs", derandomize=True, deadline=None, max_examples=300)
steady = settings.get_profile("runs")

intervals = st.lists(
    st.tuples(st.integers(0, LENGTH - 1), st.integers(1, 12)).map(
        lambda pair: (pair[0], min(pair[0] + pair[1], LENGTH))
    ),
    max_size=8,
)


def arrays(pairs):
    columns = np.array(pairs, np.int64).reshape(-1, 2)
    return columns[:, 0], columns[:, 1]


def runs_of(pairs):
    return merge_runs(*arrays(pairs))


def bases_of(pairs):
    return {base for start, end in pairs for base in range(start, end)}


def bases_in(runs):
    return bases_of(zip(runs.starts.tolist(), runs.ends.tolist(), strict=True))


@steady
@given(intervals)
def test_merge_runs(pairs):
    runs = runs_of(pairs)
    assert bases_in(runs) == bases_of(pairs)
    assert runs.bases == len(bases_of(pairs))
    assert (runs.starts < runs.ends).all()
    assert (runs.starts[1:] > runs.ends[:-1]).all(), "touching runs are one run"


@steady
@given(intervals, intervals)
def test_union_and_intersection(one, other):
    runs = runs_of(one), runs_of(other)
    assert bases_in(union(runs)) == bases_of(one) | bases_of(other)
    assert bases_in(intersect(*runs)) == bases_of(one) & bases_of(other)
    positions = np.arange(-1, LENGTH + 1)
    assert set(positions[runs[0].contain(positions)].tolist()) == bases_of(one)


def test_nothing():
    assert union([]).bases == 0
    assert intersect(Runs.empty(), Runs.empty()).bases == 0
    assert first_uncovered(Runs.empty(), Runs.empty()) is None


@steady
@given(intervals, intervals)
def test_first_uncovered(needed, covering):
    missing = bases_of(needed) - bases_of(covering)
    found = first_uncovered(runs_of(needed), runs_of(covering))
    assert found == min(missing, default=None)


@steady
@given(intervals, st.integers(0, LENGTH), st.integers(1, LENGTH))
def test_within(pairs, start, size):
    runs = runs_of(pairs)
    found = runs.within(start, start + size)
    overlapping = [
        (first, last)
        for first, last in zip(runs.starts.tolist(), runs.ends.tolist(), strict=True)
        if first < start + size and last > start
    ]
    assert list(zip(found.starts.tolist(), found.ends.tolist(), strict=True)) == overlapping


@steady
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 6), st.integers(0, 3)), max_size=8),
    intervals,
)
def test_uncovered_bands(layout, records):
    bands, position = [], 0
    for gap, size, depth in layout:
        bands.append((position + gap, position + gap + size, depth))
        position += gap + size
    blocks = uncovered_bands(np.array(bands, np.int64).reshape(-1, 3), runs_of(records))
    depth_at = {base: depth for start, end, depth in bands for base in range(start, end) if depth}
    expected = {base: depth for base, depth in depth_at.items() if base not in bases_of(records)}
    found = [(b, depth) for start, end, depth in blocks.tolist() for b in range(start, end)]
    assert found == sorted(expected.items())
    # A block never reaches over two bands, and a band is never cut but at a record.
    band_of = {b: start for start, end, _ in bands for b in range(start, end)}
    for start, end, _ in blocks.tolist():
        assert band_of[start] == band_of[end - 1]
        for edge in (start, end):
            assert edge in {0, *[x for band in bands for x in band[:2]]} or (
                (edge in bases_of(records)) != (edge - 1 in bases_of(records))
            )
