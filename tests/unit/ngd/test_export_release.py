"""Two tables of counts never differ by a few persons."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from wgs_pipeline.ngd.release import releasable

KEY = bytes(32)
_SLOTS = st.frozensets(st.integers(0, 40), max_size=40)


def _differs_by_a_few(new: frozenset[int], old: frozenset[int], minimum: int) -> bool:
    return 0 < len(new - old) < minimum or 0 < len(old - new) < minimum


@settings(derandomize=True, deadline=None, max_examples=300)
@given(_SLOTS, st.lists(_SLOTS, max_size=5), st.integers(2, 7))
def test_any_two_releases_differ_by_no_one_or_by_enough(eligible, earlier, minimum):
    new = releasable(eligible, earlier, minimum, KEY)
    assert new <= eligible
    for old in earlier:
        if new and len(old) >= minimum:
            assert not _differs_by_a_few(new, old, minimum)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.lists(_SLOTS, max_size=8), st.integers(2, 7))
def test_a_series_of_releases_keeps_its_distance(states, minimum):
    releases: list[frozenset[int]] = []
    for state in states:
        releases.append(releasable(state, releases, minimum, KEY))
        assert releasable(state, releases, minimum, KEY) == releases[-1]
    shown = [each for each in releases if len(each) >= minimum]
    for new in shown:
        assert not any(_differs_by_a_few(new, old, minimum) for old in shown)


def test_who_left_is_left_out_with_a_few_others_and_newcomers_wait():
    first = frozenset(range(100))
    assert releasable(first, [], 5, KEY) == first
    left = releasable(first - {7}, [first], 5, KEY)
    assert 7 not in left
    assert len(first - left) == 5
    assert releasable(first | {100, 101}, [first], 5, KEY) == first
    grown = first | set(range(100, 105))
    assert releasable(grown, [first], 5, KEY) == grown
    assert releasable(first, [frozenset({1, 2, 3})], 5, KEY) == first  # that one showed nothing
    another = releasable(first - {7}, [first], 5, bytes([1] * 32))
    assert another != left
