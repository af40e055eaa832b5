import networkx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wgs_pipeline.pedigree import Member, check


def member(name, father=None, mother=None, sex="unknown", family="F", line=0, alone=False):
    return Member(name, family, father, mother, sex, line, alone)


def problems(*members, known=()):
    numbered = [Member(*m.__dict__.values()) for m in members]
    names = {m.sample_id for m in members} | set(known)
    return [p.found for p in check("samples.tsv", numbered, names)]


def test_a_family_of_three_generations_is_possible():
    assert not problems(
        member("child", "father", "mother", "male"),
        member("father", "grandfather", "grandmother", "male"),
        member("mother", None, "grandmother2", "female"),
        member("grandfather", sex="male"),
        member("grandmother", sex="female"),
        member("grandmother2"),
    )


def test_cousins_may_have_a_child():
    assert not problems(
        member("child", "a", "b"),
        member("a", "grandfather", "grandmother"),
        member("b", "grandfather", "grandmother"),
        member("grandfather"),
        member("grandmother"),
    )


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ([member("c", "f"), member("f", sex="female", line=3)], "father 'f' is female (line 3)"),
        ([member("c", None, "m"), member("m", sex="male", line=3)], "mother 'm' is male (line 3)"),
        ([member("c", "x")], "father 'x' is not in the sheet"),
        ([member("c", None, "x")], "mother 'x' is not in the sheet"),
        ([member("c", "p", "p"), member("p")], "'p' is both father and mother"),
        (
            [member("c", "f"), member("f", family="G", line=3)],
            "father 'f' is of family 'G' (line 3)",
        ),
    ],
)
def test_impossible_parents(members, expected):
    assert problems(*members) == [f"sample 'c': {expected}"]


def test_a_parent_whose_row_is_broken_is_not_missing():
    assert problems(member("c", "f"), known=["f"]) == []


def test_a_sample_without_family_may_not_bear_the_name_of_one():
    found = problems(member("S1", family="S1", alone=True), member("S2", family="S1"))
    assert found == ["sample 'S1' without family bears the name of another family"]


def test_a_family_may_be_named_after_one_of_its_members():
    assert not problems(
        member("child", "father", family="child"), member("father", family="child", sex="male")
    )


def test_loops():
    assert problems(member("a", "a")) == ["a pedigree loop: a is a child of a"]
    found = problems(
        member("b", "c", line=3), member("a", "b", line=2), member("c", None, "a", line=4)
    )
    assert found == ["a pedigree loop: a is a child of b is a child of c is a child of a"]


def test_a_long_line_of_descent():
    count = 5000
    line = [member(f"s{n}", f"s{n + 1}") for n in range(count)]
    assert problems(*line, member(f"s{count}")) == []
    assert len(problems(*line, member(f"s{count}", "s0"))) == 1


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.lists(st.tuples(*[st.one_of(st.none(), st.integers(0, 6))] * 2), max_size=7))
def test_a_loop_is_found_exactly_where_the_graph_has_a_cycle(parents):
    names = [str(number) for number in range(len(parents))]
    graph = networkx.DiGraph()
    members = []
    for name, pair in zip(names, parents, strict=True):
        father, mother = (str(p) if p is not None and p < len(parents) else None for p in pair)
        members.append(member(name, father, mother))
        graph.add_edges_from((name, parent) for parent in (father, mother) if parent)
    found = [p for p in problems(*members) if "loop" in p]
    assert bool(found) != networkx.is_directed_acyclic_graph(graph)
