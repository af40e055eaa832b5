"""An end to a run that waits for SLURM jobs which are no more.

When accounting is silent for longer than ``slurm-status-attempts`` allows, the executor plugin
(2.8) forgets every job that ran, and Snakemake waits for ever and says nothing. That, or whatever
else makes it lose sight of a job, ends in SLURM having no job of the run while Snakemake runs
nothing either.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Collection
from pathlib import Path

from wgs_pipeline.config import ClusterConfig
from wgs_pipeline.errors import ClusterError
from wgs_pipeline.slurm.accounting import accounted_jobs
from wgs_pipeline.slurm.commands import available
from wgs_pipeline.slurm.plugin import correct_states, limit_pauses
from wgs_pipeline.slurm.queue import LOGS, QueuedJob, queued_jobs

#: Stops the run as Ctrl-C does: Snakemake gives its lock back, reports, and exits with 1. SIGINT
#: itself is not heard by a command that a script has put into the background.
_STOP = signal.SIGUSR1

logger = logging.getLogger(__name__)


class Guard(threading.Thread):
    """Watches the jobs of a run from within the process of Snakemake, and ends with it."""

    def __init__(self, results: Path, stall_s: float) -> None:
        """Watch.

        Args:
            results: The results folder of the run.
            stall_s: Seconds without a job after which the run is stopped. More than the longest
                pause between two looks at its jobs.
        """
        super().__init__(name="slurm-guard", daemon=True)
        self._results = results
        self._stall_s = stall_s
        self._began = time.time()

    def run(self) -> None:
        """Look every now and then; stop the run where it stalls."""
        last_seen: Collection[str] = ()
        alive_at = time.monotonic()
        while time.monotonic() - alive_at < self._stall_s:
            time.sleep(self._stall_s / 10)
            jobs = self._alive()
            if jobs is None or jobs or _has_children() or not self._submitted():
                last_seen = [job.id for job in jobs] if jobs else last_seen
                alive_at = time.monotonic()
        logger.error("%s", self._explained(last_seen))
        os.kill(os.getpid(), _STOP)

    def _alive(self) -> list[QueuedJob] | None:
        """Jobs that wait or run; None where SLURM does not say."""
        try:
            return queued_jobs(self._results, patience_s=0)
        except ClusterError:
            return None

    def _submitted(self) -> bool:
        """Whether this run has submitted a job: before, there is nothing to miss."""
        logs = (self._results / LOGS).rglob("*.log")
        return any(log.stat().st_mtime >= self._began for log in logs)

    def _explained(self, last_seen: Collection[str]) -> str:
        minutes = self._stall_s / 60
        said = (
            f"SLURM has had no job of this run for {minutes:g} minutes, and Snakemake still waits "
            "for some. The run is stopped; give the same command again"
        )
        try:
            jobs = accounted_jobs(last_seen) if last_seen else []
        except ClusterError as error:
            return f"{said}. {error}"
        ended = ", ".join(f"{job.id} {job.state}" for job in jobs)
        return f"{said}. Jobs seen last: {ended}" if ended else said


def watch(results: Path, cluster: ClusterConfig) -> None:
    """Watch over the jobs of a run for as long as this process lives, where there is SLURM.

    To be called in the main thread.
    """
    if available("squeue") and available("sacct"):
        correct_states()
        limit_pauses(cluster.longest_pause_seconds)
        signal.signal(_STOP, signal.default_int_handler)
        Guard(results, 60 * cluster.stall_minutes).start()


def _has_children() -> bool:
    """Whether a process that this one started is alive: a job that runs here."""
    own = f"/proc/{os.getpid()}/task"
    for task in Path(own).iterdir():
        try:
            if (task / "children").read_text().split():
                return True
        except OSError:
            continue
    return False
