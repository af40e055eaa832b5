"""Open tiers: the calls and runs of the genomes that one commit added, in long form.

Calls are sorted by contig (as in the reference), pos, ref, alt and slot; runs by contig, start and
slot. A tier is written a stretch of a contig at a time, so that memory does not grow with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from wgs_pipeline.files import replacing
from wgs_pipeline.ngd import shard, tiers
from wgs_pipeline.ngd.bins import variant_keys
from wgs_pipeline.ngd.counts import bins_of
from wgs_pipeline.ngd.extents import present
from wgs_pipeline.ngd.layout import Root, callable_file, open_file, sha256_of
from wgs_pipeline.ngd.reference import Reference

#: Calls of a genome in a bin, of which so many are held at once.
_CALLS_PER_BIN = 1_500
_CALLS_HELD = 6_000_000
_ROW_GROUP = 122_880
_READ = ("pos", "ref", "alt", "kind", "passed")


def write_open_tier(
    root: Root, plane: str, number: int, genomes: Sequence[tiers.Genome]
) -> dict[str, str]:
    """Write the open tier of one commit and plane.

    Args:
        root: The database.
        plane: The plane.
        number: The generation.
        genomes: Genomes that it holds, by slot.

    Returns:
        Its two files, relative to ROOT, and their SHA-256.
    """
    reference = root.reference()
    calls, runs = open_file(plane, number), callable_file(open_file(plane, number))
    with (
        replacing(root.path / calls) as calls_path,
        replacing(root.path / runs) as runs_path,
    ):
        with (
            pq.ParquetWriter(calls_path, tiers.CALLS, **_options(tiers.CALLS_OPTIONS)) as of_calls,
            pq.ParquetWriter(runs_path, tiers.RUNS, **_options(tiers.RUNS_OPTIONS)) as of_runs,
        ):
            for contig, length in reference.contigs.items():
                mine = present(root, genomes, contig, 0, length)
                for low, high in stretches(reference, contig, len(mine)) if mine else ():
                    for table, writer in (
                        (open_calls(root, mine, contig, low, high), of_calls),
                        (open_runs(root, mine, contig, low, high), of_runs),
                    ):
                        if table.num_rows:
                            writer.write_table(table, row_group_size=_ROW_GROUP)
        return {calls: sha256_of(calls_path), runs: sha256_of(runs_path)}


def stretches(reference: Reference, contig: str, genomes: int) -> Iterator[tuple[int, int]]:
    """First base and one past the last of stretches of a contig that are held at once."""
    bins = list(bins_of(reference, contig))
    size = max(1, _CALLS_HELD // (_CALLS_PER_BIN * max(genomes, 1)))
    for first in range(0, len(bins), size):
        some = bins[first : first + size]
        yield some[0][1], some[-1][2]


def open_calls(
    root: Root, genomes: Sequence[tiers.Genome], contig: str, low: int, high: int
) -> pa.Table:
    """Passed calls of genomes whose first base is in [low, high), as an open tier has them."""
    mine = present(root, genomes, contig, low, high)
    if not mine:
        return tiers.CALLS.empty_table()
    tables = [
        shard.read_variants(root, each.shard, contig, low, high, columns=_READ, dictionaries=True)
        for each in mine
    ]
    table = pa.concat_tables(tables).unify_dictionaries()
    table = table.append_column("slot", _slots(mine, tables)).filter(table["passed"])
    if len(genomes) > 1:
        (keys,) = variant_keys([table])
        table = table.take(pa.array(np.argsort(keys, kind="stable")))
    return _on_contig(table, contig, tiers.CALLS)


def open_runs(
    root: Root, genomes: Sequence[tiers.Genome], contig: str, low: int, high: int
) -> pa.Table:
    """Callable runs of the genomes that count that start in [low, high)."""
    mine = [each for each in present(root, genomes, contig, low, high) if each.counted]
    if not mine:
        return tiers.RUNS.empty_table()
    tables = [
        shard.read_callable(root, each.shard, contig, low, high).select(["start", "end"])
        for each in mine
    ]
    table = pa.concat_tables(tables).append_column("slot", _slots(mine, tables))
    table = table.filter(pc.greater_equal(table["start"], low))
    if len(genomes) > 1:
        order = np.argsort(np.asarray(table["start"]), kind="stable")
        table = table.take(pa.array(order))
    return _on_contig(table, contig, tiers.RUNS)


def _slots(genomes: Sequence[tiers.Genome], tables: Sequence[pa.Table]) -> pa.Array:
    """The slot of each row of the genomes' tables."""
    slots = np.array([each.slot for each in genomes], np.uint32)
    return pa.array(np.repeat(slots, [table.num_rows for table in tables]))


def _on_contig(table: pa.Table, contig: str, schema: pa.Schema) -> pa.Table:
    """Columns of a schema, of which the contig is the same for all rows."""
    table = table.append_column("contig", pa.repeat(contig, table.num_rows))
    return table.select(schema.names).cast(schema)


def _options(options: dict[str, object]) -> dict[str, object]:
    """Options of a writer: the size of row groups is given when rows are written."""
    kept = {name: value for name, value in options.items() if name != "row_group_size"}
    return {**kept, "write_page_checksum": True}
