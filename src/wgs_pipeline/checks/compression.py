"""How a file is compressed, told by its first and last bytes."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from wgs_pipeline.bgzf import BGZF_EOF
from wgs_pipeline.errors import Problem

_GZIP = b"\x1f\x8b"


class Compression(StrEnum):
    """Compression of a file."""

    PLAIN = "plain"
    GZIP = "gzip"
    BGZIP = "bgzip"


def compression(path: Path) -> Compression:
    """Compression of a file, by its first bytes.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(18)
    if not head.startswith(_GZIP):
        return Compression.PLAIN
    # BGZF is gzip whose first extra field is BC.
    return Compression.BGZIP if head[3:4] == b"\x04" and head[12:14] == b"BC" else Compression.GZIP


def is_complete_bgzip(path: Path) -> bool:
    """Whether a bgzip file ends with the block that marks its end."""
    return tail(path, len(BGZF_EOF)) == BGZF_EOF


def tail(path: Path, size: int) -> bytes:
    """The last ``size`` bytes of a file, or all of a shorter one."""
    with path.open("rb") as file:
        end = file.seek(0, 2)
        file.seek(max(end - size, 0))
        return file.read()


def access_problem(path: Path, where: str, line: int, role: str) -> Problem | None:
    """A problem where ``path`` is no readable file with content.

    Args:
        path: The file.
        where: The sheet or configuration that names it.
        line: Its line there; 0 where unknown.
        role: What the file is, as "fastq_1 of sample S1".
    """
    remedy = f"Correct the path, or put the file there: {path}."
    expected = "a readable file"
    try:
        if not path.exists():
            return Problem(where, line, f"{role} does not exist", expected, remedy)
        if not path.is_file():  # a pipe would block, a folder cannot be read
            return Problem(where, line, f"{role} is no ordinary file", expected, remedy)
        with path.open("rb") as file:
            first = file.read(1)
    except OSError as error:
        found = f"{role} cannot be read ({error.strerror or error})"
        return Problem(where, line, found, expected, f"Mend the access to {path}.")
    if not first:
        remedy = f"Copy the file again: {path}."
        return Problem(where, line, f"{role} is empty (0 bytes)", "a file with content", remedy)
    return None
