"""Which metrics there are: name, unit, the input each rests on, and what it says.

The sixteen names of the GA4GH WGS quality control standard (metrics definitions 1.0) keep the
published spelling. The rest are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class NotApplicable:
    """A metric that the inputs or the reference cannot support, and why."""

    reason: str


#: What a metric can come to: a number, a word (the karyotype), or not applicable.
Finding = float | int | str | NotApplicable


@dataclass(frozen=True)
class Definition:
    """What a metric means.

    Attributes:
        name: Key in ``metrics.json``.
        unit: Unit of the value; empty for ratios and words.
        source: The input that the metric is read from.
        title: Short heading of a table column.
        description: One sentence for people.
        ga4gh: Whether name and meaning are of the GA4GH standard.
    """

    name: str
    unit: str
    source: str
    title: str
    description: str
    ga4gh: bool = False


SAMTOOLS_STATS = "wgs qc alignment, as samtools stats"
ALIGNMENT_PASS = "wgs qc alignment"
BCFTOOLS_STATS = "bcftools stats"
FASTP = "fastp"
CONTAMINATION = "wgs qc alignment, wgs qc charr"
CHARR = "wgs qc charr"
SEX = "wgs qc alignment, wgs reference ploidy"
MITOCHONDRION = "wgs mitochondrion call"

CATALOGUE: tuple[Definition, ...] = (
    Definition("yield_bp_q30", "bp", SAMTOOLS_STATS, "Q30 bases",
               "Bases of quality 30 or more in primary reads, duplicates included.", True),
    Definition("yield_bp", "bp", SAMTOOLS_STATS, "Bases", "Sequenced bases of primary reads."),
    Definition("pct_reads_mapped", "%", SAMTOOLS_STATS, "Mapped",
               "Primary reads that are mapped, duplicates included.", True),
    Definition("pct_reads_properly_paired", "%", SAMTOOLS_STATS, "Proper pairs",
               "Primary reads mapped in a proper pair, duplicates included.", True),
    Definition("mean_insert_size", "bp", SAMTOOLS_STATS, "Mean insert",
               "Mean insert size of the main 99 % of mapped pairs.", True),
    Definition("insert_size_std_deviation", "bp", SAMTOOLS_STATS, "Insert SD",
               "Standard deviation of the insert size of the main 99 % of mapped pairs.", True),
    Definition("median_insert_size", "bp", SAMTOOLS_STATS, "Median insert",
               "Median insert size of the main 99 % of mapped pairs."),
    Definition("duplication", "fraction", SAMTOOLS_STATS, "Duplicates",
               "Mapped primary reads that are marked as duplicates."),
    Definition("optical_duplication", "fraction", ALIGNMENT_PASS, "Optical duplicates",
               "Mapped primary reads that are duplicates made on the flowcell, not the library."),
    Definition("chimeras", "fraction", ALIGNMENT_PASS, "Chimeras",
               "Mapped primary reads that are split, far from their mate or oddly oriented."),
    Definition("mean_read_length", "bp", SAMTOOLS_STATS, "Read length",
               "Mean length of the primary reads."),
    Definition("mean_base_quality", "Phred", SAMTOOLS_STATS, "Base quality",
               "Mean quality of the bases of primary reads."),
    Definition("at_dropout", "%", ALIGNMENT_PASS, "AT dropout",
               "Reads that lack where the reference has at most 50 % GC."),
    Definition("gc_dropout", "%", ALIGNMENT_PASS, "GC dropout",
               "Reads that lack where the reference has more than 50 % GC."),
    Definition("mean_autosome_coverage", "x", ALIGNMENT_PASS, "Coverage",
               "Mean depth over the autosomes without N.", True),
    Definition("median_autosome_coverage", "x", ALIGNMENT_PASS, "Median coverage",
               "Median depth over the autosomes without N."),
    Definition("mad_autosome_coverage", "x", ALIGNMENT_PASS, "Coverage MAD",
               "Median absolute deviation of the depth over the autosomes without N.", True),
    Definition("pct_autosomes_1x", "%", ALIGNMENT_PASS, "≥ 1x", "Autosomal bases of depth ≥ 1."),
    Definition("pct_autosomes_10x", "%", ALIGNMENT_PASS, "≥ 10x", "Autosomal bases of depth ≥ 10."),
    Definition("pct_autosomes_15x", "%", ALIGNMENT_PASS, "≥ 15x",
               "Autosomal bases of depth ≥ 15.", True),
    Definition("pct_autosomes_20x", "%", ALIGNMENT_PASS, "≥ 20x", "Autosomal bases of depth ≥ 20."),
    Definition("pct_autosomes_30x", "%", ALIGNMENT_PASS, "≥ 30x", "Autosomal bases of depth ≥ 30."),
    Definition("x_coverage_ratio", "", SEX, "X ratio",
               "Depth of X outside PAR divided by the autosomes'."),
    Definition("y_coverage_ratio", "", SEX, "Y ratio",
               "Depth of Y outside PAR divided by the autosomes'."),
    Definition("x_heterozygosity_ratio", "", SEX, "X heterozygosity",
               "Heterozygous bases of X outside PAR relative to the autosomes'."),
    Definition("inferred_karyotype", "", SEX, "Karyotype",
               "Sex chromosomes inferred from the depth of X and Y and heterozygosity on X."),
    Definition("mitochondrial_coverage_ratio", "", ALIGNMENT_PASS, "Mitochondrion",
               "Depth of the mitochondrial contig divided by the autosomes'."),
    Definition("mitochondrial_copy_number", "", ALIGNMENT_PASS, "mtDNA copies",
               "Mitochondrial genomes in a cell: twice their depth divided by the autosomes'."),
    Definition("mean_panel_coverage", "x", ALIGNMENT_PASS, "Panel coverage",
               "Mean depth over the gene panel."),
    Definition("pct_panel_20x", "%", ALIGNMENT_PASS, "Panel ≥ 20x",
               "Bases of the gene panel of depth ≥ 20."),
    Definition("panel_exons_below_20x", "exons", ALIGNMENT_PASS, "Exons < 20x",
               "Exons of the gene panel with a base of depth below 20."),
    Definition("cross_contamination_rate", "fraction", CONTAMINATION, "Contamination",
               "Share of the reads that come from another person.", True),
    Definition("contamination_standard_error", "fraction", CONTAMINATION, "Contamination, error",
               "Standard error of the contamination."),
    Definition("contamination_likelihood", "fraction", ALIGNMENT_PASS, "Contamination, likelihood",
               "The same, of the bases at common SNVs."),
    Definition("contamination_charr", "fraction", CHARR, "Contamination, CHARR",
               "The same, of the reference reads at homozygous SNVs."),
    Definition("count_snvs", "alleles", BCFTOOLS_STATS, "SNVs",
               "Autosomal SNV alleles that pass the filter.", True),
    Definition("count_insertions", "alleles", BCFTOOLS_STATS, "Insertions",
               "Autosomal insertions below 50 bp that pass the filter.", True),
    Definition("count_deletions", "alleles", BCFTOOLS_STATS, "Deletions",
               "Autosomal deletions below 50 bp that pass the filter.", True),
    Definition("ratio_insertion_deletion", "", BCFTOOLS_STATS, "Ins/del",
               "Insertions divided by deletions.", True),
    Definition("ratio_heterozygous_homzygous_snv", "", BCFTOOLS_STATS, "Het/hom SNV",
               "Heterozygous SNVs divided by homozygous ones.", True),
    Definition("ratio_heterozygous_homzygous_indel", "", BCFTOOLS_STATS, "Het/hom indel",
               "Heterozygous indels divided by homozygous ones.", True),
    Definition("ratio_transitions_transversions", "", BCFTOOLS_STATS, "Ti/Tv",
               "Transitions divided by transversions.", True),
    Definition("count_homoplasmies", "alleles", MITOCHONDRION, "Homoplasmies",
               "Mitochondrial alleles in (nearly) all copies that pass the filter."),
    Definition("count_heteroplasmies", "alleles", MITOCHONDRION, "Heteroplasmies",
               "Mitochondrial alleles in a part of the copies that pass the filter."),
    Definition("pct_adapter_bases", "%", FASTP, "Adapter",
               "Bases that fastp recognises as adapter, of all lanes."),
    Definition("gc_content", "fraction", FASTP, "GC", "G and C among the sequenced bases."),
)  # fmt: skip

DEFINITIONS: Mapping[str, Definition] = {each.name: each for each in CATALOGUE}


def ratio(numerator: float, denominator: float, reason: str) -> float | NotApplicable:
    """``numerator / denominator``, or not applicable for ``reason`` where that is nothing."""
    return numerator / denominator if denominator else NotApplicable(reason)


def finding_json(name: str, finding: Finding) -> dict[str, Any]:
    """One metric as ``metrics.json`` holds it."""
    definition = DEFINITIONS[name]
    if isinstance(finding, NotApplicable):
        return {
            "value": None, "unit": definition.unit, "not_applicable": finding.reason,
        }  # fmt: skip
    return {"value": finding, "unit": definition.unit, "source": definition.source}
