"""Alleles of the mitochondrion, counted from the calls of ``wgs mitochondrion call``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from wgs_pipeline.metrics.catalogue import Finding
from wgs_pipeline.metrics.pipes import read_pipe


def mitochondrial_metrics(vcf: Path) -> dict[str, Finding]:
    """Alleles that pass: those in all copies, and heteroplasmies.

    Raises:
        WgsError: bcftools cannot read the calls.
    """
    query = ["bcftools", "query", "-f", "[%GT]\\n", "-i", 'FILTER="PASS"', str(vcf)]
    genotypes = Counter(read_pipe([query]).decode().split())
    return {
        "count_homoplasmies": genotypes["1"],
        "count_heteroplasmies": genotypes["0/1"],
    }
