"""Mendel's laws on called genotypes, for every ploidy: who gave a child its alleles.

=================  ==========================================  ==================================
contig             child, father, mother (copies)              consistent where
=================  ==========================================  ==================================
autosome           2, 2, 2                                     one allele from each parent
X, PAR             2, 2, 2                                     one allele from each parent
X, daughter        2, 1, 2                                     one allele from each parent
X, son             1, any, 2                                   the mother has the allele
X, daughter 45,X   1, any, 2                                   either parent has the allele
Y, son             1, 1, any                                   the father has the allele
mitochondrion      1, any, 1                                   the mother has the allele
=================  ==========================================  ==================================

Other copy numbers (47,XXY; a child of unknown sex with one X) are not judged, as what they
inherited is not known from the genotype alone. Where one parent is not in the callset, or not
called at a record, whatever that parent may have given is consistent (`bcftools +mendelian` does
the same); where none is called who may have given an allele, the record is not judged.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.family.callset import MISSING, PADDING, Alleles, Bools
from wgs_pipeline.reference import Role


class Source(IntEnum):
    """Where a child's alleles come from."""

    UNKNOWN = 0
    BOTH = 1
    MOTHER = 2
    FATHER = 3
    EITHER = 4


Sources = NDArray[np.int8]


def ploidy(alleles: Alleles) -> NDArray[np.int8]:
    """Copies of each genotype, shape (records,); missing alleles count."""
    copies: NDArray[np.int8] = (alleles != PADDING).sum(axis=-1, dtype=np.int8)
    return copies


def is_called(alleles: Alleles) -> Bools:
    """Whether no allele of a genotype is missing, shape (records,)."""
    complete: Bools = (alleles != MISSING).all(axis=-1)
    return complete


def sources(
    role: Role, sex: str, child: Alleles, father: Alleles | None, mother: Alleles | None
) -> Sources:
    """Where the alleles of each record come from.

    Args:
        role: What the contig is.
        sex: Of the child: female, male or unknown.
        child: Its genotypes, shape (records, 2).
        father: Those of the father; None: he is not there.
        mother: Those of the mother; None: she is not there.
    """
    copies = ploidy(child)
    from_father, from_mother = (_copies(each, len(child)) for each in (father, mother))
    diploid = (copies == 2) & (from_mother == 2) & (from_father == 2)
    found = np.zeros(len(child), np.int8)
    if role is Role.AUTOSOME:
        found[diploid] = Source.BOTH
    elif role is Role.X:
        found[diploid] = Source.BOTH
        if sex == "female":
            found[(copies == 2) & (from_mother == 2) & (from_father == 1)] = Source.BOTH
            found[(copies == 1) & (from_mother == 2)] = Source.EITHER
        elif sex == "male":
            found[(copies == 1) & (from_mother == 2)] = Source.MOTHER
    elif role is Role.Y:
        if sex == "male" and father is not None:
            found[(copies == 1) & (ploidy(father) == 1)] = Source.FATHER
    elif mother is not None:
        found[(copies == 1) & (ploidy(mother) == 1)] = Source.MOTHER
    return found


def judge(
    source: Sources, child: Alleles, father: Alleles | None, mother: Alleles | None
) -> tuple[Bools, Bools]:
    """Which records can be judged, and which of them follow Mendel's laws.

    Returns:
        Judged and consistent, each of shape (records,); consistent only where judged.
    """
    called_f, called_m = (
        np.zeros(len(child), np.bool_) if each is None else is_called(each)
        for each in (father, mother)
    )
    of_father, of_mother = (
        [_may_give(parent, called, child[:, copy]) for copy in (0, 1)]
        for parent, called in ((father, called_f), (mother, called_m))
    )
    ready = is_called(child)
    crossed = (of_father[0] & of_mother[1]) | (of_father[1] & of_mother[0])
    cases = (
        (Source.BOTH, called_f | called_m, crossed),
        (Source.MOTHER, called_m, of_mother[0]),
        (Source.FATHER, called_f, of_father[0]),
        (Source.EITHER, called_f & called_m, of_father[0] | of_mother[0]),
    )
    judged = np.zeros(len(child), np.bool_)
    consistent = np.zeros(len(child), np.bool_)
    for kind, called, follows in cases:
        here = (source == kind) & ready & called
        judged |= here
        consistent |= here & follows
    return judged, consistent


def _copies(parent: Alleles | None, records: int) -> NDArray[np.int8]:
    """Copies of a parent; two where nothing is called."""
    if parent is None:
        return np.full(records, 2, np.int8)
    return np.where(is_called(parent), ploidy(parent), np.int8(2))


def _may_give(parent: Alleles | None, called: Bools, allele: NDArray[np.int8]) -> Bools:
    """Whether a parent may have given an allele; one who is not called may give any."""
    if parent is None:
        return np.ones(len(allele), np.bool_)
    has: Bools = (parent == allele[:, np.newaxis]).any(axis=1) | ~called
    return has
