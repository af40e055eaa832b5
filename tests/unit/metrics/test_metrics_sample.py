import json
from pathlib import Path

import pytest

from wgs_pipeline.errors import WgsError
from wgs_pipeline.files import write_json
from wgs_pipeline.metrics.catalogue import CATALOGUE, NotApplicable
from wgs_pipeline.metrics.sample import SampleInputs, measure_sample, read_metrics

#: Spelling of the GA4GH standard, with its own "homzygous".
GA4GH = [
    "yield_bp_q30",
    "pct_reads_mapped",
    "pct_reads_properly_paired",
    "mean_insert_size",
    "insert_size_std_deviation",
    "mean_autosome_coverage",
    "mad_autosome_coverage",
    "pct_autosomes_15x",
    "cross_contamination_rate",
    "count_snvs",
    "count_insertions",
    "count_deletions",
    "ratio_insertion_deletion",
    "ratio_heterozygous_homzygous_snv",
    "ratio_heterozygous_homzygous_indel",
    "ratio_transitions_transversions",
]


def test_all_metrics_of_the_standard_are_there() -> None:
    assert sorted(each.name for each in CATALOGUE if each.ga4gh) == sorted(GA4GH)


def test_every_metric_has_a_value_or_a_reason(golden_inputs: SampleInputs) -> None:
    document = measure_sample("toy", "male", golden_inputs).as_json()
    assert list(document["metrics"]) == [each.name for each in CATALOGUE]
    missing = {name for name, each in document["metrics"].items() if each["value"] is None}
    assert missing == {
        "cross_contamination_rate",
        "contamination_standard_error",
        "contamination_likelihood",
        "contamination_charr",
        "pct_adapter_bases",
        "gc_content",
        "optical_duplication",
        "x_heterozygosity_ratio",
        "count_homoplasmies",
        "count_heteroplasmies",
        "mean_panel_coverage",
        "pct_panel_20x",
        "panel_exons_below_20x",
    }
    assert all(document["metrics"][name]["not_applicable"] for name in missing)
    assert all("source" in document["metrics"][name] for name in GA4GH if name not in missing)
    histograms = document["histograms"]
    assert sum(histograms["coverage"]["bases"]) == 6800
    assert len(histograms["insert_size"]["pairs"]) == len(
        histograms["insert_size"]["insert_size_bp"]
    )


def test_a_finished_gvcf_has_variant_metrics_only(golden_inputs: SampleInputs) -> None:
    inputs = SampleInputs(callset_stats=golden_inputs.callset_stats)
    metrics = measure_sample("toy", "male", inputs)
    assert metrics.findings["count_snvs"] == 13
    assert metrics.findings["mean_autosome_coverage"] == NotApplicable(
        "there is no alignment (no wgs qc alignment)"
    )
    assert metrics.histograms == {}


def test_tally_gives_the_yield(tmp_path: Path) -> None:
    write_json(tmp_path / "reads.json", {"pairs": 1, "bases": 200, "bases_q30": 150})
    findings = measure_sample("toy", "male", SampleInputs(tally=tmp_path / "reads.json")).findings
    assert (findings["yield_bp"], findings["yield_bp_q30"]) == (200, 150)


def test_read_back(golden_inputs: SampleInputs, tmp_path: Path) -> None:
    metrics = measure_sample("toy", "male", golden_inputs)
    write_json(tmp_path / "metrics.json", metrics.as_json())
    assert read_metrics(tmp_path / "metrics.json") == metrics


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    for text in ("", "{}", json.dumps({"metrics": {"yield_bp": {}}})):
        path.write_text(text)
        with pytest.raises(WgsError, match="not the output of wgs qc metrics"):
            read_metrics(path)
