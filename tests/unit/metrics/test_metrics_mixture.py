"""The likelihood of a mixture: its parts by hand, and what biased it on real reads."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wgs_pipeline.metrics.mixture import (
    LEAST_DRIFT,
    Alleles,
    drift_of,
    genotype_pairs,
    most_likely_share,
)

ERROR = 0.001


def drawn(share, own, foreign, seed=1, balance=None, depth=30):
    """Reads at sites where the copies of the alternate allele of both persons are known."""
    rng = np.random.default_rng(seed)
    half = np.where(own == 1, rng.beta(balance, balance, len(own)), own / 2) if balance else own / 2
    depths = rng.poisson(depth, len(own))
    alternate = rng.binomial(depths, (1 - share) * half + share * foreign / 2)
    wrong = rng.binomial(depths, ERROR)
    alternate = np.where(alternate == depths, depths - wrong, np.maximum(alternate, wrong))
    return depths - alternate, alternate


def unrelated(sites, seed=2, drift=0.0):
    """Frequencies, and two persons of one population that drifted from them."""
    rng = np.random.default_rng(seed)
    frequency = rng.uniform(0.05, 0.95, sites)
    here = frequency
    if drift:
        wide = (1 - drift) / drift
        here = rng.beta(frequency * wide, (1 - frequency) * wide)
    return frequency, *(rng.binomial(2, here) for _ in range(2))


@given(st.floats(0.01, 0.99), st.floats(0, 0.9))
def test_pairs_are_probabilities_and_neither_person_comes_first(frequency, drift):
    (pairs,) = genotype_pairs(np.array([frequency]), drift)
    assert pairs.sum() == pytest.approx(1)
    assert np.allclose(pairs, pairs.T)
    # Drift moves frequencies, not their mean.
    assert pairs.sum(axis=1) @ [0, 0.5, 1] == pytest.approx(frequency)


def test_pairs_are_those_of_an_urn():
    """Allele by allele: the next is one of those drawn before as often as the drift says."""
    frequency, drift = 0.3, 0.2
    expected = np.zeros((3, 3))
    for alleles in itertools.product((0, 1), repeat=4):
        chance = 1.0
        for place, allele in enumerate(alleles):
            same = sum(each == allele for each in alleles[:place])
            one = frequency if allele else 1 - frequency
            chance *= (same * drift + (1 - drift) * one) / (1 + (place - 1) * drift)
        expected[sum(alleles[:2]), sum(alleles[2:])] += chance
    (pairs,) = genotype_pairs(np.array([frequency]), drift)
    assert pairs == pytest.approx(expected)


def test_without_drift_pairs_are_in_equilibrium():
    (pairs,) = genotype_pairs(np.array([0.3]), 0.0)
    assert pairs == pytest.approx(np.outer([0.49, 0.42, 0.09], [0.49, 0.42, 0.09]))


@pytest.mark.parametrize("share", [0, 0.01, 0.03, 0.05])
def test_uneven_heterozygous_sites_are_no_contamination(share):
    """As read of HG002 at 62x: 34 to 10, 56 to 16. A binomial took them for a share of its own."""
    frequency, own, foreign = unrelated(4000)
    read = Alleles(*drawn(share, own, foreign, balance=25, depth=62), frequency, ERROR)
    assert most_likely_share(read, 0) == pytest.approx(share, abs=0.004)


@pytest.mark.parametrize("share", [0.2, 0.4])
def test_large_shares_are_large(share):
    frequency, own, foreign = unrelated(4000)
    read = Alleles(*drawn(share, own, foreign), frequency, ERROR)
    assert most_likely_share(read, 0) == pytest.approx(share, rel=0.15)


def test_another_population_than_the_frequencies():
    """Without the drift the share is a third too low."""
    frequency, own, foreign = unrelated(20_000, drift=0.3)
    read = Alleles(*drawn(0.05, own, foreign), frequency, ERROR)
    drift = drift_of(read)
    assert drift == pytest.approx(0.3, abs=0.03)
    assert most_likely_share(read, 0) < 0.038
    assert most_likely_share(read, drift) == pytest.approx(0.05, abs=0.004)


@pytest.mark.parametrize("drift", [0.0, 0.05])
def test_little_drift_is_none(drift):
    frequency, own, foreign = unrelated(5000, drift=drift)
    assert drift_of(Alleles(*drawn(0.02, own, foreign), frequency, ERROR)) == 0
    assert drift < LEAST_DRIFT


def test_sites_that_say_nothing():
    none = np.zeros(3, np.int64)
    read = Alleles(none, none, np.array([0.1, 0.5, 0.9]), ERROR)
    assert math.isfinite(most_likely_share(read, 0))
    # All heterozygous: no site tells.
    even = np.full(50, 15)
    read = Alleles(even, even, np.full(50, 0.5), ERROR)
    assert 0 <= most_likely_share(read, 0) <= 0.5
