from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wgs_pipeline.metrics.catalogue import NotApplicable
from wgs_pipeline.metrics.contigs import Part
from wgs_pipeline.metrics.heterozygosity import (
    Heterozygosity,
    count_heterozygous,
    heterozygosity_ratio,
    sampled_windows,
)
from wgs_pipeline.reference import Interval


def counted_plainly(contigs: list[int], positions: list[int], bases: list[list[int]]) -> int:
    """Isolated bases with two alleles, one base after another."""
    deep = sorted(sum(each) for each in bases if sum(each) >= 10)
    if not deep:
        return 0
    middle = len(deep) // 2
    median = deep[middle] if len(deep) % 2 else (deep[middle - 1] + deep[middle]) / 2
    found = []
    for contig, position, reads in zip(contigs, positions, bases, strict=True):
        depth, second = sum(reads), sorted(reads)[-2]
        if 10 <= depth <= 2.5 * median and second >= 3 and second / depth >= 0.2:
            found.append((contig, position))
    return sum(not any(c == o and q != p and abs(p - q) < 10 for o, q in found) for c, p in found)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 1),
            st.integers(0, 60),
            st.lists(st.sampled_from([0, 0, 2, 3, 7, 12, 90]), min_size=4, max_size=4),
        ),
        max_size=40,
        unique_by=lambda each: each[:2],
    )
)
@settings(max_examples=200, deadline=None)
def test_equal_to_a_plain_count(sites: list[tuple[int, int, list[int]]]) -> None:
    sites = sorted(sites)
    contigs, positions, bases = ([each[column] for each in sites] for column in range(3))
    found = count_heterozygous(
        np.array(contigs, np.int64),
        np.array(positions, np.int64),
        np.array(bases, np.int64).reshape(-1, 4),
    )
    assert found.heterozygous == counted_plainly(contigs, positions, bases)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 900_000)), min_size=1, max_size=6))
def test_windows_are_disjoint_and_inside(pieces: list[tuple[int, int]]) -> None:
    intervals, at = [], 0
    for gap, size in pieces:
        intervals.append(Interval("chrX", at + gap, at + gap + size))
        at += gap + size
    windows = sampled_windows(intervals)
    total = sum(len(each) for each in intervals)
    assert sum(len(each) for each in windows) == min(total, 500_000)
    assert all(a.end <= b.start for a, b in pairwise(windows))
    for each in windows:
        assert any(i.start <= each.start < each.end <= i.end for i in intervals)


def ratio(autosomes: tuple[int, int], x: tuple[int, int]) -> float | NotApplicable:
    return heterozygosity_ratio(
        {Part.AUTOSOME: Heterozygosity(*autosomes), Part.X: Heterozygosity(*x)}
    )


def test_ratio_is_that_of_the_rates() -> None:
    assert ratio((100_000, 100), (50_000, 30)) == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("autosomes", "x", "why"),
    [
        ((100_000, 5), (50_000, 0), "5 heterozygous bases"),
        ((100_000, 100), (2_000, 0), "2,000 bases"),
        ((0, 0), (0, 0), "0 heterozygous bases"),
    ],
)
def test_too_few_bases_say_nothing(
    autosomes: tuple[int, int], x: tuple[int, int], why: str
) -> None:
    found = ratio(autosomes, x)
    assert isinstance(found, NotApplicable)
    assert why in found.reason


def test_without_x_nothing_is_measured() -> None:
    assert isinstance(heterozygosity_ratio({}), NotApplicable)
