"""Writing files so that no reader ever sees a half-written one."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from wgs_pipeline.errors import OutputError

_ATTEMPTS = 5


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name beside ``path``; on success fsync it and rename it to ``path``.

    On an error the temporary file is removed and ``path`` stays as it was.

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
        temporary.chmod(_default_mode())
        temporary.replace(path)
        _fsync(path.parent)
    except OSError as error:
        raise _refused(path, error, temporary) from error
    finally:
        with suppress(OSError):  # what went wrong before says more
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` as UTF-8, all or nothing."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` to ``path`` as indented JSON, all or nothing."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def _temporary_beside(path: Path) -> tuple[int, str]:
    """Make the folder and a file in it; anew where someone removed the empty folder meanwhile."""
    attempt = 0
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
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


def _default_mode() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
