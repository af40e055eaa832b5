"""Data use: every code of the ontology that is understood, met and not met."""

from __future__ import annotations

import pytest

from wgs_pipeline.ngd.duo import PERMISSIONS, Code, Kind, Label, Use, ancestors, refusals

#: Long QT syndrome 1 is a long QT syndrome, is a heart conduction disorder, is a heart disease.
LQT1, LQT, CONDUCTION, HEART, DIABETES = (f"MONDO:{n:07d}" for n in (1, 2, 3, 4, 5))
PARENTS = {LQT1: (LQT,), LQT: (CONDUCTION,), CONDUCTION: (HEART, "MONDO:0000009")}

#: Permission, what is studied, disease, diseases that DS permits, further codes, permitted.
PERMITTED = [
    ("GRU", "disease", LQT, (), (), True),
    ("GRU", "health", "", (), (), True),
    ("GRU", "methods", "", (), (), True),
    ("GRU", "methods", "", (), ("NMDS",), True),
    ("GRU", "population", "", (), (), True),
    ("GRU", "ancestry", "", (), (), True),
    ("HMB", "disease", LQT, (), (), True),
    ("HMB", "health", "", (), (), True),
    ("HMB", "methods", "", (), (), True),
    ("HMB", "methods", "", (), ("NMDS",), False),
    ("HMB", "population", "", (), (), True),
    ("HMB", "ancestry", "", (), (), False),
    ("DS", "disease", LQT, (LQT,), (), True),
    ("DS", "disease", LQT1, (LQT,), (), True),  # one of its kinds
    ("DS", "disease", LQT1, (HEART,), (), True),  # however far below
    ("DS", "disease", LQT1, (DIABETES, "MONDO:0000009"), (), True),
    ("DS", "disease", LQT, (LQT1,), (), False),  # a kind of it permits not the whole
    ("DS", "disease", DIABETES, (HEART,), (), False),
    ("DS", "health", "", (HEART,), (), False),
    ("DS", "methods", "", (HEART,), (), True),
    ("DS", "methods", "", (HEART,), ("NMDS",), False),
    ("DS", "population", "", (HEART,), (), False),
    ("DS", "ancestry", "", (HEART,), (), False),
    ("POA", "disease", LQT, (), (), False),
    ("POA", "health", "", (), (), False),
    ("POA", "methods", "", (), (), True),
    ("POA", "methods", "", (), ("NMDS",), False),
    ("POA", "population", "", (), (), False),
    ("POA", "ancestry", "", (), (), True),
]


@pytest.mark.parametrize(("permission", "kind", "disease", "of", "more", "permitted"), PERMITTED)
def test_what_a_permission_permits(permission, kind, disease, of, more, permitted):
    label = Label(frozenset(Code[name] for name in (permission, *more)), frozenset(of))
    said = list(refusals(label, Use(Kind(kind), disease), PARENTS))
    assert (said == []) is permitted
    if not permitted:
        assert said[0].startswith(f"{permission} ({Code[permission]}) permits no {kind} research")
        assert disease in said[0]


#: Modifier, a use that it permits, one that it does not, what is said.
MODIFIERS = [
    ("IRB", {"approval": "A-1"}, {}, "asks for an ethics approval"),
    ("PS", {"project": "p1"}, {}, "asks for a named project"),
    ("US", {"users": ("ann",)}, {}, "asks for named users"),
    ("IS", {"institution": "Uni"}, {"institution": "Other"}, "does not permit the institution"),
    ("IS", {}, {"institution": "Other"}, "does not permit the institution 'Other'"),
    ("GS", {"country": "SE"}, {"country": "NO"}, "does not permit use in NO"),
    ("GS", {}, {"country": "NO"}, "does not permit use in NO"),
    ("TS", {"valid_to": "2027-01-01"}, {}, "asks for a last day"),
    ("NCU", {"for_profit": True}, {"commercial": True}, "permits no commercial use"),
    ("NPUNCU", {}, {"commercial": True}, "permits no commercial use and no organisation"),
    ("NPUNCU", {}, {"for_profit": True}, "permits no commercial use and no organisation"),
    ("GSO", {}, {"genetic": False}, "permits genetic studies only"),
    ("COL", {"collaborators": ("ann",)}, {}, "asks for collaborators"),
    ("PUB", {"publishes": True}, {}, "asks for publication"),
    ("RTN", {"returns": True}, {}, "asks for the results to be given back"),
]


@pytest.mark.parametrize(("code", "met", "missed", "said"), MODIFIERS)
def test_what_a_modifier_asks_for(code, met, missed, said):
    label = Label(
        frozenset({Code.GRU, Code[code]}),
        institutions=frozenset({"Uni"}), countries=frozenset({"SE"}),
    )  # fmt: skip
    assert list(refusals(label, Use(**met), {})) == []
    (found,) = refusals(label, Use(**missed), {})
    assert found.startswith(f"{code} ({Code[code]}) {said}")


def test_every_code_is_in_the_tables_and_has_its_public_number():
    tabled = {row[0] for row in PERMITTED} | {row[0] for row in MODIFIERS} | {"NMDS"}
    assert {code.name for code in Code} == tabled
    assert {row[0] for row in PERMITTED} == {code.name for code in PERMISSIONS}
    assert {code.name: int(code[-7:]) for code in Code} == {
        "GRU": 42, "HMB": 6, "DS": 7, "POA": 11, "IRB": 21, "PS": 27, "US": 26, "IS": 28, "GS": 22,
        "TS": 25, "NCU": 46, "NPUNCU": 18, "NMDS": 15, "GSO": 16, "COL": 20, "PUB": 19, "RTN": 29,
    }  # fmt: skip


def test_all_that_is_missing_is_said():
    label = Label(frozenset({Code.HMB, Code.IRB, Code.NCU}))
    said = list(refusals(label, Use(Kind.ANCESTRY, commercial=True), {}))
    assert [each.split()[0] for each in said] == ["HMB", "IRB", "NCU"]


def test_ancestors_of_a_circle_end():
    assert ancestors("a", {"a": ("b",), "b": ("a", "c")}) == {"a", "b", "c"}
