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
    return problems


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
