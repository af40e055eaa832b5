"""A node is set down by hand while a job runs on it. 60 s."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path

import pytest
from submitting import on, submit

from running import make_toy


def works_in(folder):
    """Whether any process, of whichever node, has a folder in its command."""
    commands = (path / "cmdline" for path in Path("/proc").iterdir() if path.name.isdigit())
    for command in commands:
        with suppress(OSError):
            if os.fsencode(folder) in command.read_bytes():
                return True
    return False


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return make_toy(tmp_path_factory.mktemp("toy") / "toy", 0.1)


@pytest.fixture(scope="module")
def downed(cluster, toy, tmp_path_factory):
    """A run whose node was set down while its job waited there."""
    folder = tmp_path_factory.mktemp("nodes") / "downed"
    wait = f"[[ $call -gt 1 ]] || until [[ -e {folder}/go ]]; do sleep 0.2; done"
    run = submit(cluster, toy, folder, wait, *on("downed"))
    node = run.running().node
    cluster.ask("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
    yield run
    if run.process.poll() is None:
        run.kill()


def test_the_job_of_a_node_that_is_set_down_goes_elsewhere(downed):
    downed.succeed()
    first, second = downed.jobs
    assert (first.state, second.state) == ("NODE_FAIL", "COMPLETED")
    assert first.node != second.node
    assert downed.failures() == [("node_failure", "NODE_FAIL")]


def test_what_still_runs_on_that_node_spoils_nothing(downed):
    """SLURM gives the job up, but its processes live on, and write their result late."""
    (target,) = downed.targets
    result = downed.project.results / target
    before, written = json.loads(result.read_text()), result.stat().st_mtime_ns
    folder = downed.project.folder.parent
    (folder / "go").touch()
    # SLURM may end them before they write, when it hears of the node again.
    end = time.monotonic() + 120
    while result.stat().st_mtime_ns == written and works_in(folder):
        assert time.monotonic() < end
        time.sleep(0.1)
        assert json.loads(result.read_text())["summary"] == before["summary"]
    assert json.loads(result.read_text())["summary"] == before["summary"]
