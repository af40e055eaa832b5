"""Costs from benchmark files, summed by hand."""

from __future__ import annotations

import pytest

from report_builders import make_project


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
        "wall_s": 42.5,
        "cpu_s": 20.75,
        "max_rss_mb": 120.0,
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
