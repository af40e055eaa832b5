"""Callers of structural variants that are missing, fail, or leave half a file with exit code 0."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

WGS = Path(sys.executable).with_name("wgs")
HEAD = """\
##fileformat=VCFv4.2
##contig=<ID=chr1,length=1000>
##INFO=<ID=SVTYPE,Number=1,Type=String,Description="x">
##FORMAT=<ID=GT,Number=1,Type=String,Description="x">
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1
"""
#: What stands in for delly: its output file is its second option.
DELLY = {
    "works": 'bcftools view -Ob -o "$out" "$HEAD_VCF"',
    "cut": 'bcftools view -Ob -o "$out" "$HEAD_VCF"; truncate --size=-10 "$out"',
    "nothing": "true",
    "fails": "echo 'Fail to open genome' >&2; exit 3",
    "killed": "kill -9 $$",
    "few": "echo 'Sample has not enough data to estimate library parameters!' >&2; exit 1",
}


@pytest.fixture
def run(tmp_path):
    (tmp_path / "ref.fa").write_text(">chr1\n" + "A" * 1000 + "\n")
    (tmp_path / "head.vcf").write_text(HEAD)
    subprocess.run(["samtools", "faidx", tmp_path / "ref.fa"], check=True)
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("bcftools", "bash", "truncate"):
        (tools / name).symlink_to(shutil.which(name))

    def call(caller, script=None):
        if script is not None:
            tool = tools / caller
            tool.write_text(f"#!/bin/bash\nout=${{3#--outfile=}}\n{script}\n")
            tool.chmod(0o755)
        command = [WGS, "structural", "call", "s.cram", "--caller", caller, "--sample", "S1"]
        scratch = tmp_path / "scratch"
        scratch.mkdir(exist_ok=True)
        done = subprocess.run(
            [*command, "--reference", "ref.fa", "-o", "out.vcf.gz"],
            cwd=tmp_path,
            env={
                **os.environ,
                **{"PATH": str(tools), "TMPDIR": str(scratch)},
                "HEAD_VCF": str(tmp_path / "head.vcf"),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert list(scratch.iterdir()) == []
        assert "Traceback" not in done.stderr
        return done, (tmp_path / "out.vcf.gz").exists()

    return call


@pytest.mark.parametrize("caller", ["delly", "dysgu"])
def test_a_missing_caller_is_named_with_its_source(run, caller):
    done, written = run(caller)
    assert (done.returncode, written) == (1, False)
    assert f"{caller} was not found on PATH" in done.stderr
    assert {"delly": "setup/tools.sh", "dysgu": "make setup"}[caller] in done.stderr


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("cut", "no BGZF EOF marker"),
        ("nothing", "delly.bcf: cannot be read as the calls of delly"),
        ("fails", "delly failed with exit code 3:\nFail to open genome"),
        ("killed", "delly failed with exit code -9"),
    ],
)
def test_a_caller_that_fails_leaves_nothing(run, how, said):
    done, written = run("delly", DELLY[how])
    assert (done.returncode, written) == (1, False)
    assert said in done.stderr


@pytest.mark.parametrize("how", ["works", "few"])
def test_without_calls_there_is_a_vcf_without_records(run, how, tmp_path):
    done, written = run("delly", DELLY[how])
    assert (done.returncode, written) == (0, True), done.stderr
    assert ("not enough data" in done.stderr) is (how == "few")
    shown = subprocess.run(
        ["bcftools", "view", "-H", tmp_path / "out.vcf.gz"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert shown.stdout == ""
