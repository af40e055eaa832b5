"""Failed SLURM jobs: the lines of sacct, and the logs of jobs, as SLURM 22.05 wrote them."""

from __future__ import annotations

import asyncio

import pytest

from wgs_pipeline.slurm.accounting import megabytes, parse
from wgs_pipeline.slurm.failures import began_and_ended
from wgs_pipeline.slurm.plugin import limit_pauses, plain_state

RUN = "wgs_02a7d772-87a5-45d5-a1b6-95dc5aaca1bf"
# From a job whose tool took more than 2000 MB: the step says so, the job does not.
OVER_MEMORY = f"""\
1|{RUN}|FAILED|1:0|n1|short|2000M||2|120|36|rule_screen_lane_wildcards_S1_L1
1.batch|batch|FAILED|1:0|n1|||117636K|2||36|
1.0|python|OUT_OF_MEMORY|0:125|n1|||1830832K|2||21|
2|{RUN}|CANCELLED by 0|0:0|None assigned|short|4000M||2|120|0|rule_screen_lane_wildcards_S1_L1
3|{RUN}|COMPLETED|0:0|n2|short|4Gn||2|240|30|rule_screen_lane_wildcards_S1_L1
3.batch|batch|COMPLETED|0:0|n2|||117660K|2||30|
3.0|python|COMPLETED|0:0|n2|||1000260K|2||16|
"""
GROUP_LOG = """\
[Sat Nov 28 01:27:20 2026]
localrule gather_gvcf:
    input: gvcf/pieces/S1/0000.g.vcf.gz
    output: gvcf/S1.g.vcf.gz, gvcf/S1.g.vcf.gz.tbi
    log: logs/gather_gvcf/S1.log
    jobid: 3
    threads: 2
[Sat Nov 28 01:27:22 2026]
Finished jobid: 3 (Rule: gather_gvcf)
1 of 3 steps (33%) done

[Sat Nov 28 01:27:22 2026]
localrule verify_gvcf:
    input: gvcf/S1.g.vcf.gz
    log: logs/verify_gvcf/S1.log
    jobid: 1
    threads: 1
localrule screen_lane:
    log: logs/screen_lane/S1.L1.log
    jobid: 2
Error in rule verify_gvcf:
    message: None
    jobid: 1
slurmstepd-n1: error: *** STEP 7.0 ON n1 CANCELLED AT 2026-11-28T01:28:30 DUE TO TIME LIMIT ***
"""


def test_that_it_was_memory_is_taken_from_the_step():
    first, _, third = parse(OVER_MEMORY.splitlines())
    assert (first.state, first.mem_mb, first.max_rss_mb) == ("OUT_OF_MEMORY", 2000, 1788)
    assert (third.state, third.mem_mb, third.limit_min) == ("COMPLETED", 4096, 240)


def test_a_job_that_took_too_long_did_that_whatever_its_step_says():
    lines = OVER_MEMORY.splitlines()[:3]
    (job,) = parse([lines[0].replace("FAILED", "TIMEOUT"), *lines[1:]])
    assert job.state == "TIMEOUT"


def test_a_job_that_never_began_has_no_node():
    cancelled = parse(OVER_MEMORY.splitlines())[1]
    assert (cancelled.state, cancelled.node, cancelled.elapsed_s) == ("CANCELLED", "", 0)


def test_lines_that_are_no_rows_are_passed_over():
    assert parse(["", "sacct: error: something", "5|short|row"]) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2000M", 2000), ("2Gn", 2048), ("1024K", 1), ("1.5G", 1536), ("", 0), ("1048576", 1)],
)
def test_memory_as_sacct_writes_it(text, expected):
    assert megabytes(text) == expected


def test_rules_of_a_group_that_stopped_are_told_from_those_that_ended():
    stopped, ended = began_and_ended(GROUP_LOG)
    assert ended == [("gather_gvcf", "logs/gather_gvcf/S1.log")]
    assert stopped == [
        ("verify_gvcf", "logs/verify_gvcf/S1.log"),
        ("screen_lane", "logs/screen_lane/S1.L1.log"),
    ]


@pytest.mark.parametrize(
    ("said", "meant"),
    [("CANCELLED by 1000", "CANCELLED"), ("COMPLETED", "COMPLETED"), ("RUNNING", "RUNNING")],
)
def test_states_are_called_what_the_executor_plugin_knows(said, meant):
    assert plain_state("17", said) == meant


def test_the_executor_plugin_looks_at_its_jobs_often_enough(monkeypatch):
    plugin = pytest.importorskip("snakemake_executor_plugin_slurm")
    slept: list[float] = []

    async def note(seconds: float) -> None:
        slept.append(seconds)

    class Waiting(plugin.Executor):
        """An executor of which only its pauses count."""

        def __init__(self, pause: float) -> None:
            self._next_seconds_between_status_checks = pause

    monkeypatch.setattr(plugin.Executor, "sleep", plugin.Executor.sleep)
    monkeypatch.setattr(asyncio, "sleep", note)
    limit_pauses(60)
    for pause in (30, 180):
        asyncio.run(Waiting(pause).sleep())
    assert slept == [30, 60]
