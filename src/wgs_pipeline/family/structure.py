"""Who of a family is in its callset, who is whose child there, and why a parent is not."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from wgs_pipeline.sheets import Sample

NOT_STATED = "not stated in the sheet"
NO_CONSENT = "no consent to analysis"
NOT_CALLED = "not called: the sample stopped before calling"


@dataclass(frozen=True)
class Child:
    """A member with one or both parents in the callset.

    Attributes:
        name: sample_id.
        sex: female, male or unknown, as stated.
        father: sample_id of the father, None where he is not in the callset.
        mother: sample_id of the mother, None where she is not in the callset.
        absent: Role of each parent who is not there (father, mother) to the reason.
    """

    name: str
    sex: str
    father: str | None
    mother: str | None
    absent: Mapping[str, str]

    @property
    def is_trio(self) -> bool:
        """Whether both parents are there."""
        return self.father is not None and self.mother is not None

    @property
    def parents(self) -> tuple[str, ...]:
        """The parents who are there."""
        return tuple(each for each in (self.father, self.mother) if each is not None)


@dataclass(frozen=True)
class Family:
    """A family as far as it is in the callset.

    Attributes:
        name: family_id.
        members: Members in the order of the callset.
        children: Those with a parent there, in the same order.
        absent: Analysed or excluded members who are not there, to the reason.
    """

    name: str
    members: tuple[Sample, ...]
    children: tuple[Child, ...]
    absent: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """sample_ids in the order of the callset."""
        return tuple(each.sample_id for each in self.members)

    @property
    def kind(self) -> str:
        """empty, singleton, duo, trio, quartet, multi-generation or other."""
        size, children = len(self.members), self.children
        if size < 2:
            return ("empty", "singleton")[size]
        names = {each.name for each in children}
        if any(names & set(each.parents) for each in children):
            return "multi-generation"
        trios = [each for each in children if each.is_trio]
        same_parents = len({each.parents for each in trios}) == 1
        if len(trios) == size - 2 and same_parents and size in (3, 4):
            return "trio" if size == 3 else "quartet"
        return "duo" if size == 2 and children else "other"

    def descendants(self, name: str) -> set[str]:
        """Members who descend from one, as far as the callset shows."""
        found: set[str] = set()
        waiting = [name]
        while waiting:
            parent = waiting.pop()
            new = {each.name for each in self.children if parent in each.parents} - found
            found |= new
            waiting += new
        return found


def family_of(
    name: str, sheet: Iterable[Sample], excluded: Collection[str], called: Iterable[str]
) -> Family:
    """The family of a callset.

    Args:
        name: family_id.
        sheet: Every sample of the sheet.
        excluded: sample_ids without consent to analysis.
        called: sample_ids of the callset, in its order.
    """
    rows = {each.sample_id: each for each in sheet if each.family_id == name}
    members = tuple(rows[each] for each in called if each in rows)
    present = {each.sample_id for each in members}
    absent = {
        each: NO_CONSENT if each in excluded else NOT_CALLED for each in rows if each not in present
    }
    children = (_child(each, present, absent) for each in members)
    return Family(name, members, tuple(each for each in children if each.parents), absent)


def _child(sample: Sample, present: Collection[str], absent: Mapping[str, str]) -> Child:
    stated = {"father": sample.father_id, "mother": sample.mother_id}
    there = {role: name if name in present else None for role, name in stated.items()}
    reasons = {
        role: NOT_STATED if name is None else absent.get(name, NOT_STATED)
        for role, name in stated.items()
        if name not in present
    }
    return Child(sample.sample_id, sample.sex, there["father"], there["mother"], reasons)
