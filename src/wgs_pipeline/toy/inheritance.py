"""Alleles of founders, and their passage to a child with recombination.

Alleles of one contig are an int8 array of shape (sites, people, 2): 0 is REF, 1 is ALT, -2 is a
copy that the person does not have. Copy 0 came from the father, copy 1 from the mother. In males
copy 0 of chrX is the PAR of their chrY, because PAR calls are made on chrX.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.toy.people import PEOPLE, Person
from wgs_pipeline.toy.reference import MITOCHONDRION, Contig, Reference, X, Y
from wgs_pipeline.toy.sites import Sites

Alleles = NDArray[np.int8]

#: The allele of a copy that is not there, as padding after a haploid call.
ABSENT = -2
#: Number of ancestors whose mosaics the founders are, and mean length of one piece in bp.
_ANCESTORS = 12
_PIECE_LENGTH = 1_500


@dataclass(frozen=True)
class Transmission:
    """Which copy of a parent's contig a child received.

    Attributes:
        first: Copy (0 or 1) before the first crossover.
        crossovers: Positions at which it changes, ascending.
    """

    first: int
    crossovers: NDArray[np.int64]

    def copy_at(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """The transmitted copy at each position."""
        return (self.first + np.searchsorted(self.crossovers, positions, side="right")) % 2


def draw_founders(sites: Sites, contig: Contig, rng: np.random.Generator) -> Alleles:
    """Draw founder haplotypes as mosaics of common ancestors, so that alleles are shared.

    Derived alleles have k of the ancestors' copies with a probability that falls as 1/k, as in
    a population of constant size. The rows of children are filled too; they are overwritten.
    """
    counts = np.arange(1, _ANCESTORS)
    weights = (1 / counts) / (1 / counts).sum()
    derived = rng.choice(counts, size=len(sites), p=weights)
    ranks = rng.random((len(sites), _ANCESTORS)).argsort(axis=1)
    ancestral = (ranks < derived[:, np.newaxis]).astype(np.int8)
    ancestors = np.stack([_draw_mosaic(sites, contig, rng) for _ in range(2 * len(PEOPLE))], axis=1)
    alleles = np.take_along_axis(ancestral, ancestors, axis=1)
    return alleles.reshape(len(sites), len(PEOPLE), 2)


def _draw_mosaic(sites: Sites, contig: Contig, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw the ancestor at each site; chrM and chrY come from one ancestor."""
    whole = contig.name in (MITOCHONDRION, Y)
    pieces = 0 if whole else rng.poisson(contig.length / _PIECE_LENGTH)
    breaks = np.sort(rng.integers(0, contig.length, pieces))
    ancestors = rng.integers(0, _ANCESTORS, pieces + 1)
    return ancestors[np.searchsorted(breaks, sites.positions, side="right")]


def remove_absent(alleles: Alleles, sites: Sites, contig: str, reference: Reference) -> None:
    """Mark the copies that people of each sex do not have, in place."""
    males = np.array([person.male for person in PEOPLE])
    if contig == X:
        beyond_par = sites.positions >= reference.par_end
        alleles[np.ix_(beyond_par, males, np.array([0]))] = ABSENT
    elif contig == Y:
        alleles[:, ~males] = ABSENT
        alleles[:, :, 1] = ABSENT
    elif contig == MITOCHONDRION:
        alleles[:, :, 0] = ABSENT


def draw_transmission(
    contig: Contig, reference: Reference, child: Person, copy: int, rng: np.random.Generator
) -> Transmission:
    """Draw the meiosis in the parent who gave ``copy`` (0 father, 1 mother) of a contig.

    Every autosome has at least one crossover. chrX and chrY of the father cross over once,
    inside the PAR; beyond it a daughter receives chrX and a son chrY.
    """
    if contig.name == X and copy == 0:
        crossover = rng.integers(reference.par_start, reference.par_end, 1)
        return Transmission(first=1 if child.male else 0, crossovers=crossover)
    if contig.name in (Y, MITOCHONDRION):
        return Transmission(first=copy, crossovers=np.empty(0, dtype=np.int64))
    number = 1 + rng.poisson(1)
    return Transmission(int(rng.integers(2)), np.sort(rng.integers(0, contig.length, number)))


def transmit(
    alleles: Alleles, sites: Sites, parent: int, child: int, copy: int, transmission: Transmission
) -> None:
    """Write the alleles that ``parent`` gave into ``copy`` of ``child``, in place."""
    received = transmission.copy_at(sites.positions)
    alleles[:, child, copy] = alleles[np.arange(len(sites)), parent, received]
