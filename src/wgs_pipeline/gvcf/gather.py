"""Join the pieces of one scattered call."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from wgs_pipeline.errors import GvcfError
from wgs_pipeline.files import replacing
from wgs_pipeline.gvcf.bgzf import bgzip_writer, check_bgzf_eof, read_lines
from wgs_pipeline.gvcf.reference_blocks import join_blocks

#: Header lines that pieces of one call have in common.
_SHARED = (b"##contig=", b"#CHROM")


def gather(
    pieces: Sequence[Path],
    depth_bands: Sequence[int],
    output: Path,
    threads: int = 1,
    header_lines: bytes = b"",
) -> None:
    """Join the pieces of one scattered call into one bgzip VCF.

    A reference block of bcftools that was cut at the border of two pieces is joined again, so
    that the gathered gVCF has the records of an unscattered call.

    Args:
        pieces: bgzip VCFs of the same samples, in reference order.
        depth_bands: Lower bounds of the depth bands that ``bcftools call --gvcf`` was given.
        output: The gathered VCF.
        threads: Threads that compress.
        header_lines: Lines to add to the header.

    Raises:
        GvcfError: A piece is missing or truncated, or its header names other samples or contigs.
        OutputError: The output cannot be written.
    """
    for piece in pieces:
        check_bgzf_eof(piece)
    with replacing(output) as temporary, bgzip_writer(temporary, threads) as out:
        _write_pieces(pieces, depth_bands, out, header_lines)


def read_header_lines(path: Path) -> bytes:
    """Lines to add to the header of a VCF.

    Raises:
        GvcfError: The file cannot be read, or has a line that is no ``##`` line.
    """
    try:
        lines = path.read_bytes()
    except OSError as error:
        raise GvcfError(f"{path}: cannot be read: {error.strerror}") from error
    if not all(line.startswith(b"##") for line in lines.splitlines()):
        raise GvcfError(f"{path}: has a line that does not begin with ##; expected header lines")
    return lines


def _write_pieces(
    pieces: Sequence[Path], depth_bands: Sequence[int], out: IO[bytes], header_lines: bytes
) -> None:
    shared: list[bytes] = []
    held, written = b"", b""
    for piece in pieces:
        header, body = _open_piece(piece)
        found = [line for line in header.splitlines() if line.startswith(_SHARED)]
        shared = shared or found
        _check_header(piece, found, pieces[0], shared)
        first = next(body, b"")
        # The header of the first piece with records: one without may not define their fields.
        if not written and (first or piece == pieces[-1]):
            columns = header.rindex(b"#CHROM")
            out.write(header[:columns] + header_lines + header[columns:])
            written = header
        held = _write_body(_chain(first, body), held, depth_bands, out)
    out.write(held)


def _check_header(piece: Path, found: list[bytes], first: Path, shared: list[bytes]) -> None:
    if found != shared:
        different = set(found) ^ set(shared) or set(found)
        line = min(different).decode(errors="replace").replace("\t", " ")
        raise GvcfError(
            f"{piece}: its samples or contigs are not those of {first} ({line!r} stands in one "
            "of them); expected pieces of one call. Remove the pieces and call the sample again"
        )


def _write_body(
    body: Iterator[bytes], held: bytes, depth_bands: Sequence[int], out: IO[bytes]
) -> bytes:
    """Write a piece's records after the record held back; hold back the last one."""
    chunk = _two_lines(body)
    if not chunk:
        return held
    end = chunk.index(b"\n") + 1
    joined = join_blocks(held, chunk[:end], chunk[end:], depth_bands)
    if joined is not None:
        held, chunk = b"", joined + chunk[end:]
    while chunk:
        cut = chunk.rfind(b"\n", 0, -1) + 1
        out.write(held)
        out.write(chunk[:cut])
        held = chunk[cut:]
        chunk = next(body, b"")
    return held


def _two_lines(body: Iterator[bytes]) -> bytes:
    """The first chunks, until there are two lines or no more."""
    chunk = b""
    while chunk.count(b"\n") < 2 and (more := next(body, b"")):
        chunk += more
    return chunk


def _open_piece(piece: Path) -> tuple[bytes, Iterator[bytes]]:
    """Header and records of a bgzip VCF, the records in chunks of whole lines."""
    chunks = read_lines(piece)
    text = b""
    for chunk in chunks:
        text += chunk
        if end := re.search(rb"(?m)^#CHROM[^\n]*\n", text):
            return text[: end.end()], _chain(text[end.end() :], chunks)
    raise GvcfError(f"{piece}: has no #CHROM line; expected a VCF. Call the sample again")


def _chain(rest: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    if rest:
        yield rest
    yield from chunks
