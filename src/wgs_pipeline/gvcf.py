"""gVCFs: gather the pieces of a scattered call, and prove that nothing is missing."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pysam
from isal import igzip_lib, igzip_threaded
from numpy.typing import NDArray

from wgs_pipeline.errors import GvcfError
from wgs_pipeline.files import replacing

#: The empty block that ends every BGZF file (SAM specification, section 4.1.2).
BGZF_EOF = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_CHUNK_BYTES = 4 << 20
_ISAL_ERROR = cast(type[Exception], igzip_lib.IsalError)
_BROKEN_GZIP = (EOFError, gzip.BadGzipFile, _ISAL_ERROR)


def gather(pieces: Sequence[Path], depth_bands: Sequence[int], output: Path, threads: int) -> None:
    """Join the pieces of one scattered call into one bgzip gVCF.

    A reference block of bcftools that was cut at the border of two pieces is joined again, so
    that the gathered gVCF has the records of an unscattered call.

    Args:
        pieces: bgzip gVCFs of one sample, in reference order.
        depth_bands: Lower bounds of the depth bands that ``bcftools call --gvcf`` was given.
        output: The gathered gVCF.
        threads: Threads that compress.

    Raises:
        GvcfError: A piece is truncated, or its header names other samples.
    """
    with replacing(output) as temporary, temporary.open("wb") as sink:
        bgzip = subprocess.Popen(
            ["bgzip", "--stdout", "--threads", str(threads)], stdin=subprocess.PIPE, stdout=sink
        )
        with cast(BinaryIO, bgzip.stdin) as out:
            _write_pieces(pieces, depth_bands, out)
        if bgzip.wait() != 0:
            raise GvcfError(f"{output}: bgzip failed with exit code {bgzip.returncode}")


def _write_pieces(pieces: Sequence[Path], depth_bands: Sequence[int], out: BinaryIO) -> None:
    columns, held = b"", b""
    for piece in pieces:
        header, body = _open_piece(piece)
        found = header.splitlines()[-1]
        if columns and found != columns:
            raise GvcfError(
                f"{piece}: its samples are {found!r}; expected {columns!r} as in {pieces[0]}. "
                "Remove the pieces and call the sample again"
            )
        if not columns:
            columns = found
            out.write(header)
        held = _write_body(body, held, depth_bands, out)
    out.write(held)


def _write_body(
    body: Iterator[bytes], held: bytes, depth_bands: Sequence[int], out: BinaryIO
) -> bytes:
    """Write a piece's records after the record held back; hold back the last one."""
    first = True
    for chunk in body:
        if first:
            line, _, rest = chunk.partition(b"\n")
            joined = join_blocks(held, line + b"\n", depth_bands)
            chunk = held + line + b"\n" + rest if joined is None else joined + rest
            first = False
        else:
            chunk = held + chunk
        cut = chunk.rfind(b"\n", 0, len(chunk) - 1) + 1
        out.write(chunk[:cut])
        held = chunk[cut:]
    return held


def _open_piece(piece: Path) -> tuple[bytes, Iterator[bytes]]:
    """Header and records of a bgzip VCF, the records in chunks of whole lines."""
    check_bgzf_eof(piece)
    lines = _whole_lines(piece)
    text = b""
    for chunk in lines:
        text += chunk
        end = re.search(rb"(?m)^#CHROM[^\n]*\n", text)
        if end:
            rest = text[end.end() :]
            return text[: end.end()], _chain(rest, lines)
    raise GvcfError(f"{piece}: has no #CHROM line; expected a VCF. Call the sample again")


def _chain(rest: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    if rest:
        yield rest
    yield from chunks


def _whole_lines(path: Path) -> Iterator[bytes]:
    pending = b""
    try:
        with cast(BinaryIO, igzip_threaded.open(path, "rb")) as file:
            while chunk := file.read(_CHUNK_BYTES):
                pending += chunk
                cut = pending.rfind(b"\n") + 1
                if cut:
                    yield pending[:cut]
                pending = pending[cut:]
    except _BROKEN_GZIP as error:
        raise GvcfError(
            f"{path}: the gzip stream is broken ({error}). Remove it and call the sample again"
        ) from error
    if pending:
        raise GvcfError(f"{path}: its last line is cut off. Remove it and call the sample again")


def check_bgzf_eof(path: Path) -> None:
    """Check that a BGZF file ends with the empty block that marks it complete.

    Raises:
        GvcfError: It does not: the file is truncated or is not BGZF.
    """
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - len(BGZF_EOF), 0))
        if file.read() != BGZF_EOF:
            raise GvcfError(
                f"{path}: does not end with the BGZF end-of-file block; expected a complete "
                "bgzip file. It is truncated or not bgzip: make it again"
            )


_BLOCK = re.compile(
    rb"(?P<contig>[^\t]+)\t(?P<pos>\d+)\t\.\t(?P<ref>[^\t]+)\t\.\t\.\t\.\t"
    rb"(?:END=(?P<end>\d+);)?MinDP=(?P<min_dp>\d+)\tGT:DP\t(?P<gt>[^:\t]+):(?P<dp>\d+)\n"
)


