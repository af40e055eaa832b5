"""The cluster's own daemons go away and come back in the middle of a run. 60 s."""

from __future__ import annotations

import time

import pytest
from submitting import PAUSE, submit, wait_until

from running import make_toy

MEMORY = ("--set-resources", "screen_lane:mem_mb=2000")


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return make_toy(tmp_path_factory.mktemp("toy") / "toy", 0.1)


def begin(cluster, toy, folder, *arguments, **options):
    """Begin a run whose tool waits, at each call, until it is told to go on."""
    wait = f"until [[ -e {folder}/go.$call ]]; do sleep 0.2; done"
    return submit(cluster, toy, folder, wait, *MEMORY, *arguments, **options)


def go_on(run, call: int) -> None:
    (run.project.folder.parent / f"go.{call}").touch()


@pytest.fixture(scope="module")
def run(cluster, toy, tmp_path_factory):
    """Two jobs, one after the other."""
    samples = ("toy_father", "toy_unrelated")
    folder = tmp_path_factory.mktemp("daemons") / "run"
    begun = begin(cluster, toy, folder, "--jobs", "1", samples=samples)
    yield begun
    if begun.process.poll() is None:
        begun.kill()


#: More questions than the plugin asks by default before it forgets its jobs.
IN_VAIN = 7


@pytest.fixture(scope="module")
def impatient(cluster, toy, tmp_path_factory):
    """A run whose plugin gives up accounting soon, and forgets its job."""

    def prepare(project):
        project.edit_config(cluster={**PAUSE, "stall_minutes": 0.5})

    folder = tmp_path_factory.mktemp("daemons") / "impatient"
    few = ("--slurm-status-attempts", "2")
    begun = begin(cluster, toy, folder, *few, prepare=prepare)
    yield begun
    if begun.process.poll() is None:
        begun.kill()


def test_slurmctld_is_killed_and_started_again(cluster, run, impatient):
    job, other = run.running(), impatient.running()
    cluster.save_jobs(job.id, other.id)
    cluster.end("slurmctld", kill=True)
    time.sleep(8)
    cluster.start_controller()
    go_on(run, 1)
    wait_until(lambda: [each for each in run.jobs if each.state == "COMPLETED"])
    assert next(each.id for each in run.jobs) == job.id


def test_a_job_ends_while_accounting_is_away(cluster, run, impatient):
    """Without the profile's patience the plugin would forget it, and wait for ever."""
    wait_until(lambda: run.calls == 2)
    cluster.end("slurmdbd", kill=True)
    go_on(run, 2)
    wait_until(lambda: run.unanswered >= IN_VAIN and impatient.unanswered >= 2)
    assert run.process.poll() is None
    cluster.start_accounting()
    run.succeed()
    assert [job.state for job in run.jobs] == ["COMPLETED", "COMPLETED"]
    assert run.failures() == []


def test_a_run_does_not_wait_for_ever_for_jobs_that_are_no_more(impatient):
    go_on(impatient, 1)
    assert impatient.end() != 0
    (job,) = impatient.jobs
    assert job.state == "COMPLETED"
    assert "SLURM has had no job of this run for 0.5 minutes" in impatient.output
    assert f"{job.id} COMPLETED" in impatient.output
    impatient.start()
    go_on(impatient, 2)
    impatient.succeed()
