"""Relatedness of genomes: KING-robust kinship (Manichaikul et al. 2010) by matrix products.

Kinship is 0.5 of a genome with itself, 0.25 of parent and child and of full siblings, 0 of
strangers, and below 0 of persons from different populations. It needs no allele frequencies: only
how often two genomes are both heterozygous, and how often they are homozygous for different
alleles (IBS0), which parent and child never are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.fingerprints import Dosages

Floats = NDArray[np.float32]
#: Bounds of kinship between degrees: halfway between powers of one half (Manichaikul et al., t. 1).
SAME_PERSON, FIRST_DEGREE, SECOND_DEGREE = 2**-1.5, 2**-2.5, 2**-3.5
#: IBS0 sites per site where both are heterozygous: 0 for parent and child but for errors of
#: calling; pq / (2 + 2pq) for full siblings: 0.04 at alleles of frequency 0.1 and 0.09 at 0.3.
PARENT_IBS0 = 0.02
#: Genomes whose products are taken at once.
_BLOCK = 512


class Relation(StrEnum):
    """What two genomes are to one another."""

    SAME = "same person or identical twin"
    PARENT_CHILD = "parent and child"
    SIBLINGS = "full siblings"
    SECOND = "second degree"
    UNRELATED = "unrelated"


@dataclass(frozen=True)
class Kinship:
    """How two genomes are related.

    Attributes:
        kinship: KING-robust kinship coefficient; NaN where one has no heterozygous site.
        ibs0: Sites at which they are homozygous for different alleles.
        both_het: Sites at which both are heterozygous.
        sites: Sites at which both were examined.
    """

    kinship: float
    ibs0: int
    both_het: int
    sites: int

    @property
    def relation(self) -> Relation:
        """The relation that kinship and IBS0 speak for."""
        if self.kinship > SAME_PERSON:
            return Relation.SAME
        if self.kinship > FIRST_DEGREE:
            exact = self.ibs0 <= PARENT_IBS0 * self.both_het
            return Relation.PARENT_CHILD if exact else Relation.SIBLINGS
        return Relation.SECOND if self.kinship > SECOND_DEGREE else Relation.UNRELATED


@dataclass(frozen=True)
class Block:
    """Kinship of some genomes with all.

    Attributes:
        first: Place of the first of them.
        kinship: Shape (some, all); NaN where one has no heterozygous site.
        ibs0: Shape (some, all), of whole numbers.
        both_het: Shape (some, all), of whole numbers.
        sites: Shape (some, all), of whole numbers.
    """

    first: int
    kinship: Floats
    ibs0: Floats
    both_het: Floats
    sites: Floats


def kinship_blocks(matrix: Dosages, rows: int | None = None) -> Iterator[Block]:
    """Kinship of the first genomes with all genomes, some at a time.

    Args:
        matrix: Dosages, shape (genomes, sites), -1 where not examined; at most 2**24 sites, so
            that counts in single precision are exact.
        rows: How many genomes are compared with all; None: all of them.
    """
    het, ref, alt = ((matrix == dosage).astype(np.float32) for dosage in (1, 0, 2))
    examined = (matrix >= 0).astype(np.float32)
    for first in range(0, len(matrix) if rows is None else rows, _BLOCK):
        mine = slice(first, first + _BLOCK if rows is None else min(first + _BLOCK, rows))
        both_het = het[mine] @ het.T
        ibs0 = ref[mine] @ alt.T
        ibs0 += alt[mine] @ ref.T
        of_mine, of_other = het[mine] @ examined.T, examined[mine] @ het.T
        fewest = np.minimum(of_mine, of_other)
        with np.errstate(divide="ignore", invalid="ignore"):
            kinship = 0.5 - (of_mine + of_other - 2 * both_het + 4 * ibs0) / (4 * fewest)
        kinship[fewest == 0] = np.nan
        yield Block(first, kinship, ibs0, both_het, examined[mine] @ examined.T)


def kinship_of_one(matrix: Dosages) -> list[Kinship]:
    """Kinship of the first genome of a matrix with each of the others, in their order."""
    block = next(kinship_blocks(matrix, 1))
    counts = np.stack([block.ibs0[0, 1:], block.both_het[0, 1:], block.sites[0, 1:]], axis=1)
    return [
        Kinship(float(kinship), *(int(each) for each in row))
        for kinship, row in zip(block.kinship[0, 1:], counts.tolist(), strict=True)
    ]
