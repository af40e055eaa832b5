"""Telling the lock of a living run from what a killed one left behind.

Snakemake's lock is a set of files that a killed run leaves, after which the next run refuses to
start. Beside it, each run holds a lock of its process, which the operating system gives back
however the run ends. Who gets that lock knows that no run is alive, and may clear the files.
"""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO

#: Open files are kept: closing one would give its lock back.
_held: list[IO[str]] = []


def hold_run_lock(results: Path) -> bool:
    """Take the run lock of a results folder for the rest of this process, if no run is alive.

    Locks that a killed run left there are removed.

    Returns:
        Whether the lock was taken: False while another run lives, or where nothing can be written
        (which Snakemake, or ``wgs check``, then says).
    """
    folder = results / ".snakemake"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "run.lock").open("w", encoding="utf-8")
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return False
    _held.append(file)
    for stale in (folder / "locks").glob("*"):
        stale.unlink(missing_ok=True)
    return True


def is_running(results: Path) -> bool:
    """Whether a run of a results folder is alive on this machine."""
    try:
        with (results / ".snakemake" / "run.lock").open("r", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
