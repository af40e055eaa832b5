"""Reading the shards of a cohort for an export: each as few times as temporary disk allows.

Contigs are taken in groups: every shard is read once per group, and the rows of a group lie on
disk until they have been written out by position.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd.export_calls import CALLS, RUNS, ContigRows
from wgs_pipeline.ngd.export_cohort import Cohort
from wgs_pipeline.ngd.export_regions import Regions
from wgs_pipeline.ngd.intervals import Bases
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.reference import Reference
from wgs_pipeline.ngd.shard import FILES, read_callable, read_variants
from wgs_pipeline.ngd.shard_rows import Shard

#: Bytes of shards that a group of contigs stands for; on temporary disk it takes about as much.
GROUP_BYTES = 8 << 30
#: Contigs of one group: each has files open while the group is read.
GROUP_CONTIGS = 200
#: Rows held in memory before they are written; at most some 60 bytes each.
FLUSH_ROWS = 8_000_000
#: A shard smaller than this per contig is read whole rather than contig by contig.
_WHOLE_BYTES = 400_000


def contig_groups(
    root: Root, cohort: Cohort, regions: Regions, reference: Reference, folder: Path
) -> Iterator[list[ContigRows]]:
    """Contigs in the order of the reference, in groups.

    Args:
        root: The database.
        cohort: Whose genomes.
        regions: Bases wanted.
        reference: Reference of the database.
        folder: Where rows are kept meanwhile.
    """
    per_base = sum(_bytes(root, shard) for shard in cohort.shards) / _total(reference)
    group: list[ContigRows] = []
    held = 0.0
    for contig, bases in regions.items():
        size = per_base * int((bases.ends - bases.starts).sum())
        if group and (held + size > GROUP_BYTES or len(group) == GROUP_CONTIGS):
            yield group
            group, held = [], 0.0
        group.append(ContigRows.within(contig, bases, folder))
        held += size
    if group:
        yield group


def read_genomes(
    root: Root, cohort: Cohort, group: Sequence[ContigRows]
) -> Iterator[tuple[int, ContigRows, Bases]]:
    """Read every shard of a cohort into the rows of a group, which are complete at the end.

    Yields:
        Column of the genome, one contig of the group, and the genome's callable bases there
        among those wanted.

    Raises:
        NgdError: A shard is missing or damaged.
    """
    held = 0
    for column, shard in enumerate(cohort.shards):
        whole = _bytes(root, shard) < _WHOLE_BYTES * len(group)
        read = _whole if whole else _parts
        for rows, calls, runs in read(root, shard, group):
            rows.calls.add(_calls(calls, rows.bases, column))
            callable_ = runs.intersect(rows.bases)
            rows.runs.add(_runs(callable_, column))
            held += calls.num_rows + len(callable_)
            yield column, rows, callable_
        if held >= FLUSH_ROWS:
            _flush(group)
            held = 0
    _flush(group)


def _parts(
    root: Root, shard: Shard, group: Sequence[ContigRows]
) -> Iterator[tuple[ContigRows, pa.Table, Bases]]:
    """Calls and runs of each contig, read for itself."""
    told = shard.description
    for rows in group:
        at = (rows.contig, *rows.span)
        calls = read_variants(root, shard.digest, *at, dictionaries=True, description=told)
        runs = read_callable(root, shard.digest, *at, description=told)
        yield rows, calls, _bases(runs)


def _whole(
    root: Root, shard: Shard, group: Sequence[ContigRows]
) -> Iterator[tuple[ContigRows, pa.Table, Bases]]:
    """Calls and runs of each contig that has any, all read at once."""
    told = shard.description
    calls = _by_contig(read_variants(root, shard.digest, dictionaries=True, description=told))
    runs = _by_contig(read_callable(root, shard.digest, description=told))
    for rows in group:
        if rows.contig in calls or rows.contig in runs:
            yield (
                rows,
                calls.get(rows.contig, CALLS.empty_table()),
                _bases(runs.get(rows.contig, RUNS.empty_table())),
            )


def _by_contig(table: pa.Table) -> dict[str, pa.Table]:
    """Rows by contig; a shard is sorted by contig."""
    column = table["contig"]
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    encoded = column.unify_dictionaries().combine_chunks()
    codes = np.asarray(encoded.indices)
    borders = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
    names = encoded.dictionary.to_pylist()
    return {
        names[codes[low]]: table.slice(low, high - low)
        for low, high in pairwise(borders)
        if high > low
    }


def _calls(variants: pa.Table, bases: Bases, column: int) -> pa.Table:
    if not variants.num_rows:
        return CALLS.empty_table()
    inside = bases.contains(np.asarray(variants["pos"]).astype(np.int64) - 1)
    table = variants.filter(pc.and_(variants["passed"], pa.array(inside)))
    at = pa.array(np.full(table.num_rows, column, np.int32))
    return table.append_column("column", at).select(CALLS.names).cast(CALLS)


def _bases(runs: pa.Table) -> Bases:
    return Bases(*(np.asarray(runs[name]).astype(np.int64) for name in ("start", "end")))


def _runs(runs: Bases, column: int) -> pa.Table:
    columns = {
        "start": runs.starts.astype(np.int32),
        "end": runs.ends.astype(np.int32),
        "column": np.full(len(runs), column, np.int32),
    }
    return pa.table(columns, schema=RUNS)


def _flush(group: Sequence[ContigRows]) -> None:
    for rows in group:
        rows.flush()


def _bytes(root: Root, shard: Shard) -> int:
    folder = root.shard(shard.digest)
    try:
        return sum((folder / name).stat().st_size for name in FILES)
    except OSError as error:
        raise NgdError(f"{folder}: missing; run 'wgs ngd verify'") from error


def _total(reference: Reference) -> int:
    return max(sum(reference.contigs.values()), 1)
