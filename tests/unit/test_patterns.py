from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wgs_pipeline.patterns import any_of

# Letters that sample_ids may have, some with a meaning in regular expressions.
NAMES = st.text("AB1._-", min_size=1, max_size=6)


@given(st.sets(NAMES, max_size=20), NAMES)
def test_matches_these_names_and_no_other(names, other):
    pattern = re.compile(any_of(names))
    assert all(pattern.fullmatch(name) for name in names)
    assert bool(pattern.fullmatch(other)) == (other in names)


def test_a_name_that_begins_another_is_matched_as_far_as_the_rest_allows():
    path = re.compile(rf"gvcf/(?P<sample>{any_of(['S1', 'S1.g', 'S12'])})\.g\.vcf")
    assert path.fullmatch("gvcf/S1.g.vcf")["sample"] == "S1"
    assert path.fullmatch("gvcf/S1.g.g.vcf")["sample"] == "S1.g"
    assert path.fullmatch("gvcf/S12.g.vcf")["sample"] == "S12"


@pytest.mark.parametrize("names", [[f"{n:05d}" for n in range(5000)], ["x" * 200, "y" * 200]])
def test_many_and_long_names(names):
    pattern = re.compile(any_of(names))
    assert all(map(pattern.fullmatch, names))


def test_the_pattern_of_numbered_names_is_short():
    assert len(any_of(f"S{n:05d}" for n in range(5000))) < 10_000
