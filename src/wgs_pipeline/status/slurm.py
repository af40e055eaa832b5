"""What SLURM says of the jobs of a results folder, from squeue and sacct where they are there.

A job belongs to the folder below which its log lies: its work directory is the one in which
``snakemake`` was started, which may be that of many projects.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from wgs_pipeline.errors import ClusterError
from wgs_pipeline.slurm.accounting import ALIVE, accounted_jobs
from wgs_pipeline.slurm.commands import available
from wgs_pipeline.slurm.failures import job_logs
from wgs_pipeline.slurm.queue import queued_jobs, ran_on_slurm


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
    """Jobs of a results folder; None where none ever ran on SLURM, or there is none here.

    Args:
        results: The folder.
        since: Moment from which ended jobs count, ISO 8601 in UTC.
    """
    if not ran_on_slurm(results) or not available("squeue"):
        return None
    queue: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    said = []
    try:
        queue.update(job.state for job in queued_jobs(results, patience_s=0))
    except ClusterError as error:
        said.append(str(error))
    try:
        failed.update(_ended_badly(results, since))
    except ClusterError as error:
        said.append(str(error))
    return Cluster(dict(queue), dict(failed), "; ".join(said))


def _ended_badly(results: Path, since: str | None) -> list[str]:
    if not since or not available("sacct"):
        return []
    began = datetime.fromisoformat(since).timestamp()
    jobs = accounted_jobs([log.stem for log in job_logs(results, began)])
    return [job.state for job in jobs if job.state not in ALIVE and job.state != "COMPLETED"]
