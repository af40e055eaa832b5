"""Lines a second of the access log: eight writers at once, each line on disk before the next.

Beside it what the disk allows: the same lines appended and synced without a chain, a lock or a
vault.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from pathlib import Path

from wgs_pipeline import audit
from wgs_pipeline.vault import Vault

LINES = 4_000
ACCESS = audit.Access("region", "care", generation=7, query="0" * 64, persons=60_000)


def chained(folder: Path, lines: int, ready: Barrier) -> None:
    """Write lines as the database does."""
    with Vault(folder / "vault") as vault:
        ready.wait()
        for _ in range(lines):
            audit.append(folder / "audit", vault, ACCESS, "bench")


def plain(folder: Path, lines: int, ready: Barrier) -> None:
    """Write and sync lines of the same size."""
    line = b"x" * 520 + b"\n"
    descriptor = os.open(folder / f"plain-{os.getpid()}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    ready.wait()
    for _ in range(lines):
        os.write(descriptor, line)
        os.fdatasync(descriptor)
    os.close(descriptor)


def rate(work: Callable[..., None], folder: Path, writers: int) -> float:
    """Lines a second of some writers together, from when all of them are ready."""
    ready = multiprocessing.Barrier(writers + 1)
    processes = [
        multiprocessing.Process(target=work, args=(folder, LINES // writers, ready))
        for _ in range(writers)
    ]
    for process in processes:
        process.start()
    ready.wait()
    started = time.perf_counter()
    for process in processes:
        process.join()
    return LINES / (time.perf_counter() - started)


def main() -> None:
    """Print rates, and the time that one line takes a single writer."""
    for writers in (1, 8):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            Vault.create(folder / "vault").close()
            ours, theirs = rate(chained, folder, writers), rate(plain, folder, writers)
            print(
                f"{writers} writers: {ours:7.0f} lines/s, appended and synced alone "
                f"{theirs:7.0f} ({ours / theirs:.2f})"
            )
    with tempfile.TemporaryDirectory() as name, Vault.create(Path(name) / "vault") as vault:
        times = []
        for _ in range(500):
            started = time.perf_counter()
            audit.append(Path(name) / "audit", vault, ACCESS, "bench")
            times.append(time.perf_counter() - started)
        print(f"one line: median {statistics.median(times) * 1e3:.2f} ms")
        started = time.perf_counter()
        if audit.verify(Path(name) / "audit", vault):
            sys.exit("the log is not whole")
        print(f"verify: {500 / (time.perf_counter() - started):.0f} lines/s")


if __name__ == "__main__":
    main()
