import csv
import io
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from wgs_pipeline.errors import WgsError
from wgs_pipeline.files import write_json
from wgs_pipeline.metrics.catalogue import NotApplicable
from wgs_pipeline.metrics.cohort import cohort_table, read_cohort
from wgs_pipeline.metrics.multiqc import general_statistics, metrics_table, verdict_table
from wgs_pipeline.metrics.sample import SampleMetrics
from wgs_pipeline.metrics.verdict import judge

MULTIQC_CONFIG = Path(__file__).parents[3] / "workflow" / "multiqc_config.yaml"


@pytest.fixture
def folder(make_metrics: Callable[..., SampleMetrics], tmp_path: Path) -> Path:
    """Two samples: S1 passes, S2 (no karyotype, contaminated) fails."""
    absent = NotApplicable("the reference has no X")
    bad = make_metrics(inferred_karyotype=absent, cross_contamination_rate=0.05)
    bounds = {"cross_contamination_rate": {"pass_max": 0.015, "warn_max": 0.03}}
    for metrics in (make_metrics(), replace(bad, sample="S2")):
        write_json(tmp_path / metrics.sample / "metrics.json", metrics.as_json())
        verdict = judge(metrics, bounds).as_json()
        write_json(tmp_path / metrics.sample / "verdict.json", verdict)
    return tmp_path


def test_one_row_a_sample_in_the_order_asked_for(folder: Path) -> None:
    table = cohort_table(read_cohort(folder, ["S2", "S1"]))
    second, first = csv.DictReader(io.StringIO(table), delimiter="\t")
    assert (first["sample"], first["verdict"], first["next_action"]) == ("S1", "pass", "load")
    assert (second["sample"], second["verdict"]) == ("S2", "fail")
    assert second["reasons"] == "fail: cross_contamination_rate"
    assert (first["mean_autosome_coverage"], first["inferred_karyotype"]) == ("32", "XX")
    assert second["inferred_karyotype"] == ""


def test_no_samples_give_a_header(folder: Path) -> None:
    assert cohort_table(read_cohort(folder, [])).count("\n") == 1


def test_a_missing_or_other_sample_is_refused(folder: Path) -> None:
    with pytest.raises(WgsError, match=r"S3/metrics\.json"):
        read_cohort(folder, ["S1", "S3"])
    (folder / "S1").rename(folder / "S3")
    with pytest.raises(WgsError, match="is of sample S1; expected S3"):
        read_cohort(folder, ["S3"])


def test_multiqc_shows_our_tables_under_the_samples_names(folder: Path, golden: Path) -> None:
    rows = read_cohort(folder, ["S1", "S2"])
    write_json(folder / "multiqc_content" / "wgs_general_mqc.json", general_statistics(rows))
    write_json(folder / "multiqc_content" / "wgs_verdict_mqc.json", verdict_table(rows))
    write_json(folder / "multiqc_content" / "wgs_metrics_mqc.json", metrics_table(rows))
    for name in ("samtools_stats.txt", "bcftools_stats.txt"):
        (folder / "S1" / name).write_bytes((golden / name).read_bytes())
    multiqc = Path(sys.executable).with_name("multiqc")
    result = subprocess.run(
        [multiqc, "--quiet", "--config", MULTIQC_CONFIG, "--data-dir",
         "--outdir", folder / "out", "--filename", "multiqc.html", folder],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "</html>" in (folder / "out" / "multiqc.html").read_text(encoding="utf-8")
    data = folder / "out" / "multiqc_data"
    general = read_table(data / "multiqc_general_stats.txt")
    assert sorted(general) == ["S1", "S2"]
    assert {"pass", "32.0", "XX"} <= set(general["S1"].values())
    assert sorted(read_table(data / "multiqc_samtools_stats.txt")) == ["S1"]
    assert sorted(read_table(data / "multiqc_bcftools_stats.txt")) == ["S1"]
    verdicts = read_table(data / "multiqc_wgs_verdict_table.txt")
    assert verdicts["S2"]["next_action"] == "re-extract"


def read_table(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return {row["Sample"]: row for row in csv.DictReader(file, delimiter="\t")}
