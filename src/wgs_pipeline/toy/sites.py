"""Where the toy people differ from the reference: left-aligned, trimmed, biallelic sites."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.toy.nucleotides import Codes, decode, letters
from wgs_pipeline.toy.reference import Contig, widen

#: Mean distance between the SNV sites of the cohort, in bp. A person carries 0.46 of them.
_SITE_SPACING = 410
_SITE_SPACING_MITOCHONDRION = 150
#: Sites of two variants are at least this far apart, so that each has one representation.
_CLEARANCE = 40
_N_MARGIN = 60
_INDEL_SHARE = 1 / 9
_LONGEST_INDEL = 20
_TRANSITION_SHARE = 0.68


@dataclass(frozen=True)
class Sites:
    """The variant sites of one contig, in order of position.

    Attributes:
        positions: 0-based position of the first REF base, shape (sites,).
        refs: REF alleles, shape (sites,).
        alts: ALT alleles, shape (sites,).
    """

    positions: NDArray[np.int64]
    refs: NDArray[np.str_]
    alts: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def ends(self) -> NDArray[np.int64]:
        """Position after the last REF base, shape (sites,)."""
        return self.positions + np.char.str_len(self.refs)

    @property
    def is_snv(self) -> NDArray[np.bool_]:
        """Whether one base replaces one base, shape (sites,)."""
        same: NDArray[np.bool_] = np.char.str_len(self.refs) == np.char.str_len(self.alts)
        return same

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> Sites:
        """The sites of ``rows`` (indices or a mask)."""
        return Sites(self.positions[rows], self.refs[rows], self.alts[rows])

    def clear_of(self, boundary: int) -> Sites:
        """The sites whose REF does not lie on both sides of ``boundary``."""
        return self.take((self.ends <= boundary) | (self.positions >= boundary))

    def insert(self, row: int, position: int, ref: str, alt: str) -> Sites:
        """The sites with one more before ``row``."""
        return Sites(
            np.insert(self.positions, row, position),
            np.insert(self.refs, row, ref),
            np.insert(self.alts, row, alt),
        )


def draw_sites(contig: Contig, rng: np.random.Generator) -> Sites:
    """Draw SNVs and indels of 1-20 bp along a contig, clear of N and of each other."""
    positions = _draw_positions(contig, rng)
    is_indel = rng.random(len(positions)) < _INDEL_SHARE
    snvs = _draw_snvs(contig, positions[~is_indel], rng)
    indels = [_draw_indel(contig.codes, int(at), rng) for at in positions[is_indel]]
    at, refs, alts = zip(*indels, strict=True) if indels else ((), (), ())
    width = f"U{_LONGEST_INDEL + 1}"
    merged = Sites(
        np.concatenate([snvs.positions, np.array(at, dtype=np.int64)]),
        np.concatenate([snvs.refs, np.array(refs, dtype=width)]),
        np.concatenate([snvs.alts, np.array(alts, dtype=width)]),
    )
    merged = merged.take(np.argsort(merged.positions, kind="stable"))
    # Left alignment may have moved an indel towards the site before it.
    gaps = merged.positions[1:] - merged.ends[:-1]
    return merged.take(np.concatenate([[True], gaps >= _CLEARANCE // 2]))


def left_align(codes: Codes, position: int, deleted: int, inserted: str) -> tuple[int, str, str]:
    """Represent an indel as far left as the reference lets it go, with one anchor base.

    The method is that of Tan, Abecasis and Kang (2015), "Unified representation of genetic
    variants", for one indel without substitution.

    Args:
        codes: The reference, codes 0-4.
        position: 0-based position of the first deleted base, or of the base before which
            ``inserted`` comes.
        deleted: Number of deleted bases; 0 for an insertion.
        inserted: Inserted bases; empty for a deletion.

    Returns:
        Position of the anchor base, REF and ALT.
    """
    if deleted:
        while codes[position - 1] == codes[position + deleted - 1]:
            position -= 1
    else:
        while decode(codes[position - 1 : position]) == inserted[-1]:
            inserted = inserted[-1] + inserted[:-1]
            position -= 1
    anchor = decode(codes[position - 1 : position])
    return position - 1, anchor + decode(codes[position : position + deleted]), anchor + inserted


def _draw_positions(contig: Contig, rng: np.random.Generator) -> NDArray[np.int64]:
    spacing = _SITE_SPACING_MITOCHONDRION if contig.circular else _SITE_SPACING
    gaps = _CLEARANCE + rng.exponential(spacing - _CLEARANCE, 2 * contig.length // spacing)
    positions = np.cumsum(gaps).astype(np.int64)
    positions = positions[positions < contig.length - _N_MARGIN]
    positions = positions[positions > _N_MARGIN]
    return positions[~widen(contig.hidden, _N_MARGIN)[positions]]


def _draw_snvs(contig: Contig, positions: NDArray[np.int64], rng: np.random.Generator) -> Sites:
    refs = contig.codes[positions]
    alts = snv_alternates(refs, rng)
    width = f"U{_LONGEST_INDEL + 1}"
    return Sites(positions, _as_text(refs).astype(width), _as_text(alts).astype(width))


def snv_alternates(refs: Codes, rng: np.random.Generator) -> Codes:
    """Draw another base for each base, with a transition:transversion ratio of 2.1."""
    draw = rng.random(len(refs))
    change = np.where(draw < _TRANSITION_SHARE, 2, np.where(rng.random(len(refs)) < 0.5, 1, 3))
    return (refs ^ change.astype(np.uint8)).astype(np.uint8)


def _as_text(codes: Codes) -> NDArray[np.str_]:
    return letters(codes).view("S1").astype("U1")


def _draw_indel(codes: Codes, position: int, rng: np.random.Generator) -> tuple[int, str, str]:
    """Draw a deletion, an insertion of new bases, or a tandem duplication."""
    sizes = np.arange(1, _LONGEST_INDEL + 1)
    weights = sizes**-1.5
    size = int(rng.choice(sizes, p=weights / weights.sum()))
    kind = rng.choice(3, p=[0.5, 0.2, 0.3])
    if kind == 0:
        return left_align(codes, position, size, "")
    fresh = decode(rng.integers(0, 4, size, dtype=np.uint8))
    inserted = fresh if kind == 1 else decode(codes[position - size : position])
    return left_align(codes, position, 0, inserted)
