"""Alleles read of one person mixed with another: the share under which they are most likely.

The likelihood is VerifyBamID's (Jun et al. 2012, doi:10.1016/j.ajhg.2012.09.004): over all
genotypes of the sample and of one contaminant, neither of which is known. Two things differ:

- Where the sample is heterozygous, its two alleles are read unevenly (mapping favours the
  reference, and amplification either), which looks like foreign reads. What is read there is the
  same under every share, so that only homozygous sites tell it.
- Where the sample is of another population than the frequencies, both persons share alleles that
  the frequencies do not foretell, and the share comes out too low. Their genotypes are then drawn
  as of two persons of one population that has drifted from it (Balding & Nichols 1995,
  doi:10.1007/BF01441146); how far is told by the heterozygous sites that the sample lacks.
  VerifyBamID2 (Zhang et al. 2020, doi:10.1101/gr.246934.118) uses principal components for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]

HIGHEST_SHARE = 0.5
#: Drift below this is not corrected: parents who are cousins (0.0625), and sites that are not in
#: Hardy-Weinberg equilibrium, look the same, and mending it would then bias the share (docs/qc.md).
LEAST_DRIFT = 0.1
_DRIFTS = np.linspace(0, 0.6, 31)
_TURNS = 4
#: Sites that tell the drift; more would take more memory and tell no more.
_DRIFT_SITES = 20_000
#: Alleles of a heterozygous site: Beta(30, 30), which is 0.5 with a standard deviation of 0.06.
_BALANCE = 30
#: Copies of the alternate allele in the sample (rows) and the contaminant, and their arrangements.
_COPIES = np.add.outer(np.arange(3), np.arange(3))
_ARRANGEMENTS = np.outer([1, 2, 1], [1, 2, 1])
_HOMOZYGOUS = np.array([0.0, 1.0])
_FOREIGN = np.arange(3) / 2


@dataclass(frozen=True)
class Alleles:
    """What was read at common SNVs.

    Attributes:
        reference: Bases that show the reference allele, shape (sites,).
        alternate: Those that show the alternate allele.
        frequency: Frequency of the alternate allele in the population.
        error: Chance that a base shows one certain other base.
    """

    reference: Longs
    alternate: Longs
    frequency: Floats
    error: float

    def __getitem__(self, sites: Longs | slice) -> Alleles:
        """The same of some of the sites."""
        return Alleles(
            self.reference[sites], self.alternate[sites], self.frequency[sites], self.error
        )


def drift_of(alleles: Alleles) -> float:
    """How far the sample's population has drifted from the frequencies, as an FST.

    0 where it is less than ``LEAST_DRIFT``. Drift and share are found in turn: each is told best
    where the other is known.
    """
    some = alleles[:: -(-len(alleles.frequency) // _DRIFT_SITES) or 1]
    priors = [_prior(some, each) for each in _DRIFTS]
    found = 0
    for _ in range(_TURNS):
        share = most_likely_share(some, float(_DRIFTS[found]))
        scores = [log_likelihood(share, some, prior) for prior in priors]
        before, found = found, int(np.argmax(scores))
        if found == before or _DRIFTS[found] < LEAST_DRIFT:
            break
    return float(_DRIFTS[found]) if _DRIFTS[found] >= LEAST_DRIFT else 0.0


def most_likely_share(alleles: Alleles, drift: float) -> float:
    """Share of the contaminant's reads, 0 to ``HIGHEST_SHARE``, to some 1e-5."""
    prior = _prior(alleles, drift)
    return _maximum(lambda share: log_likelihood(share, alleles, prior), 0.0, HIGHEST_SHARE)


def _maximum(score: Callable[[float], float], low: float, high: float) -> float:
    """Place of the maximum, on a grid that is made finer three times."""
    best = low
    for _ in range(4):
        places = np.linspace(low, high, 26)
        found = int(np.argmax([score(float(each)) for each in places]))
        best = float(places[found])
        low, high = places[max(found - 1, 0)], places[min(found + 1, len(places) - 1)]
    return best


def genotype_pairs(frequency: Floats, drift: float) -> Floats:
    """Probability of the genotypes of two persons of one population.

    Args:
        frequency: Of the alternate allele where the population came from, shape (sites,).
        drift: FST of the population; 0: Hardy-Weinberg equilibrium at that frequency.

    Returns:
        By copies of the alternate allele in the one and the other, shape (sites, 3, 3).
    """
    carried = [np.ones_like(frequency), np.ones_like(frequency)]
    runs = []
    for allele, one in enumerate((frequency, 1 - frequency)):
        run = [carried[allele]]
        for drawn in range(4):
            run.append(run[-1] * (drift * drawn + (1 - drift) * one))
        runs.append(run)
    whole = np.prod([1 - drift + drift * drawn for drawn in range(4)])
    by_copies = np.stack([runs[0][n] * runs[1][4 - n] for n in range(5)], axis=1) / whole
    pairs: Floats = by_copies[:, _COPIES] * _ARRANGEMENTS
    return pairs


def _prior(alleles: Alleles, drift: float) -> tuple[Floats, Floats]:
    """Logarithms of the chance of each homozygous own and each foreign genotype.

    And, of what is read at a heterozygous site together with the chance of being one.
    """
    pairs = genotype_pairs(alleles.frequency, drift)
    with np.errstate(divide="ignore"):
        uneven = _log_balance(alleles) + np.log(pairs[:, 1].sum(axis=1))
        return np.log(pairs[:, [0, 2]].reshape(-1, 6)), uneven


def _log_balance(alleles: Alleles) -> Floats:
    """Logarithm of the chance of the bases, in their order, where both alleles are carried."""
    deepest = int((alleles.reference + alleles.alternate).max(initial=0)) + 2 * _BALANCE
    log_gamma = np.concatenate([[0.0, 0.0], np.cumsum(np.log(np.arange(1, deepest)))])

    def log_beta(one: Longs, other: Longs) -> Floats:
        found: Floats = log_gamma[one] + log_gamma[other] - log_gamma[one + other]
        return found

    even = np.array([_BALANCE])
    drawn = log_beta(alleles.reference + _BALANCE, alleles.alternate + _BALANCE)
    balance: Floats = drawn - log_beta(even, even)
    return balance


def log_likelihood(share: float, alleles: Alleles, prior: tuple[Floats, Floats]) -> float:
    """Logarithm of the likelihood of a share, at all sites."""
    mixed = np.add.outer((1 - share) * _HOMOZYGOUS, share * _FOREIGN).ravel()
    error = alleles.error
    shows_alternate = mixed * (1 - 3 * error) + (1 - mixed) * error
    shows_reference = (1 - mixed) * (1 - 3 * error) + mixed * error
    scores = np.column_stack(
        [
            np.outer(alleles.reference, np.log(shows_reference))
            + np.outer(alleles.alternate, np.log(shows_alternate))
            + prior[0],
            prior[1],
        ]
    )
    top = scores.max(axis=1)
    return float((top + np.log(np.exp(scores - top[:, np.newaxis]).sum(axis=1))).sum())
