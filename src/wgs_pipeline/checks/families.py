"""Files that the analysis of families reads: genes, allele frequencies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from wgs_pipeline.checks.compression import access_problem
from wgs_pipeline.config import Config
from wgs_pipeline.errors import Problem, WgsError
from wgs_pipeline.family.genome import index_genes
from wgs_pipeline.reference import Contig, contig_role


def check_family_files(config: Config, lengths: Mapping[str, int]) -> list[Problem]:
    """Problems of ``family.genes`` and ``family.roh.allele_frequencies``.

    Args:
        config: The configuration.
        lengths: Of the reference's contigs, empty where unknown.
    """
    return [*_genes_problems(config, lengths), *_frequency_problems(config)]


def _genes_problems(config: Config, lengths: Mapping[str, int]) -> list[Problem]:
    path = config.family.genes
    if path is None:
        return []
    where, line = str(config.path), config.line("family", "genes")
    missing = access_problem(path, where, line, "family.genes")
    if missing or not lengths:
        return [missing] if missing else []
    contigs = [Contig(name, length, contig_role(name)) for name, length in lengths.items()]
    try:
        index_genes(path, contigs)
    except WgsError as error:
        expected = "genes on the contigs of reference.fasta"
        return [Problem(where, line, f"family.genes: {error}", expected, "Correct the path.")]
    return []


def _frequency_problems(config: Config) -> list[Problem]:
    path = config.family.roh.allele_frequencies
    if path is None:
        return []
    where, line = str(config.path), config.line("family", "roh", "allele_frequencies")
    role = "family.roh.allele_frequencies"
    missing = access_problem(path, where, line, role)
    if missing:
        return [missing]
    if any(Path(f"{path}{end}").is_file() for end in (".tbi", ".csi")):
        return []
    found = f"{role}: {path.name} has no index"
    remedy = "Make it with tabix --sequence 1 --begin 2 --end 2."
    return [Problem(where, line, found, "a bgzip table with its tabix index", remedy)]
