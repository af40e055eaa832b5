"""Costs from benchmark files, summed by hand."""

from __future__ import annotations

import csv
import io

import pytest

from report_builders import make_project
from wgs_pipeline.report.ledger import ledger_text


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path / "project", {"S1": "F1", "S2": "F1"})


def test_sums_longest_job_and_slowest_sample(project):
    project.benchmark("call_piece", "S1.0000", "10.5", "8.25", "100.5")
    project.benchmark("call_piece", "S1.0001", "12.0", "9.5", "120.0")
    project.benchmark("call_piece", "S2.0000", "20.0", "3.0", "90.0")
    project.benchmark("call_family_piece", "F1.0000", "7.0", "6.0", "300.0")
    pieces, family = project.document()["rules"]
    assert pieces == {
        "rule": "call_piece",
        "jobs": 3,
        "counted_jobs": 0,
        "wall_s": 42.5,
        "cpu_s": 20.75,
        "max_rss_mb": 120.0,
        **dict.fromkeys(("core_s", "cpu_efficiency", "requested_mb", "memory_use")),
        "longest_job": {"job": "S2.0000", "wall_s": 20.0},
        "per_sample_max": {"sample": "S1", "wall_s": 22.5, "cpu_s": 17.75},
    }
    assert family["per_sample_max"] is None
    document = project.document()
    assert (document["run"]["wall_s"], document["run"]["cpu_s"]) == (49.5, 26.75)
    costs = [sample["cost"] for sample in document["samples"]]
    assert costs == [{"wall_s": 22.5, "cpu_s": 17.75}, {"wall_s": 20.0, "cpu_s": 3.0}]


def test_rules_are_in_the_order_of_the_workflow_and_unknown_ones_last(project):
    for rule, key in (
        *(("load_genome", "S1"), ("align", "S1"), ("a_new_rule", "x"), ("index_bwa", "genome")),
    ):
        project.benchmark(rule, key, "1.0", "1.0")
    names = [rule["rule"] for rule in project.document()["rules"]]
    assert names == ["index_bwa", "align", "load_genome", "a_new_rule"]


@pytest.mark.parametrize("missing", ["-", "NA", "", "nan", "inf"])
def test_jobs_too_short_to_be_measured_count_as_nothing(project, missing):
    project.benchmark("align", "S1", "0.05", missing, missing)
    (rule,) = project.document()["rules"]
    assert (rule["wall_s"], rule["cpu_s"], rule["max_rss_mb"]) == (0.05, 0.0, 0.0)


def test_empty_and_foreign_files_are_named_and_left_out(project):
    project.write("benchmarks/align/S1.tsv", "")
    project.write("benchmarks/align/S2.tsv", "s\tcpu_time\n")
    project.write("benchmarks/align/.S2.tsv.tmp", "x")
    document = project.document()
    assert document["rules"] == []
    assert document["unreadable"] == ["benchmarks/align/S1.tsv", "benchmarks/align/S2.tsv"]


def test_use_of_what_was_reserved(project):
    project.benchmark("align", "S1", "100", "350", "800", threads=4, mem_mb=1000)
    project.benchmark("align", "S2", "50", "150", "1500", threads=4, mem_mb=2000)
    project.benchmark("judge_sample", "S1", "0.2", "NA", "NA", threads=1, mem_mb=500)
    document = project.document()
    align, judge = document["rules"]
    # 100 x 4 + 50 x 4 core seconds, of which 350 + 150 computed; 800 of 1000 MB, 1500 of 2000.
    assert align["core_s"] == 600
    assert align["cpu_efficiency"] == pytest.approx(500 / 600, abs=1e-3)
    assert (align["requested_mb"], align["memory_use"]) == (2000, 0.8)
    # Too short to be measured: it says nothing on efficiency.
    assert (judge["core_s"], judge["cpu_efficiency"]) == (None, None)
    assert document["run"]["cpu_efficiency"] == align["cpu_efficiency"]


def test_what_the_kernel_counted_comes_before_what_snakemake_saw(project):
    project.benchmark("align", "S1", "100", "250", "800", threads=4, mem_mb=1000)
    project.usage("align", "S1", 100.0, 340.5, 9.5, 700.0)
    project.benchmark("align", "S2", "50", "150", "900", threads=4, mem_mb=2000)
    project.benchmark("judge_sample", "S1", "0.2", "NA", "NA", threads=1, mem_mb=500)
    project.usage("judge_sample", "S1", 0.2, 0.1, 0.05, None)
    document = project.document()
    align, judge = document["rules"]
    # S2 has Snakemake's 150 s only. Memory of S1: 800 MB of all processes, 700 of the largest.
    assert (align["jobs"], align["counted_jobs"], align["cpu_s"]) == (2, 1, 350 + 150)
    assert align["cpu_efficiency"] == pytest.approx(500 / 600, abs=1e-3)
    assert align["memory_use"] == 0.8
    assert (judge["counted_jobs"], judge["cpu_s"], judge["max_rss_mb"]) == (1, 0.15, 0.0)
    assert judge["cpu_efficiency"] == 0.75
    assert document["run"]["cpu_s"] == 500.15
    assert document["unreadable"] == []


