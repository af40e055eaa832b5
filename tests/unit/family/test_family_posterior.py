"""The posterior of a new allele against an enumeration of gametes, and against bcftools."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from families import write_callset
from isec import bcftools
from wgs_pipeline.family.posterior import THETA, de_novo_posterior, dosage_likelihoods

RATE = 1e-8
PRIORS = {1: (1 - THETA, THETA), 2: (1 - 1.5 * THETA, THETA, THETA / 2)}


def enumerated(child, parents, ploidy, rate):
    """Sum over parental genotypes, the copy that is passed on, and whether it mutates."""
    new = everything = 0.0
    for genotypes in itertools.product(*[range(copies + 1) for _, copies in parents]):
        weight = math.prod(
            likelihood[g] * PRIORS[copies][g]
            for g, (likelihood, copies) in zip(genotypes, parents, strict=True)
        )
        gametes = []
        for g, (_, copies) in zip(genotypes, parents, strict=True):
            options = []
            for copy in range(copies):
                allele = int(copy < g)
                options.append((allele, False, (1 - rate) / copies))
                options.append((1 - allele, allele == 0, rate / copies))
            gametes.append(options)
        for passed in itertools.product(*gametes):
            share = weight * math.prod(p for *_, p in passed)
            share *= child[sum(allele for allele, *_ in passed)]
            everything += share
            new += share * any(fresh for _, fresh, _ in passed)
    return new / everything


phred = st.integers(0, 60)


@given(
    st.tuples(phred, phred, phred),
    st.lists(
        st.tuples(st.tuples(phred, phred, phred), st.sampled_from([1, 2])), min_size=2, max_size=2
    ),
    st.sampled_from([1, 2]),
    st.sampled_from([1e-2, 1e-5]),
)
def test_against_enumeration(child, parents, ploidy, rate):
    def likely(pl, copies):
        return [10 ** (-each / 10) if at <= copies else 0 for at, each in enumerate(pl)]

    mine = likely(child, ploidy)
    passing = [(likely(pl, copies), copies) for pl, copies in parents[:ploidy]]
    given_arrays = [(np.array([each]), copies) for each, copies in passing]
    (found,) = de_novo_posterior(np.array([mine]), given_arrays, ploidy, rate)
    assert found == pytest.approx(enumerated(mine, passing, ploidy, rate), rel=1e-6, abs=1e-12)


def test_likelihoods_of_one_allele_of_several():
    # Genotypes of two ALT alleles: 00 01 11 02 12 22
    pl = np.array([[40.0, 0, 30, 60, 50, 70]])
    assert -10 * np.log10(dosage_likelihoods(pl, 1, 2)[0]) == pytest.approx([40, 0, 30])
    assert -10 * np.log10(dosage_likelihoods(pl, 2, 2)[0]) == pytest.approx([0, 50, 70])
    haploid = dosage_likelihoods(np.array([[40.0, 0, 30]]), 2, 1)[0]
    assert -10 * np.log10(haploid[:2]) == pytest.approx([0, 30])
    assert haploid[2] == 0


def test_missing_likelihoods_give_no_posterior():
    unknown = np.full((1, 3), np.nan)
    assert np.isnan(de_novo_posterior(unknown, [(unknown, 2), (unknown, 2)], 2, RATE)).all()


def cell(pl):
    genotype = ("0/0", "0/1", "1/1")[int(np.argmin(pl))]
    return f"{genotype}:30:15,15:{','.join(map(str, pl))}"


def test_ranked_as_bcftools_trio_dnm2_ranks(tmp_path):
    """Where all three are diploid, the odds differ by the constant of the priors."""
    rng = np.random.default_rng(5)
    trios = [
        [(255, 0, 255), (0, int(father), 255), (0, int(mother), 255)]
        for father, mother in rng.integers(20, 120, (60, 2))
    ]
    records = [
        ("chr1", 1000 * (at + 1), "A", "C", [cell(pl) for pl in trio])
        for at, trio in enumerate(trios)
    ]
    vcf = write_callset(tmp_path / "c.vcf.gz", ["c", "f", "m"], records)
    plugin = ("+trio-dnm2", "-p", "c,f,m", "--with-pPL", "--dnm-tag", "DNM:prob", vcf)
    text = bcftools(*plugin).splitlines()
    theirs = [float(line.split("\t")[9].split(":")[4]) for line in text if not line.startswith("#")]
    likely = [
        dosage_likelihoods(np.array([trio[at] for trio in trios], float), 1, 2) for at in range(3)
    ]
    ours = de_novo_posterior(likely[0], [(likely[1], 2), (likely[2], 2)], 2, RATE)
    assert len(theirs) == len(ours)
    odds = np.array([ours, theirs])
    clear = ((odds > 0.01) & (odds < 0.99)).all(axis=0)
    assert clear.sum() > 15
    ratios = (odds[:, clear] / (1 - odds[:, clear]))[0] / (odds[:, clear] / (1 - odds[:, clear]))[1]
    print(f"odds of ours over theirs: {ratios.min():.2f} to {ratios.max():.2f}")
    # Another prior of genotypes and the share of a mutation that gives this base.
    assert ratios.min() > 1 / 4
    assert ratios.max() < 4
    assert ratios.max() / ratios.min() < 1.2
