"""Which variants follow a pattern of inheritance in a family, by who is affected.

All affected members must fit, and no unaffected member may contradict; a member whose genotype is
missing does neither, and whoever is affected ``unknown`` is not asked.

=====================  ===============================================================
recessive_homozygous   affected: two copies; unaffected: fewer; parents carry one
recessive_compound     see ``compound``
x_linked_recessive     chrX beyond the PAR. Affected: every copy; unaffected: not every
                       copy; mothers of affected sons carry one
dominant               two or more affected, all with a copy; unaffected: none
x_linked_dominant      the same on chrX beyond the PAR
de_novo                a de novo candidate that passed, of an affected child, carried by
                       no unaffected member (x_linked_de_novo on chrX beyond the PAR)
=====================  ===============================================================

What asks for a carrier among parents is ``possible`` where such a parent is not in the callset or
not called, and ``certain`` otherwise. The patterns say nothing on what a variant does: they list
far more than what is pathogenic, and are a filter for whoever interprets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wgs_pipeline.family.callset import Batch, Bools, Rows
from wgs_pipeline.family.structure import Family
from wgs_pipeline.family.transmission import is_called, ploidy

#: Copies of an allele; -1 where the genotype is missing.
Dosages = NDArray[np.int8]
CERTAIN, POSSIBLE = "certain", "possible"


@dataclass(frozen=True)
class Roles:
    """Columns of a family's members by what is asked of them.

    Attributes:
        affected: Those who have the condition.
        unaffected: Those who have not.
        males: Whether each member is male.
        parents: Of affected members: (child, parent) by column, once each.
        mothers_of_sons: Mothers of affected males.
        absent_parent: Whether a parent of an affected member is not in the callset.
        absent_mother: Whether the mother of an affected male is not.
    """

    affected: NDArray[np.int64]
    unaffected: NDArray[np.int64]
    males: Bools
    parents: NDArray[np.int64]
    mothers_of_sons: NDArray[np.int64]
    absent_parent: bool
    absent_mother: bool

    @classmethod
    def of(cls, family: Family) -> Roles:
        """The roles in a family."""
        column = {name: at for at, name in enumerate(family.names)}
        affected = [at for at, each in enumerate(family.members) if each.affected == "yes"]
        children = {each.name: each for each in family.children}
        own = [children.get(family.names[at]) for at in affected]
        parents = {column[p] for child in own if child for p in child.parents}
        sons = [
            child
            for at, child in zip(affected, own, strict=True)
            if family.members[at].sex == "male"
        ]
        mothers = {column[child.mother] for child in sons if child and child.mother}
        return cls(
            np.array(affected, np.int64),
            np.flatnonzero([each.affected == "no" for each in family.members]),
            np.array([each.sex == "male" for each in family.members]),
            np.array(sorted(parents), np.int64),
            np.array(sorted(mothers), np.int64),
            any(child is None or not child.is_trio for child in own),
            any(child is None or child.mother is None for child in sons),
        )


@dataclass(frozen=True)
class Variants:
    """ALT alleles of some records, one a row.

    Attributes:
        contig: The contig.
        positions: 1-based, of the record, shape (rows,).
        ref: REF, shape (rows,).
        alt: The allele, shape (rows,).
        dosages: Copies of each member, shape (rows, members).
        copies: Ploidy of each member, shape (rows, members).
        x_linked: Whether it lies on chrX beyond the PAR, shape (rows,).
    """

    contig: str
    positions: Rows
    ref: pa.StringArray
    alt: pa.StringArray
    dosages: Dosages
    copies: NDArray[np.int8]
    x_linked: Bools

    def take(self, rows: NDArray[np.integer] | Bools) -> Variants:
        """Some of the rows, by index or mask."""
        index = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        chosen = pa.array(index)
        return Variants(
            self.contig,
            self.positions[index],
            self.ref.take(chosen),
            self.alt.take(chosen),
            self.dosages[index],
            self.copies[index],
            self.x_linked[index],
        )

    def place(self, row: int) -> tuple[int, str, str]:
        """Position, REF and ALT of a row."""
        return int(self.positions[row]), self.ref[row].as_py(), self.alt[row].as_py()

    def find(self, position: int, ref: str, alt: str) -> int:
        """The row of an allele that is there."""
        rows = np.flatnonzero(self.positions == position).tolist()
        return int(next(row for row in rows if self.place(row) == (position, ref, alt)))


def concatenate(parts: Sequence[Variants]) -> Variants:
    """Variants of one contig and family, one part after the other."""
    return Variants(
        parts[0].contig,
        np.concatenate([each.positions for each in parts]),
        pa.concat_arrays([each.ref for each in parts]),
        pa.concat_arrays([each.alt for each in parts]),
        np.concatenate([each.dosages for each in parts]),
        np.concatenate([each.copies for each in parts]),
        np.concatenate([each.x_linked for each in parts]),
    )


def variants_of(batch: Batch, x_linked: Bools) -> Variants:
    """Every sequence ALT allele of a batch; ``x_linked`` by record, shape (records,)."""
    lists = pa.compute.split_pattern(batch.alt, ",")
    offsets = np.asarray(lists.offsets).astype(np.int64)
    record = np.repeat(np.arange(len(batch.alt)), np.diff(offsets))
    number = np.arange(len(record)) - offsets[:-1][record] + 1
    sequence = np.asarray(pa.compute.match_substring_regex(lists.values, "^[ACGTNacgtn]+$"))
    record, number = record[sequence], number[sequence]
    alleles = batch.alleles[record]
    dosages = (alleles == number[:, np.newaxis, np.newaxis]).sum(axis=2, dtype=np.int8)
    dosages[~is_called(alleles)] = -1
    return Variants(
        batch.contig,
        batch.positions[record],
        batch.ref.take(pa.array(record)),
        lists.values.filter(pa.array(sequence)),
        dosages,
        ploidy(alleles),
        x_linked[record],
    )


@dataclass(frozen=True)
class Fit:
    """Which variants follow a pattern.

    Attributes:
        pattern: Name of the pattern.
        rows: Whether each variant does, shape (rows,).
        certain: Whether no parent was missing who should carry it, shape (rows,).
    """

    pattern: str
    rows: Bools
    certain: Bools


def fits(variants: Variants, roles: Roles) -> Iterator[Fit]:
    """Patterns of single variants, but for de novo; none where nobody is affected."""
    if not len(roles.affected):
        return
    x_linked = variants.x_linked
    carried, certain = _carriers(variants, roles.parents)
    recessive = _every_copy(variants, roles, diploid=True) & carried & ~x_linked
    yield Fit("recessive_homozygous", recessive, certain & (not roles.absent_parent))
    carried, certain = _carriers(variants, roles.mothers_of_sons)
    recessive = _every_copy(variants, roles, diploid=False) & carried & x_linked
    yield Fit("x_linked_recessive", recessive, certain & (not roles.absent_mother))
    if len(roles.affected) > 1:
        unaffected = variants.dosages[:, roles.unaffected]
        shared = _all(variants.dosages[:, roles.affected] > 0) & _all(unaffected <= 0)
        known = _all(unaffected >= 0)
        yield Fit("dominant", shared & ~x_linked, known)
        yield Fit("x_linked_dominant", shared & x_linked, known)


def _every_copy(variants: Variants, roles: Roles, *, diploid: bool) -> Bools:
    """Whether all affected, and no unaffected, have the allele in every copy."""
    full = variants.dosages == variants.copies
    if diploid:
        full &= variants.copies == 2
    full &= variants.dosages > 0
    return _all(full[:, roles.affected]) & _all(~full[:, roles.unaffected])


def _carriers(variants: Variants, members: NDArray[np.int64]) -> tuple[Bools, Bools]:
    """Whether no one of some members is called without the allele; whether all are called."""
    dosages = variants.dosages[:, members]
    return _all(dosages != 0), _all(dosages >= 0)


def _all(each: Bools) -> Bools:
    whole: Bools = np.logical_and.reduce(each, axis=1)
    return whole
