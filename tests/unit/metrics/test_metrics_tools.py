"""The real tools, run as the workflow runs them, on synthetic reads."""

import json
import runpy
import shutil
import subprocess
from pathlib import Path

import pytest

from wgs_pipeline import cli


def mosdepth_runs() -> bool:
    if not shutil.which("mosdepth"):
        return False
    return (
        subprocess.run(["mosdepth", "--version"], capture_output=True, check=False).returncode == 0
    )


@pytest.mark.skipif(not mosdepth_runs(), reason="mosdepth is not installed or does not start")
def test_tools_and_commands_give_what_counting_gives(tmp_path: Path, golden: Path) -> None:
    make = runpy.run_path(str(golden / "make.py"))
    make["main"](tmp_path)
    for name in ("regions.bed.gz", "thresholds.bed.gz", "mosdepth.region.dist.txt"):
        assert (tmp_path / f"mosdepth.{name}").read_bytes() == (
            golden / f"mosdepth.{name}"
        ).read_bytes(), name
    cli.cli(
        [
            *("qc", "metrics", "--sample", "toy", "--sex", "male"),
            *("--samtools-stats", str(tmp_path / "samtools_stats.txt")),
            *("--mosdepth-prefix", str(tmp_path / "mosdepth")),
            *("--callset-stats", str(tmp_path / "bcftools_stats.txt")),
            *("--reference-fai", str(tmp_path / "toy.fa.fai")),
            *("--par-bed", str(tmp_path / "par.bed")),
            *("-o", str(tmp_path / "metrics.json")),
        ],
        standalone_mode=False,
    )
    metrics = json.loads((tmp_path / "metrics.json").read_text())["metrics"]
    expected = json.loads((tmp_path / "expected.json").read_text())
    assert expected == json.loads((golden / "expected.json").read_text())
    for name, value in expected.items():
        if name in metrics:
            found = metrics[name]["value"]
            assert found == (value if isinstance(value, str) else pytest.approx(value, rel=1e-12))
