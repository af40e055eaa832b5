"""Reading a multi-sample VCF or BCF in blocks of whole lines, cells found but not yet interpreted.

Plain, gzip or bgzip text, chosen by content and not by name; BCF is turned into text by bcftools.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
from isal import igzip
from numpy.typing import NDArray

from wgs_pipeline.bgzf import BGZF_EOF, BROKEN_GZIP
from wgs_pipeline.errors import GvcfError

#: Text read at once; a longer line makes its block longer.
BLOCK_BYTES = 8 << 20
#: Columns before those of the samples.
FIXED = ("CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT")

_TAB, _NEWLINE, _RETURN = 9, 10, 13
_CONTIG = re.compile(r"##contig=<(?:.*,)?ID=([^,>]+)(?:,.*)?>")
_LENGTH = re.compile(r"[<,]length=([0-9]+)")
_FORMAT = re.compile(r"##FORMAT=<(?:.*,)?ID=([^,>]+)(?:,.*)?>")


@dataclass(frozen=True)
class CallsetHeader:
    """What the database needs of the header of a callset.

    Attributes:
        contigs: Name to length in bp; None where the header states no length.
        formats: Keys that the header declares for FORMAT.
        samples: Names of the samples, in the order of their columns.
        lines: Lines of the header, so that records have line numbers.
    """

    contigs: dict[str, int | None]
    formats: frozenset[str]
    samples: tuple[str, ...]
    lines: int


@dataclass(frozen=True)
class Block:
    """Whole lines of records.

    Attributes:
        line: Line number of the first record.
        data: The bytes.
        starts: First byte of each cell, shape (records, columns).
        ends: One past its last byte, shape (records, columns).
    """

    line: int
    data: NDArray[np.uint8]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def column(self, name: str) -> pa.StringArray:
        """Texts of a fixed column, shape (records,)."""
        at = FIXED.index(name)
        return texts(self.data, self.starts[:, at], self.ends[:, at])


def texts(
    data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> pa.StringArray:
    """Pieces [start, end) of some bytes, which must be UTF-8, as one array of strings."""
    lengths = ends - starts
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    at = np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])
    buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(data[at])]
    return pa.Array.from_buffers(pa.string(), len(lengths), buffers)


def read_callset_header(path: Path) -> CallsetHeader:
    """Header of a callset.

    Raises:
        GvcfError: It cannot be read, is no VCF or BCF, or names no sample or one of them twice.
    """
    with _opened(path) as file:
        return _header(path, file)


def blocks(path: Path) -> Iterator[Block]:
    """Records of a callset in blocks of about ``BLOCK_BYTES``.

    Raises:
        GvcfError: The file is truncated or damaged, has no records, or a line has other columns
            than the header says.
    """
    with _opened(path) as file:
        header = _header(path, file)
        columns, line = len(FIXED) + len(header.samples), header.lines + 1
        for data in _whole_lines(path, file):
            block = _block(path, line, data, columns)
            yield block
            line += len(block.starts)
        if line == header.lines + 1:
            raise GvcfError(
                f"{path}: no records after the header; expected the calls of its samples. "
                "Was it cut off? Make it again"
            )


def malformed_record(path: Path, line: int, found: str, expected: str) -> GvcfError:
    """The error for one bad record."""
    return GvcfError(
        f"{path}:{line}: {found}; expected {expected}. Nothing of this callset is loaded: "
        "make it again"
    )


def _whole_lines(path: Path, file: IO[bytes]) -> Iterator[bytes]:
    rest: list[bytes] = []
    while data := file.read(BLOCK_BYTES):
        cut = data.rfind(b"\n") + 1
        if cut:
            yield b"".join((*rest, data[:cut]))
            rest = []
        rest.append(data[cut:])
    if any(rest):
        raise GvcfError(
            f"{path}: the last line has no end, so the file may be truncated. Copy or make it again"
        )


def _block(path: Path, line: int, text: bytes, columns: int) -> Block:
    data = np.frombuffer(text, np.uint8)
    borders = np.flatnonzero(data <= _NEWLINE)  # tab and newline are the only such bytes of a VCF
    signs = data[borders]
    good = len(borders) % columns == 0
    if good:
        grid = signs.reshape(-1, columns)
        good = bool((grid[:, :-1] == _TAB).all() and (grid[:, -1] == _NEWLINE).all())
    if not good or not (text.isascii() or _is_utf8(text)):
        raise _misshapen(path, line, text, columns)
    ends = borders.reshape(-1, columns)
    starts = np.concatenate(([0], borders[:-1] + 1)).reshape(-1, columns)
    last = ends[:, -1]
    if data[last[0] - 1] == _RETURN:
        ends = ends.copy()
        ends[:, -1] -= data[last - 1] == _RETURN
    return Block(line, data, starts, ends)


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _misshapen(path: Path, line: int, text: bytes, columns: int) -> GvcfError:
    """The error for the first line of a block that is out of shape."""
    for number, each in enumerate(text.split(b"\n")[:-1], start=line):
        found = each.count(b"\t") + 1
        if found != columns:
            return malformed_record(path, number, f"{found} columns", f"{columns} columns")
        if not _is_utf8(each):
            return malformed_record(path, number, "bytes that are no UTF-8", "VCF text")
    return malformed_record(path, line, "control characters in the records below", "VCF text")


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """The text of a callset.

    Raises:
        GvcfError: It cannot be read, is truncated or damaged.
    """
    try:
        if _is_bcf(path):
            with _as_text(path) as file:
                yield file
            return
        with path.open("rb") as raw:
            zipped = _check_end(path, raw)
        with igzip.open(path, "rb") if zipped else path.open("rb") as file:
            yield file
    except BROKEN_GZIP as error:
        raise GvcfError(
            f"{path}: truncated or damaged ({error}); expected a whole bgzip file. "
            "Copy or make it again"
        ) from error
    except OSError as error:
        raise GvcfError(f"{path}: cannot be read: {error.strerror or error}") from error


def _is_bcf(path: Path) -> bool:
    with path.open("rb") as raw:
        magic = raw.read(3)
    if magic[:2] == b"\x1f\x8b":
        with igzip.open(path, "rb") as file:
            magic = file.read(3)
    return magic == b"BCF"


def _check_end(path: Path, raw: IO[bytes]) -> bool:
    """Whether the file is gzip; refuses bgzip without its end block."""
    magic = raw.read(18)
    size = raw.seek(0, 2)
    if magic[:4] == b"\x1f\x8b\x08\x04" and magic[12:14] == b"BC":
        raw.seek(max(size - len(BGZF_EOF), 0))
        if raw.read() != BGZF_EOF:
            raise GvcfError(
                f"{path}: truncated: the end-of-file block of bgzip is missing. "
                "Copy or make it again"
            )
    return magic[:2] == b"\x1f\x8b"


@contextmanager
def _as_text(path: Path) -> Iterator[IO[bytes]]:
    """The text of a BCF, from bcftools; a reader that stops early ends it."""
    command = ["bcftools", "view", "--no-version", "-Ov", str(path)]
    with tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said)
        except FileNotFoundError:
            raise GvcfError(f"{path}: BCF needs bcftools. Install it, or give a VCF") from None
        assert process.stdout is not None
        with process, process.stdout:
            try:
                yield process.stdout
                finished = not process.stdout.read(1)
            except BaseException:
                process.kill()
                raise
            if not finished:
                process.kill()
        if finished and process.returncode:
            said.seek(0)
            reason = said.read().decode("utf-8", "replace").strip() or "nothing"
            raise GvcfError(
                f"{path}: truncated or damaged: bcftools says {reason}. Copy or make it again"
            )


def _header(path: Path, file: IO[bytes]) -> CallsetHeader:
    contigs: dict[str, int | None] = {}
    formats: set[str] = set()
    for number, raw in enumerate(iter(file.readline, b""), start=1):
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        if number == 1 and not line.startswith("##fileformat=VCF"):
            raise GvcfError(f"{path}: no VCF (its first line is not ##fileformat=VCF…)")
        if found := _CONTIG.fullmatch(line):
            length = _LENGTH.search(line)
            contigs[found[1]] = int(length[1]) if length else None
        elif found := _FORMAT.fullmatch(line):
            formats.add(found[1])
        elif line.startswith("#CHROM"):
            samples = tuple(line.split("\t")[len(FIXED) :])
            if not samples or len(set(samples)) != len(samples):
                what = "a sample twice" if samples else "no samples"
                raise GvcfError(
                    f"{path}:{number}: {what} in the #CHROM line; expected each sample once. "
                    "Mend it with bcftools reheader"
                )
            return CallsetHeader(contigs, frozenset(formats), samples, number)
        elif not line.startswith("##"):
            expected = "the VCF header"
            raise malformed_record(path, number, "a record before the #CHROM line", expected)
    raise GvcfError(f"{path}: no #CHROM line; the file is truncated or no VCF")
