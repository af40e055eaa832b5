"""How SLURM jobs ended, from its accounting (slurmdbd)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from wgs_pipeline.slurm.commands import ask

#: States in which a job has not ended.
ALIVE = frozenset({"PENDING", "RUNNING", "SUSPENDED", "COMPLETING", "CONFIGURING", "REQUEUED"})
OUT_OF_MEMORY = "OUT_OF_MEMORY"
_COLUMNS = (
    *("JobIDRaw", "JobName", "State", "ExitCode", "NodeList", "Partition"),
    *("ReqMem", "MaxRSS", "ReqCPUS", "TimelimitRaw", "ElapsedRaw", "Comment"),
)
_UNITS_MB = {"": 1 / 2**20, "K": 1 / 2**10, "M": 1.0, "G": 2.0**10, "T": 2.0**20}
#: Jobs asked for in one command: its length is limited.
_AT_ONCE = 500


@dataclass(frozen=True)
class AccountedJob:
    """One SLURM job and its steps.

    Attributes:
        id: Its number.
        name: Prefix and id of the run.
        state: State of the job; OUT_OF_MEMORY where that is the state of a step only, because
            SLURM gives it to the step that was killed and calls the job FAILED.
        exit_code: Of the batch script.
        node: Where it ran; "" where it never began.
        partition: Its partition.
        mem_mb: Memory that it asked for, in MB.
        max_rss_mb: Most memory that a step took, in MB; 0 where it was not measured.
        cpus: Cores that it asked for.
        limit_min: Time that it asked for, in minutes.
        elapsed_s: Time that it took, in seconds.
    """

    id: str
    name: str
    state: str
    exit_code: int
    node: str
    partition: str
    mem_mb: int
    max_rss_mb: int
    cpus: int
    limit_min: int
    elapsed_s: int


def accounted_jobs(ids: Collection[str]) -> list[AccountedJob]:
    """Jobs by number, in its order.

    Raises:
        ClusterError: Accounting does not answer, or there is none.
    """
    ordered = sorted(ids, key=int)
    lines: list[str] = []
    for start in range(0, len(ordered), _AT_ONCE):
        chosen = ",".join(ordered[start : start + _AT_ONCE])
        lines += _sacct("--jobs", chosen)
    return parse(lines)


def jobs_of_runs(names: Collection[str]) -> list[AccountedJob]:
    """All jobs of some runs, by the name that the executor plugin gives to each.

    Raises:
        ClusterError: Accounting does not answer, or there is none.
    """
    # The default start is midnight.
    since = ("--starttime", "now-30days")
    return parse(_sacct("--name", ",".join(sorted(names)), *since)) if names else []


def parse(lines: Iterable[str]) -> list[AccountedJob]:
    """Jobs from the lines that sacct prints for them and their steps."""
    jobs: dict[str, dict[str, str]] = {}
    steps: dict[str, list[dict[str, str]]] = {}
    for line in lines:
        row = dict(zip(_COLUMNS, line.split("|"), strict=False))
        if len(row) < len(_COLUMNS):
            continue
        job, _, step = row["JobIDRaw"].partition(".")
        if step:
            steps.setdefault(job, []).append(row)
        else:
            jobs[job] = row
    return [_job(row, steps.get(job, [])) for job, row in jobs.items()]


def _sacct(*selection: str) -> list[str]:
    columns = ",".join(_COLUMNS)
    fixed = ("--parsable2", "--noheader", "--format", columns)
    return ask("sacct", *fixed, *selection).splitlines()


def _job(row: dict[str, str], steps: list[dict[str, str]]) -> AccountedJob:
    state = row["State"].split()[0]  # CANCELLED is followed by who did it
    # Steps of jobs that were ended for another reason may be called OUT_OF_MEMORY too: the end of
    # a control group looks like that to Slurm 22.05.
    if state == "FAILED" and any(step["State"] == OUT_OF_MEMORY for step in steps):
        state = OUT_OF_MEMORY
    return AccountedJob(
        id=row["JobIDRaw"],
        name=row["JobName"],
        state=state,
        exit_code=_whole(row["ExitCode"].partition(":")[0]),
        node="" if row["NodeList"].startswith("None") else row["NodeList"],
        partition=row["Partition"],
        mem_mb=megabytes(row["ReqMem"]),
        max_rss_mb=max((megabytes(step["MaxRSS"]) for step in steps), default=0),
        cpus=_whole(row["ReqCPUS"]),
        limit_min=_whole(row["TimelimitRaw"]),
        elapsed_s=_whole(row["ElapsedRaw"]),
    )


def megabytes(text: str) -> int:
    """Memory as sacct writes it (``2000M``, ``1830832K``, ``4Gn``) in MB; 0 where there is none."""
    match = re.match(r"([\d.]+)([KMGT]?)", text)
    return round(float(match[1]) * _UNITS_MB[match[2]]) if match else 0


def _whole(text: str) -> int:
    return int(text) if text.isdigit() else 0
