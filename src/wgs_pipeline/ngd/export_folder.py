"""The folder of an export: built under a hidden name, then put in place in one step."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wgs_pipeline.errors import OutputError

MANIFEST = "manifest.json"
FORMAT = "wgs-ngd-export-1"
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


def earlier_export(target: Path, project: str) -> bool:
    """Whether an export of the same project lies at ``target`` already.

    Args:
        target: Where the export is to lie.
        project: Id of the project; empty for care and quality.

    Raises:
        OutputError: Something else is there.
    """
    if not target.exists() and not target.is_symlink():
        return False
    try:
        manifest: dict[str, Any] = json.loads((target / MANIFEST).read_text(encoding="utf-8"))
        same = manifest["format"] == FORMAT and (manifest["project"] or {}).get("id", "") == project
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        same = False
    if not same or target.is_symlink() or not target.is_dir():
        said = f"an earlier export of project {project}" if project else "an earlier such export"
        raise OutputError(
            f"{target}: something else is there; expected no such folder, or {said}. "
            "Give another folder with -o"
        )
    return True


@contextmanager
def building(target: Path) -> Iterator[Path]:
    """A hidden folder beside ``target`` to build in; gone at the end if it was not put in place.

    What killed processes left there is removed first.

    Raises:
        OutputError: No folder can be made there.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target)
        folder = target.parent / f".{target.name}.{secrets.token_hex(8)}.tmp"
        folder.mkdir(mode=0o700)
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise OutputError(f"{target}: cannot be made: {error.strerror or error}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # says that someone is building here
        yield folder
    except OSError as error:
        raise OutputError(f"{target}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def put_in_place(folder: Path, target: Path) -> None:
    """Give a finished folder its name; what was there before goes.

    A reader sees the whole old export or the whole new one, where the file system can exchange
    two names in one step (ext4, xfs, btrfs, tmpfs); on others there is a moment with none.

    Raises:
        OSError: It cannot be renamed.
    """
    settle(folder)
    if target.exists():
        _exchange(folder, target)
    else:
        folder.rename(target)
    _fsync(target.parent)


def settle(folder: Path) -> None:
    """Bring every file and folder to disk, readable by its owner alone."""
    for path in sorted(folder.rglob("*"), reverse=True):
        path.chmod(0o700 if path.is_dir() else 0o600)
        _fsync(path)
    _fsync(folder)


def _exchange(folder: Path, target: Path) -> None:
    """Swap two folders, so that the old one now has the hidden name."""
    library = ctypes.CDLL(None, use_errno=True)
    function = getattr(library, "renameat2", None)
    names = os.fsencode(folder), os.fsencode(target)
    if function and not function(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE):
        return
    code = ctypes.get_errno()
    if function and code not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        raise OSError(code, os.strerror(code), str(target))
    old = folder.with_name(f"{folder.name.removesuffix('.tmp')}.old.tmp")
    target.rename(old)
    folder.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _sweep(target: Path) -> None:
    for folder in target.parent.glob(f".{target.name}.*.tmp"):
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            pass  # another export is being built
        finally:
            os.close(descriptor)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
