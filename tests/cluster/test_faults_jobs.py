"""What befalls jobs on a real cluster: the run ends right, and the report says what happened.

Each fault has a project and a run of its own, which screens a lane or two; all run at once. 150 s.
"""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from slurm_cluster import SCRATCH, Cluster
from submitting import Submitted, on, submit, wait_until

from running import Project, make_toy, unfinished

TWO = ("toy_father", "toy_unrelated")
#: What the tool does before it does its work.
FIRST = "[[ $call -gt 1 ]] ||"
EAT = "exec python3 -c 'held = []\nwhile True: held.append(bytearray(50_000_000))'"
FILL = 'dd if=/dev/zero of="$TMPDIR/spill" bs=1M count=64 || exit 1'
FAIL_ONE = "[[ $* == *toy_unrelated* ]] || { echo 'error: the flowcell is unknown' >&2; exit 3; }"


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return make_toy(tmp_path_factory.mktemp("toy") / "toy", 0.1)


def hold_back(cluster: Cluster, project: Project, upper: Path) -> None:
    """Let node n3 write results of a sample where this machine does not see them yet."""
    folder = project.results / "qc/toy_unrelated"
    for each in (folder, upper, upper.with_name("work")):
        each.mkdir(parents=True)
    options = f"lowerdir={folder},upperdir={upper},workdir={upper.with_name('work')}"
    cluster.in_node("n3", "mount", "-t", "overlay", "-o", options, "overlay", str(folder))


