"""The folders a run writes to: that they can be made and written."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from wgs_pipeline.config import Config
from wgs_pipeline.errors import Problem

#: Written to find a full file system, where an empty file can still be made.
_PROBE_BYTES = 4096


def check_outputs(config: Config) -> list[Problem]:
    """Problems of results, ngd.root and ngd.vault; leaves nothing behind."""
    folders = {
        "results": config.results,
        "ngd.root": config.ngd.root,
        "ngd.vault": config.ngd.vault,
    }
    problems = []
    for key, folder in folders.items():
        found = write_trouble(folder)
        if found:
            remedy = f"Name another folder, or make this one writable: {folder}."
            expected = "a folder that can be made and written"
            line = config.line(*key.split("."))
            problems.append(Problem(str(config.path), line, f"{key} {found}", expected, remedy))
    lost = lost_database(config)
    if lost:
        problems.append(lost)
    return problems


def lost_database(config: Config) -> Problem | None:
    """A database that is gone although the results say that genomes were loaded into it.

    Its disk may not be mounted; a run would have nothing to do and end well.
    """
    receipts = config.results / "ngd"
    if not (receipts / "initialised").exists() or (config.ngd.root / "ngd.json").exists():
        return None
    return Problem(
        str(config.path),
        config.line("ngd", "root"),
        f"ngd.root: no database in {config.ngd.root}, although {receipts} says that one was made",
        "the database of these results",
        "Mount it, or restore it and its vault; to load every genome into a new one, remove "
        f"{receipts}.",
    )


def write_trouble(folder: Path) -> str:
    """Why nothing can be written below ``folder``, which need not exist; "" where it can.

    The probe is written to the nearest folder that exists, and removed.
    """
    existing = folder
    while not os.path.lexists(existing):
        existing = existing.parent
    if not existing.is_dir():
        return f"cannot be made: {existing} is no folder"
    if not existing.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
        # The superuser could write all the same; whoever removed the rights meant it.
        return f"cannot be written: {existing} is read-only"
    try:
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(bytes(_PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return f"cannot be written: {existing}: {error.strerror or error}"
    return ""
