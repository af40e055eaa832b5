"""The release that research and statistics are answered from, as the vault remembers it.

The vault keeps every set of genomes that was ever in force; each is logged and remembered before
anything is answered from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from pyroaring import FrozenBitMap as Slots

from wgs_pipeline import audit
from wgs_pipeline.errors import NgdError, NoReleaseError
from wgs_pipeline.ngd import release
from wgs_pipeline.ngd.holdings import Holdings
from wgs_pipeline.ngd.layout import RESEARCH, Root
from wgs_pipeline.vault import PastRelease, Vault
from wgs_pipeline.vault.records import Holders

#: Never the id of a project, which begins with a letter or digit.
_KEY_NAME = ":releases"

_Persons = NDArray[np.int64]


@dataclass(frozen=True)
class Release:
    """A set that is, or was, in force.

    Attributes:
        number: How many there had been with it.
        generation: The generation that it was made of.
        made: When, ISO 8601.
        slots: Its genomes.
    """

    number: int
    generation: int
    made: str
    slots: Slots = field(repr=False)

    @classmethod
    def of(cls, past: PastRelease) -> Release:
        """What the vault remembers."""
        return cls(past.number, past.generation, past.made, Slots.deserialize(past.slots))

    @cached_property
    def allowed(self) -> NDArray[np.bool_]:
        """Whether each slot is in it, shape (highest slot + 1,)."""
        slots = _array(self.slots)
        allowed = np.zeros(int(slots.max(initial=-1)) + 1, np.bool_)
        allowed[slots] = True
        return allowed


@dataclass(frozen=True)
class _Past:
    """What a new set rests on.

    Attributes:
        releases: Every set before, in order.
        of: Number of the person of each slot: the lowest of that person's slots.
        genomes: Slot of one genome of each person who may be used now.
    """

    releases: list[Release]
    of: _Persons
    genomes: NDArray[np.int64]

    @property
    def last(self) -> Release:
        """The last set; an empty one where there was none."""
        return self.releases[-1] if self.releases else Release(0, 0, "", Slots())

    @property
    def eligible(self) -> Slots:
        """Persons who may be used now."""
        return Slots(self.of[self.genomes])

    @property
    def sets(self) -> list[Slots]:
        """Persons of each set before."""
        others = Slots(np.flatnonzero(self.of != np.arange(len(self.of))))
        return [
            (each.slots - others) | Slots(self.of[_array(each.slots & others)])
            for each in self.releases
        ]

    def draw(self, key: bytes) -> release.Draw:
        """Chance, for the next set."""
        return release.Draw(key, len(self.releases))

    def slots_of(self, persons: Slots) -> Slots:
        """Slots of some of the persons who may be used."""
        return Slots(self.genomes[np.isin(self.of[self.genomes], _array(persons))])


class Released:
    """Which set is in force; worked out anew when consent, genomes or releases have changed."""

    def __init__(self, root: Root, vault: Vault) -> None:
        self._root, self._vault = root, vault
        self._version: int | None = None
        self._last: Release | None = None
        self._judged: tuple[object, ...] = ()

    def last(self) -> Release:
        """The set that was in force last.

        Raises:
            NoReleaseError: There was none yet.
        """
        version = self._vault.version()
        if version != self._version:
            found = self._vault.last_release()
            if found is None or self._last is None or found.number != self._last.number:
                self._last = None if found is None else Release.of(found)
            self._version = version
        if self._last is None:
            raise NoReleaseError(
                "no release has been published, and research is never answered from live counts. "
                "Have one published with 'wgs ngd release'"
            )
        return self._last

    def in_force(
        self, last: Release, holdings: Holdings, allowed: NDArray[np.bool_]
    ) -> Release | None:
        """The set in force: the last one, unless someone of it may not be used now.

        Args:
            last: The last set, asked for before the generation was pinned.
            holdings: The pinned generation.
            allowed: Which slots consent allows research to use now.

        Returns:
            The set; None where another one has followed it.

        Raises:
            NoReleaseError: Someone may not be used, and too few newcomers wait for another set.
            NgdError: Another set cannot be remembered or logged.
        """
        judged = (last, holdings, allowed)
        if _same(judged, self._judged):
            return last
        if not last.slots <= Slots(_countable(holdings, allowed)):
            self._follow(last, holdings, allowed)
            return None
        self._judged = judged
        return last

    def publish(self, holdings: Holdings, allowed: NDArray[np.bool_]) -> Release:
        """Make a new release: everyone, as far as the sets before permit.

        Args:
            holdings: The pinned generation.
            allowed: Which slots consent allows research to use now.

        Raises:
            NgdError: Too few persons are there, or have come since the last release.
        """
        key = self._vault.project_key(_KEY_NAME)
        with self._vault.transaction():
            past = self._past(holdings, allowed)
            persons = release.published(past.eligible, past.sets, past.draw(key))
            if persons is None:
                since = "were in no release before" if past.releases else "may be used for research"
                raise NgdError(
                    f"fewer than {release.LEAST} persons {since}; expected as many, so that a "
                    "release singles no one out. Load more genomes first"
                )
            new = self._remember(past, persons, "published", holdings.generation.number)
        self._version = None
        return new

    def _follow(self, last: Release, holdings: Holdings, allowed: NDArray[np.bool_]) -> None:
        """Make the release that follows the last set, of which someone may not be used now."""
        key = self._vault.project_key(_KEY_NAME)
        with self._vault.transaction():
            past = self._past(holdings, allowed)
            if past.last.number == last.number:  # no other process was faster
                persons = release.succeeding(past.eligible, past.sets, past.draw(key))
                if persons is None:
                    raise NoReleaseError(
                        f"someone of release {last.number} may not be used any more, and fewer "
                        f"than {release.LEAST} persons wait who could come in, so nothing is "
                        "counted. Ask again when more genomes have been loaded"
                    )
                self._remember(past, persons, "someone left", holdings.generation.number)
        self._version = None

    def _past(self, holdings: Holdings, allowed: NDArray[np.bool_]) -> _Past:
        """Every set before and who may be used now, as persons."""
        releases = [Release.of(each) for each in self._vault.releases()]
        highest = max([-1, *(each.slots.max() for each in releases if each.slots)])
        of = _persons(self._vault.holders(), highest)
        last = releases[-1].slots if releases else Slots()
        return _Past(releases, of, _one_each(holdings, allowed, of, last))

    def _remember(self, past: _Past, persons: Slots, why: str, generation: int) -> Release:
        """Log a set, then remember it, within one transaction of the vault."""
        slots = past.slots_of(persons)
        came, left = len(slots - past.last.slots), len(past.last.slots - slots)
        made = datetime.now(UTC).isoformat(timespec="seconds")
        new = Release(past.last.number + 1, generation, made, slots)
        entry = audit.Access(
            "release",
            purpose="research",
            reason=f"release {new.number}, {why}: {came} persons came in, {left} left",
            generation=generation,
            persons=len(slots),
        )
        audit.append(self._root.audit, self._vault, entry, audit.system_user())
        self._vault.record_release(PastRelease(new.number, generation, made, slots.serialize()))
        return new


def _one_each(
    holdings: Holdings, allowed: NDArray[np.bool_], of: _Persons, last: Slots
) -> NDArray[np.int64]:
    """Slot of one genome of each person: the one in the last set, otherwise a whole one."""
    slots = _countable(holdings, allowed)
    roster = holdings.roster
    places = np.searchsorted(roster.slots, slots)
    partial = np.array(roster.table["assay"].to_pylist(), np.str_)[places] != "wgs"
    persons = of[slots]
    order = np.lexsort((slots, partial, ~np.isin(slots, _array(last)), persons))
    is_first = np.ones(len(order), np.bool_)
    is_first[1:] = persons[order[1:]] != persons[order[:-1]]
    return slots[order[is_first]]


def _persons(holders: Holders, highest: int) -> _Persons:
    """A number for the person of each slot: the lowest of that person's slots, shape (slots,).

    Args:
        holders: Who holds which slot, as far as the vault knows; others stand for themselves.
        highest: Highest slot that is asked about.
    """
    persons = np.arange(max(highest, int(holders.slots.max(initial=-1))) + 1)
    codes = np.asarray(holders.patient_ids.dictionary_encode().indices).astype(np.int64)
    lowest = np.full(int(codes.max(initial=-1)) + 1, len(persons))
    np.minimum.at(lowest, codes, holders.slots)
    persons[holders.slots] = lowest[codes]
    return persons


def _array(slots: Slots) -> NDArray[np.int64]:
    return np.asarray(slots.to_array(), np.int64)


def _countable(holdings: Holdings, allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Slots of the research plane that may be used and count, ascending."""
    roster = holdings.roster
    size = max(roster.highest + 1, len(allowed))
    may = np.zeros(size, np.bool_)
    may[: len(allowed)] = allowed
    chosen = roster.in_planes((RESEARCH,)) & roster.active & roster.counted & may[roster.slots]
    return roster.slots[chosen].astype(np.int64)


def _same(state: Sequence[object], known: Sequence[object]) -> bool:
    return len(known) == len(state) and all(a is b for a, b in zip(state, known, strict=True))
