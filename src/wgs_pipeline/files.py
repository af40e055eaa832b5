"""Writing files so that no reader ever sees a half-written one, and no other user any.

Whatever the umask, a file is made for its owner alone (mode 0600), and so is a folder (0700):
genomes and what is said of them are shared by a deliberate act, not by a default.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from wgs_pipeline.errors import OutputError

#: Modes of what is made here: for the owner alone.
PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700
_ATTEMPTS = 5
#: Names that ``replacing`` gives to files that are not whole yet.
_TEMPORARY = re.compile(r"\..+\.[a-z0-9_]{8}\.tmp")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name beside ``path``; on success fsync it and rename it to ``path``.

    On an error the temporary file is removed and ``path`` stays as it was. Only its owner may read
    the new file.

    Raises:
        OutputError: The folder cannot be written, or the file system is full.
    """
    try:
        handle, name = _temporary_beside(path)
        os.close(handle)
    except OSError as error:
        raise _refused(path, error) from error
    temporary = Path(name)
    try:
        yield temporary
        _fsync(temporary)
        temporary.chmod(PRIVATE_FILE)
        temporary.replace(path)
        _fsync(path.parent)
    except OSError as error:
        raise _refused(path, error, temporary) from error
    finally:
        with suppress(OSError):  # what went wrong before says more
            temporary.unlink(missing_ok=True)


def make_folder(path: Path) -> None:
    """Make a folder, and those above it that are missing, each for its owner alone.

    A folder that is there stays as it is.

    Raises:
        OSError: It cannot be made, or something else has its name.
    """
    for folder in (*reversed(path.parents), path):
        if not folder.is_dir():
            folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` as UTF-8, all or nothing."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` to ``path`` as indented JSON, all or nothing."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def files_below(folder: Path) -> list[Path]:
    """Every file below a folder, in order; folders that vanish meanwhile are passed over.

    Raises:
        OSError: A folder cannot be read.
    """
    return [Path(name) for name in sorted(entry.path for entry in _entries_below(folder))]


def bytes_below(folder: Path) -> int:
    """Bytes of all files below a folder; what vanishes meanwhile is passed over.

    Raises:
        OSError: A folder cannot be read.
    """
    total = 0
    for entry in _entries_below(folder):
        with suppress(FileNotFoundError):
            total += entry.stat().st_size
    return total


def _entries_below(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    """Directory entries of the files below a folder, which tell what they are without a look."""
    try:
        with os.scandir(folder) as found:
            entries = list(found)
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _entries_below(entry.path)
        elif entry.is_file():
            yield entry


def sweep_temporaries(folder: Path) -> int:
    """Remove what killed processes left of files that they were writing, anywhere below a folder.

    No living process may be writing there.

    Returns:
        How many files were removed.
    """
    left = [
        Path(where) / name
        for where, _, names in os.walk(folder)
        for name in names
        if _TEMPORARY.fullmatch(name)
    ]
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)


def _temporary_beside(path: Path) -> tuple[int, str]:
    """Make the folder and a file in it; anew where someone removed the empty folder meanwhile."""
    attempt = 0
    while True:
        try:
            make_folder(path.parent)
            return tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        except FileNotFoundError:
            attempt += 1
            if attempt == _ATTEMPTS:
                raise


def _refused(path: Path, error: OSError, temporary: Path | None = None) -> OutputError:
    """The error of a file that cannot be written; it names the other file where that failed."""
    other = error.filename if isinstance(error.filename, str | Path) else None
    own = {str(path), str(path.parent), str(temporary), None}
    named = f" ({other})" if temporary and (str(other) if other else None) not in own else ""
    return OutputError(f"{path}: cannot be written: {error.strerror or error}{named}")


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
