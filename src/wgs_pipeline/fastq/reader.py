"""FASTQ files, plain or gzip, as chunks of whole records."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from isal import igzip_threaded
from numpy.typing import NDArray

from wgs_pipeline.bgzf import BROKEN_GZIP
from wgs_pipeline.digests import HashingReader
from wgs_pipeline.errors import ReadsError

#: Small enough that what is made of a chunk stays in the processor's cache.
CHUNK_BYTES = 1 << 20
#: Far above any record of a short-read sequencer; what has none within it is not FASTQ.
LONGEST_RECORD = 64 << 20
_LINES = 4
_GZIP_MAGIC = b"\x1f\x8b"
_NEWLINE, _RETURN = b"\n\r"


@dataclass(frozen=True)
class Chunk:
    """Whole records of a file.

    Attributes:
        path: The file.
        line: Lines of the file before this chunk.
        text: The bytes, shape (size,).
        newlines: Where the lines end in ``text``, four a record, shape (4 * records,).
    """

    path: Path
    line: int
    text: NDArray[np.uint8]
    newlines: NDArray[np.int64]


class FastqReader:
    """Reads a FASTQ file on demand; a record is held once, however the file is chunked.

    Attributes:
        path: The file.
        sha256: Digest of its bytes as they lie on the disk, once it was read to its end.
    """

    def __init__(self, path: Path, chunk_bytes: int = CHUNK_BYTES) -> None:
        self.path = path
        self.sha256 = ""
        self._chunks = self._decompressed(chunk_bytes)
        self._ended = False
        # Records are taken off the front by moving _next, not by copying what is left.
        self._text: NDArray[np.uint8] = np.empty(0, np.uint8)
        self._newlines: NDArray[np.int64] = np.empty(0, np.int64)
        self._next = 0
        self._line = 0

    @property
    def available(self) -> int:
        """Whole records that are in memory."""
        return (len(self._newlines) - self._next) // _LINES

    def fill(self) -> int:
        """Read on until at least one whole record is in memory; their number, 0 at the end.

        Raises:
            ReadsError: The file cannot be read, is broken, or ends within a record.
        """
        if not self.available and not self._ended:
            self._read_record()
        return self.available

    def take(self, count: int) -> Chunk:
        """Remove the first ``count`` records from memory and return them."""
        start, first = self._start, self._next
        self._next += _LINES * count
        newlines = self._newlines[first : self._next]
        text = self._text[start : self._start]
        chunk = Chunk(self.path, self._line, text, newlines - start)
        self._line += _LINES * count
        return chunk

    @property
    def _start(self) -> int:
        """Where the first record that is not yet taken begins."""
        return int(self._newlines[self._next - 1]) + 1 if self._next else 0

    def _read_record(self) -> None:
        start = self._start
        parts = [self._text[start:]]
        newlines = [self._newlines[self._next :] - start]
        size, lines = len(parts[0]), len(newlines[0])
        while lines < _LINES and not self._ended:
            part = self._next_part(parts[-1], self._line + lines)
            parts.append(part)
            newlines.append(np.flatnonzero(part == _NEWLINE) + size)
            size, lines = size + len(part), lines + len(newlines[-1])
            if lines < _LINES and size > LONGEST_RECORD:
                raise ReadsError(
                    f"{self.path}:{self._line + 1}: no whole record in {size} bytes; expected "
                    "four lines a read. The file is not FASTQ: correct the units sheet"
                )
        self._text, self._newlines = np.concatenate(parts), np.concatenate(newlines)
        self._next = 0
        if self._ended:
            self._check_end()

    def _next_part(self, last: NDArray[np.uint8], line: int) -> NDArray[np.uint8]:
        """The next bytes of the file; at its end the newline that its last line may lack."""
        try:
            part = np.frombuffer(next(self._chunks, b""), np.uint8)
        except BROKEN_GZIP as error:
            raise ReadsError(
                f"{self.path}:{line + 1}: the gzip stream is broken on this line or later "
                f"({error}); expected it to end with a checksum. The file is truncated or "
                "damaged: copy it again from the sequencer"
            ) from error
        except OSError as error:
            raise ReadsError(f"{self.path}: cannot be read: {error.strerror or error}") from error
        if len(part):
            return part
        self._ended = True
        return np.frombuffer(b"\n" if len(last) and last[-1] != _NEWLINE else b"", np.uint8)

    def _check_end(self) -> None:
        whole = len(self._newlines) // _LINES * _LINES
        size = int(self._newlines[whole - 1]) + 1 if whole else 0
        rest = self._text[size:]
        if not np.isin(rest, (_NEWLINE, _RETURN)).all():
            raise ReadsError(
                f"{self.path}:{self._line + len(self._newlines)}: ends within a record; "
                "expected four lines a read. The file is truncated: copy it again"
            )
        # Empty lines after the last record are no reads.
        self._text, self._newlines = self._text[:size], self._newlines[:whole]

    def _decompressed(self, chunk_bytes: int) -> Iterator[bytes]:
        """The content of a plain or gzip file in chunks."""
        with self.path.open("rb") as raw:
            compressed = raw.read(2) == _GZIP_MAGIC
        with HashingReader(self.path.open("rb", buffering=0)) as hashed:
            reader = cast(BinaryIO, hashed)
            with (
                cast(BinaryIO, igzip_threaded.open(hashed, "rb"))
                if compressed
                else (nullcontext(reader)) as file
            ):
                while chunk := file.read(chunk_bytes):
                    yield chunk
            self.sha256 = hashed.hexdigest()
