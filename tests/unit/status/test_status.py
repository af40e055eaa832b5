"""The state of a run, from results written by hand, and SLURM's answers as it gives them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta

import pytest
from click.testing import CliRunner

from report_builders import MADE, NOW, make_project
from wgs_pipeline.aligners import ALIGNERS
from wgs_pipeline.cli.status import command
from wgs_pipeline.status.run import run_status, seconds_left
from wgs_pipeline.status.text import status_text

RUN = """
import sys
from pathlib import Path
from wgs_pipeline.runlock import hold_run_lock
assert hold_run_lock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def project(tmp_path):
    project = make_project(tmp_path / "project", {"S1": "F1", "S2": "F1"})
    project.write_json("config.json", dict(project.load().config.values))
    return project


@pytest.fixture
def alive(project):
    """Another process that holds the run lock, as snakemake does."""
    with subprocess.Popen(
        [sys.executable, "-c", RUN, str(project.results)],
        **{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True},
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.stdin.close()


def half_way(project):
    """S1 is aligned and its gVCF is being made; S2 failed at its alignment."""
    project.make("S1", "F1", "reads", "alignment")
    project.mark_unfinished("gvcf/pieces/S1/0000.g.vcf.gz")
    project.log("align", "S2", "wgs: /reads: not FASTQ\n")


def test_before_a_run_everything_waits(tmp_path):
    project = make_project(tmp_path / "project", {"S1": "F1"})
    status = run_status(project.load(), NOW)
    assert status["state"] == "not_begun"
    assert status["stages"]["gvcf"] == {"waiting": 1}


def test_a_run_half_way(project, alive):
    half_way(project)
    status = run_status(project.load(), NOW)
    assert status["state"] == "running"
    assert status["stages"]["alignment"] == {"done": 1, "failed": 1}
    assert status["stages"]["gvcf"] == {"running": 1, "waiting": 1}
    assert status["samples"]["S1"]["verdict"] == "waiting"
    # Of S1 the lane, the alignment and its proof; running one piece; failed one alignment.
    assert (status["jobs"]["done"], status["jobs"]["running"], status["jobs"]["failed"]) == (
        3,
        1,
        1,
    )
    (failure,) = status["failures"]
    assert (failure["rule"], failure["said"]) == ("align", "wgs: /reads: not FASTQ")


def test_the_same_results_without_a_living_run(project):
    half_way(project)
    status = run_status(project.load(), NOW)
    assert status["state"] == "failed"
    assert status["stages"]["gvcf"] == {"interrupted": 1, "waiting": 1}
    assert status["seconds_left"] is None


def test_a_job_counts_once_and_all_done_is_complete(project):
    for sample in ("S1", "S2"):
        project.make(sample, "F1", *MADE)
    for path in (
        *("reference/genome.fa", "reference/genome.fa.fai", "ngd/initialised"),
        *ALIGNERS["bwa"].index_files,
        *("reference/intervals/0000.bed", "reference/intervals/0001.bed"),
        *("reference/regions.bed", "reference/autosomes.bed", "qc/samples.tsv", "qc/multiqc.html"),
        *("reference/ploidy/S1.bed", "reference/ploidy/S2.bed", "report/cohort.html"),
        "reference/structural.exclude.bed",
    ):
        project.write(path)
    status = run_status(project.load(), NOW)
    assert status["state"] == "complete"
    assert set(status["jobs"]) == {"done"}
    more = make_project(project.folder.parent / "apart", {"S1": "F1", "S2": "F2"})
    # A family of two shares two pieces, their gathering and one analysis; apart, each has one
    # merging and one analysis.
    apart = sum(run_status(more.load(), NOW)["jobs"].values())
    assert apart - sum(status["jobs"].values()) == (2 + 2) - (3 + 1)


def test_time_left_by_hand():
    # 600 core seconds where 300 were expected, in 200 s: three cores, half as fast as the table.
    assert seconds_left([(400, 200), (200, 100)], 900, 200) == pytest.approx(900 * 2 / 3)
    assert seconds_left([], 900, 200) is None
    assert seconds_left([(1, 0)], 900, 200) is None


def test_time_left_of_a_living_run(project, alive):
    project.make("S1", "F1", "reads")
    key, of = "S1.FLOW.1.L", {"sample": "S1", "lane": "FLOW.1.L"}
    project.benchmark("screen_lane", key, "60", "60", threads=2, mem_mb=500, wildcards=of)
    begun = NOW.timestamp() - 100
    os.utime(project.results / "config.json", (begun, begun))
    os.utime(project.results / f"benchmarks/screen_lane/{key}.tsv", (begun + 60, begun + 60))
    status = run_status(project.load(), NOW)
    later = run_status(project.load(), NOW + timedelta(seconds=100))
    assert status["seconds_left"] > 0
    # Half the pace: twice the time.
    assert later["seconds_left"] == pytest.approx(2 * status["seconds_left"], abs=0.2)
    assert "left" in status_text(status).splitlines()[0]
    os.utime(project.results / f"benchmarks/screen_lane/{key}.tsv", (begun - 60, begun - 60))
    assert run_status(project.load(), NOW)["seconds_left"] is None  # of a run before this one


def test_text_has_a_line_for_each_stage_and_sample(project):
    half_way(project)
    text = status_text(run_status(project.load(), NOW), samples=True)
    assert [line.split() for line in text.splitlines() if line.startswith("gVCF")] == [
        ["gVCF", "-", "1", "-", "1"]
    ]
    assert "S1  + + ? . . . ." in text
    assert "failed align: wgs: /reads: not FASTQ" in text


def test_no_identifier_of_a_person_is_shown(project):
    patient = project.load().samples["S2"].patient_id
    project.log("align", "S2", f"wgs: {patient}: wrong\n")
    status = json.dumps(run_status(project.load(), NOW))
    assert patient not in status
    assert "[withheld]: wrong" in status


def test_json_and_watch_end_with_the_run(project):
    run = CliRunner().invoke(command, [str(project.config), "--format", "json", "--watch", "0.1"])
    assert run.exit_code == 0, run.output
    assert json.loads(run.stdout)["state"] == "interrupted"
