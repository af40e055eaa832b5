"""Mendel's laws against an enumeration of every gamete, for every ploidy and missing alleles."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from families import as_alleles
from wgs_pipeline.family.transmission import judge, sources
from wgs_pipeline.reference import Role

ALLELES = (-1, 0, 1, 2)
GENOTYPES = [
    *((a,) for a in ALLELES),
    *itertools.combinations_with_replacement(ALLELES, 2),
    (1, 0),
]


def children(role, sex, copies, father, mother):
    """Every genotype that parents can give a child, or None where the laws say nothing.

    None as a parent stands for one who is not there or not called: any alleles, in two copies.
    """
    anything = (0, 1, 2)
    from_father = len(father) if father else 2
    from_mother = len(mother) if mother else 2
    dad, mum = (father or anything), (mother or anything)
    if father is None and mother is None:
        return None
    if role in (Role.AUTOSOME, Role.X) and copies == 2 and from_mother == 2:
        whole = from_father == 2 or (role is Role.X and sex == "female")
        return {frozenset_of(a, b) for a in dad for b in mum} if whole else None
    if role is Role.X and copies == 1 and from_mother == 2 and mother:
        if sex == "male":
            return {(a,) for a in mum}
        if sex == "female" and father:
            return {(a,) for a in (*mum, *dad)}
    if role is Role.Y and sex == "male" and copies == 1 and father and from_father == 1:
        return {(a,) for a in dad}
    if role is Role.MITOCHONDRION and copies == 1 and mother and from_mother == 1:
        return {(a,) for a in mum}
    return None


def frozenset_of(*alleles):
    return tuple(sorted(alleles))


def expected(role, sex, child, father, mother):
    father, mother = (None if each is None or -1 in each else each for each in (father, mother))
    possible = children(role, sex, len(child), father, mother)
    if possible is None or -1 in child:
        return False, False
    return True, tuple(sorted(child)) in possible


def found(role, sex, *trio):
    arrays = [None if each is None else np.array([as_alleles(each)], np.int8) for each in trio]
    source = sources(role, sex, *arrays)
    judged, consistent = judge(source, *arrays)
    return bool(judged[0]), bool(consistent[0])


@pytest.mark.parametrize("sex", ["female", "male", "unknown"])
@pytest.mark.parametrize("role", list(Role))
def test_every_trio_of_genotypes(role, sex):
    trios = list(itertools.product(GENOTYPES, repeat=3))
    arrays = [np.array([as_alleles(trio[at]) for trio in trios], np.int8) for at in range(3)]
    judged, consistent = judge(sources(role, sex, *arrays), *arrays)
    for trio, *answer in zip(trios, judged.tolist(), consistent.tolist(), strict=True):
        assert tuple(answer) == expected(role, sex, *trio), (role, sex, trio)


@given(
    st.sampled_from(list(Role)),
    st.sampled_from(["female", "male", "unknown"]),
    st.sampled_from(GENOTYPES),
    st.one_of(st.none(), st.sampled_from(GENOTYPES)),
    st.one_of(st.none(), st.sampled_from(GENOTYPES)),
)
def test_duos_and_trios(role, sex, child, father, mother):
    assert found(role, sex, child, father, mother) == expected(role, sex, child, father, mother)


@given(st.permutations([0, 1, 2]), st.tuples(*[st.sampled_from(GENOTYPES)] * 3))
def test_names_of_alleles_do_not_matter(names, trio):
    renamed = [tuple(a if a < 0 else names[a] for a in each) for each in trio]
    for role in Role:
        assert found(role, "male", *trio) == found(role, "male", *renamed)


def test_a_child_of_strangers_is_no_error_where_nothing_is_known():
    assert found(Role.AUTOSOME, "male", (0, 1), None, None) == (False, False)
