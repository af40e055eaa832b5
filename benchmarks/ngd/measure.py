"""Wall time, CPU time, quantiles, bytes on disk and the page cache."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

#: Megabases of a human genome, for extrapolation from the simulated region.
GENOME_MB = 3_100
#: Windows of 32 bins in which a compaction reads the shards of a whole genome: contigs of GRCh38.
WINDOWS = 109


@dataclass
class Meter:
    """Wall and CPU seconds of steps, added up by name.

    Attributes:
        wall: Seconds by step.
        cpu: User and system seconds by step, of this process and of children that ended.
    """

    wall: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure what happens inside and add it to a step."""
        wall, cpu = time.perf_counter(), cpu_seconds()
        try:
            yield
        finally:
            self.add(name, time.perf_counter() - wall, cpu_seconds() - cpu)

    def add(self, name: str, wall: float, cpu: float) -> None:
        """Add seconds that were measured elsewhere to a step."""
        self.wall[name] = self.wall.get(name, 0.0) + wall
        self.cpu[name] = self.cpu.get(name, 0.0) + cpu


def cpu_seconds() -> float:
    """User and system seconds of this process and of its children that ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def peak_gb() -> float:
    """Peak resident memory of this process in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def quantiles_ms(seconds: list[float]) -> dict[str, float]:
    """Median and 95 % quantile in milliseconds, and how many were measured."""
    p50, p95 = np.quantile(seconds, (0.5, 0.95)) * 1e3
    return {"p50_ms": float(p50), "p95_ms": float(p95), "n": len(seconds)}


def bytes_below(folder: Path, pattern: str = "*") -> int:
    """Bytes of the files below a folder whose names fit a pattern."""
    return sum(each.stat().st_size for each in folder.rglob(pattern) if each.is_file())


def files_below(folder: Path) -> int:
    """How many files lie below a folder."""
    return sum(each.is_file() for each in folder.rglob("*"))


def make_cold(*parts: Path) -> None:
    """Ask the kernel to forget every page of some files, and of those below some folders.

    Works without privileges for pages that are on disk, so files are synced first.
    """
    os.sync()
    for part in parts:
        for path in part.rglob("*") if part.is_dir() else (part,):
            if path.is_file():
                descriptor = os.open(path, os.O_RDONLY)
                try:
                    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
                finally:
                    os.close(descriptor)
