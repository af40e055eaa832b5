"""Whose genomes a published table may rest on, so that no two tables single anyone out.

Two tables of counts that rest on nearly the same persons give away the difference. So between a
new table and each one that was given out before, either no genome is in only one of them, or at
least ``minimum`` are. Whoever may not be used is left out at once; a few others are then left out
with them, and newcomers wait until they are enough.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Set


def releasable(
    eligible: Set[int], earlier: Iterable[Set[int]], minimum: int, key: bytes
) -> frozenset[int]:
    """The largest part of ``eligible`` found that keeps its distance from every earlier release.

    Args:
        eligible: Slots that may be used.
        earlier: Slots of each release before.
        minimum: Least number of genomes by which two releases may differ, on either side.
        key: Decides, unforeseeably, who is left out with those who left.

    Returns:
        Slots, a part of ``eligible``; may be empty.
    """
    chosen = set(eligible)
    # A table of fewer genomes than that showed no count at all.
    releases = [frozenset(each) for each in earlier if len(each) >= minimum]
    order: dict[int, bytes] = {}
    settled = False
    while not settled and chosen:
        settled = True
        for release in releases:
            joined, left = chosen - release, len(release - chosen)
            if 0 < len(joined) < minimum:
                chosen -= joined
                settled = False
            if 0 < left < minimum:
                order = order or {slot: _rank(key, slot) for slot in eligible}
                staying = sorted(chosen & release, key=lambda slot: order[slot])
                chosen -= set(staying[: minimum - left])
                settled = False
    return frozenset(chosen)


def _rank(key: bytes, slot: int) -> bytes:
    return hmac.digest(key, f"left out {slot}".encode(), "sha256")
