"""What Snakemake 9 would work out anew for each of a run's many jobs, remembered.

It looks up at every job what arguments a function takes, by ``inspect.signature``, and formats the
shell command of a job twice to print it once: together a fourth of a dry run (docs/scale.md).
Nothing that a job does depends on this module; where Snakemake has changed, it does nothing.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

_Function = TypeVar("_Function", bound=Callable[..., Any])


def arguments_known(function: _Function) -> _Function:
    """Tell Snakemake once what arguments a function takes, or a method beside ``self``."""
    try:
        from snakemake.common import overwrite_function_params
    except ImportError:
        return function
    arguments = dict(inspect.signature(function).parameters)
    arguments.pop("self", None)
    overwrite_function_params(function, arguments)
    return function


def spare_repetition() -> None:
    """Let Snakemake look up the arguments of its own evaluation once, and format a command once."""
    try:
        from snakemake.jobs import Job
        from snakemake.resources import Resource
    except ImportError:
        return
    if hasattr(Resource, "evaluate"):
        arguments_known(Resource.evaluate)
    if isinstance(getattr(Job, "shellcmd", None), property):
        Job.shellcmd = _asked_twice(Job.shellcmd)


def _asked_twice(command: property) -> property:
    """A property of a job that is remembered until another job, or attempt, is asked for it."""
    last: tuple[Any, ...] = ()
    said: str | None = None

    def remembered(job: Any) -> str | None:
        nonlocal last, said
        if not last or any(a is not b for a, b in zip(last, _state(job), strict=True)):
            assert command.fget is not None
            said = command.fget(job)
            last = _state(job)  # afterwards: formatting evaluates parameters and resources
        return said

    return property(remembered)


def _state(job: Any) -> tuple[Any, ...]:
    """All that the command of a job can change with."""
    return job, job.attempt, job.params, job.resources
