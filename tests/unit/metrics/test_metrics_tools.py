"""The real tools, run as the workflow runs them, on synthetic reads."""

import json
import runpy
import shutil
from pathlib import Path

import pytest

from wgs_pipeline import cli


@pytest.mark.skipif(not shutil.which("samtools"), reason="samtools is not installed")
def test_tools_and_commands_give_what_counting_gives(tmp_path: Path, golden: Path) -> None:
    make = runpy.run_path(str(golden / "make.py"))
    make["main"](tmp_path)
    assert (tmp_path / "alignment_tally.json").read_text() == (
        golden / "alignment_tally.json"
    ).read_text()
    cli.cli(
        [
            *("qc", "metrics", "--sample", "toy", "--sex", "male"),
            *("--samtools-stats", str(tmp_path / "samtools_stats.txt")),
            *("--alignment-tally", str(tmp_path / "alignment_tally.json")),
            *("--callset-stats", str(tmp_path / "bcftools_stats.txt")),
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
