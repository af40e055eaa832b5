"""The cluster's own daemons go away and come back in the middle of a run. 60 s."""

from __future__ import annotations

import time

import pytest
from submitting import submit, wait_until

from running import make_toy


@pytest.fixture(scope="module")
def run(cluster, tmp_path_factory):
    """A run of two jobs, one after the other; the tool waits in each until it is told to go on."""
    folder = tmp_path_factory.mktemp("daemons")
    toy = make_toy(folder / "toy", 0.1)
    samples = ("toy_father", "toy_unrelated")
    wait = f"until [[ -e {folder}/go.$call ]]; do sleep 0.2; done"
    begun = submit(cluster, toy, folder / "run", wait, "--jobs", "1", samples=samples)
    yield begun
    if begun.process.poll() is None:
        begun.kill()


def go_on(run, call: int) -> None:
    (run.project.folder.parents[1] / f"go.{call}").touch()


def test_slurmctld_is_killed_and_started_again(cluster, run):
    job = run.running()
    cluster.end("slurmctld", kill=True)
    time.sleep(8)
    cluster.start_controller()
    go_on(run, 1)
    wait_until(lambda: [each for each in run.jobs if each.state == "COMPLETED"])
    assert next(each.id for each in run.jobs) == job.id


def test_a_job_ends_while_accounting_is_away(cluster, run):
    """Without the profile's patience the plugin would forget it, and wait for ever."""
    wait_until(lambda: run.calls == 2)
    cluster.end("slurmdbd", kill=True)
    go_on(run, 2)
    time.sleep(15)
    assert run.process.poll() is None
    cluster.start_accounting()
    run.succeed()
    assert [job.state for job in run.jobs] == ["COMPLETED", "COMPLETED"]
    assert run.failures() == []
