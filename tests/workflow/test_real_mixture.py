"""Real reads of two persons as one sample: what can be said of one short stretch, and what not.

HG002 at some 15x with all reads of NA12829, an eighth to a third of the whole, in the 78 kb that
both have. Needs the shared data, bwa, samtools and bcftools. About 20 s.
"""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from running import BIN, SHARED_DATA

REFERENCE = SHARED_DATA / "ref-b37-chr20" / "b37.chr20.windows.fa.gz"
DEEP = SHARED_DATA / "giab-hg002-chr20"
SHALLOW = SHARED_DATA / "cohort-ceu-lowcov-chr20"
KNOWN = SHARED_DATA / "known-sites-b37-chr20" / "hapmap_3.3.cut.sites.vcf.gz"
WINDOW = "20_19999626_20300468:156583-234930"

pytestmark = [
    pytest.mark.skipif(
        not all(path.exists() for path in (REFERENCE, DEEP, SHALLOW, KNOWN)),
        reason=f"needs the real reads in {SHARED_DATA}",
    ),
    pytest.mark.skipif(
        not all(map(shutil.which, ("bwa", "samtools", "bcftools"))),
        reason="needs bwa, samtools and bcftools",
    ),
]


def bash(script, folder):
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=folder, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def mixture(tmp_path_factory):
    """The files of ``wgs qc`` for a sample that is a mixture."""
    folder = tmp_path_factory.mktemp("mixture")
    ends = [
        f"<(cat {DEEP}/HG002_*_L00[12]_R{end}.fastq.gz {SHALLOW}/NA12829_R{end}.fastq.gz)"
        for end in (1, 2)
    ]
    (folder / "config.yaml").write_text(
        "samples: samples.tsv\nunits: units.tsv\nconsents: consents.tsv\nresults: results\n"
        "reference: {build: GRCh37, fasta: ref.fa}\nngd: {root: ngd, vault: vault}\n"
    )
    bash(
        f"""
        gzip -dc {REFERENCE} >ref.fa; samtools faidx ref.fa; bwa index ref.fa
        bwa mem -Y -R '@RG\\tID:1\\tSM:S\\tLB:1\\tPL:ILLUMINA' ref.fa {" ".join(ends)} \\
            | samtools fixmate -u -m - - | samtools sort -u - | samtools markdup -u - - \\
            | samtools view --cram --reference ref.fa --write-index -o S.cram -
        {BIN}/wgs qc regions --reference ref.fa -o regions.bed
        {BIN}/wgs qc alignment S.cram --reference ref.fa --regions regions.bed --sites {KNOWN} \\
            --samtools-stats stats.txt -o tally.json
        bcftools mpileup -f ref.fa -q 20 -Q 20 -r {WINDOW} -a AD,DP -Ou S.cram \\
            | bcftools call -m -g 5 -Oz -o S.g.vcf.gz
        {BIN}/wgs qc charr S.g.vcf.gz --autosomes regions.bed --reference-fai ref.fa.fai \\
            -o charr.json
        {BIN}/wgs qc metrics --sample S --sex male --samtools-stats stats.txt \\
            --alignment-tally tally.json --charr charr.json -o metrics.json
        {BIN}/wgs qc verdict --metrics metrics.json --config config.yaml -o verdict.json
        """,
        folder,
    )
    return folder


def test_too_few_sites_are_not_applicable_and_the_verdict_says_so(mixture):
    metrics = json.loads((mixture / "metrics.json").read_text())["metrics"]
    for name in ("contamination_likelihood", "contamination_charr", "cross_contamination_rate"):
        assert metrics[name]["value"] is None
        assert "1000 are needed" in metrics[name]["not_applicable"]
    verdict = json.loads((mixture / "verdict.json").read_text())
    skipped = {each["metric"]: each["reason"] for each in verdict["not_judged"]}
    assert (
        "common SNVs have 8 reads or more; 1000 are needed" in skipped["cross_contamination_rate"]
    )
    assert "cross_contamination_rate" not in verdict["passed"]
