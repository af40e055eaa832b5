"""What the kernel counted for a job when it ended, beside Snakemake's benchmark file of it.

Snakemake looks at a job's processes now and then, after the first half minute every 30 s, and loses
what they compute after its last look: two fifths of a run of short jobs (docs/scale.md). The kernel
gives whoever waits for a process all that it and its children took that were waited for; bash waits
for every member of a pipeline. So the process of a benchmarked job is waited for with ``wait4``,
and what that says is written beside the benchmark file, whose own columns stay Snakemake's. It
holds for every rule with ``benchmark``, wherever its job runs: here, on a node, one of several of a
group. A job that fails or is killed leaves neither file, and an attempt replaces both.

``benchmarks/RULE/KEY.usage.json``, beside ``benchmarks/RULE/KEY.tsv``:

    wall_s      seconds, as in the benchmark file, by which the two are known to be of one attempt
    user_s      seconds of CPU of all processes, in their own code
    system_s    seconds of CPU of all processes, in the kernel
    max_rss_mb  most memory of the largest process, MB of 2**20 bytes; null where that is less than
                Snakemake's own, which Linux counts as the job's: it was the same process once

Not in it: processes that nobody waits for, such as bash's ``<(command)`` within a pipe. Where
Snakemake has changed, nothing is written, and what it saw itself is all that is known.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar
from weakref import WeakValueDictionary

from wgs_pipeline.files import write_json

_ATTRIBUTE = "counted_by_kernel"


@dataclass(frozen=True)
class Usage:
    """What the kernel counted for a job: the figures of its file."""

    wall_s: float
    user_s: float
    system_s: float
    max_rss_mb: float | None

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Usage:
        """The figures of a file; KeyError, TypeError or ValueError where they are none."""
        wall_s, user_s, system_s = (float(document[f"{n}_s"]) for n in ("wall", "user", "system"))
        memory = document["max_rss_mb"]
        return cls(wall_s, user_s, system_s, None if memory is None else float(memory))

    @property
    def cpu_s(self) -> float:
        """Seconds of CPU."""
        return self.user_s + self.system_s


def usage_file(benchmark: str) -> str:
    """Where it stands what the kernel counted for the job of a benchmark file."""
    return f"{benchmark.removesuffix('.tsv')}.usage.json"


class CountedProcess(subprocess.Popen[Any]):
    """A process of which is kept what the kernel counted until it ended."""

    running: ClassVar[WeakValueDictionary[int, CountedProcess]] = WeakValueDictionary()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.usage: resource.struct_rusage | None = None
        self.running[self.pid] = self

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; its exit code."""
        if timeout is None and self.returncode is None:
            # Whoever sends it a signal may have waited for it first.
            with contextlib.suppress(ChildProcessError):
                _, status, self.usage = os.wait4(self.pid, 0)
                self.returncode = os.waitstatus_to_exitcode(status)
        return super().wait(timeout)


def count_usage() -> None:
    """Let Snakemake write what the kernel counted for each benchmarked job of this process."""
    try:
        from snakemake import benchmark
    except ImportError:
        return
    commands = sys.modules.get("snakemake.shell")
    known = (
        getattr(commands, "sp", None) is subprocess
        and _takes(getattr(benchmark, "benchmarked", None), "pid", "benchmark_record")
        and _takes(getattr(benchmark, "write_benchmark_records", None), "records", "path")
    )
    if known:
        # Snakemake's commands alone: the module by which they are started is not changed.
        counting = SimpleNamespace(**{**vars(subprocess), "Popen": CountedProcess})
        setattr(commands, "sp", counting)  # noqa: B010  (a module has no such attribute to mypy)
        benchmark.benchmarked = _counted(benchmark.benchmarked)
        benchmark.write_benchmark_records = _with_usage(benchmark.write_benchmark_records)


def _takes(function: Any, *arguments: str) -> bool:
    """Whether there is this function, with these arguments first."""
    found = list(inspect.signature(function).parameters) if callable(function) else []
    return found[: len(arguments)] == list(arguments)


def _counted(measure: Any) -> Any:
    """The measuring of a process, whose record also gets what the kernel counted."""

    @contextlib.contextmanager
    @functools.wraps(measure)
    def counted(pid: Any = None, *rest: Any, **more: Any) -> Iterator[Any]:
        with measure(pid, *rest, **more) as record:
            yield record
        process = CountedProcess.running.get(pid)
        setattr(record, _ATTRIBUTE, process.usage if process else None)

    return counted


def _with_usage(write: Any) -> Any:
    """The writing of a benchmark file, with what the kernel counted beside it."""

    @functools.wraps(write)
    def written(records: Any, path: Any, *rest: Any, **more: Any) -> None:
        beside = Path(usage_file(str(path)))
        beside.unlink(missing_ok=True)
        write(records, path, *rest, **more)
        last = records[-1]
        counted = getattr(last, _ATTRIBUTE, None)
        if counted is not None:
            usage = Usage(
                wall_s=round(last.running_time, 2),
                user_s=round(counted.ru_utime, 3),
                system_s=round(counted.ru_stime, 3),
                max_rss_mb=_memory_mb(counted),
            )
            write_json(beside, asdict(usage))

    return written


def _memory_mb(counted: resource.struct_rusage) -> float | None:
    """Most memory of a job's largest process, where it is told from this process's own."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(counted.ru_maxrss / 1024, 2) if counted.ru_maxrss > own else None  # from KiB