def join_blocks(left: bytes, right: bytes, depth_bands: Sequence[int]) -> bytes | None:
    """Join two adjoining reference blocks as ``bcftools call --gvcf`` would have made one.

    bcftools keeps the first REF base, the lowest depth as MinDP and DP, and closes a block where
    the depth enters another band (bcftools 1.16, gvcf.c).

    Returns:
        The joined record, or None where the two are not parts of one block.
    """
    first, second = _BLOCK.fullmatch(left), _BLOCK.fullmatch(right)
    if not first or not second or first["contig"] != second["contig"]:
        return None
    end = int(first["end"] or first["pos"])
    depths = int(first["min_dp"]), int(second["min_dp"])
    bands = np.searchsorted(depth_bands, depths, side="right")
    if end + 1 != int(second["pos"]) or bands[0] != bands[1]:
        return None
    lowest = min(depths)
    genotype = first["gt"] if depths[0] == lowest else second["gt"]
    return b"%s\t%s\t.\t%s\t.\t.\t.\tEND=%d;MinDP=%d\tGT:DP\t%s:%d\n" % (
        first["contig"], first["pos"], first["ref"], int(second["end"] or second["pos"]),
        lowest, genotype, min(int(first["dp"]), int(second["dp"])),
    )  # fmt: skip


@dataclass(frozen=True)
class Coverage:
    """Covered runs of one contig, 0-based half-open, sorted and disjoint."""

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]


_NOTHING = Coverage(np.empty(0, np.int64), np.empty(0, np.int64))


