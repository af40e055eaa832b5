"""Lines of text files, plain, gzip or bgzip."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from wgs_pipeline.bgzf import BROKEN_GZIP
from wgs_pipeline.errors import NgdError


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number (from 1) and text of each line, without its end.

    Raises:
        NgdError: The file cannot be read, is no UTF-8, or is damaged gzip.
    """
    try:
        with path.open("rb") as raw, _text(raw) as file:
            for number, line in enumerate(file, start=1):
                yield number, line.rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise NgdError(f"{path}: is no UTF-8; expected text, plain or gzip. Convert it") from error
    except (OSError, *BROKEN_GZIP) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise NgdError(f"{path}: cannot be read ({said}); expected text, plain or gzip") from error


def bare_name(path: Path) -> str:
    """Name of a file without the ending that says it is compressed."""
    return path.name.removesuffix(".gz").removesuffix(".bgz")


def _text(raw: IO[bytes]) -> io.TextIOWrapper:
    from isal import igzip

    is_gzip = raw.read(2) == b"\x1f\x8b"
    raw.seek(0)
    return io.TextIOWrapper(igzip.open(raw) if is_gzip else raw, encoding="utf-8", newline="\n")
