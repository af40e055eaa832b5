"""What SLURM says of the jobs of a results folder, from squeue and sacct where they are there."""

from __future__ import annotations

import getpass
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

#: A job is what its gravest step was: an out-of-memory shows in a step only.
_GRAVEST = (
    *("OUT_OF_MEMORY", "TIMEOUT", "NODE_FAIL", "BOOT_FAIL", "DEADLINE", "PREEMPTED"),
    *("CANCELLED", "FAILED", "RUNNING", "PENDING", "COMPLETED"),
)
_ENDED_WELL = frozenset({"RUNNING", "PENDING", "COMPLETED", "COMPLETING", "REQUEUED", "SUSPENDED"})
_PATIENCE_S = 20


@dataclass(frozen=True)
class Cluster:
    """Jobs of one results folder, by state.

    Attributes:
        queue: Jobs in the queue now.
        failed: Jobs that ended badly since the run was started; empty where accounting is silent.
        said: Why a command could not answer, or "".
    """

    queue: dict[str, int]
    failed: dict[str, int]
    said: str = ""


def read_cluster(results: Path, since: str | None) -> Cluster | None:
    """Jobs of a results folder; None where there is no SLURM on this machine.

    Args:
        results: The folder in which the jobs run.
        since: Moment from which ended jobs count, ISO 8601 in UTC.
    """
    if shutil.which("squeue") is None:
        return None
    user = getpass.getuser()
    squeue = ["squeue", f"--user={user}", "--noheader", "--states=all", "--format=%i|%T|%Z"]
    queue, silent = _ask(squeue)
    failed, silent_too = "", ""
    if since and shutil.which("sacct"):
        local = datetime.fromisoformat(since).astimezone().strftime("%Y-%m-%dT%H:%M:%S")
        sacct = ["sacct", f"--user={user}", "--noheader", "--parsable2", f"--starttime={local}"]
        failed, silent_too = _ask([*sacct, "--format=JobID,State,WorkDir"])
    states = queue_states(queue.splitlines(), results)
    return Cluster(
        dict(Counter(state for state in states if state in ("RUNNING", "PENDING"))),
        dict(Counter(ended_badly(failed.splitlines(), results))),
        "; ".join(filter(None, (silent, silent_too))),
    )


def queue_states(lines: Iterable[str], results: Path) -> list[str]:
    """States of the jobs of a folder, from lines of job, state and folder between bars."""
    rows = (line.split("|") for line in lines)
    return [row[1] for row in rows if len(row) == 3 and Path(row[2]) == results]


def ended_badly(lines: Iterable[str], results: Path) -> list[str]:
    """How each job of a folder failed, from lines of job or step, state and folder.

    Steps have no folder of their own; their job's line comes first.
    """
    states: dict[str, set[str]] = {}
    for line in lines:
        job, _, rest = line.partition("|")
        state, _, folder = rest.partition("|")
        number = job.partition(".")[0]
        if number in states or (folder and Path(folder) == results):
            states.setdefault(number, set()).add(state.split(" ")[0])  # CANCELLED by 1000
    return [_gravest(found) for found in states.values() if found - _ENDED_WELL]


def _gravest(states: set[str]) -> str:
    return next((state for state in _GRAVEST if state in states), sorted(states)[0])


def _ask(command: list[str]) -> tuple[str, str]:
    """(what a command said, why it said nothing)."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_PATIENCE_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return "", f"{command[0]} does not answer"
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["failed"]
        return "", f"{command[0]}: {lines[-1]}"
    return done.stdout, ""
