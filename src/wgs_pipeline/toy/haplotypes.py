"""The DNA molecules of a person, which the reads are drawn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.toy.cohort import Cohort
from wgs_pipeline.toy.heteroplasmy import of_person
from wgs_pipeline.toy.nucleotides import Codes, encode
from wgs_pipeline.toy.people import PEOPLE
from wgs_pipeline.toy.reference import MITOCHONDRION, X, Y
from wgs_pipeline.toy.sites import Sites


@dataclass(frozen=True)
class Molecule:
    """One chromosome copy of one person.

    Attributes:
        contig: The contig it is a copy of.
        codes: Bases, also those the reference hides; codes 0-3, shape (length,).
        circular: Whether it is a ring.
        share: Share of the copies of its contig, where there are many that differ.
    """

    contig: str
    codes: Codes
    circular: bool = False
    share: float = 1.0


def molecules(cohort: Cohort, person: int) -> list[Molecule]:
    """All chromosome copies of a person, copy 0 (from the father) before copy 1.

    A man's chrY carries in its PAR the alleles that ``cohort`` keeps as copy 0 of chrX.
    """
    copies = []
    for name, contig in cohort.reference.contigs.items():
        for copy in _copies(name, PEOPLE[person].male):
            carried = cohort.sites[name].take(cohort.alleles[name][:, person, copy] == 1)
            if name == Y:
                carried = _join(_par_sites(cohort, person), carried)
            codes = apply(contig.complete, carried)
            copies += (
                _mitochondria(cohort, person, codes) if contig.circular else [Molecule(name, codes)]
            )
    return copies


def apply(codes: Codes, sites: Sites) -> Codes:
    """Give ``codes`` the ALT allele at each of ``sites``, which must not overlap."""
    changed = codes.copy()
    snvs = sites.take(sites.is_snv)
    changed[snvs.positions] = encode("".join(snvs.alts))
    ref_lengths, alt_lengths = np.char.str_len(sites.refs), np.char.str_len(sites.alts)
    deleted = _ranges(sites.positions + 1, ref_lengths - 1)
    kept = np.ones(len(codes), dtype=np.bool_)
    kept[deleted] = False
    inserted = encode("".join(alt[1:] for alt in sites.alts))
    at = np.repeat(sites.positions + 1, alt_lengths - 1)
    return np.insert(changed, at, inserted)[np.insert(kept, at, True)]


def _mitochondria(cohort: Cohort, person: int, codes: Codes) -> list[Molecule]:
    """A person's kinds of mitochondria, in their shares.

    Insertions and deletions of ``codes`` move what follows: the planted SNVs lie where the
    reference has their bases.
    """
    carried = cohort.sites[MITOCHONDRION].take(cohort.alleles[MITOCHONDRION][:, person, 1] == 1)
    longer = np.char.str_len(carried.alts) - np.char.str_len(carried.refs)
    molecules_ = []
    for share, planted in of_person(cohort.heteroplasmies, person):
        changed = codes.copy()
        for each in planted:
            moved = longer[carried.positions < each.position].sum()
            changed[each.position + moved] = encode(each.alt)[0]
        molecules_.append(Molecule(MITOCHONDRION, changed, True, share))
    return molecules_


def _copies(contig: str, male: bool) -> tuple[int, ...]:
    if contig == Y:
        return (0,) if male else ()
    return (1,) if contig == MITOCHONDRION or (contig == X and male) else (0, 1)


def _par_sites(cohort: Cohort, person: int) -> Sites:
    return cohort.sites[X].take(cohort.alleles[X][:, person, 0] == 1)


def _join(first: Sites, second: Sites) -> Sites:
    return Sites(
        np.concatenate([first.positions, second.positions]),
        np.concatenate([first.refs, second.refs]),
        np.concatenate([first.alts, second.alts]),
    )


def _ranges(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """All positions of half-open ranges, in order, shape (sum of lengths,)."""
    offsets = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    positions: NDArray[np.int64] = np.repeat(starts, lengths) + offsets
    return positions
