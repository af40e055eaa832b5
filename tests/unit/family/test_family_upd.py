"""Uniparental disomy of simulated trios; the test and the counts against other means."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from families import rules
from wgs_pipeline.family.callset import Batch
from wgs_pipeline.family.upd import Chromosome, binomial_tail, judge

SITES = 4_000


def batch(genotypes, alt="C"):
    """Genotypes of shape (sites, samples, 2) as a batch of SNVs."""
    sites = len(genotypes)
    text = [pa.array([base] * sites) for base in ("A", alt)]
    return Batch("chr1", np.arange(1, sites + 1), *text, genotypes.astype(np.int8), {})


def trio(seed, how, part=1.0, errors=0.0):
    """Child, father and mother; ``how`` names whose chromosomes the first part of the child's are.

    Of the parents' haplotypes every site is drawn by itself from a frequency.
    """
    rng = np.random.default_rng(seed)
    frequency = rng.uniform(0.1, 0.9, SITES)
    father, mother = (rng.random((2, SITES, 2)) < frequency[:, np.newaxis]).astype(np.int8)
    child = np.stack([father[:, 0], mother[:, 1]], axis=1)
    ends = {
        "maternal isodisomy": mother[:, [0, 0]],
        "maternal heterodisomy": mother,
        "paternal isodisomy": father[:, [1, 1]],
        "paternal heterodisomy": father,
        "maternal mixed": np.concatenate([mother[: SITES // 2, [0, 0]], mother[SITES // 2 :]]),
    }
    if how:
        cut = round(part * SITES)
        child[:cut] = ends[how][:cut]
    wrong = rng.random(SITES) < errors
    child[wrong] = rng.integers(0, 2, (SITES, 2))[wrong]
    return np.stack([child, father, mother], axis=1)


def finding(genotypes, tmp_path, autosomes=22):
    counts = Chromosome()
    counts.add(batch(genotypes), 0, 1, 2)
    return judge(counts, autosomes, rules(tmp_path).upd)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("errors", [0, 0.01])
@pytest.mark.parametrize(
    "how",
    [
        *("maternal isodisomy", "maternal heterodisomy", "maternal mixed"),
        *("paternal isodisomy", "paternal heterodisomy"),
    ],
)
def test_disomy_is_found_and_named(tmp_path, how, seed, errors):
    found = finding(trio(seed, how, errors=errors), tmp_path)
    assert f"{found.parent} {found.kind}" == how


@pytest.mark.parametrize("seed", range(20))
def test_ordinary_chromosomes_are_not_called(tmp_path, seed):
    found = finding(trio(seed, None, errors=0.02), tmp_path)
    assert (found.parent, found.kind, found.note) == ("", "", "")


def test_disomy_of_a_part(tmp_path):
    assert finding(trio(1, "maternal heterodisomy", part=0.5), tmp_path).parent == "maternal"
    assert finding(trio(1, "maternal heterodisomy", part=0.1), tmp_path).parent == ""


def test_too_few_sites_are_not_judged(tmp_path):
    found = finding(trio(1, "maternal isodisomy")[:50], tmp_path)
    assert found.parent == ""
    assert found.note == "fewer than 20 informative sites"


def test_counts_one_site_at_a_time():
    genotypes = trio(7, None, errors=0.3)
    genotypes[::9, 1] = -1
    counts = Chromosome()
    for part in np.array_split(genotypes, 7):
        counts.add(batch(part), 0, 1, 2)
    expected = Chromosome()
    for child, father, mother in genotypes.tolist():
        if -1 in father:
            continue
        hom = len(set(father)) == len(set(mother)) == 1
        if hom and father != mother:
            expected.opposite += 1
            expected.without_father += child == mother
            expected.without_mother += child == father
        for name, parent in (("father", father), ("mother", mother)):
            if len(set(parent)) == 2:
                key, hets = f"{name}_het", f"child_het_of_{name}"
                setattr(expected, key, getattr(expected, key) + 1)
                setattr(expected, hets, getattr(expected, hets) + (len(set(child)) == 2))
    assert counts == expected


def test_indels_and_haploid_genotypes_do_not_count():
    counts = Chromosome()
    counts.add(batch(trio(1, None), "CC"), 0, 1, 2)
    haploid = trio(1, None)
    haploid[:, 0, 1] = -2
    counts.add(batch(haploid), 0, 1, 2)
    assert counts == Chromosome()


@given(st.integers(0, 12), st.floats(0.01, 0.5))
def test_binomial_tail_by_enumeration(successes, rate):
    trials = 12
    expected = sum(
        math.prod(rate if each else 1 - rate for each in outcome)
        for outcome in itertools.product((0, 1), repeat=trials)
        if sum(outcome) >= successes
    )
    assert binomial_tail(successes, trials, rate) == pytest.approx(expected, rel=1e-9)


def test_binomial_tail_of_many():
    assert 0 <= binomial_tail(50_000, 50_000, 0.02) < 1e-300
    assert binomial_tail(1_000, 50_000, 0.02) == pytest.approx(0.5, abs=0.02)
    assert binomial_tail(0, 0, 0.02) == 1