@pytest.fixture(scope="module")
def runs(cluster, toy, tmp_path_factory):
    """All runs, begun."""
    folder = tmp_path_factory.mktemp("faults")
    cluster.in_node("n3", "mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(SCRATCH))
    begun: dict[str, Submitted] = {}

    def begin(name: str, tool: str, *arguments: str, **options: Any) -> None:
        begun[name] = submit(cluster, toy, folder / name, tool, *arguments, **options)

    def held_back(project: Project) -> None:
        hold_back(cluster, project, folder / "late/upper")

    # Others fill the disk of the results while the job runs: 64 kB are left for a file of 120 kB.
    ballast = cluster.disk / "ballast"
    crowd = (
        f"[[ -e {folder}/room ]] || {{ dd if=/dev/zero of={ballast} bs=4k; "
        f"truncate --size=-64K {ballast}; }}"
    )
    wait = f"{FIRST} sleep 600"
    begin("time", wait, *on("short", runtime="attempt"))
    begin("memory", f"{FIRST} {EAT}", *on("short", mem_mb="1500*attempt"))
    begin("power_cut", wait, *on("frail"))
    begin("cancelled", wait, *on("short"))
    begin("killed", wait, *on("short"))
    begin("preempted", wait, *on("preemptible", slurm_extra="'--requeue'"))
    begin("not_requeued", wait, *on("preemptible"))
    begin("drained", "sleep 8", *on("drained"), "--jobs", "1", samples=TWO)
    begin("disk_full", FILL, *on("long"), "--retries", "1")
    shared = {"results": cluster.disk / "results"}
    begin("results_full", crowd, *on("long"), "--retries", "1", **shared)
    begin("one_of_two", FAIL_ONE, *on("short"), "--retries", "0", samples=TWO)
    begin("late", "", *on("long"), "--latency-wait", "240", prepare=held_back)
    try:
        yield begun
    finally:
        for run in begun.values():
            if run.process.poll() is None:
                run.kill()


def status(run: Submitted) -> dict[str, Any]:
    """What ``wgs status`` says of SLURM."""
    said = run.project.wgs("status", str(run.project.config), "--format", "json")
    found: dict[str, Any] = json.loads(said)["slurm"]
    return found


def failed_jobs(run: Submitted) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = run.report()["slurm"]["failed_jobs"]
    return found


def test_provoke(cluster: Cluster, runs: dict[str, Submitted]):
    """Jobs are cancelled, cut off, preempted; runs are killed."""
    cut = runs["power_cut"].running()
    assert status(runs["power_cut"])["queue"] == {"RUNNING": 1}
    cluster.end(cut.node, kill=True)
    cluster.ask("scancel", runs["cancelled"].running().id)
    runs["preempted"].running()
    runs["not_requeued"].running()
    cluster.ask(
        "sbatch", "-p", "urgent", "-A", "wgs", "-c", "4", "-o", "/dev/null", "--wrap", "sleep 8"
    )
    drained = runs["drained"].running()
    cluster.ask("scontrol", "update", f"nodename={drained.node}", "state=drain", "reason=test")
    runs["killed"].running()
    runs["killed"].kill()
    runs["killed"].start()


def test_over_memory_a_job_gets_more(runs: dict[str, Submitted]):
    """Slurm calls such a job FAILED; that it was memory stands at its step only."""
    run = runs["memory"]
    if not run.cluster.enforces_memory:
        pytest.skip("memory is not limited here: control groups cannot be written")
    run.succeed()
    first, second = run.jobs
    assert (first.state, second.state) == ("FAILED", "COMPLETED")
    assert second.mem_mb == 2 * first.mem_mb
    (failed,) = failed_jobs(run)
    assert (failed["kind"], failed["state"]) == ("out_of_memory", "OUT_OF_MEMORY")
    assert f"more than the {first.mem_mb} MB" in failed["cause"]
    assert [each["rule"] for each in failed["rules"]] == ["screen_lane"]
    assert any("oom-kill" in line for line in failed["lines"])


def test_a_job_cancelled_by_hand_is_submitted_again(runs: dict[str, Submitted]):
    run = runs["cancelled"]
    run.succeed()
    assert [job.state for job in run.jobs] == ["CANCELLED", "COMPLETED"]
    assert [job["kind"] for job in failed_jobs(run)] == ["cancelled"]


def test_a_killed_run_that_is_started_again_ends_its_orphans_first(runs: dict[str, Submitted]):
    run = runs["killed"]
    run.succeed()
    orphan, anew = run.jobs
    assert (orphan.state, anew.state) == ("CANCELLED", "COMPLETED")
    assert orphan.run != anew.run
    assert f"ended SLURM job {orphan.id} of an earlier run" in run.output
    times = run.cluster.ask("sacct", "-nXPo", "Start,End", "-j", f"{orphan.id},{anew.id}").split()
    assert times[0].partition("|")[2] <= times[1].partition("|")[0]


def test_a_node_is_drained_and_its_job_goes_on(runs: dict[str, Submitted]):
    run = runs["drained"]
    run.succeed()
    first, second = run.jobs
    assert (first.state, second.state) == ("COMPLETED", "COMPLETED")
    assert first.node != second.node
    assert failed_jobs(run) == []


def test_a_full_scratch_disk_is_named(runs: dict[str, Submitted]):
    run = runs["disk_full"]
    assert run.end() != 0
    report = run.report()
    assert [job["kind"] for job in report["slurm"]["failed_jobs"]] == ["disk_full"] * 2
    (cause,) = next(s for s in report["samples"] if s["sample"] == "toy_unrelated")["causes"]
    assert cause["kind"] == "disk_full"
    assert any("No space left on device" in line for line in cause["lines"])


def test_a_full_results_disk_is_named_and_the_run_goes_on_when_there_is_room(
    runs: dict[str, Submitted],
):
    """The file system that all nodes share. By itself fastp leaves half a file, and succeeds."""
    run = runs["results_full"]
    assert run.end() != 0
    assert run.failures() == [("disk_full", "FAILED")] * 2
    (target,) = run.targets
    assert not (run.project.results / target).exists()
    assert unfinished(run.cluster.disk / "results") == []
    (run.cluster.disk / "ballast").unlink()
    (run.project.folder.parents[1] / "room").touch()
    run.start()
    run.succeed()
    assert json.loads((run.project.results / target).read_text())["summary"]


def test_a_sample_that_fails_leaves_the_others_alone(runs: dict[str, Submitted]):
    run = runs["one_of_two"]
    assert run.end() != 0
    bad, good = run.targets
    assert not (run.project.results / bad).exists()
    assert (run.project.results / good).exists()
    report = run.report()
    assert [job["kind"] for job in report["slurm"]["failed_jobs"]] == ["tool_error"]
    by_name = {sample["sample"]: sample for sample in report["samples"]}
    (cause,) = by_name["toy_father"]["causes"]
    assert (cause["rule"], cause["kind"]) == ("screen_lane", "tool_error")
    assert cause["lines"] == ["error: the flowcell is unknown"]
    assert cause["slurm_job"] in {job.id for job in run.jobs}
    assert by_name["toy_unrelated"]["causes"] == []


def test_results_that_show_late_are_waited_for(runs: dict[str, Submitted]):
    """As on NFS, whose clients cache what is in a folder."""
    run = runs["late"]
    wait_until(lambda: [job for job in run.jobs if job.state == "COMPLETED"])
    (target,) = run.targets
    result = run.project.results / target
    assert not result.exists()
    time.sleep(3)
    shutil.copy2(run.project.folder.parent / "upper" / result.name, result)
    run.succeed()
    assert len(run.jobs) == 1


def test_a_job_that_may_be_requeued_goes_on_after_it_was_preempted(runs: dict[str, Submitted]):
    """SLURM starts it again under its number; neither run nor report has a failure."""
    run = runs["preempted"]
    run.succeed()
    (job,) = run.jobs
    assert job.state == "COMPLETED"
    assert run.calls == 2
    assert failed_jobs(run) == []


def test_a_preempted_job_that_may_not_be_requeued_is_submitted_again(runs: dict[str, Submitted]):
    """The executor plugin by itself takes PREEMPTED for running, and waits for ever."""
    run = runs["not_requeued"]
    run.succeed()
    assert [job.state for job in run.jobs] == ["PREEMPTED", "COMPLETED"]
    assert [job["kind"] for job in failed_jobs(run)] == ["preempted"]


def test_the_job_of_a_node_that_is_cut_off_goes_elsewhere(runs: dict[str, Submitted]):
    run = runs["power_cut"]
    run.succeed()
    first, second = run.jobs
    assert (first.state, second.state) == ("NODE_FAIL", "COMPLETED")
    assert first.node != second.node
    (failed,) = failed_jobs(run)
    assert failed["kind"] == "node_failure"
    assert status(run) == {"queue": {}, "failed": {"NODE_FAIL": 1}, "said": ""}
    assert first.node in failed["cause"]


def test_over_time_a_job_gets_more(runs: dict[str, Submitted]):
    run = runs["time"]
    run.succeed()
    first, second = run.jobs
    assert (first.state, second.state) == ("TIMEOUT", "COMPLETED")
    assert (first.limit_min, second.limit_min) == (1, 2)
    (failed,) = failed_jobs(run)
    assert failed["kind"] == "time_limit"
    assert "time limit of 1 min" in failed["cause"]
