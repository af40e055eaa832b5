"""Families: who is whose parent, and whether that can be."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from wgs_pipeline.errors import Problem


@dataclass(frozen=True)
class Member:
    """One member of a family; parents are named by sample_id, None where not stated.

    ``alone`` says that the sheet states no family: ``family_id`` is then the sample_id.
    """

    sample_id: str
    family_id: str
    father_id: str | None
    mother_id: str | None
    sex: str
    line: int = 0
    alone: bool = False


def check(file: str, members: Sequence[Member], known: Collection[str]) -> list[Problem]:
    """Everything impossible in a pedigree.

    Args:
        file: The sheet, for the messages.
        members: The members whose rows could be read.
        known: Every sample_id of the sheet, also of rows that could not be read: a parent among
            them is not reported as missing.
    """
    by_id = {member.sample_id: member for member in reversed(members)}
    problems = list(_borrowed_families(file, members))
    for member in members:
        problems += _parent_problems(file, member, by_id, known)
    return [*problems, *_loops(file, members, by_id)]


def _parent_problems(
    file: str, child: Member, by_id: Mapping[str, Member], known: Collection[str]
) -> Iterator[Problem]:
    def problem(found: str, expected: str, remedy: str) -> Problem:
        return Problem(file, child.line, f"sample {child.sample_id!r}: {found}", expected, remedy)

    roles = (("father", child.father_id, "female"), ("mother", child.mother_id, "male"))
    for role, parent_id, opposite in roles:
        if parent_id is None:
            continue
        parent = by_id.get(parent_id)
        if parent is None:
            if parent_id not in known:
                found, remedy = f"{role} {parent_id!r} is not in the sheet", "Add the parent's row,"
                yield problem(
                    found, "parents with rows of their own", f"{remedy} or empty the cell."
                )
            continue
        if parent.sex == opposite:
            found = f"{role} {parent_id!r} is {parent.sex} (line {parent.line})"
            other = "male" if opposite == "female" else "female"
            yield problem(found, f"a {other} {role}", "Correct the parent, or the parent's sex.")
        if parent.family_id != child.family_id:
            found = f"{role} {parent_id!r} is of family {parent.family_id!r} (line {parent.line})"
            expected = f"a {role} of family {child.family_id!r}"
            yield problem(found, expected, "Give parent and child the same family_id.")
    if child.father_id is not None and child.father_id == child.mother_id:
        found = f"{child.father_id!r} is both father and mother"
        yield problem(found, "two persons", "Correct one of the parents.")


def _borrowed_families(file: str, members: Sequence[Member]) -> Iterator[Problem]:
    """Samples without a family whose name is the name of other people's family."""
    families = {m.family_id for m in members if not m.alone}
    for member in members:
        if member.alone and member.family_id in families:
            found = f"sample {member.sample_id!r} without family bears the name of another family"
            remedy = "State its family_id, or rename the family."
            yield Problem(file, member.line, found, "a name of its own", remedy)


def _loops(file: str, members: Iterable[Member], by_id: Mapping[str, Member]) -> Iterator[Problem]:
    """Each loop of parents and children once, at its first line."""
    finished: set[str] = set()
    for member in members:
        path: list[str] = []
        for loop in _walk(member.sample_id, by_id, path, finished):
            first = min(loop, key=lambda name: by_id[name].line)
            start = loop.index(first)
            named = [*loop[start:], *loop[:start], first]
            found = f"a pedigree loop: {' is a child of '.join(named)}"
            remedy = "Correct the parents of one of them."
            yield Problem(file, by_id[first].line, found, "nobody as their own ancestor", remedy)


def _walk(
    start: str, by_id: Mapping[str, Member], path: list[str], finished: set[str]
) -> Iterator[list[str]]:
    """Depth-first search for ancestors that are on the path already.

    Without recursion, as a sheet may name a line of descent of any length.
    """
    stack = [(start, iter(_parents(start, by_id)))] if start not in finished else []
    path.extend(name for name, _ in stack)
    while stack:
        name, parents = stack[-1]
        parent = next(parents, None)
        if parent is None:
            stack.pop()
            path.pop()
            finished.add(name)
        elif parent in path:
            yield path[path.index(parent) :]
        elif parent not in finished:
            stack.append((parent, iter(_parents(parent, by_id))))
            path.append(parent)


def _parents(name: str, by_id: Mapping[str, Member]) -> list[str]:
    member = by_id[name]
    parents = dict.fromkeys((member.father_id, member.mother_id))
    return [parent for parent in parents if parent is not None and parent in by_id]
