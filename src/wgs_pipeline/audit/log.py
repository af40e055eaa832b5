"""Appending to the access log."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from wgs_pipeline.audit.head import Head, held, read_head, write_head
from wgs_pipeline.audit.lines import Access, line_of, log_key, problem_of
from wgs_pipeline.errors import NgdError
from wgs_pipeline.vault import Vault


def append(
    folder: Path, vault: Vault, access: Access, user: str, now: datetime | None = None
) -> None:
    """Write one line, on disk before this returns.

    Args:
        folder: Folder of the log; made with the first line.
        vault: Holds the key and the end of the log.
        access: What happened.
        user: Operating-system user who asked.
        now: The moment. Default: the clock.

    Raises:
        NgdError: The line cannot be written, or the log is not the one that the vault knows.
    """
    key = log_key(vault)
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    try:
        with held(vault) as descriptor:
            end = _end(folder, read_head(vault, descriptor), key)
            end = _rotated(folder, descriptor, end, moment)
            line = line_of(access, user, end.next_place(), moment, key)
            _write(folder / end.file, line, end.size)
        end = end.after(line)
        # Without the lock, so that the lines of several writers go to disk together.
        _sync(folder / end.file, is_new=end.size == len(line))
        with held(vault) as descriptor:
            if read_head(vault, descriptor).seq < end.seq:
                write_head(descriptor, end)
    except OSError as error:
        raise NgdError(
            f"{folder}: the audit line cannot be written ({error.strerror}), so nothing is "
            "answered. Free space or mend the permissions"
        ) from error


def day_file(day: str) -> str:
    """Name of the file of a day (UTC, ``2026-01-31``)."""
    return f"log-{day}.jsonl"


def _rotated(folder: Path, descriptor: int, end: Head, now: datetime) -> Head:
    """The end in today's file; never in an older one, should the clock go back.

    The head names the new file before that is made, so that there is never a file after it.
    """
    name = max(end.file, day_file(now.strftime("%Y-%m-%d")))
    if name == end.file:
        return end
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (folder / name).exists():
        raise NgdError(
            f"{folder / name}: is there before the first line of its day, so nothing is answered. "
            "Run 'wgs audit verify'"
        )
    if end.size:
        _sync(folder / end.file)
    end = Head(name, end.seq, end.hash, 0)
    write_head(descriptor, end)
    return end


def _end(folder: Path, head: Head, key: bytes) -> Head:
    """Where the log ends: after the head there may be lines of writers that sync just now.

    A writer killed in the middle of a line leaves a part of it, which is removed: its answer was
    never given. Whole lines of a killed writer stay.
    """
    path = folder / head.file if head.file else None
    size = path.stat().st_size if path is not None and path.exists() else 0
    if path is None or size == head.size:
        return head
    end = head
    if size > head.size:
        with _opened(path) as log:
            tail = os.pread(log, size - head.size, head.size)
            for line in tail.splitlines(keepends=True):
                if not line.endswith(b"\n"):
                    os.ftruncate(log, end.size)
                    return end
                if problem_of(line, end.next_place(), key):
                    break
                end = end.after(line)
        if end.size == size:
            return end
    raise NgdError(
        f"{path}: the log is {size} bytes long and the vault knows of {end.size}, so nothing "
        "is answered. Run 'wgs audit verify'"
    )


def _write(path: Path, line: bytes, size: int) -> None:
    with _opened(path) as log:
        try:
            written = os.pwrite(log, line, size)
            while written < len(line):
                written += os.pwrite(log, line[written:], size + written)
        except OSError:
            with suppress(OSError):  # what went wrong first says more
                os.ftruncate(log, size)
            raise


def _sync(path: Path, is_new: bool = False) -> None:
    with _opened(path, os.O_RDWR) as log:
        os.fdatasync(log)
    if is_new:
        with _opened(path.parent, os.O_RDONLY) as folder:
            os.fsync(folder)


@contextmanager
def _opened(path: Path, flags: int = os.O_RDWR | os.O_CREAT) -> Iterator[int]:
    descriptor = os.open(path, flags, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
