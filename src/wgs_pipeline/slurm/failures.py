"""SLURM jobs of the last run that failed: why, and what their logs say.

Also those that a later attempt made good. What is known comes from three places: SLURM's
accounting (state of the job and of its steps), the log of the SLURM job, and the log of the rule.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from wgs_pipeline.slurm.accounting import ALIVE, AccountedJob, accounted_jobs, jobs_of_runs
from wgs_pipeline.slurm.commands import available
from wgs_pipeline.slurm.queue import LOGS, what

#: What is wrong: its identity, and what it is called.
CLASSES: dict[str, str] = {
    "out_of_memory": "more memory than asked for",
    "time_limit": "more time than asked for",
    "node_failure": "the node failed",
    "preempted": "made room for a job of higher priority",
    "cancelled": "cancelled by hand or by the site",
    "disk_full": "no space left on a disk",
    "tool_error": "the command failed",
}
_OF_STATE = {
    "OUT_OF_MEMORY": "out_of_memory",
    "TIMEOUT": "time_limit",
    "DEADLINE": "time_limit",
    "NODE_FAIL": "node_failure",
    "BOOT_FAIL": "node_failure",
    "PREEMPTED": "preempted",
    "CANCELLED": "cancelled",
}
_FULL = re.compile(r"No space left on device|Disk quota exceeded", re.IGNORECASE)
#: Lines of SLURM itself in the log of a job.
_SLURM_SAYS = re.compile(r"^(slurmstepd|srun|slurmd)\S*: |\bKilled\b|oom-kill")
_RULE = re.compile(r"^localrule (?P<rule>\w+):\n(?P<block>(?:    .*\n)+)", re.MULTILINE)
_LINES = 12


@dataclass(frozen=True)
class Failure:
    """A SLURM job that failed.

    Attributes:
        job: Its number.
        what: Rule or group, and sample, as the folders of its log have them.
        kind: One of ``CLASSES``.
        state: What SLURM calls it.
        node: Where it ran.
        cause: One sentence.
        rules: Rules in it that began and did not end, each with its log.
        log: Its log, relative to the results folder.
        lines: What SLURM said in it.
        undone: Logs of rules of the same group that had ended; what they made is removed and
            made again with the group.
    """

    job: str
    what: str
    kind: str
    state: str
    node: str
    cause: str
    rules: tuple[tuple[str, str], ...]
    log: str
    lines: tuple[str, ...]
    undone: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The failure as it stands in the document."""
        return asdict(self) | {
            "rules": [{"rule": rule, "log": log} for rule, log in self.rules],
            "lines": list(self.lines),
            "undone": list(self.undone),
        }


def failures(
    results: Path, since: float, readable: Callable[[str], list[str]]
) -> list[Failure] | None:
    """Failed SLURM jobs of the runs that wrote logs since a moment; None if nothing is known.

    Args:
        results: The results folder.
        since: Seconds of the epoch.
        readable: Lines of a text that may be shown.

    Raises:
        ClusterError: Accounting does not answer.
    """
    logs = {path.stem: path for path in job_logs(results, since)}
    if not logs or not available("sacct"):
        return None if logs else []
    known = accounted_jobs(logs)
    # A job that never began has no log, but the name of its run.
    names = {job.name for job in known}
    jobs = {job.id: job for job in (*known, *jobs_of_runs(names))}
    ordered = sorted(jobs.values(), key=lambda job: int(job.id))
    wrong = [job for job in ordered if job.state not in ALIVE and job.state != "COMPLETED"]
    return [_failure(job, results, logs.get(job.id), readable) for job in wrong]


def job_logs(results: Path, since: float) -> Iterator[Path]:
    """Logs of SLURM jobs, named by their numbers, that were written since a moment."""
    for path in (results / LOGS).rglob("*.log"):
        if path.stem.isdigit() and path.stat().st_mtime >= since:
            yield path


def _failure(
    job: AccountedJob, results: Path, log: Path | None, readable: Callable[[str], list[str]]
) -> Failure:
    text = log.read_text(encoding="utf-8", errors="replace") if log else ""
    stopped, ended = began_and_ended(text)
    said = [line for line in text.splitlines() if _SLURM_SAYS.search(line)]
    kind = _OF_STATE.get(job.state, "tool_error")
    if kind == "tool_error" and _FULL.search(text + _texts(results, stopped)):
        kind = "disk_full"
    return Failure(
        job=job.id,
        what=what(log) if log else "",
        kind=kind,
        state=job.state,
        node=job.node,
        cause=_cause(kind, job),
        rules=tuple(stopped),
        log=str(log.relative_to(results)) if log else "",
        lines=tuple(readable("\n".join(said))[-_LINES:]),
        undone=tuple(path for _, path in ended),
    )


def began_and_ended(text: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Rules in the log of a SLURM job, each with its own log.

    Returns:
        Those that began and did not end; and those that ended.
    """
    begun: dict[str, tuple[str, str]] = {}
    for match in _RULE.finditer(text):
        fields = dict(re.findall(r"^    (\w+): (.*)$", match["block"], re.MULTILINE))
        begun[fields.get("jobid", "")] = (match["rule"], fields.get("log", ""))
    ended = set(re.findall(r"^Finished jobid: (\d+)", text, re.MULTILINE))
    stopped = [rule for jobid, rule in begun.items() if jobid not in ended]
    return stopped, [rule for jobid, rule in begun.items() if jobid in ended]


def _texts(results: Path, stopped: Sequence[tuple[str, str]]) -> str:
    texts = []
    for _, log in stopped:
        path = results / log
        if log and path.is_file():
            texts.append(path.read_text(encoding="utf-8", errors="replace")[-64_000:])
    return "".join(texts)


def _cause(kind: str, job: AccountedJob) -> str:
    if kind == "out_of_memory":
        return f"took more than the {job.mem_mb} MB of memory that it asked for"
    if kind == "time_limit":
        return f"took longer than its time limit of {job.limit_min} min"
    if kind == "node_failure":
        return f"node {job.node or 'unknown'} failed while it ran there"
    if kind == "preempted":
        return f"made room for a job of higher priority on {job.node or 'its node'}"
    if kind == "cancelled":
        began = f"after {job.elapsed_s} s" if job.node else "before it began"
        return f"was cancelled {began}"
    if kind == "disk_full":
        return f"no space was left on a disk that it wrote to on {job.node}"
    return f"its command failed on {job.node or 'its node'}"
