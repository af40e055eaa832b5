"""What the executor plugin (2.8) takes for a running job though it has ended.

It looks for states by their whole name. sacct writes ``CANCELLED by 1000`` for a job that somebody
cancelled, and PREEMPTED for one that made room for another; the plugin knows neither as an end and
waits for ever. Here both are called what it knows, before it looks: the job failed, and is
submitted again like any other. The tests on a cluster say when the plugin needs this no more.

And where no job ends, it looks ever less often, ten seconds later each time, up to 180 s: so much
may pass between the end of a job and the submission of the next. Here that has a limit.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from wgs_pipeline.errors import ClusterError
from wgs_pipeline.slurm.commands import ask

_PLUGIN = "snakemake_executor_plugin_slurm"
_PAUSE = "next_seconds_between_status_checks"

#: States by job number, or None, and the seconds that the question took.
States = tuple[dict[str, str] | None, float | None]
Query = Callable[[str, Any], Awaitable[States]]


def correct_states() -> None:
    """Let the executor plugin of this process, if it has one, see how jobs ended."""
    plugin: Any = sys.modules.get(_PLUGIN)
    if plugin is not None and not getattr(plugin.query_job_status, "corrects", False):
        plugin.query_job_status = _corrected(plugin.query_job_status)


def limit_pauses(longest_s: float) -> None:
    """Let the executor plugin of this process, if it has one, look at its jobs this often."""
    executor: Any = getattr(sys.modules.get(_PLUGIN), "Executor", None)
    if not (hasattr(executor, "sleep") and hasattr(executor, _PAUSE)):
        return

    async def sleep(self: Any) -> None:
        await asyncio.sleep(min(getattr(self, _PAUSE), longest_s))

    executor.sleep = sleep


def _corrected(query: Query) -> Query:
    async def corrected(command: str, logger: Any) -> States:
        states, seconds = await query(command, logger)
        if states is not None:
            states = {job: plain_state(job, state) for job, state in states.items()}
        return states, seconds

    corrected.corrects = True  # type: ignore[attr-defined]
    return corrected


def plain_state(job: str, state: str) -> str:
    """A state as the executor plugin knows it."""
    word = state.partition(" ")[0]
    return "CANCELLED" if word == "PREEMPTED" and not _is_alive(job) else word


def _is_alive(job: str) -> bool:
    """Whether SLURM still has a job: one that may be requeued waits to go on."""
    try:
        listed = ask("squeue", "--noheader", "--format=%T", "--jobs", job)
    except ClusterError as error:
        return "Invalid job id" not in str(error)
    return bool(listed.strip())
