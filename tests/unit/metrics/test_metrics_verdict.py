from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from wgs_pipeline.errors import WgsError
from wgs_pipeline.files import write_json
from wgs_pipeline.metrics.catalogue import NotApplicable
from wgs_pipeline.metrics.sample import SampleMetrics
from wgs_pipeline.metrics.verdict import judge, read_verdict
from wgs_pipeline.overrides import Override

Maker = Callable[..., SampleMetrics]

#: The table of the design, section 7.
THRESHOLDS: dict[str, Mapping[str, float] | None] = {
    "mean_autosome_coverage": {"pass_min": 30, "warn_min": 25},
    "pct_autosomes_15x": {"pass_min": 95, "warn_min": 90},
    "yield_bp_q30": {"pass_min": 85e9, "warn_min": 0},
    "cross_contamination_rate": {"pass_max": 0.015, "warn_max": 0.03},
    "duplication": {"pass_max": 0.20, "warn_max": 0.30},
    "pct_reads_mapped": {"pass_min": 95},
    "chimeras": {"pass_max": 0.05, "warn_max": 0.15},
    "median_insert_size": {"pass_min": 250, "warn_min": 0},
    "ratio_heterozygous_homzygous_snv": {"warn_max": 3.3},
}


@pytest.mark.parametrize(
    ("findings", "verdict", "next_action"),
    [
        ({}, "pass", "load"),
        ({"mean_autosome_coverage": 27.0}, "warn", "load"),
        ({"pct_autosomes_15x": 92.0}, "warn", "load"),
        ({"yield_bp_q30": 80e9}, "warn", "load"),
        ({"yield_bp_q30": 80e9, "mean_autosome_coverage": 27.0}, "warn", "load"),
        # (30 - 20) / 20 of 100 Gb
        ({"mean_autosome_coverage": 20.0}, "fail", "top up 50 Gb to reach 30x"),
        (
            {"mean_autosome_coverage": 20.0, "pct_autosomes_15x": 70.0, "yield_bp_q30": 50e9},
            "fail",
            "top up 50 Gb to reach 30x",
        ),
        # (30 - 21) / 21 of 100 Gb is 42.857…, rounded up
        ({"mean_autosome_coverage": 21.0}, "fail", "top up 42.9 Gb to reach 30x"),
        # more of a contaminated library does not help
        ({"mean_autosome_coverage": 20.0, "cross_contamination_rate": 0.05}, "fail", "re-extract"),
        ({"mean_autosome_coverage": 0.0}, "fail", "re-extract"),
        # even coverage on average, but not over the genome
        ({"pct_autosomes_15x": 80.0}, "fail", "re-extract"),
        ({"cross_contamination_rate": 0.02}, "warn", "load"),
        ({"duplication": 0.31}, "fail", "re-extract"),
        ({"pct_reads_mapped": 94.0}, "fail", "re-extract"),
        ({"chimeras": 0.1}, "warn", "load"),
        ({"median_insert_size": 200.0}, "warn", "load"),
        ({"ratio_heterozygous_homzygous_snv": 3.5}, "fail", "re-extract"),
        ({"inferred_karyotype": "XY"}, "hold", "resolve identity"),
        ({"inferred_karyotype": "XY", "duplication": 0.5}, "hold", "resolve identity"),
        ({"inferred_karyotype": "X0"}, "warn", "load"),
        ({"sex": "male", "inferred_karyotype": "XXY"}, "warn", "load"),
        ({"sex": "male"}, "hold", "resolve identity"),
    ],
)
def test_table_of_the_design(
    make_metrics: Maker, findings: dict[str, Any], verdict: str, next_action: str
) -> None:
    judged = judge(make_metrics(**findings), THRESHOLDS)
    assert (judged.verdict, judged.next_action) == (verdict, next_action)


def test_reasons_name_metric_value_threshold_and_rule(make_metrics: Maker) -> None:
    metrics = make_metrics(mean_autosome_coverage=20.0, duplication=0.25)
    document = judge(metrics, THRESHOLDS).as_json()
    assert document["reasons"] == [
        {"metric": "mean_autosome_coverage", "value": 20.0, "threshold": 25,
         "rule": "pass ≥ 30, warn ≥ 25", "level": "fail"},
        {"metric": "duplication", "value": 0.25, "threshold": 0.2,
         "rule": "pass ≤ 0.2, warn ≤ 0.3", "level": "warn"},
    ]  # fmt: skip
    assert document["top_up_gb"] == pytest.approx(50)


