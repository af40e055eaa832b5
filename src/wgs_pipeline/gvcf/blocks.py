"""Reference blocks from depth bands, for callers that report variants only."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wgs_pipeline.errors import GvcfError
from wgs_pipeline.files import replacing
from wgs_pipeline.gvcf.bgzf import bgzip_writer, require
from wgs_pipeline.gvcf.columns import by_contig, record_runs
from wgs_pipeline.gvcf.depth import LastBases, depth_tables
from wgs_pipeline.gvcf.runs import Runs
from wgs_pipeline.ploidy import read_ploidy
from wgs_pipeline.reference import open_fasta

_FIELDS = {
    b"##INFO=<ID=END,": b'Number=1,Type=Integer,Description="Last position of the block">\n',
    b"##FORMAT=<ID=GT,": b'Number=1,Type=String,Description="Genotype">\n',
    b"##FORMAT=<ID=DP,": b'Number=1,Type=Integer,Description="Depth">\n',
    b"##FORMAT=<ID=MIN_DP,": b'Number=1,Type=Integer,Description="Lowest depth in the block">\n',
}
#: REF of a base that is not A, C, G or T is N (VCF specification, section 1.6.1.4).
_REF = np.full(256, ord("N"), np.uint8)
_REF[list(b"ACGT")] = _REF[list(b"acgt")] = list(b"ACGT")

_NOWHERE = np.zeros(0, np.int64)
_DIPLOID = np.zeros((0, 3), np.int64)


def write_blocks(
    depth_bed: Path,
    last_bases: Path,
    calls: Path,
    fasta: Path,
    output: Path,
    ploidy: Path | None = None,
) -> None:
    """Write reference blocks for the bases with reads that no variant record covers.

    For callers that report variants only. The depth of a block (FORMAT/DP and MIN_DP) is the
    lower bound of its depth band, so a base is never said to be deeper than it is.

    Args:
        depth_bed: Depth bands of the sample, see `depth.depth_tables`.
        last_bases: Depth at the last base of each contig, see `depth.LastBases`.
        calls: bgzip VCF of the same sample, whose header the output takes.
        fasta: Indexed reference.
        output: bgzip VCF of blocks, sorted as the depth bands are; lightly compressed, as it is
            to be merged with the calls.
        ploidy: Where the sample's ploidy is not two (``wgs reference ploidy``); blocks end where
            it changes. None: it is two everywhere.

    Raises:
        GvcfError: An input is broken, or the reference lacks a contig.
        OutputError: The output cannot be written.
    """
    header = _header(calls)
    variants = record_runs(calls)
    copies = read_ploidy(ploidy) if ploidy else {}
    with (
        open_fasta(fasta) as reference,
        replacing(output) as temporary,
        bgzip_writer(temporary, threads=1, level=1) as out,
    ):
        out.write(header)
        tables = depth_tables(depth_bed, LastBases.read(last_bases))
        for contig, blocks in _blocks(tables, variants, copies):
            first, last = int(blocks[0, 0]), int(blocks[-1, 0])
            try:
                sequence = reference.fetch(contig, first, last + 1)
            except (KeyError, ValueError) as error:
                raise GvcfError(
                    f"{depth_bed}: contig {contig} is not in {fasta}; expected depth bands of "
                    "the same reference. Measure the depth again"
                ) from error
            bases = np.frombuffer(sequence.encode("ascii"), np.uint8)
            genotypes = _genotypes(blocks[:, 0], copies.get(contig, _DIPLOID))
            out.write(format_blocks(contig, blocks, bases[blocks[:, 0] - first], genotypes))


def uncovered_bands(
    bands: NDArray[np.int64], variants: Runs, edges: NDArray[np.int64] = _NOWHERE
) -> NDArray[np.int64]:
    """Cut depth bands of one contig where variant records are.

    Args:
        bands: Start, end and depth, shape (bands, 3), sorted and disjoint.
        variants: Bases in variant records.
        edges: Positions at which a band is cut as well.

    Returns:
        Start, end and depth, shape (blocks, 3), of what has reads and lies in no variant record.
    """
    bands = bands[bands[:, 2] > 0]
    if not len(bands):
        return bands
    first, last = bands[0, 0], bands[-1, 1]
    records = variants.within(int(first), int(last))
    cuts = np.concatenate([bands[:, 0], bands[:, 1], records.starts, records.ends, edges])
    cuts = np.unique(np.clip(cuts, first, last))
    starts, ends = cuts[:-1], cuts[1:]
    band = np.searchsorted(bands[:, 0], starts, side="right") - 1
    kept = (starts < bands[band, 1]) & ~records.contain(starts)
    blocks: NDArray[np.int64] = np.stack([starts, ends, bands[band, 2]], axis=1)[kept]
    return blocks


def format_blocks(
    contig: str,
    blocks: NDArray[np.int64],
    bases: NDArray[np.uint8],
    genotypes: NDArray[np.str_],
) -> memoryview:
    """VCF lines of reference blocks.

    Args:
        contig: Name of the contig.
        blocks: Start, end and depth, shape (blocks, 3).
        bases: First base of each block in ASCII, shape (blocks,).
        genotypes: Genotype of each block, shape (blocks,).
    """
    position, end, depth = (
        pa.array(column).cast(pa.string())
        for column in (blocks[:, 0] + 1, blocks[:, 1], blocks[:, 2])
    )
    reference = pa.array(_REF[bases].view("S1").astype(str), pa.string())
    lines = pc.binary_join_element_wise(
        f"{contig}\t", position, "\t.\t", reference, "\t<*>\t.\t.\tEND=", end,
        "\tGT:DP:MIN_DP\t", pa.array(genotypes, pa.string()), ":", depth, ":", depth, "\n", "",
    )  # fmt: skip
    # A new array begins at offset 0 of its text.
    size = int(np.frombuffer(lines.buffers()[1], np.int32)[len(lines)])
    return memoryview(lines.buffers()[2])[:size]


def _genotypes(starts: NDArray[np.int64], copies: NDArray[np.int64]) -> NDArray[np.str_]:
    """Genotype of REF alone at each start, by the ploidy there; missing where there is no copy."""
    run = np.searchsorted(copies[:, 0], starts, side="right") - 1
    inside = (run >= 0) & (starts < copies[run, 1]) if len(copies) else np.zeros(len(starts), bool)
    ploidy = np.full(len(starts), 2, np.int64)
    ploidy[inside] = copies[run[inside], 2]
    names = ["/".join("0" * number) or "." for number in range(int(ploidy.max(initial=0)) + 1)]
    return np.array(names)[ploidy]


def _blocks(
    tables: Iterable[pa.Table], variants: dict[str, Runs], copies: dict[str, NDArray[np.int64]]
) -> Iterator[tuple[str, NDArray[np.int64]]]:
    for table in tables:
        for contig, rows in by_contig(table):
            columns = [rows[name].to_numpy() for name in ("start", "end", "depth")]
            bands = np.stack(columns, axis=1)
            edges = copies.get(contig, _DIPLOID)[:, :2].ravel()
            blocks = uncovered_bands(bands, variants.get(contig, Runs.empty()), edges)
            if len(blocks):
                yield contig, blocks


def _header(calls: Path) -> bytes:
    """Header of the calls with the fields that blocks use."""
    require("bcftools")
    command = ["bcftools", "view", "--header-only", str(calls)]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise GvcfError(f"{calls}: cannot be read: {said}. Remove it and call the sample again")
    lines = done.stdout.splitlines(keepends=True)
    missing = [
        key + text
        for key, text in _FIELDS.items()
        if not any(line.startswith(key) for line in lines)
    ]
    return b"".join([*lines[:-1], *missing, lines[-1]])
