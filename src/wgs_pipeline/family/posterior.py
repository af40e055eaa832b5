"""Posterior probability that an allele of a child is new, from genotype likelihoods of the trio.

The model is that of DeNovoGear (Ramu et al., Nature Methods 2013) and of Samocha et al. (Nature
Genetics 2014), for one ALT allele against all others, and for one or two copies in each of the
three, so that chrX of sons, chrX of daughters and chrY have a posterior too. (`bcftools
+trio-dnm2` has the same model, and in 1.16 gives no score where somebody is haploid.)

With G_f, G_m the parents' and G_c the child's number of ALT alleles,

    P(G_f, G_m, G_c | reads)  ~  P(reads | G) prior(G_f) prior(G_m) P(G_c | G_f, G_m, mutation)

where an allele that is passed on mutates with the mutation rate. The posterior is the share of
what needs a mutation from another allele to ALT. A parent has one ALT allele of two with
probability theta = 0.001, and two with theta / 2 (samtools and DeNovoGear have the same prior).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

THETA = 1e-3
#: Share of bases that are right, where only a depth is known.
SURE_BASE = 0.99
#: Copies of ALT: 0, 1, 2. A haploid genotype has 0 or 1.
_DOSAGES = 3

Floats = NDArray[np.float64]


def dosage_likelihoods(pl: Floats, allele: int, ploidy: int) -> Floats:
    """Likelihood of the number of copies of one ALT allele.

    Args:
        pl: Phred-scaled genotype likelihoods in the order of VCF, shape (records, genotypes).
        allele: Index of the allele, 1 is the first ALT.
        ploidy: 1 or 2.

    Returns:
        Best likelihood over the genotypes with 0, 1, 2 copies, shape (records, 3); NaN where a
        record has none, 0 for two copies of a haploid.
    """
    copies = _copies(pl.shape[1], allele, ploidy)
    found = np.zeros((len(pl), _DOSAGES))
    for dosage in range(ploidy + 1):
        columns = np.flatnonzero(copies == dosage)
        best = pl[:, columns].min(axis=1) if len(columns) else np.full(len(pl), np.nan)
        found[:, dosage] = 10 ** (-best / 10)
    return found


def reference_likelihoods(depth: Floats) -> tuple[Floats, Floats]:
    """Likelihoods by dosage of a base whose reads all show REF, where haploid and where diploid.

    Args:
        depth: Reads, shape (records,); NaN where not known.

    Returns:
        Each of shape (records, 3), with one error in a hundred bases.
    """
    sure, wrong = np.ones_like(depth), (1 - SURE_BASE) ** depth
    unknown = np.where(np.isnan(depth), np.nan, 0.0)
    haploid = np.stack([sure + unknown, wrong, unknown], axis=1)
    return haploid, np.stack([sure + unknown, 0.5**depth, wrong], axis=1)


@cache
def _copies(genotypes: int, allele: int, ploidy: int) -> NDArray[np.int64]:
    """Copies of an allele in each genotype, in the order of VCF (specification, 1.6.2)."""
    if ploidy == 1:
        haploid: NDArray[np.int64] = (np.arange(genotypes) == allele).astype(np.int64)
        return haploid
    pairs = [(a, b) for b in range(genotypes) for a in range(b + 1)][:genotypes]
    copies: NDArray[np.int64] = (np.array(pairs).reshape(-1, 2) == allele).sum(axis=1)
    return copies


def de_novo_posterior(
    child: Floats, parents: Sequence[tuple[Floats, int]], child_ploidy: int, rate: float
) -> Floats:
    """Posterior that the child has an ALT allele that mutated on its way from a parent.

    Args:
        child: Likelihoods of the child by dosage, shape (records, 3).
        parents: Likelihoods and ploidy of each parent who passes one allele on: two for a diploid
            child, one for a haploid one.
        child_ploidy: 1 or 2.
        rate: Mutations a base and generation.

    Returns:
        Shape (records,); NaN where likelihoods are missing.
    """
    gametes = [_gamete(likelihood, ploidy, rate) for likelihood, ploidy in parents]
    everything = _mass(child, [new + old for new, old in gametes], child_ploidy)
    nothing_new = _mass(child, [old for _, old in gametes], child_ploidy)
    with np.errstate(invalid="ignore", divide="ignore"):
        posterior: Floats = 1 - nothing_new / everything
    return posterior


def _gamete(likelihood: Floats, ploidy: int, rate: float) -> tuple[Floats, Floats]:
    """Joint weight of a parent's reads and of the allele passed on.

    Returns:
        With a new ALT allele, and without: shape (records, 2), the allele REF or ALT.
    """
    prior = np.array([1 - 1.5 * THETA, THETA, THETA / 2] if ploidy == 2 else [1 - THETA, THETA, 0])
    weight = likelihood * prior
    share = np.arange(_DOSAGES) / ploidy
    alt, ref = weight @ share, weight @ np.clip(1 - share, 0, None)
    new = np.stack([np.zeros_like(ref), ref * rate], axis=1)
    old = np.stack([ref * (1 - rate) + alt * rate, alt * (1 - rate)], axis=1)
    return new, old


def _mass(child: Floats, gametes: Sequence[Floats], ploidy: int) -> Floats:
    if ploidy == 1:
        total: Floats = (gametes[0] * child[:, :2]).sum(axis=1)
        return total
    first, second = gametes
    of_dosage = np.stack(
        [
            first[:, 0] * second[:, 0],
            first[:, 0] * second[:, 1] + first[:, 1] * second[:, 0],
            first[:, 1] * second[:, 1],
        ],
        axis=1,
    )
    whole: Floats = (of_dosage * child).sum(axis=1)
    return whole
