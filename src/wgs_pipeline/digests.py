"""SHA-256 digests: of a file, of what is read of it on the way, and kept for files that stay."""

from __future__ import annotations

import hashlib
import io
import json
import os
from pathlib import Path
from typing import Any, BinaryIO

from wgs_pipeline.files import write_json


class HashingReader(io.RawIOBase):
    """A binary file that adds whatever is read of it to a digest.

    Whoever decompresses a file so learns the digest of its bytes without reading them twice.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()

    def readable(self) -> bool:
        """Always true."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer; the number of bytes, 0 at the end."""
        count = self._file.readinto(buffer)  # type: ignore[attr-defined]
        # hashlib lets go of the interpreter's lock: other threads go on meanwhile.
        self._digest.update(memoryview(buffer)[:count])
        return int(count)

    def hexdigest(self) -> str:
        """SHA-256 of the whole file: what nobody read yet is read now."""
        while self.read(1 << 20):
            pass
        return self._digest.hexdigest()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class DigestStore:
    """Digests of files that are read once and then known by their size and time of change.

    Attributes:
        path: JSON in which they are kept: path to [size, time of change in ns, SHA-256].
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known = _read(path)
        self._used: dict[str, list[Any]] = {}

    def of(self, path: Path) -> str | None:
        """SHA-256 of a file; None where it is missing or cannot be read."""
        try:
            seen = os.stat(path)  # noqa: PTH116 (of what a link points to)
            known = self._known.get(str(path))
            if not known or known[:2] != [seen.st_size, seen.st_mtime_ns]:
                known = [seen.st_size, seen.st_mtime_ns, sha256_of(path)]
        except OSError:
            return None
        self._known[str(path)] = self._used[str(path)] = known
        return str(known[2])

    def write(self) -> None:
        """Keep the digests that were asked for."""
        write_json(self.path, self._used)


def _read(path: Path) -> dict[str, list[Any]]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return {
            name: entry
            for name, entry in document.items()
            if isinstance(entry, list) and len(entry) == 3
        }
    except (OSError, ValueError, AttributeError):
        return {}
