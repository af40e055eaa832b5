"""Limits of a Poisson count against published tables."""

import math

import pytest

from wgs_pipeline.governance.intervals import poisson_limits

#: Exact 95 % limits: Garwood 1936; Breslow and Day 1987 (to the digits given there).
PUBLISHED = {
    0: (0.0, 3.689), 1: (0.0253, 5.572), 2: (0.242, 7.225), 3: (0.619, 8.767),
    4: (1.090, 10.242), 5: (1.623, 11.668), 6: (2.202, 13.060), 7: (2.814, 14.423),
    8: (3.454, 15.763), 9: (4.115, 17.085), 10: (4.795, 18.390), 15: (8.395, 24.740),
    20: (12.217, 30.888), 50: (37.111, 65.919), 100: (81.364, 121.627),
}  # fmt: skip


@pytest.mark.parametrize("count", [n for n in PUBLISHED if n < 10])
def test_small_counts_are_exact(count):
    assert poisson_limits(count) == pytest.approx(PUBLISHED[count], abs=6e-4)


@pytest.mark.parametrize("count", [n for n in PUBLISHED if n >= 10])
def test_large_counts_are_within_two_per_mille_of_exact(count):
    assert poisson_limits(count) == pytest.approx(PUBLISHED[count], rel=2e-3)


def test_other_levels():
    assert poisson_limits(0, 0.90)[1] == pytest.approx(-math.log(0.05))
    wide, narrow = poisson_limits(40, 0.99), poisson_limits(40, 0.95)
    assert wide[0] < narrow[0] < 40 < narrow[1] < wide[1]
