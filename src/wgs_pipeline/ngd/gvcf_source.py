"""Reading a gVCF as text columns, in blocks: header, decompression, line numbers of errors.

Plain, gzip or bgzip text, chosen by content and not by name.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.csv as pacsv
from isal import igzip
from isal.igzip_lib import IsalError

from wgs_pipeline.bgzf import BGZF_EOF
from wgs_pipeline.errors import GvcfError

_BLOCK_BYTES = 8 << 20
_COLUMNS = ["CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", "SAMPLE"]
_USED = ["CHROM", "POS", "REF", "ALT", "FILTER", "INFO", "FORMAT", "SAMPLE"]
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


def column_blocks(path: Path) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Blocks of records as text columns (POS as int32), with the line number of each first record.

    Raises:
        GvcfError: The file is truncated, damaged, has no records, or a line is malformed.
    """
    with _opened(path) as file:
        line = _header(path, file).lines + 1
        try:
            for batch in _csv(file):
                if batch.num_rows:
                    yield line, batch
                line += batch.num_rows
        except pa.ArrowInvalid as error:
            if "Empty CSV" in str(error):
                raise GvcfError(
                    f"{path}: no records after the header; expected a record for every base that "
                    "was examined. Was it cut off? Make it again"
                ) from None
            locate_malformed(path)
            raise GvcfError(f"{path}: cannot be read as a gVCF: {error}") from error


def _csv(file: IO[bytes]) -> pacsv.CSVStreamingReader:
    types = {name: pa.int32() if name == "POS" else pa.string() for name in _USED}
    return pacsv.open_csv(
        file,
        read_options=pacsv.ReadOptions(
            column_names=_COLUMNS, block_size=_BLOCK_BYTES, use_threads=False
        ),
        parse_options=pacsv.ParseOptions(
            delimiter="\t", quote_char=False, escape_char=False, ignore_empty_lines=False
        ),
        convert_options=pacsv.ConvertOptions(
            column_types=types, include_columns=_USED, null_values=[], strings_can_be_null=False
        ),
    )


def locate_malformed(path: Path) -> None:
    """Find the first line whose shape is wrong; only called once reading has failed.

    Raises:
        GvcfError: Names that line.
    """
    with _opened(path) as file:
        first = _header(path, file).lines + 1
        for number, line in enumerate(file, start=first):
            fields = line.rstrip(b"\r\n").split(b"\t")
            if len(fields) != len(_COLUMNS):
                raise malformed(path, number, f"{len(fields)} columns", f"{len(_COLUMNS)} columns")
            if not re.fullmatch(rb"[0-9]{1,10}", fields[1]) or int(fields[1]) >= 1 << 31:
                raise malformed(path, number, "POS is no position", "a positive whole number")
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
            with igzip.open(path, "rb") as file:
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
            raise GvcfError(
                f"{path}: the last line has no end, so the file may be truncated. "
                "Copy or make it again"
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