def test_what_the_kernel_counted_for_another_attempt_says_nothing(project):
    project.benchmark("align", "S1", "100", "250", "800", threads=4, mem_mb=1000)
    project.usage("align", "S1", 90.0, 300.0, 1.0, 700.0)
    (align,) = project.document()["rules"]
    assert (align["counted_jobs"], align["cpu_s"]) == (0, 250)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"wall_s": 100, "user_s": "much"}'])
def test_a_foreign_file_in_its_place_is_named(project, text):
    project.benchmark("align", "S1", "100", "250", "800", threads=4, mem_mb=1000)
    project.write("benchmarks/align/S1.usage.json", text)
    document = project.document()
    assert document["rules"][0]["cpu_s"] == 250
    assert document["unreadable"] == ["benchmarks/align/S1.usage.json"]


PRICED = "costs: {core_hour: 0.5, gb_hour: 0.25, intensity_g_per_kwh: 200}\n"


def test_ledger_by_hand(project):
    project.config.write_text(project.config.read_text() + PRICED)
    project.benchmark("align", "S1", "7200", "7200", "900", threads=2, mem_mb=3000)
    project.benchmark(
        *("call_family_piece", "F1.0000", "3600", "1800", "10"),
        **{"threads": 1, "mem_mb": 1000, "wildcards": {"family": "F1", "piece": "0000"}},
    )
    project.benchmark("index_bwa", "genome", "3600", "3600", "100", threads=1, mem_mb=500)
    document = project.document()
    first, second, shared = document["costs"]["samples"]
    # S1: 2 h x 2 cores and half an hour of the family's; 3 GB x 2 h and half of 1 GB x 1 h.
    assert first["core_hours"] == pytest.approx(4.5)
    assert first["cpu_hours"] == pytest.approx(2.25)
    assert first["gb_hours"] == pytest.approx(6.5)
    assert first["cost"] == pytest.approx(4.5 * 0.5 + 6.5 * 0.25)
    # Green Algorithms: (2.25 x 12 W + 6.5 x 0.3725 W) x 1.67 / 1000 kWh, at 200 g/kWh.
    kwh = (2.25 * 12 + 6.5 * 0.3725) * 1.67 / 1000
    assert first["energy_kwh"] == pytest.approx(kwh)
    assert first["co2e_kg"] == pytest.approx(kwh * 0.2)
    assert (second["sample"], second["core_hours"]) == ("S2", pytest.approx(0.5))
    assert (shared["sample"], shared["core_hours"]) == ("(shared)", pytest.approx(1.0))
    total = sum(entry["core_hours"] for entry in document["costs"]["samples"])
    assert total == pytest.approx(2 * 2 + 1 + 1)


def test_ledger_as_text(project):
    project.benchmark("align", "S1", "3600", "3600", "1000", threads=1, mem_mb=1000)
    rows = list(
        csv.DictReader(io.StringIO(ledger_text(project.document()["costs"])), delimiter="\t")
    )
    assert [row["sample"] for row in rows] == ["S1", "S2", "(shared)"]
    assert (rows[0]["core_hours"], rows[0]["gb_hours"]) == ("1", "1")
    # No price and no intensity: no amounts.
    assert (rows[0]["cost"], rows[0]["currency"], rows[0]["co2e_kg"]) == ("", "", "")


def test_disk_of_a_sample_by_hand(project):
    project.write("alignment/S1.cram", "x" * 3_000_000)
    project.write("gvcf/S1.g.vcf.gz", "x" * 500_000)
    project.write("callset/F1.vcf.gz", "x" * 200_000)
    project.write("alignment/S10.cram", "x" * 9_000_000)  # of another sample
    first, second = (sample["disk"] for sample in project.document()["samples"])
    # The family's 0.2 MB is of two; pieces of gVCF and callset stood beside them.
    assert first == {"kept_mb": 3.6, "peak_mb": 4.2}
    assert second == {"kept_mb": 0.1, "peak_mb": 0.2}
