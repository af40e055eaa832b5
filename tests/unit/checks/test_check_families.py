"""Files that the analysis of families reads, before a run."""

from __future__ import annotations

import pytest

from wgs_pipeline.checks.families import check_family_files
from wgs_pipeline.config import load_config

CONFIG = """\
samples: s.tsv
units: u.tsv
consents: c.tsv
results: results
reference: {build: small, fasta: r.fa}
ngd: {root: ngd, vault: vault}
"""
LENGTHS = {"chr1": 1000, "chr2": 500}


def config(folder, family):
    path = folder / "config.yaml"
    path.write_text(CONFIG + f"family: {family}\n")
    return load_config(path)


def test_nothing_configured_and_good_files(tmp_path):
    assert check_family_files(config(tmp_path, "{}"), LENGTHS) == []
    (tmp_path / "genes.bed").write_text("chr1\t0\t1000\tONE\n")
    (tmp_path / "af.tsv.gz").write_bytes(b"x")
    (tmp_path / "af.tsv.gz.tbi").write_bytes(b"x")
    both = config(tmp_path, "{genes: genes.bed, roh: {allele_frequencies: af.tsv.gz}}")
    assert both.family.genes == tmp_path / "genes.bed"
    assert both.family.roh.allele_frequencies == tmp_path / "af.tsv.gz"
    assert check_family_files(both, LENGTHS) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, "genes.bed"),
        ("7\t10\t20\tCFTR\n", "7, which is no contig"),
        ("chr1\t10\t2000\tONE\n", "ends at 2000 on chr1 of 1000 bp"),
        ("chr1\tten\t20\n", "genes.bed:1"),
        ("", "is empty"),
        ("# none\n", "no gene"),
    ],
)
def test_genes_that_cannot_be_used(tmp_path, text, found):
    if text is not None:
        (tmp_path / "genes.bed").write_text(text)
    (problem,) = check_family_files(config(tmp_path, "{genes: genes.bed}"), LENGTHS)
    assert problem.file == str(tmp_path / "config.yaml")
    assert problem.line == 7
    assert found in str(problem)


def test_frequencies_without_index(tmp_path):
    one = config(tmp_path, "{roh: {allele_frequencies: af.tsv.gz}}")
    (problem,) = check_family_files(one, LENGTHS)
    assert "af.tsv.gz" in str(problem)
    (tmp_path / "af.tsv.gz").write_bytes(b"x")
    (problem,) = check_family_files(one, LENGTHS)
    assert "no index" in str(problem)
    assert "tabix" in problem.remedy
