"""Trio, duo, quartet, generations and singleton; parents who are not there, and why."""

from __future__ import annotations

import pytest

from families import family, person
from wgs_pipeline.family.structure import NO_CONSENT, NOT_CALLED, NOT_STATED, family_of

DAD, MUM = person("dad", "male"), person("mum")
PARENTS = {"father": "dad", "mother": "mum"}
KID, SIB = person("kid", **PARENTS), person("sib", "male", **PARENTS)
THIRD = person("third", **PARENTS)
GRANDCHILD = person("grandchild", mother="kid")


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        ([], "empty"),
        ([KID], "singleton"),
        ([KID, MUM], "duo"),
        ([DAD, MUM], "other"),
        ([KID, SIB], "other"),
        ([KID, DAD, MUM], "trio"),
        ([KID, SIB, DAD, MUM], "quartet"),
        ([KID, SIB, THIRD, DAD, MUM], "other"),
        ([GRANDCHILD, KID, MUM], "multi-generation"),
        ([GRANDCHILD, KID, DAD, MUM], "multi-generation"),
        ([KID, SIB, MUM], "other"),
    ],
)
def test_kinds(members, kind):
    assert family(*members).kind == kind


def test_a_parent_without_consent_makes_a_trio_a_duo():
    found = family(KID, DAD, MUM, excluded=["dad"])
    assert found.kind == "duo"
    assert found.absent == {"dad": NO_CONSENT}
    (child,) = found.children
    assert (child.father, child.mother) == (None, "mum")
    assert child.absent == {"father": NO_CONSENT}
    assert not child.is_trio


def test_other_reasons():
    stopped = family_of("F", [KID, DAD, MUM], [], ["kid", "mum"])
    assert stopped.children[0].absent == {"father": NOT_CALLED}
    assert family(GRANDCHILD, KID).children[0].absent == {"father": NOT_STATED}


def test_children_in_the_order_of_the_callset():
    found = family_of("F", [KID, SIB, DAD, MUM], [], ["mum", "sib", "kid", "dad"])
    assert found.names == ("mum", "sib", "kid", "dad")
    assert [each.name for each in found.children] == ["sib", "kid"]


def test_descendants():
    found = family(GRANDCHILD, KID, SIB, DAD, MUM)
    assert found.descendants("mum") == {"kid", "sib", "grandchild"}
    assert found.descendants("sib") == set()
