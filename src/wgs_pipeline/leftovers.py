"""Files that a killed job left half-written, told by their names.

What writes a result gives it a temporary name of its own and renames it at the end: rules of the
workflow a folder ``NAME.XXXXXX.part``, ``wgs`` a file ``.NAME.XXXXXXXX.tmp``. No two jobs share
one, so that even two that make the same file, one on a node that was given up, do no harm to each
other. SIGKILL leaves them behind.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

_TEMPORARY = re.compile(r".+\.[A-Za-z0-9]{6}\.part|\..+\.[a-z0-9_]{8}\.tmp")
#: Folders below `results` that jobs write to.
_FOLDERS = ("alignment", "callset", "gvcf", "ngd", "provenance", "qc", "reference", "report")


def remove_leftovers(results: Path) -> int:
    """Remove what killed jobs left below a results folder; how many there were.

    To be called by whoever holds the run lock, when no job is alive.
    """
    folders = [results / name for name in _FOLDERS if not (results / name).is_symlink()]
    found = [path for folder in folders for path in _leftovers(folder)]
    for path in found:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return len(found)


def _leftovers(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for path in entries:
        if _TEMPORARY.fullmatch(path.name):
            yield path
        elif path.is_dir() and not path.is_symlink():
            yield from _leftovers(path)
