"""What is one event, and whose word is taken."""

from dataclasses import replace

import pytest
from event_builders import call
from hypothesis import given, settings
from hypothesis import strategies as st

from wgs_pipeline.structural.merging import Criteria, merge, oriented, same_event

CRITERIA = Criteria(max_distance=500, min_overlap=0.5)
BOTH = ("delly", "dysgu")


def merged(*calls, preference=BOTH, criteria=CRITERIA):
    return merge(calls, criteria, preference)


def test_the_first_callers_genotype_is_taken():
    ours = call(1000, 3000, genotype=(0, 1))
    theirs = call(1010, 3005, caller="dysgu", genotype=(1, 1), quality=9000.0)
    (event,) = merged(theirs, ours)
    assert (event.best, event.callers) == (ours, BOTH)
    (event,) = merged(theirs, ours, preference=("dysgu", "delly"))
    assert (event.best, event.callers) == (theirs, ("dysgu", "delly"))


@pytest.mark.parametrize("doubt", [{"passed": False}, {"genotype": (0, 0)}])
def test_a_call_that_is_not_trusted_does_not_stand_for_an_event(doubt):
    ours = call(1000, 3000, **doubt)
    theirs = call(1010, 3005, caller="dysgu")
    (event,) = merged(ours, theirs)
    assert event.best == theirs


def test_both_junctions_of_an_inversion_are_one_event():
    (event,) = merged(call(1000, 3000, "INV"), call(1003, 2998, "INV", quality=50.0))
    assert (event.best.start, len(event.calls), event.callers) == (1000, 2, ("delly",))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        # Reciprocal overlap of 1,000 of 2,000, then of 999.
        (call(1000, 2000), call(1000, 3000), False),  # ends 1,000 apart
        (call(1000, 1400), call(1200, 1600), True),
        (call(1000, 1400), call(1201, 1601), False),
        (call(1000, 9000), call(1500, 9500), True),
        (call(1000, 9000), call(1501, 9000), False),  # starts 501 apart
        (call(1000, 3000), call(1000, 3000, "DUP"), False),
        (call(1000, 3000), call(1000, 3000, contig="chr2"), False),
        (call(1000, kind="INS", length=100), call(1400, kind="INS", length=200), True),
        (call(1000, kind="INS", length=100), call(1000, kind="INS", length=201), False),
        (call(1000, kind="INS", length=100), call(1000, kind="INS", length=None), True),
        # A tandem copy is an insertion at either end of what was copied.
        (call(1000, 1080, "DUP"), call(1080, kind="INS", length=82), True),
        (call(1000, 1080, "DUP"), call(1000, kind="INS", length=30), False),
        (call(1000, 9000, "DUP"), call(9100, kind="INS", length=8000), True),
        (call(1000, 9000, "DUP"), call(5000, kind="INS", length=8000), False),
        (call(1000, 1080, "DUP"), call(1000, kind="INS", length=None), False),
    ],
)
def test_same_event(one, other, same):
    assert same_event(one, other, CRITERIA) is same
    assert same_event(other, one, CRITERIA) is same
    assert len(merged(one, replace(other, caller="dysgu"))) == (1 if same else 2)


def junction(start, mate, joined, **fields):
    return call(start, start + 1, "BND", mate=mate, joined=joined, **fields)


def test_a_junction_is_the_same_from_both_sides():
    here = junction(1000, ("chr2", 5000), "3to5")
    there = junction(5001, ("chr1", 999), "5to3", contig="chr2", caller="dysgu")
    (event,) = merged(*oriented([here, there], ["chr1", "chr2"]))
    assert event.callers == BOTH
    assert event.best == here


def test_other_sides_are_another_junction():
    assert len(merged(junction(1, ("chr2", 9), "3to5"), junction(1, ("chr2", 9), "3to3"))) == 2
    assert len(merged(junction(1, ("chr2", 9), "3to5"), junction(1, ("chrX", 9), "3to5"))) == 2


calls = st.builds(
    lambda start, length, kind, caller, passed, quality: call(
        start, start + (0 if kind == "INS" else length), kind,
        caller=caller, passed=passed, quality=quality, length=length,
    ),
    st.integers(1, 4000), st.integers(50, 1500), st.sampled_from(["DEL", "DUP", "INV", "INS"]),
    st.sampled_from(BOTH), st.booleans(), st.sampled_from([1.0, 2.0]),
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(calls, max_size=25), st.randoms(), st.sampled_from([0, 50, 500]))
def test_every_call_is_in_one_event_whatever_the_order(some, random, distance):
    criteria = Criteria(distance, 0.5)
    events = merge(some, criteria, BOTH)
    assert sorted(map(str, some)) == sorted(str(c) for event in events for c in event.calls)
    for event in events:
        assert all(same_event(event.best, other, criteria) for other in event.calls[1:])
    # No two events could have been one; and what was merged stays as it is.
    heads = [event.best for event in events]
    pairs = [(a, b) for n, a in enumerate(heads) for b in heads[:n]]
    assert not any(same_event(a, b, criteria) for a, b in pairs)
    assert [event.best for event in merge(heads, criteria, BOTH)] == heads
    shuffled = list(some)
    random.shuffle(shuffled)
    assert merge(shuffled, criteria, BOTH) == events
