"""Mitochondrial variants that a person has in some copies only, planted about the circle.

Each of three people has six SNVs: three far from where the reference cuts the circle open, and
three beside the cut, two of these within ten bases of it. In either place one is in 5 %, one in
20 % and one in all copies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.toy.nucleotides import Codes, decode
from wgs_pipeline.toy.people import MOTHER, PROBAND, UNRELATED
from wgs_pipeline.toy.sites import Sites, snv_alternates
from wgs_pipeline.toy.streams import stream

SHARES = (0.05, 0.20, 1.0)
CARRIERS = (PROBAND, MOTHER, UNRELATED)
#: Planted variants keep this distance from others, in bp.
_CLEARANCE = 25


@dataclass(frozen=True)
class Heteroplasmy:
    """An SNV in a share of a person's mitochondria.

    Attributes:
        person: Row in ``PEOPLE``.
        position: 0-based.
        ref: REF.
        alt: ALT.
        share: Share of the copies.
    """

    person: int
    position: int
    ref: str
    alt: str
    share: float


def plant_heteroplasmies(seed: int, codes: Codes, sites: Sites) -> tuple[Heteroplasmy, ...]:
    """Draw the planted variants of everyone who has some.

    Args:
        seed: Of the toy.
        codes: The mitochondrion.
        sites: Its other variants, which are far from the cut.
    """
    rng = stream(seed, "heteroplasmies")
    planted = []
    for turn, person in enumerate(CARRIERS):
        beside = _draw_beside_cut(len(codes), rng)
        middle = _draw_middle(len(codes), sites, rng)
        for place, positions in enumerate((beside, middle)):
            # Who has which share where goes round, so that every place has every share.
            shares = np.roll(SHARES, turn + place)
            refs = codes[positions]
            alts = snv_alternates(refs, rng)
            planted += [
                Heteroplasmy(person, int(at), decode(refs[[n]]), decode(alts[[n]]), float(share))
                for n, (at, share) in enumerate(zip(positions, shares, strict=True))
            ]
    return tuple(planted)


def of_person(
    planted: tuple[Heteroplasmy, ...], person: int
) -> list[tuple[float, tuple[Heteroplasmy, ...]]]:
    """A person's kinds of mitochondria: the share of each in the copies, and what it carries."""
    mine = [each for each in planted if each.person == person]
    everywhere = tuple(each for each in mine if each.share == 1)
    kinds = [
        (share, tuple(each for each in mine if each.share in (share, 1)))
        for share in SHARES
        if share < 1 and any(each.share == share for each in mine)
    ]
    rest = 1 - sum(share for share, _ in kinds)
    return [*kinds, (rest, everywhere)]


def _draw_beside_cut(length: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """A base just after the cut, one just before it, and one a little after it."""
    return np.array(
        [rng.integers(1, 10), length - rng.integers(2, 11), rng.integers(35, 56)], np.int64
    )


def _draw_middle(length: int, sites: Sites, rng: np.random.Generator) -> NDArray[np.int64]:
    """Three bases between a quarter and three quarters, clear of other variants."""
    free = np.zeros(length, np.bool_)
    free[length // 4 : 3 * length // 4] = True
    for start, end in zip(sites.positions, sites.ends, strict=True):
        free[max(start - _CLEARANCE, 0) : end + _CLEARANCE] = False
    chosen: list[int] = []
    for _ in SHARES:
        position = int(rng.choice(np.flatnonzero(free)))
        free[max(position - _CLEARANCE, 0) : position + _CLEARANCE] = False
        chosen.append(position)
    return np.array(chosen, np.int64)
