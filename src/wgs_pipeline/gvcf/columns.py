"""Tables of intervals, read in bounded memory: records of a VCF, depth bands of mosdepth."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from wgs_pipeline.errors import GvcfError
from wgs_pipeline.gvcf.bgzf import read_lines, require, whole_lines
from wgs_pipeline.gvcf.runs import Runs, merge_runs, union

_INTERVAL = {"contig": pa.string(), "start": pa.int64(), "end": pa.int64()}


def record_runs(vcf: Path) -> dict[str, Runs]:
    """Bases that lie in a record, by contig.

    Raises:
        GvcfError: bcftools cannot read the file.
    """
    return merge_tables(_record_tables(vcf))


def depth_tables(depth_bed: Path) -> Iterator[pa.Table]:
    """Depth bands as ``mosdepth --quantize`` writes them, a part of the file at a time.

    Yields:
        Columns contig, start, end (0-based half-open) and depth, the lower bound of the band.

    Raises:
        GvcfError: The file is broken.
    """
    for chunk in read_lines(depth_bed):
        table = _read_columns(chunk, {**_INTERVAL, "band": pa.string()}, str(depth_bed))
        depth = pc.list_element(pc.split_pattern(table["band"], ":"), 0)
        try:
            depth = pc.cast(depth, pa.int64())
        except pa.ArrowInvalid as error:
            raise _malformed(str(depth_bed), error) from error
        yield table.drop_columns(["band"]).append_column("depth", depth)


def by_contig(table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """The rows of each contig, in the order in which the contigs come."""
    contigs = table["contig"].combine_chunks().dictionary_encode()
    codes = contigs.indices.to_numpy()
    for code, contig in enumerate(contigs.dictionary.to_pylist()):
        yield contig, table.take(pa.array(np.flatnonzero(codes == code)))


def merge_tables(tables: Iterable[pa.Table]) -> dict[str, Runs]:
    """Union of the intervals of tables, by contig."""
    parts: dict[str, list[Runs]] = {}
    for table in tables:
        for contig, rows in by_contig(table):
            runs = merge_runs(rows["start"].to_numpy(), rows["end"].to_numpy())
            parts.setdefault(contig, []).append(runs)
    return {contig: union(runs) for contig, runs in parts.items()}


def _record_tables(vcf: Path) -> Iterator[pa.Table]:
    require("bcftools")
    command = ["bcftools", "query", "-f", r"%CHROM\t%POS0\t%END\n", str(vcf)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as query:
        for chunk in whole_lines(cast("IO[bytes]", query.stdout), str(vcf)):
            yield _read_columns(chunk, _INTERVAL, str(vcf))
        said = cast("IO[bytes]", query.stderr).read().decode(errors="replace").strip()
    if query.returncode:
        raise GvcfError(f"{vcf}: cannot be read: {said}. Remove it and call the sample again")


def _read_columns(text: bytes, types: dict[str, pa.DataType], name: str) -> pa.Table:
    try:
        return pacsv.read_csv(
            pa.BufferReader(text),
            read_options=pacsv.ReadOptions(column_names=list(types)),
            parse_options=pacsv.ParseOptions(delimiter="\t", quote_char=False),
            convert_options=pacsv.ConvertOptions(column_types=types),
        )
    except pa.ArrowInvalid as error:
        raise _malformed(name, error) from error


def _malformed(name: str, error: Exception) -> GvcfError:
    message = str(error).splitlines()[0]
    return GvcfError(f"{name}: is not a table of intervals ({message}). Make it again")
