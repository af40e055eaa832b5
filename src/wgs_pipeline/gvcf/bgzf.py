"""BGZF files: complete or not, read in chunks of whole lines, written by bgzip."""

from __future__ import annotations

import gzip
import io
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, cast

from isal import igzip_threaded

from wgs_pipeline.bgzf import BGZF_EOF, BROKEN_GZIP
from wgs_pipeline.errors import GvcfError

CHUNK_BYTES = 4 << 20

_LARGEST_BLOCK = 1 << 16
#: Head of a block, up to its size less one (SAM specification, section 4.1).
_BLOCK_HEAD = re.compile(rb"(?s)\x1f\x8b\x08\x04.{6}\x06\0BC\x02\0(?P<size>..)")


def check_bgzf_eof(path: Path) -> None:
    """Check that a BGZF file ends with the empty block that marks it complete.

    Raises:
        GvcfError: It does not: the file is truncated or is not BGZF. Or it cannot be read.
    """
    try:
        with path.open("rb") as file:
            file.seek(max(path.stat().st_size - len(BGZF_EOF), 0))
            end = file.read()
    except OSError as error:
        raise GvcfError(f"{path}: cannot be read: {error.strerror or error}") from error
    if end != BGZF_EOF:
        raise GvcfError(
            f"{path}: does not end with the BGZF end-of-file block; expected a complete "
            "bgzip file. It is truncated or not bgzip: make it again"
        )


def check_last_line(path: Path) -> None:
    """Check that the text of a complete BGZF file ends with a line end.

    bgzip at the end of a pipe closes its file well where what writes into the pipe is killed.

    Raises:
        GvcfError: The last line is cut off, or the last block is broken. Or it cannot be read.
    """
    try:
        with path.open("rb") as file:
            end = file.seek(0, io.SEEK_END)
            text = b""
            while not text and end:
                file.seek(max(end - _LARGEST_BLOCK, 0))
                tail = file.read(min(end, _LARGEST_BLOCK))
                start = _last_block(tail)
                text = gzip.decompress(tail[start:])
                end -= len(tail) - start
    except BROKEN_GZIP as error:
        raise GvcfError(
            f"{path}: its last bgzip block is broken ({error}); make it again"
        ) from error
    except OSError as error:
        raise GvcfError(f"{path}: cannot be read: {error.strerror or error}") from error
    if not text.endswith(b"\n"):
        raise GvcfError(f"{path}: its last line is cut off. Remove it and make it again")


def _last_block(tail: bytes) -> int:
    """Where the block begins that ends with ``tail``."""
    for head in _BLOCK_HEAD.finditer(tail):
        if head.start() + int.from_bytes(head["size"], "little") + 1 == len(tail):
            return head.start()
    raise gzip.BadGzipFile("no block ends where the file does")


def read_lines(path: Path) -> Iterator[bytes]:
    """The text of a gzip file in chunks of whole lines.

    Raises:
        GvcfError: It cannot be read, is broken, or ends within a line.
    """
    try:
        with cast(BinaryIO, igzip_threaded.open(path, "rb")) as file:
            yield from whole_lines(file, str(path))
    except BROKEN_GZIP as error:
        raise GvcfError(
            f"{path}: the gzip stream is broken ({error}); expected it to end with a checksum. "
            "Remove it and make it again"
        ) from error
    except OSError as error:
        raise GvcfError(f"{path}: cannot be read: {error.strerror or error}") from error


def whole_lines(file: IO[bytes], name: str) -> Iterator[bytes]:
    """The content of an open file in chunks of whole lines.

    Raises:
        GvcfError: It ends within a line.
    """
    pending = b""
    while chunk := file.read(CHUNK_BYTES):
        cut = chunk.rfind(b"\n") + 1
        if cut:
            yield pending + chunk[:cut]
            pending = chunk[cut:]
        else:
            pending += chunk
    if pending:
        raise GvcfError(f"{name}: its last line is cut off. Remove it and make it again")


@contextmanager
def bgzip_writer(path: Path, threads: int, level: int = 6) -> Iterator[IO[bytes]]:
    """Give a file whose content bgzip compresses into ``path``.

    Args:
        path: Is overwritten.
        threads: Threads that compress.
        level: 1 (fast, for what is soon removed) to 9.

    Raises:
        OSError: bgzip failed, for example because the file system is full.
    """
    require("bgzip")
    command = ["bgzip", "--stdout", "--threads", str(threads), "--compress-level", str(level)]
    with (
        path.open("wb") as sink,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=sink, stderr=subprocess.PIPE
        ) as bgzip,
    ):
        try:
            with cast("IO[bytes]", bgzip.stdin) as out:
                yield out
        except BrokenPipeError:
            pass  # bgzip stopped; it says why
        said = cast("IO[bytes]", bgzip.stderr).read().decode(errors="replace").strip()
    if bgzip.returncode:
        said = "; ".join(said.splitlines()) or f"exit code {bgzip.returncode}"
        raise OSError(f"bgzip failed, as it does where the file system is full ({said})")


def require(tool: str) -> None:
    """Check that a tool is installed.

    Raises:
        GvcfError: It is not on PATH.
    """
    if shutil.which(tool) is None:
        raise GvcfError(f"{tool}: not found on PATH; expected it to be installed")
