"""Tables of intervals, read in bounded memory."""

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
from wgs_pipeline.gvcf.bgzf import require, whole_lines
from wgs_pipeline.gvcf.runs import Runs, merge_runs, union

INTERVAL = {"contig": pa.string(), "start": pa.int64(), "end": pa.int64()}


def record_runs(vcf: Path) -> dict[str, Runs]:
    """Bases that lie in a record, by contig.

    Raises:
        GvcfError: bcftools cannot read the file, or a record begins within a reference block.
    """
    return merge_tables(_record_tables(vcf))


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
    command = ["bcftools", "query", "-f", r"%CHROM\t%POS0\t%END\t%REF\n", str(vcf)]
    last = pa.schema([*INTERVAL.items(), ("ref", pa.string())]).empty_table()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as query:
        for chunk in whole_lines(cast("IO[bytes]", query.stdout), str(vcf)):
            table = read_columns(chunk, {**INTERVAL, "ref": pa.string()}, str(vcf))
            _check_blocks(pa.concat_tables([last, table]), vcf)
            last = table.slice(table.num_rows - 1)
            yield table
        said = cast("IO[bytes]", query.stderr).read().decode(errors="replace").strip()
    if query.returncode:
        raise GvcfError(f"{vcf}: cannot be read: {said}. Remove it and call the sample again")


def _check_blocks(table: pa.Table, vcf: Path) -> None:
    """Check that no record begins within a reference block: its END would hide what is missing."""
    starts, ends = table["start"].to_numpy(), table["end"].to_numpy()
    is_block = ends - starts > pc.binary_length(table["ref"]).to_numpy()
    within = np.flatnonzero(is_block[:-1] & (starts[1:] >= starts[:-1]) & (starts[1:] < ends[:-1]))
    for row in within.tolist():
        if table["contig"][row] == table["contig"][row + 1]:
            place = f"{table['contig'][row]}:{starts[row] + 1}"
            raise GvcfError(
                f"{vcf}: the block {place}-{ends[row]} reaches over the record at "
                f"{starts[row + 1] + 1}; expected blocks to end before the next record. Remove it "
                "and call the sample again"
            )


def read_columns(text: bytes, types: dict[str, pa.DataType], name: str) -> pa.Table:
    """Parse a table without a header, tab-separated.

    Raises:
        GvcfError: It is not one; ``name`` says of which file.
    """
    try:
        return pacsv.read_csv(
            pa.BufferReader(text),
            read_options=pacsv.ReadOptions(column_names=list(types)),
            parse_options=pacsv.ParseOptions(delimiter="\t", quote_char=False),
            convert_options=pacsv.ConvertOptions(column_types=types),
        )
    except pa.ArrowInvalid as error:
        raise malformed(name, error) from error


def malformed(name: str, error: Exception) -> GvcfError:
    """The error of a table that is none."""
    message = str(error).splitlines()[0]
    return GvcfError(f"{name}: is not a table of intervals ({message}). Make it again")
