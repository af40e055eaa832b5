"""Compound heterozygotes: two variants of one gene, one from each parent.

In a trio the transmission tells the phase: a variant that only one parent carries came from there.
A gene is ``certain`` where an affected child is heterozygous for a variant of the father's and one
of the mother's, and ``possible`` where the origin of one of the two is not known: both parents
carry it, neither does (de novo, or missed in a parent), or a parent is not in the callset. Two
variants that an unaffected member also has, one from each parent, are no explanation; those that
several affected members do not share neither. chrX beyond the PAR is left out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.family.callset import Bools
from wgs_pipeline.family.inheritance import Roles, Variants
from wgs_pipeline.family.structure import Child, Family

#: Where a child's allele came from.
UNKNOWN, PATERNAL, MATERNAL = 0, 1, 2
ORIGINS = ("unknown", "paternal", "maternal")
#: What a variant is in its gene.
NONE, POSSIBLE, CERTAIN = 0, 1, 2

Origins = NDArray[np.int8]


def is_candidate(variants: Variants, roles: Roles) -> Bools:
    """Whether all affected are heterozygous and no unaffected member is homozygous."""
    het = (variants.dosages == 1) & (variants.copies == 2)
    candidate: Bools = het[:, roles.affected].all(axis=1) & ~variants.x_linked
    candidate &= ~(variants.dosages[:, roles.unaffected] == 2).any(axis=1)
    return candidate


def origins(variants: Variants, family: Family, child: Child) -> Origins:
    """Where the child's allele of each variant came from, shape (rows,).

    With one parent: that parent's where the parent carries it, the other's where not.
    """
    column = {name: at for at, name in enumerate(family.names)}
    unseen = np.full(len(variants.positions), -1, np.int8)
    father, mother = (
        unseen if each is None else variants.dosages[:, column[each]]
        for each in (child.father, child.mother)
    )
    found = np.zeros(len(unseen), np.int8)
    if child.mother is None:
        found[father > 0], found[father == 0] = PATERNAL, MATERNAL
    elif child.father is None:
        found[mother > 0], found[mother == 0] = MATERNAL, PATERNAL
    else:
        found[(father > 0) & (mother == 0)] = PATERNAL
        found[(father == 0) & (mother > 0)] = MATERNAL
    return found


def classify(
    genes: NDArray[np.integer], origin: Origins, carried: Bools, is_trio: bool
) -> NDArray[np.int8]:
    """What each variant is in its gene.

    Args:
        genes: Gene of each variant, ascending, shape (rows,).
        origin: Where the child's allele came from, shape (rows,).
        carried: Whether each unaffected member has it, shape (rows, unaffected).
        is_trio: Whether both parents are in the callset: otherwise nothing is certain.
    """
    found = np.full(len(genes), NONE, np.int8)
    borders = np.flatnonzero(np.diff(genes, prepend=-1, append=-1))
    for first, last in zip(borders[:-1].tolist(), borders[1:].tolist(), strict=True):
        if last - first > 1:
            rows = slice(first, last)
            found[rows] = _of_gene(origin[rows], carried[rows])
    return found if is_trio else np.minimum(found, POSSIBLE)


def _of_gene(origin: Origins, carried: Bools) -> NDArray[np.int8]:
    paternal, maternal, unknown = (
        np.flatnonzero(origin == each) for each in (PATERNAL, MATERNAL, UNKNOWN)
    )
    found = np.full(len(origin), NONE, np.int8)
    if len(unknown) and len(origin) > 1:
        found[:] = POSSIBLE
    pairs = ~_in_one_member(carried[paternal], carried[maternal])
    found[paternal[pairs.any(axis=1)]] = CERTAIN
    found[maternal[pairs.any(axis=0)]] = CERTAIN
    return found


def _in_one_member(first: Bools, second: Bools) -> Bools:
    """Whether some member has both variants of a pair, shape (first, second)."""
    together: Bools = (first.astype(np.int32) @ second.astype(np.int32).T) > 0
    return together
