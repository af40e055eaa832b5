"""Whose genomes research is answered from, so that no two answers single anyone out.

Counts that rest on nearly the same persons give away the difference. So research and statistics
are answered from a release: a set of persons that stays as it is until the next one. Against each
set before it a release has at least ``LEAST`` persons more, who were in no set ever, and lacks at
least ``LEAST`` who were in. Where fewer have left, others are drawn by a secret key and wait for
the next release; how many leave is a secret too. What newcomers carry is known from nowhere else,
so the difference of two releases tells neither of the two groups.

Whoever may not be used any more is out at once: a new release follows in the same way, with a few
of the newcomers who wait. So a release of many leaves some out. While too few wait there is no
release, and nothing is counted.

Sets are of persons, or of slots, one of each person. All functions are pure.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from pyroaring import FrozenBitMap as Set

#: Fewest persons by which two sets differ, on either side; fewest persons of a release.
LEAST = 5
#: One in so many persons is left out of a release, to come in when someone leaves.
_SPARE_SHARE = 100


@dataclass(frozen=True)
class Draw:
    """Choices that no one can foresee, and that are the same whenever they are made again.

    Attributes:
        key: The secret.
        number: Which draw it is; another one for each set.
    """

    key: bytes
    number: int

    def some(self) -> int:
        """A number of persons from ``LEAST`` to 2 ``LEAST`` - 1."""
        return LEAST + self._rank("how many")[0] % LEAST

    def of(self, members: Set, number: int) -> Set:
        """So many of some members."""
        if number <= 0:
            return Set()
        ranks = {each: self._rank(str(each)) for each in members}
        return Set(sorted(ranks, key=ranks.__getitem__)[:number])

    def _rank(self, what: str) -> bytes:
        return hmac.digest(self.key, f"release {self.number} {what}".encode(), "sha256")


def published(eligible: Set, earlier: Sequence[Set], draw: Draw) -> Set | None:
    """The set of a release that is asked for.

    Args:
        eligible: Who may be used now.
        earlier: Every set before, in order.
        draw: Who leaves, and who waits.

    Returns:
        A part of ``eligible``; None while too few of them are new.
    """
    newcomers = _newcomers(eligible, earlier)
    waiting = min(len(eligible) // _SPARE_SHARE, len(newcomers) - LEAST)
    return _apart(eligible - draw.of(newcomers, waiting), newcomers, earlier, draw)


def succeeding(eligible: Set, earlier: Sequence[Set], draw: Draw) -> Set | None:
    """The set of a release that follows because someone of the last one left.

    Args:
        eligible: Who may be used now.
        earlier: Every set before, in order; at least one.
        draw: Who leaves with them, and who comes.

    Returns:
        A part of ``eligible``; None while too few of them are new.
    """
    newcomers = _newcomers(eligible, earlier)
    chosen = (eligible & earlier[-1]) | draw.of(newcomers, draw.some())
    return _apart(chosen, newcomers, earlier, draw)


def _newcomers(eligible: Set, earlier: Sequence[Set]) -> Set:
    """Those who were in no set before."""
    return eligible - Set.union(Set(), *earlier)


def _apart(chosen: Set, newcomers: Set, earlier: Sequence[Set], draw: Draw) -> Set | None:
    """A set without so many members of each earlier one that it lacks enough of them."""
    if len(newcomers) < LEAST:
        return None
    least = draw.some()
    for other in reversed(earlier):
        chosen -= draw.of(chosen & other, least - len(other - chosen))
    return chosen
