"""Intervals split by the copies that a person has of them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from wgs_pipeline.copies import split_by_ploidy
from wgs_pipeline.reference import Interval

LENGTH = 60


@st.composite
def disjoint(draw):
    """Sorted, disjoint intervals of one contig."""
    cuts = sorted(draw(st.sets(st.integers(0, LENGTH), max_size=8)))
    pairs = zip(cuts[::2], cuts[1::2], strict=False)
    return tuple(Interval("chrX", start, end) for start, end in pairs)


@given(disjoint(), disjoint(), st.lists(st.integers(0, 4), min_size=4, max_size=4))
def test_every_base_has_its_own_copies(intervals, places, copies):
    runs = [(place.start, place.end, number) for place, number in zip(places, copies, strict=False)]
    expected = {}
    for each in intervals:
        for base in range(each.start, each.end):
            here = [number for start, end, number in runs if start <= base < end]
            expected[base] = here[0] if here else 2
    ploidy = {"chrX": np.array(runs, np.int64).reshape(-1, 3)}
    found = {
        base: number
        for number, parts in split_by_ploidy(intervals, ploidy).items()
        for part in parts
        for base in range(part.start, part.end)
    }
    assert found == expected


def test_other_contigs_do_not_count():
    whole = Interval("chrX", 0, 100)
    assert split_by_ploidy([whole], {"chrY": np.array([[0, 100, 0]])}) == {2: (whole,)}


def test_the_order_is_that_of_the_intervals():
    intervals = [Interval("chr2", 0, 10), Interval("chr10", 0, 10)]
    assert split_by_ploidy(intervals, {}) == {2: tuple(intervals)}
