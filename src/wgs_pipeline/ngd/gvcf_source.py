"""Reading a gVCF in blocks of lines: header, decompression, line numbers of errors.

Plain, gzip or bgzip text, chosen by content and not by name.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from isal import igzip, igzip_threaded
from isal.igzip_lib import IsalError

from wgs_pipeline.bgzf import BGZF_EOF
from wgs_pipeline.errors import GvcfError
from wgs_pipeline.ngd.text_block import PADDING, BadLines, TextBlock

#: Columns of a VCF of one sample.
COLUMNS = ("CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", "SAMPLE")

_BLOCK_BYTES = 4 << 20
_LAST_ASCII = 0x7F
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f]")
_CONTIG = re.compile(r"##contig=<(?:.*,)?ID=([^,>]+)(?:,.*)?>")
_LENGTH = re.compile(r"[<,]length=([0-9]+)")


@dataclass(frozen=True)
class Header:
    """What the database needs of a VCF header.

    Attributes:
        contigs: Name to length in bp; None where the header states no length.
        sample: Name of the only sample.
        lines: Lines of the header, so that records have line numbers.
    """

    contigs: dict[str, int | None]
    sample: str
    lines: int


def read_header(path: Path) -> Header:
    """Header of a single-sample gVCF.

    Raises:
        GvcfError: It cannot be read, is no VCF, or has other than one sample.
    """
    with _opened(path) as file:
        return _header(path, file)


def text_blocks(path: Path) -> Iterator[tuple[int, TextBlock]]:
    """Blocks of records, with the line number of each first record.

    Raises:
        GvcfError: The file is truncated, damaged, has no records, or a line is malformed.
    """
    with _opened(path) as file:
        line = first = _header(path, file).lines + 1
        for text in _whole_lines(path, file):
            data = np.frombuffer(text, np.uint8)
            try:
                block = TextBlock.of(data, len(COLUMNS))
            except BadLines:
                _locate_malformed(path, line, text)
                raise
            if data.max() > _LAST_ASCII and not _is_utf8(text):
                _locate_malformed(path, line, text)
            yield line, block
            line += len(block)
        if line == first:
            raise GvcfError(
                f"{path}: no records after the header; expected a record for every base that "
                "was examined. Was it cut off? Make it again"
            )


def _whole_lines(path: Path, file: IO[bytes]) -> Iterator[bytes]:
    """The rest of a file in padded blocks that end where a line does, its end a line feed."""
    padding = bytes(PADDING)
    rest: list[bytes] = []
    while chunk := file.read(_BLOCK_BYTES):
        cut = chunk.rfind(b"\n") + 1
        if cut:
            text = b"".join((padding, *rest, memoryview(chunk)[:cut], padding))
            yield text.replace(b"\r\n", b"\n") if b"\r" in text else text
            rest = []
        rest.append(chunk[cut:])
    if any(rest):
        raise _unended(path)


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _locate_malformed(path: Path, first: int, text: bytes) -> None:
    """Find the first line whose shape is wrong; only called once something is.

    Raises:
        GvcfError: Names that line.
    """
    for number, line in enumerate(text[PADDING:-PADDING].split(b"\n")[:-1], start=first):
        if control := _CONTROL.search(line):
            found = f"the control character 0x{control[0][0]:02x}"
            raise malformed(path, number, found, "VCF text")
        fields = line.count(b"\t") + 1
        if fields != len(COLUMNS):
            raise malformed(path, number, f"{fields} columns", f"{len(COLUMNS)} columns")
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            raise malformed(path, number, "bytes that are no UTF-8", "VCF text") from None


def malformed(path: Path, line: int, found: str, expected: str) -> GvcfError:
    """The error for one bad record."""
    return GvcfError(
        f"{path}:{line}: {found}; expected {expected}. The gVCF is damaged: make it again"
    )


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        with path.open("rb") as raw:
            magic = raw.read(18)
            _check_end(path, raw, magic)
        if magic[:2] == b"\x1f\x8b":
            with igzip_threaded.open(path, "rb", threads=1) as file:
                yield file
        else:
            with path.open("rb") as file:
                yield file
    except (EOFError, IsalError, igzip.BadGzipFile) as error:  # type: ignore[misc]
        raise GvcfError(
            f"{path}: truncated or damaged ({error}); expected a whole bgzip file. "
            "Copy or make it again"
        ) from error
    except OSError as error:
        raise GvcfError(f"{path}: cannot be read: {error.strerror or error}") from error


def _check_end(path: Path, raw: IO[bytes], magic: bytes) -> None:
    size = raw.seek(0, 2)
    is_bgzf = magic[:4] == b"\x1f\x8b\x08\x04" and magic[12:14] == b"BC"
    if is_bgzf:
        raw.seek(max(size - len(BGZF_EOF), 0))
        if raw.read() != BGZF_EOF:
            raise GvcfError(
                f"{path}: truncated: the end-of-file block of bgzip is missing. "
                "Copy or make it again"
            )
    elif size and magic[:2] != b"\x1f\x8b":
        raw.seek(size - 1)
        if raw.read() != b"\n":
            raise _unended(path)


def _unended(path: Path) -> GvcfError:
    return GvcfError(
        f"{path}: the last line has no end, so the file may be truncated. Copy or make it again"
    )


def _header(path: Path, file: IO[bytes]) -> Header:
    contigs: dict[str, int | None] = {}
    for number, raw in enumerate(file, start=1):
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        if number == 1 and not line.startswith("##fileformat=VCF"):
            raise GvcfError(f"{path}: no VCF (its first line is not ##fileformat=VCF…)")
        if found := _CONTIG.fullmatch(line):
            length = _LENGTH.search(line)
            contigs[found[1]] = int(length[1]) if length else None
        elif line.startswith("#CHROM"):
            samples = line.split("\t")[9:]
            if len(samples) != 1:
                raise GvcfError(f"{path}: {len(samples)} samples; expected a gVCF of one sample")
            return Header(contigs, samples[0], number)
        elif not line.startswith("##"):
            raise malformed(path, number, "a record before the #CHROM line", "the VCF header")
    raise GvcfError(f"{path}: no #CHROM line; the file is truncated or no VCF")