def test_low_yield_fails_where_the_coverage_fails(make_metrics: Maker) -> None:
    metrics = make_metrics(mean_autosome_coverage=20.0, yield_bp_q30=50e9)
    levels = {reason.metric: reason.level for reason in judge(metrics, THRESHOLDS).reasons}
    assert levels["yield_bp_q30"] == "fail"


def test_what_cannot_be_judged_is_said(make_metrics: Maker) -> None:
    absent = NotApplicable("the reference has no X")
    metrics = make_metrics(inferred_karyotype=absent, cross_contamination_rate=absent)
    judged = judge(metrics, {**THRESHOLDS, "chimeras": None})
    assert judged.verdict == "pass"
    assert dict(judged.not_judged) == {
        "inferred_karyotype": ("the reference has no X; ploidy is that of the stated sex (female)"),
        "cross_contamination_rate": "the reference has no X",
        "chimeras": "switched off in the configuration",
    }


def test_unknown_sex_is_not_judged_but_aneuploidy_is(make_metrics: Maker) -> None:
    assert dict(judge(make_metrics(sex="unknown"), THRESHOLDS).not_judged) == {
        "inferred_karyotype": "the sheet states no sex"
    }
    odd = make_metrics(sex="unknown", inferred_karyotype="XXX")
    assert judge(odd, THRESHOLDS).verdict == "warn"


def test_a_finished_gvcf_passes_with_what_it_cannot_show(make_metrics: Maker) -> None:
    metrics = make_metrics()
    absent = NotApplicable("there is no alignment")
    only = {"ratio_heterozygous_homzygous_snv": 1.5}
    findings = {name: only.get(name, absent) for name in metrics.findings}
    judged = judge(SampleMetrics("S1", "female", findings), THRESHOLDS)
    assert (judged.verdict, judged.next_action) == ("pass", "load")
    assert list(judged.passed) == ["ratio_heterozygous_homzygous_snv"]
    assert len(judged.not_judged) == len(THRESHOLDS)


def test_a_threshold_of_no_metric_is_refused(make_metrics: Maker) -> None:
    with pytest.raises(WgsError, match="duplicaton, which is not a metric"):
        judge(make_metrics(), {"duplicaton": {"pass_max": 1}})


def test_read_back(make_metrics: Maker, tmp_path: Path) -> None:
    document = judge(make_metrics(), THRESHOLDS).as_json()
    write_json(tmp_path / "verdict.json", document)
    assert read_verdict(tmp_path / "verdict.json") == document
    write_json(tmp_path / "verdict.json", document | {"verdict": "maybe"})
    with pytest.raises(WgsError, match="not the output of wgs qc verdict"):
        read_verdict(tmp_path / "verdict.json")


def signed(metric: str, other: str = "") -> Override:
    return Override("S1", metric, other, "A. Olsen", "2025-03-01T09:00:00Z", "looked at")


def test_a_signed_off_finding_only_warns_and_says_what_it_was(make_metrics: Maker) -> None:
    metrics = make_metrics(duplication=0.5)
    judged = judge(metrics, THRESHOLDS, [signed("duplication")])
    assert (judged.verdict, judged.next_action) == ("warn", "load")
    document = judged.as_json()
    assert document["reasons"] == [
        {"metric": "duplication", "value": 0.5, "threshold": 0.3, "level": "warn",
         "rule": "pass ≤ 0.2, warn ≤ 0.3; signed off by A. Olsen", "overridden": "fail"},
    ]  # fmt: skip
    assert document["overrides"] == [
        {"sample_id": "S1", "metric": "duplication", "other": "", "signed_by": "A. Olsen",
         "signed_at": "2025-03-01T09:00:00Z", "reason": "looked at"},
    ]  # fmt: skip


def test_an_override_covers_its_own_finding_alone(make_metrics: Maker) -> None:
    metrics = make_metrics(duplication=0.5, inferred_karyotype="XY")
    judged = judge(metrics, THRESHOLDS, [signed("duplication")])
    assert judged.verdict == "hold"
    both = [signed("duplication"), signed("inferred_karyotype")]
    assert judge(metrics, THRESHOLDS, both).verdict == "warn"


def test_an_override_of_nothing_is_said(make_metrics: Maker) -> None:
    judged = judge(make_metrics(), THRESHOLDS, [signed("duplication"), signed("chimeras", "S2")])
    assert judged.verdict == "pass"
    assert judged.overrides == []
    assert [each.metric for each in judged.unused_overrides] == ["duplication", "chimeras"]
