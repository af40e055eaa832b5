"""Files that a killed job left half-written, told by their names.

What writes a result gives it a temporary name of its own and renames it at the end: rules of the
workflow a folder ``NAME.XXXXXX.part``, ``wgs`` a file (see ``files.replacing``). No two jobs share
one, so that even two that make the same file, one of them on a node that was given up, do no harm
to each other. SIGKILL leaves them behind.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from wgs_pipeline.files import sweep_temporaries

_PART = re.compile(r".+\.[A-Za-z0-9]{6}\.part")


def remove_leftovers(results: Path) -> int:
    """Remove what killed jobs left below a results folder; how many there were.

    To be called by whoever holds the run lock, when no job is alive.
    """
    parts = [
        Path(where) / name
        for where, names, _ in os.walk(results)
        for name in names
        if _PART.fullmatch(name)
    ]
    for part in parts:
        shutil.rmtree(part, ignore_errors=True)
    return len(parts) + sweep_temporaries(results)
