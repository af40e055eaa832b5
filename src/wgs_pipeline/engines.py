"""Calling engines: the rules that call with each, and what each asks of machine and scatter."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from wgs_pipeline.config import CallingConfig


@dataclass(frozen=True)
class Engine:
    """One value of ``calling.engine``; its rules are in ``workflow/rules/engines``.

    Attributes:
        piece_rule: Rule that calls one sample over one piece of the genome.
        piece_suffix: How its output ends, before ``.gz``.
        tools: Commands that must be on PATH.
        remedy: How to get them.
        deployment: What Snakemake's --sdm can get them with instead.
        balances_indels: Whether the reads that it counts for an indel are all that show it. mpileup
            counts those alone whose alignment settles it, so that the share says little.
        at_gaps: Whether pieces may begin and end only where the reference has a run of N. Such an
            engine decides from the last gap on how it cuts a stretch into regions, so that a piece
            that began elsewhere would not be called as in an unscattered run.
        family_rules: Rules that call a family over one piece, with what their outputs end with.
        reference_steps: Rules that make what the engine needs beside the reference, with the paths.
        newest_cram: The newest version of CRAM that it reads.
        genotypes_gvcfs: Whether a family, and a single sample, is genotyped from its gVCFs rather
            than called from alignments.
    """

    piece_rule: str
    piece_suffix: str
    tools: tuple[str, ...]
    remedy: str
    deployment: str = "conda"
    balances_indels: bool = True
    at_gaps: bool = False
    family_rules: tuple[tuple[str, str], ...] = (("call_family_piece", "vcf.gz"),)
    reference_steps: tuple[tuple[str, str], ...] = ()
    newest_cram: tuple[int, int] = (3, 1)
    genotypes_gvcfs: bool = False


_DEBIAN = "Install it (make setup)"

ENGINES: dict[str, Engine] = {
    "bcftools": Engine("call_piece", "g.vcf", ("bcftools",), _DEBIAN, balances_indels=False),
    "freebayes": Engine("call_variants_piece", "vcf", ("freebayes",), _DEBIAN),
    "gatk": Engine(
        "call_haplotypes_piece",
        "g.vcf",
        ("gatk",),
        "Set it up with make gatk (Java 17; 420 MB from Maven Central)",
        at_gaps=True,
        family_rules=(("genotype_family_piece", "vcf.gz"),),
        reference_steps=(("make_dictionary", "reference/genome.dict"),),
        newest_cram=(3, 0),
        genotypes_gvcfs=True,
    ),
    "deepvariant": Engine(
        "call_deepvariant_piece",
        "g.vcf",
        ("run_deepvariant", "glnexus_cli"),
        "Install DeepVariant and GLnexus",
        "apptainer",
        at_gaps=True,
        family_rules=(("genotype_family_piece", "bcf"), ("filter_family_piece", "vcf.gz")),
        genotypes_gvcfs=True,
    ),
}


def missing_tools(engine: str) -> tuple[str, ...]:
    """Commands of an engine that are not on PATH."""
    return tuple(tool for tool in ENGINES[engine].tools if shutil.which(tool) is None)


def failing_calls(calling: CallingConfig) -> str:
    """The calls of a gVCF that do not pass, as an expression of bcftools.

    By QUAL, depth and allele balance. A site fails for its allele balance where every sample that
    carries an ALT is heterozygous and has too small a share of its reads: gnomAD's filter of
    genotypes (Karczewski et al. 2020, AB below 0.2), taken to sites.
    """
    few = f"sMAX(FORMAT/AD[*:1-]) < {calling.min_allele_balance} * sSUM(FORMAT/AD)"
    judged = "" if ENGINES[calling.engine].balances_indels else 'TYPE="snp" && '
    return (
        f'N_PASS(GT="alt") > 0 && (QUAL < {calling.min_qual}'
        f" || MAX(FORMAT/DP) < {calling.min_depth}"
        f' || ({judged}N_PASS(GT="het" & {few}) == N_PASS(GT="alt")))'
    )


def failing_sites(calling: CallingConfig) -> str:
    """The sites of a callset that do not pass: nobody carries an ALT, or by `failing_calls`."""
    return f'N_PASS(GT="alt") == 0 || ({failing_calls(calling)})'
