"""Jobs of a results folder that SLURM still holds, and their end.

A Snakemake that is killed leaves its SLURM jobs behind: they go on writing what the next run makes
anew. They are told by where their log lies, below the results folder; jobs of other projects that
were started from the same folder are not touched.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wgs_pipeline.errors import ClusterError
from wgs_pipeline.slurm.commands import ask, available

#: Where the executor plugin keeps the logs of SLURM jobs, relative to the results folder.
LOGS = Path(".snakemake/slurm_logs")
#: For how long SLURM is asked again when it does not answer, in seconds.
PATIENCE_S = 60.0
_WIDTHS = {"JobID": 20, "State": 20, "Name": 120, "STDOUT": 4096}


@dataclass(frozen=True)
class QueuedJob:
    """A job that waits, runs or is about to end.

    Attributes:
        id: Its number in SLURM.
        state: PENDING, RUNNING, COMPLETING or the like.
        name: The executor plugin's prefix and the id of its run.
        log: File of its output.
    """

    id: str
    state: str
    name: str
    log: Path


def what(log: Path) -> str:
    """Rule or group, and sample, of a SLURM job, as the folders of its log name them."""
    parts = log.parts[:-1]
    return "/".join(parts[parts.index(LOGS.name) + 1 :]) if LOGS.name in parts else ""


def queued_jobs(results: Path, patience_s: float = PATIENCE_S) -> list[QueuedJob]:
    """This user's jobs whose logs lie below a results folder.

    Raises:
        ClusterError: SLURM does not answer.
    """
    columns = ",".join(f"{name}:{width}" for name, width in _WIDTHS.items())
    listed = ask("squeue", "--me", "--noheader", "--Format", columns, patience_s=patience_s)
    jobs = [_parsed(line) for line in listed.splitlines() if line.strip()]
    below = results.resolve()
    return [job for job in jobs if job.log.is_relative_to(below)]


def ran_on_slurm(results: Path) -> bool:
    """Whether a run of this results folder ever submitted a job."""
    return (results / LOGS).is_dir()


def end_orphans(results: Path, wait_s: float) -> list[QueuedJob]:
    """Cancel what an earlier run left in SLURM, and wait until nothing of it is alive.

    To be called by whoever holds the run lock: jobs of a living run would be cancelled too.

    Args:
        results: The results folder.
        wait_s: How long the end of the jobs may take, in seconds.

    Returns:
        The jobs that were cancelled.

    Raises:
        ClusterError: SLURM does not answer, or jobs do not end.
    """
    if not ran_on_slurm(results):
        return []
    if not available("squeue"):
        raise ClusterError(
            f"{results}: an earlier run submitted jobs to SLURM, which may still write, and this "
            "machine has no squeue to ask. Start the run on a machine of the cluster; or, if no "
            f"job is alive, remove {results / LOGS}"
        )
    orphans = queued_jobs(results)
    if orphans:
        ask("scancel", *(job.id for job in orphans), patience_s=PATIENCE_S)
        _wait_for(results, orphans, wait_s)
    return orphans


def _wait_for(results: Path, orphans: Sequence[QueuedJob], wait_s: float) -> None:
    ids = {job.id for job in orphans}
    end = time.monotonic() + wait_s
    while left := ids & {job.id for job in queued_jobs(results)}:
        if time.monotonic() >= end:
            named = ", ".join(sorted(left, key=int))
            raise ClusterError(
                f"SLURM jobs of an earlier run were cancelled and do not end: {named}; they may "
                "still write. Wait for them (squeue --jobs), then start the run again"
            )
        time.sleep(1.0)


def _parsed(line: str) -> QueuedJob:
    cells, start = [], 0
    for width in _WIDTHS.values():
        cells.append(line[start : start + width].strip())
        start += width
    return QueuedJob(cells[0], cells[1], cells[2], Path(cells[3]))
