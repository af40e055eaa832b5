"""The data dictionary of an export: every column of every file, its type, unit and meaning."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

NAME = "data_dictionary.tsv"


class Column(NamedTuple):
    """One column, or field of a VCF.

    Attributes:
        file: File or folder that has it.
        column: Its name.
        type: Type in Parquet, or in VCF.
        unit: Unit; empty where there is none.
        meaning: What it says.
    """

    file: str
    column: str
    type: str
    unit: str
    meaning: str


_SITE = (
    ("contig", "string", "", "Contig of the reference"),
    ("pos", "int32", "bp, 1-based", "First base of ref, as POS in VCF"),
    ("ref", "string", "", "Reference allele; variants are biallelic, trimmed and left-aligned"),
    ("alt", "string", "", "Alternative allele"),
)
_COUNTS = (
    ("AC", "int32", "alleles", "n_het + 2 n_hom + n_hemi; empty where small numbers are left out"),
    ("AN", "int32", "alleles", "Copies expected of the genomes callable at pos"),
    ("AF", "double", "", "AC / AN; empty where either is"),
    ("n_het", "int32", "genomes", "Genomes with one of two copies"),
    ("n_hom", "int32", "genomes", "Genomes with two copies"),
    ("n_hemi", "int32", "genomes", "Genomes with their only copy (X, Y, mitochondrion)"),
    ("suppressed", "bool", "", "Whether something of this row is left out for small numbers"),
)
_SAMPLE = "Name of the genome in this project; the person's pseudonym, .2 and so on for more"
_GENOTYPES = (
    ("sample", "string", "", _SAMPLE),
    ("kind", "string", "", "het: one of two copies; hom: two copies; hemi: the only copy"),
    ("gt", "string", "", "Genotype as called, of this alt alone: all other alleles are 0"),
    ("dp", "int16", "reads", "Read depth"),
    ("gq", "int16", "Phred", "Genotype quality"),
    ("ad_ref", "int16", "reads", "Reads for ref"),
    ("ad_alt", "int16", "reads", "Reads for alt"),
)
_CALLABLE = (
    ("sample", "string", "", _SAMPLE),
    ("contig", "string", "", "Contig of the reference"),
    ("start", "int32", "bp, 0-based", "First base of a run in which the genome is callable"),
    ("end", "int32", "bp, 0-based", "One past the last base of the run; no row: no call"),
)
_SAMPLES = (
    ("sample", "string", "", _SAMPLE),
    ("person", "string", "", "Pseudonym of the person in this project"),
    ("karyotype", "string", "", "Sex chromosomes as loaded; decides the ploidy on X and Y"),
    ("assay", "string", "", "wgs, or the targeted assay"),
)
_INFO = (
    ("INFO/AC", "Integer", "alleles", "As AC of frequencies.parquet"),
    ("INFO/AN", "Integer", "alleles", "As AN of frequencies.parquet"),
    ("INFO/AF", "Float", "", "As AF of frequencies.parquet"),
    ("INFO/nhet", "Integer", "genomes", "As n_het of frequencies.parquet"),
    ("INFO/nhomalt", "Integer", "genomes", "As n_hom of frequencies.parquet"),
    ("INFO/nhemi", "Integer", "genomes", "As n_hemi of frequencies.parquet"),
    ("INFO/SUPPRESSED", "Flag", "", "Small numbers of persons are left out of this record"),
)
_FORMAT = (
    ("INFO/AC", "Integer", "alleles", "Copies of ALT in this file"),
    ("INFO/AN", "Integer", "alleles", "Alleles called in this file"),
    ("FORMAT/GT", "String", "", "0/0 or 0: callable and without ALT; ./. or .: no call; unphased"),
    ("FORMAT/DP", "Integer", "reads", "Read depth of a call"),
    ("FORMAT/GQ", "Integer", "Phred", "Genotype quality of a call"),
    ("FORMAT/AD", "Integer", "reads", "Reads for REF and ALT of a call"),
)
_OF_FILE = {
    "frequencies.parquet": _SITE + _COUNTS,
    "frequencies.vcf.gz": _INFO,
    "samples.parquet": _SAMPLES,
    "genotypes/": _SITE + _GENOTYPES,
    "callable/": _CALLABLE,
    "genotypes.vcf.gz": _FORMAT,
    "genotypes.bcf": _FORMAT,
}


def columns(names: Iterable[str]) -> list[Column]:
    """Columns of the named files and folders; a folder's name ends with a slash."""
    return [
        Column(file, *row) for file, rows in _OF_FILE.items() if file in set(names) for row in rows
    ]


def text(names: Iterable[str]) -> str:
    """The data dictionary of the named files, as TSV."""
    rows = [Column._fields, *columns(names)]
    return "".join("\t".join(row) + "\n" for row in rows)
