"""Which calls do not pass, asked of bcftools itself; which tools an engine misses."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from rules import need
from wgs_pipeline.config import CallingConfig
from wgs_pipeline.engines import ENGINES, failing_calls, failing_sites, missing_tools

REPOSITORY = Path(__file__).parents[2]
CALLING = CallingConfig(
    engine="gatk", scatter_count=1, interval_padding=0, min_mapping_quality=20,
    min_base_quality=20, depth_bands=(0,), min_qual=20, min_depth=5, min_allele_balance=0.2,
)  # fmt: skip
HEADER = """\
##fileformat=VCFv4.2
##contig=<ID=1,length=1000>
##INFO=<ID=END,Number=1,Type=Integer,Description="End">
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Reads">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth">
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\tS2
"""
#: ALT, QUAL, two samples, whether the calls pass, whether the site of a callset does.
SITES = [
    ("C", 50, "0/1:30,25:55", "0/0:20,0:20", True, True),
    ("C", 50, "0/1:60,5:65", "0/0:20,0:20", False, False),
    ("C", 50, "0|1:60,5:65", "./.:.:.", False, False),
    ("C", 50, "0/1:60,5:65", "1/1:0,20:20", True, True),
    ("C", 50, "0/1:60,5:65", "0/1:10,10:20", True, True),
    ("C", 50, "0/1:8,2:10", "0/0:9,0:9", True, True),  # just 0.2
    ("C,G", 50, "1/2:0,25,30:55", "0/0:20,0,0:20", True, True),
    ("C", 50, "1:60,5:65", ".:.:.", True, True),  # haploid: no balance
    ("C", 19, "0/1:30,25:55", "0/0:20,0:20", False, False),
    ("C", 50, "0/1:2,2:4", "0/0:4,0:4", False, False),
    ("C", 0, "0/0:30,1:31", "0/0:20,0:20", True, False),
    ("<NON_REF>", ".", "0/0:3,0:3", "0/0:2,0:2", True, False),
]


@pytest.mark.parametrize(("expression", "column"), [(failing_calls, 4), (failing_sites, 5)])
def test_the_calls_that_do_not_pass(tmp_path, expression, column):
    need("bcftools")
    lines = [
        f"1\t{n}\t.\tA\t{alt}\t{qual}\t.\t.\tGT:AD:DP\t{one}\t{two}"
        for n, (alt, qual, one, two, *_) in enumerate(SITES, start=1)
    ]
    (tmp_path / "in.vcf").write_text(HEADER + "\n".join(lines) + "\n")
    command = ["bcftools", "filter", "--soft-filter", "LowQual", "--exclude", expression(CALLING)]
    done = subprocess.run(
        [*command, tmp_path / "in.vcf"], check=True, capture_output=True, text=True
    )
    rows = [line.split("\t") for line in done.stdout.splitlines() if not line.startswith("#")]
    assert [row[6] == "PASS" for row in rows] == [site[column] for site in SITES]


def test_an_indel_of_mpileup_is_not_judged_by_its_share_of_reads(tmp_path):
    need("bcftools")
    record = "1\t1\t.\tA\tAC\t50\t.\t.\tGT:AD:DP\t0/1:60,5:65\t0/0:20,0:20\n"
    (tmp_path / "in.vcf").write_text(HEADER + record)
    for engine, passes in (("bcftools", True), ("gatk", False)):
        expression = failing_calls(replace(CALLING, engine=engine))
        command = ["bcftools", "view", "-H", "--exclude", expression, tmp_path / "in.vcf"]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        assert bool(done.stdout) == passes


def test_the_engines_are_those_of_the_schema():
    schema = yaml.safe_load((REPOSITORY / "workflow/schemas/config.schema.yaml").read_text())
    named = schema["properties"]["calling"]["properties"]["engine"]["enum"]
    assert named == list(ENGINES)
    rules = REPOSITORY / "workflow/rules/engines"
    assert {path.stem for path in rules.glob("*.smk")} == set(ENGINES)


def test_what_is_missing_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert missing_tools("deepvariant") == ("run_deepvariant", "glnexus_cli")
    (tmp_path / "glnexus_cli").write_text("#!/bin/sh\n")
    (tmp_path / "glnexus_cli").chmod(0o755)
    assert missing_tools("deepvariant") == ("run_deepvariant",)