def merge_runs(starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Coverage:
    """Union of intervals that may overlap, as sorted disjoint runs."""
    order = np.argsort(starts, kind="stable")
    starts, ends = starts[order], np.maximum.accumulate(ends[order])
    opens = np.concatenate(([True], starts[1:] > ends[:-1])) if len(starts) else np.empty(0, bool)
    closes = np.concatenate((opens[1:], [True])) if len(starts) else np.empty(0, bool)
    return Coverage(starts[opens], ends[closes])


def first_uncovered(runs: Coverage, by: Coverage) -> int | None:
    """Position of the first base of ``runs`` that ``by`` does not cover; None if all are."""
    if not len(runs.starts):
        return None
    if not len(by.starts):
        return int(runs.starts[0])
    index = np.searchsorted(by.starts, runs.starts, side="right") - 1
    reached = np.where(index >= 0, by.ends[np.maximum(index, 0)], runs.starts)
    reached = np.where(index >= 0, np.maximum(reached, runs.starts), runs.starts)
    short = np.flatnonzero(reached < runs.ends)
    return int(reached[short[0]]) if len(short) else None


def intersect(first: Coverage, second: Coverage) -> Coverage:
    """Bases that lie in both of two sets of sorted disjoint runs."""
    bounds = np.unique(np.concatenate([first.starts, first.ends, second.starts, second.ends]))
    inside = np.logical_and.reduce([_within(bounds[:-1], each) for each in (first, second)])
    return merge_runs(bounds[:-1][inside], bounds[1:][inside])


def _within(positions: NDArray[np.int64], runs: Coverage) -> NDArray[np.bool_]:
    index = np.searchsorted(runs.starts, positions, side="right") - 1
    if not len(runs.ends):
        return np.zeros(len(positions), bool)
    return (index >= 0) & (positions < runs.ends[np.maximum(index, 0)])


def verify_coverage(gvcf: Path, depth_bed: Path, intervals_bed: Path) -> int:
    """Prove that every base with reads lies in a record of the gVCF.

    A caller that was killed, or ran out of disk and said nothing, leaves covered bases without a
    record.

    Args:
        gvcf: bgzip gVCF.
        depth_bed: Runs of equal depth band, as ``mosdepth --quantize 0:1:…`` writes them.
        intervals_bed: What was called: the reference without N. Reads reach into runs of N.

    Returns:
        Bases that records cover.

    Raises:
        GvcfError: A base with reads lies in no record.
    """
    records = _record_runs(gvcf)
    called = _table_runs(_read_columns(intervals_bed.read_bytes(), ["contig", "start", "end"]))
    bands = read_depth_bands(depth_bed)
    for contig, runs in _table_runs(bands.filter(pc.field("depth") > 0)).items():
        expected = intersect(runs, called.get(contig, _NOTHING))
        missing = first_uncovered(expected, records.get(contig, _NOTHING))
        if missing is not None:
            raise GvcfError(
                f"{gvcf}: {contig}:{missing + 1} has reads but lies in no record; expected every "
                "base with reads in a record. The call is incomplete: remove the gVCF and call "
                "the sample again"
            )
    return sum(int((runs.ends - runs.starts).sum()) for runs in records.values())


def read_depth_bands(depth_bed: Path) -> pa.Table:
    """Depth bands as ``mosdepth --quantize`` writes them.

    Returns:
        Columns contig, start, end (0-based half-open) and depth, the lower bound of the band.
    """
    with cast(BinaryIO, igzip_threaded.open(depth_bed, "rb")) as file:
        table = _read_columns(file.read(), ["contig", "start", "end", "band"])
    depth = pc.cast(pc.list_element(pc.split_pattern(table["band"], ":"), 0), pa.int64())
    return table.drop_columns(["band"]).append_column("depth", depth)


def _record_runs(gvcf: Path) -> dict[str, Coverage]:
    query = ["bcftools", "query", "-f", r"%CHROM\t%POS0\t%END\n", str(gvcf)]
    return _table_runs(_read_columns(_run(query), ["contig", "start", "end"]))


def _table_runs(table: pa.Table) -> dict[str, Coverage]:
    contigs = table["contig"].combine_chunks().dictionary_encode()
    codes = contigs.indices.to_numpy()
    starts, ends = (table[name].to_numpy() for name in ("start", "end"))
    return {
        contig: merge_runs(starts[codes == code], ends[codes == code])
        for code, contig in enumerate(contigs.dictionary.to_pylist())
    }


def _read_columns(text: bytes, names: list[str]) -> pa.Table:
    types = {name: pa.int64() if name in ("start", "end") else pa.string() for name in names}
    if not text:
        return pa.table({name: pa.array([], kind) for name, kind in types.items()})
    return pacsv.read_csv(
        pa.BufferReader(text),
        read_options=pacsv.ReadOptions(column_names=names),
        parse_options=pacsv.ParseOptions(delimiter="\t", quote_char=False),
        convert_options=pacsv.ConvertOptions(column_types=types),
    )


def _run(command: list[str]) -> bytes:
    if shutil.which(command[0]) is None:
        raise GvcfError(f"{command[0]}: not found on PATH; expected it to be installed")
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise GvcfError(f"{' '.join(command)}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def write_blocks(depth_bed: Path, calls: Path, fasta: Path, output: Path) -> None:
    """Write reference blocks for the bases with reads that no variant record covers.

    For callers that report variants only. The depth of a block is the lower bound of its depth
    band, so a base is never said to be deeper than it is.

    Args:
        depth_bed: Depth bands of the sample, see `read_depth_bands`.
        calls: bgzip VCF of the same sample, whose header the output takes.
        fasta: Indexed reference.
        output: bgzip VCF of blocks, sorted as the depth bands are.
    """
    variants = _record_runs(calls)
    bands = read_depth_bands(depth_bed)
    contigs = bands["contig"].unique().to_pylist()
    with replacing(output) as temporary, pysam.BGZFile(str(temporary), "wb") as out:
        out.write(_block_header(_run(["bcftools", "view", "--header-only", str(calls)])))
        with pysam.FastaFile(str(fasta)) as reference:
            for contig in contigs:
                rows = bands.filter(pc.field("contig") == contig)
                blocks = _uncovered_bands(rows, variants.get(contig))
                out.write(_block_lines(contig, blocks, reference.fetch(contig).upper().encode()))


def _uncovered_bands(rows: pa.Table, variants: Coverage | None) -> NDArray[np.int64]:
    """Start, end and depth (n, 3) of the depth bands with reads, outside variant records."""
    start, end, depth = (rows[name].to_numpy() for name in ("start", "end", "depth"))
    if variants is not None:
        bounds = np.concatenate([start, end, variants.starts, variants.ends])
        bounds = np.unique(np.clip(bounds, start.min(), end.max()))
        band = np.searchsorted(start, bounds[:-1], side="right") - 1
        record = np.searchsorted(variants.starts, bounds[:-1], side="right") - 1
        inside = (record >= 0) & (bounds[:-1] < variants.ends[np.maximum(record, 0)])
        start, end = bounds[:-1], bounds[1:]
        depth = np.where(inside, 0, depth[band])
    kept = depth > 0
    return np.stack([start[kept], end[kept], depth[kept]], axis=1)


def _block_header(header: bytes) -> bytes:
    """Header of the calls with the fields that blocks use."""
    lines = header.splitlines(keepends=True)
    fields = {
        b"##INFO=<ID=END,": b'Number=1,Type=Integer,Description="Last position of the block">\n',
        b"##FORMAT=<ID=MIN_DP,": b'Number=1,Type=Integer,Description="Lowest depth in it">\n',
    }
    missing = [
        key + text
        for key, text in fields.items()
        if not any(line.startswith(key) for line in lines)
    ]
    return b"".join([*lines[:-1], *missing, lines[-1]])


def _block_lines(contig: str, blocks: NDArray[np.int64], sequence: bytes) -> bytes:
    if not len(blocks):
        return b""
    bases = np.frombuffer(sequence, "S1")[blocks[:, 0]]
    position, end, depth = (
        pa.array(column).cast(pa.string())
        for column in (blocks[:, 0] + 1, blocks[:, 1], blocks[:, 2])
    )
    reference = pa.array(bases.astype(str), pa.string())
    lines = pc.binary_join_element_wise(
        f"{contig}\t", position, "\t.\t", reference, "\t<*>\t.\t.\tEND=", end,
        "\tGT:DP:MIN_DP\t0/0:", depth, ":", depth, "\n", "",
    )  # fmt: skip
    return "".join(lines.to_pylist()).encode()
