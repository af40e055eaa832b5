"""The truth of the toy: VCFs, confident regions, genes, planted variants."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pysam

from wgs_pipeline.files import write_text
from wgs_pipeline.toy.cohort import Cohort, genotype
from wgs_pipeline.toy.people import PEOPLE
from wgs_pipeline.toy.reference import MITOCHONDRION, Interval, Reference, runs, widen

#: Alignments are cut short this close to N and to contig ends, in bp.
_CONFIDENT_MARGIN = 150


def write_truth(folder: Path, cohort: Cohort) -> None:
    """Write the truth of ``cohort`` below ``folder``, one VCF of all and one of each analysed."""
    write_vcf(folder / "truth.vcf.gz", cohort, range(len(PEOPLE)))
    for row, person in enumerate(PEOPLE):
        if person.analysed:
            write_vcf(folder / f"{person.sample_id}.vcf.gz", cohort, [row])
    write_text(folder / "confident.bed", bed(confident_intervals(cohort.reference)))
    write_text(folder / "genes.bed", bed(cohort.reference.genes))
    write_text(folder / "planted.tsv", planted_table(cohort))
    write_text(folder / "mitochondrion.tsv", mitochondrion_table(cohort))


def write_vcf(path: Path, cohort: Cohort, people: Iterable[int]) -> None:
    """Write the sites at which any of ``people`` carries ALT, with a tabix index.

    pysam names the index after the VCF, so the two are written in place: ``path`` lies in a
    folder that is renamed as a whole once it is complete.
    """
    plain = path.with_suffix("")
    write_text(plain, vcf_text(cohort, list(people)))
    pysam.tabix_compress(str(plain), str(path), force=True)
    pysam.tabix_index(str(path), preset="vcf", force=True)
    plain.unlink()


def vcf_text(cohort: Cohort, people: list[int]) -> str:
    """VCF of ``people``; GT is phased, the father's copy first."""
    contigs = cohort.reference.contigs.values()
    header = [
        "##fileformat=VCFv4.2",
        *(f"##contig=<ID={contig.name},length={contig.length}>" for contig in contigs),
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype, paternal copy first">',
    ]
    names = [PEOPLE[row].sample_id for row in people]
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *names]
    records = (line for contig in contigs for line in _records(cohort, contig.name, people))
    return "\n".join([*header, "\t".join(columns), *records]) + "\n"


def _records(cohort: Cohort, contig: str, people: list[int]) -> Iterable[str]:
    alleles = cohort.alleles[contig][:, people]
    carried = (alleles == 1).any(axis=(1, 2))
    sites = cohort.sites[contig].take(carried)
    rows = zip(sites.positions, sites.refs, sites.alts, alleles[carried], strict=True)
    for position, ref, alt, copies in rows:
        genotypes = "\t".join(genotype(person) for person in copies)
        yield f"{contig}\t{position + 1}\t.\t{ref}\t{alt}\t.\tPASS\t.\tGT\t{genotypes}"


def confident_intervals(reference: Reference) -> list[Interval]:
    """Where the truth is claimed: all known bases but those beside N and contig ends."""
    intervals = []
    for contig in reference.contigs.values():
        hidden = contig.hidden.copy()
        hidden[[0, -1]] = True
        trusted = runs(~widen(hidden, _CONFIDENT_MARGIN))
        intervals += [Interval(contig.name, int(s), int(e), "confident") for s, e in trusted]
    return intervals


def bed(intervals: Iterable[Interval]) -> str:
    """BED text of four columns."""
    return "".join(f"{i.contig}\t{i.start}\t{i.end}\t{i.name}\n" for i in intervals)


def planted_table(cohort: Cohort) -> str:
    """The planted variants as TSV, with 1-based positions as in the VCF."""
    header = "variant\twhat\tgene\tcarriers\n"
    return header + "".join(
        f"{p.contig}-{p.position + 1}-{p.ref}-{p.alt}\t{p.what}\t{p.gene}\t{','.join(p.carriers)}\n"
        for p in cohort.planted
    )


def mitochondrion_table(cohort: Cohort) -> str:
    """Mitochondrial variants of everyone as TSV, with the share of the copies that have them."""
    rows = [
        (each.person, each.position, each.ref, each.alt, each.share)
        for each in cohort.heteroplasmies
    ]
    sites, alleles = cohort.sites[MITOCHONDRION], cohort.alleles[MITOCHONDRION]
    for person in range(len(PEOPLE)):
        carried = sites.take(alleles[:, person, 1] == 1)
        columns = zip(carried.positions.tolist(), carried.refs, carried.alts, strict=True)
        rows += [(person, position, str(ref), str(alt), 1.0) for position, ref, alt in columns]
    return "sample\tvariant\theteroplasmy\n" + "".join(
        f"{PEOPLE[person].sample_id}\t{MITOCHONDRION}-{position + 1}-{ref}-{alt}\t{share:g}\n"
        for person, position, ref, alt, share in sorted(rows)
    )
