"""The toy cohort: reference, sites, everyone's alleles, and what was planted."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from wgs_pipeline.toy.heteroplasmy import Heteroplasmy, plant_heteroplasmies
from wgs_pipeline.toy.inheritance import (
    ABSENT,
    Alleles,
    Transmission,
    draw_founders,
    draw_transmission,
    remove_absent,
    transmit,
)
from wgs_pipeline.toy.nucleotides import decode
from wgs_pipeline.toy.people import FATHER, MOTHER, PEOPLE, PROBAND
from wgs_pipeline.toy.reference import MITOCHONDRION, Interval, Reference, X, make_reference, widen
from wgs_pipeline.toy.sites import Sites, draw_sites, left_align, snv_alternates
from wgs_pipeline.toy.streams import stream

#: Planted variants keep this distance from any repeat and from any other variant, in bp.
_PLANTED_CLEARANCE = 25
_DE_NOVO_GENE = "TOY2"
_COMPOUND_GENE = "TOY7"


@dataclass(frozen=True)
class Planted:
    """A variant that was put where it is on purpose.

    Attributes:
        contig: Contig.
        position: 0-based.
        ref: REF.
        alt: ALT.
        gene: Name of the gene interval.
        what: ``de_novo``, ``compound_paternal`` or ``compound_maternal``.
        carriers: Sample IDs, all heterozygous.
    """

    contig: str
    position: int
    ref: str
    alt: str
    gene: str
    what: str
    carriers: tuple[str, ...]


@dataclass(frozen=True)
class Cohort:
    """Everything that is true about the toy people.

    Attributes:
        reference: The reference.
        sites: Variant sites per contig.
        alleles: Alleles per contig, shape (sites, people, 2); see ``inheritance``.
        planted: The variants planted in the proband.
        heteroplasmies: Variants in some of a person's mitochondria, or in all of them.
    """

    reference: Reference
    sites: dict[str, Sites]
    alleles: dict[str, Alleles]
    planted: tuple[Planted, ...]
    heteroplasmies: tuple[Heteroplasmy, ...] = ()


def make_cohort(seed: int, scale: float = 1.0) -> Cohort:
    """Draw the people of ``seed`` and plant the proband's variants."""
    reference = make_reference(seed, scale)
    sites: dict[str, Sites] = {}
    alleles: dict[str, Alleles] = {}
    meioses: dict[tuple[str, int], Transmission] = {}
    for name, contig in reference.contigs.items():
        sites[name] = _draw_sites(reference, name, stream(seed, "sites", name))
        rng = stream(seed, "founders", name)
        alleles[name] = draw_founders(sites[name], contig, rng)
        remove_absent(alleles[name], sites[name], name, reference)
        for copy, parent in enumerate((FATHER, MOTHER)):
            meiosis = draw_transmission(contig, reference, PEOPLE[PROBAND], copy, rng)
            transmit(alleles[name], sites[name], parent, PROBAND, copy, meiosis)
            meioses[name, copy] = meiosis
        remove_absent(alleles[name], sites[name], name, reference)
        seen = (alleles[name] == 1).any(axis=(1, 2))
        sites[name], alleles[name] = sites[name].take(seen), alleles[name][seen]
    mitochondrion = reference.contigs[MITOCHONDRION].codes
    heteroplasmies = plant_heteroplasmies(seed, mitochondrion, sites[MITOCHONDRION])
    founders = Cohort(reference, sites, alleles, (), heteroplasmies)
    return _plant_all(founders, meioses, stream(seed, "planted"))


def _draw_sites(reference: Reference, name: str, rng: np.random.Generator) -> Sites:
    sites = draw_sites(reference.contigs[name], rng)
    # A deletion across the end of the PAR would not be the same event on chrX and chrY.
    return sites.clear_of(reference.par_end) if name == X else sites


def genotype(copies: Alleles) -> str:
    """The VCF genotype of one person at one site: phased, haploid or absent."""
    present = [str(allele) for allele in copies if allele != ABSENT]
    return "|".join(present) if present else "."


def _plant_all(
    cohort: Cohort, meioses: dict[tuple[str, int], Transmission], rng: np.random.Generator
) -> Cohort:
    genes = {gene.name: gene for gene in cohort.reference.genes}
    compound = genes[_COMPOUND_GENE]
    # A third of the gene lies between the two, so that no fragment holds both.
    third = (compound.end - compound.start) // 3
    first = replace(compound, end=compound.start + third)
    second = replace(compound, start=compound.end - third)
    cohort = plant(cohort, genes[_DE_NOVO_GENE], "de_novo", 0, None, 0, rng)
    paternal, maternal = meioses[compound.contig, 0], meioses[compound.contig, 1]
    cohort = plant(cohort, first, "compound_paternal", 0, (FATHER, paternal), 0, rng)
    return plant(cohort, second, "compound_maternal", 1, (MOTHER, maternal), 2, rng)


def plant(
    cohort: Cohort,
    gene: Interval,
    what: str,
    copy: int,
    origin: tuple[int, Transmission] | None,
    deleted: int,
    rng: np.random.Generator,
) -> Cohort:
    """Add an SNV, or a deletion of ``deleted`` bp, to the proband and the parent it came from.

    Args:
        cohort: The people so far.
        gene: Where, clear of repeats and of other variants.
        what: Kind of the planted variant, see ``Planted``.
        copy: The proband's copy, 0 from the father, 1 from the mother.
        origin: The parent who has it and the meiosis; None: it is new.
        deleted: Length of the deletion in bp, 0 for an SNV.
        rng: Draws the place and the base.
    """
    position, ref, alt = _draw_planted(cohort, gene, deleted, rng)
    sites, alleles = cohort.sites[gene.contig], cohort.alleles[gene.contig]
    row = int(np.searchsorted(sites.positions, position))
    added = np.zeros((len(PEOPLE), 2), dtype=np.int8)
    added[PROBAND, copy] = 1
    carriers = [PROBAND]
    if origin:
        parent, meiosis = origin
        added[parent, meiosis.copy_at(np.array([position]))[0]] = 1
        carriers.append(parent)
    planted = Planted(
        gene.contig,
        position,
        ref,
        alt,
        gene.name,
        what,
        tuple(PEOPLE[row].sample_id for row in carriers),
    )
    return Cohort(
        cohort.reference,
        cohort.sites | {gene.contig: sites.insert(row, position, ref, alt)},
        cohort.alleles | {gene.contig: np.insert(alleles, row, added, axis=0)},
        (*cohort.planted, planted),
        cohort.heteroplasmies,
    )


def _draw_planted(
    cohort: Cohort, gene: Interval, deleted: int, rng: np.random.Generator
) -> tuple[int, str, str]:
    contig, sites = cohort.reference.contigs[gene.contig], cohort.sites[gene.contig]
    occupied = contig.repeats | contig.hidden
    for start, end in zip(sites.positions, sites.ends, strict=True):
        occupied[start:end] = True
    free = ~widen(occupied, _PLANTED_CLEARANCE)
    candidates = np.flatnonzero(free[gene.start : gene.end]) + gene.start
    position = int(rng.choice(candidates))
    if deleted:
        return left_align(contig.codes, position, deleted, "")
    ref = contig.codes[position : position + 1]
    return position, decode(ref), decode(snv_alternates(ref, rng))
