"""Frequencies for other programs: one Parquet table, and a sites-only VCF to annotate with.

INFO names are those of gnomAD where it has one: AC, AN, AF, nhomalt. What small numbers hide is
missing in both, and the row says so: SUPPRESSED.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from wgs_pipeline.ngd.answer_tables import with_frequency
from wgs_pipeline.ngd.export_regions import Regions, windows
from wgs_pipeline.ngd.intervals import Bases
from wgs_pipeline.ngd.layout import BIN_BP
from wgs_pipeline.ngd.snapshot import Snapshot
from wgs_pipeline.ngd.suppression import Suppression
from wgs_pipeline.ngd.tiers import COUNTS
from wgs_pipeline.ngd.vcf_writer import BgzipVcf, field, header, joined

PARQUET, VCF = "frequencies.parquet", "frequencies.vcf.gz"
#: Columns of the Parquet table.
FREQUENCIES = pa.schema(
    [
        ("contig", pa.string()),
        ("pos", pa.int32()),
        ("ref", pa.string()),
        ("alt", pa.string()),
        ("AC", pa.int32()),
        ("AN", pa.int32()),
        ("AF", pa.float64()),
        *((name, pa.int32()) for name in COUNTS),
        ("suppressed", pa.bool_()),
    ]
)
#: INFO field of the VCF to column of the table.
INFO = {
    "AC": "AC",
    "AN": "AN",
    "AF": "AF",
    "nhet": "n_het",
    "nhomalt": "n_hom",
    "nhemi": "n_hemi",
}
INFO_LINES = (
    field("INFO", "AC", "A", "Integer", "Copies of ALT in all genomes that count"),
    field("INFO", "AN", "1", "Integer", "Copies expected of the genomes callable at POS"),
    field("INFO", "AF", "A", "Float", "AC / AN"),
    field("INFO", "nhet", "A", "Integer", "Genomes with one of two copies"),
    field("INFO", "nhomalt", "A", "Integer", "Genomes with two copies"),
    field("INFO", "nhemi", "A", "Integer", "Genomes with their only copy"),
    field("INFO", "SUPPRESSED", "0", "Flag", "Small numbers of persons are left out"),
)


def counts(snapshot: Snapshot, contig: str, bases: Bases, low: int, high: int) -> pa.Table:
    """Variants that start at some bases of [low, high), as ``Snapshot.variants`` with copies."""
    table = snapshot.variants(contig, low, high, copies=True)
    inside = bases.contains(np.asarray(table["pos"]).astype(np.int64) - 1)
    return table.filter(pa.array(inside))


def all_counts(snapshot: Snapshot, regions: Regions) -> Iterator[tuple[str, pa.Table]]:
    """Contig and variants of every window of the regions, in order."""
    for contig, bases in regions.items():
        for low, high in windows(bases, BIN_BP):
            yield contig, counts(snapshot, contig, bases, low, high)


class FrequencyFiles:
    """Both files, written side by side. Use as a context manager.

    Args:
        folder: Where they are written.
        contigs: Name to length of those that may come.
        source: Further header lines of the VCF.
        suppression: How counts are shown; None shows all.
    """

    def __init__(
        self,
        folder: Path,
        contigs: Mapping[str, int],
        source: tuple[str, ...],
        suppression: Suppression | None,
    ) -> None:
        self.rows = 0
        self._suppression = suppression
        self._parquet = pq.ParquetWriter(
            folder / PARQUET, FREQUENCIES, compression="zstd", store_schema=False
        )
        self._vcf = BgzipVcf(folder / VCF, contigs)
        self._vcf.write(header(contigs, (*source, *INFO_LINES)))

    def __enter__(self) -> FrequencyFiles:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._parquet.close()
        if error is None:
            self._vcf.finish()
        else:
            self._vcf.abandon()

    def write(self, contig: str, variants: pa.Table) -> None:
        """Take the next variants of a contig, as ``counts`` gives them."""
        self.rows += variants.num_rows
        if variants.num_rows:
            table = _typed(contig, variants, self._suppression)
            self._parquet.write_table(table)
            self._vcf.write(vcf_records(table))


def vcf_records(table: pa.Table) -> bytes:
    """Sites-only records of ``FREQUENCIES``, each after a new line."""
    size = table.num_rows
    values = [
        pc.binary_join_element_wise(name, _text(table[column]), "=")
        for name, column in INFO.items()
    ]
    flag = pc.if_else(table["suppressed"], ";SUPPRESSED", "")
    info = pc.binary_join_element_wise(pc.binary_join_element_wise(*values, ";"), flag, "")
    dots = pa.array(["."] * size, pa.string())
    passed = pa.array([".\tPASS"] * size, pa.string())
    columns = [table["contig"], _text(table["pos"]), dots, table["ref"], table["alt"], passed, info]
    records = pc.binary_join_element_wise(*columns, "\t")
    return joined(pc.binary_join_element_wise("", records, "\n"))


def _typed(contig: str, table: pa.Table, suppression: Suppression | None) -> pa.Table:
    table = with_frequency(table)
    if suppression is not None:
        table = suppression.apply(table)
    shown = {name: _shown(table[name]) for name in ("AC", "AN", *COUNTS)}
    hidden = np.zeros(table.num_rows, np.bool_)
    for column in shown.values():
        hidden |= np.asarray(pc.is_null(column))
    columns = {name: table[name] for name in ("pos", "ref", "alt", "AF")} | shown
    columns["contig"] = pa.array([contig]).take(pa.array(np.zeros(table.num_rows, np.int64)))
    columns["suppressed"] = pa.array(hidden)
    return pa.table([columns[name] for name in FREQUENCIES.names], FREQUENCIES.names).cast(
        FREQUENCIES
    )


def _shown(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Counts as numbers; null where text stands instead of one."""
    if not pa.types.is_string(column.type):
        return column.cast(pa.int32())
    number = pc.match_substring_regex(column, "^[0-9]+$")
    return pc.if_else(number, column, None).cast(pa.int32())


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.fill_null(pc.cast(column, pa.string()), ".")
