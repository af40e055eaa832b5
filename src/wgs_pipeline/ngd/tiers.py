"""The variant-major side of the database: open tiers, segment bins, callable counts.

Two forms of the same facts are used:

* long form: one row per call (contig, pos, ref, alt, slot, kind) or callable run (contig, start,
  end, slot); what open tiers hold and what everything is built from;
* bin form: one row per variant (pos, ref, alt, n_het, n_hom, n_hemi and roaring bitmaps het, hom,
  hemi); what a segment holds. ``n_*`` leave out genomes that do not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd import bitmaps
from wgs_pipeline.ngd.genotypes import HEMI, HET, HOM
from wgs_pipeline.ngd.intervals import depth
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.parquet import Condition, read_where
from wgs_pipeline.ngd.shard import read_callable, read_variants

CALLS = pa.schema(
    [
        ("contig", pa.string()),
        ("pos", pa.int32()),
        ("ref", pa.string()),
        ("alt", pa.string()),
        ("slot", pa.uint32()),
        ("kind", pa.uint8()),
    ]
)
RUNS = pa.schema(
    [("contig", pa.string()), ("start", pa.int32()), ("end", pa.int32()), ("slot", pa.uint32())]
)
BIN_RUNS = pa.schema([field for field in RUNS if field.name != "contig"])
KINDS = {"het": HET, "hom": HOM, "hemi": HEMI}
COUNTS = ("n_het", "n_hom", "n_hemi")
_COUNTED = pa.schema(
    [*(field for field in CALLS if field.name in ("pos", "ref", "alt"))]
    + [(name, pa.int32()) for name in COUNTS]
)
#: Bases per row group of a count array: what one position costs to read.
COUNT_ROWS = 65_536

_PACKED = "DELTA_BINARY_PACKED"
CALLS_OPTIONS: dict[str, Any] = {
    "compression": "zstd",
    "use_dictionary": ["contig", "ref", "alt", "kind"],
    "column_encoding": {"pos": _PACKED, "slot": _PACKED},
    "row_group_size": 122_880,
}
RUNS_OPTIONS: dict[str, Any] = {
    "compression": "zstd",
    "use_dictionary": ["contig"],
    "column_encoding": {"start": _PACKED, "end": _PACKED, "slot": _PACKED},
    "row_group_size": 122_880,
}
#: Neighbouring variants share carriers, and zstd finds that only inside a page: large pages.
BIN_OPTIONS: dict[str, Any] = {
    "compression": "zstd",
    "use_dictionary": ["ref", "alt"],
    "column_encoding": {name: _PACKED for name in ("pos", *COUNTS)},
    "row_group_size": 8_192,
    "data_page_size": 8 << 20,
}
COUNT_OPTIONS: dict[str, Any] = {
    "compression": "zstd",
    "use_dictionary": False,
    "column_encoding": {"count": _PACKED},
    "row_group_size": COUNT_ROWS,
}


class Genome(Protocol):
    """What is needed of a genome to read its shard."""

    @property
    def slot(self) -> int:
        """Its slot."""

    @property
    def shard(self) -> str:
        """Digest of its shard."""

    @property
    def counted(self) -> bool:
        """Whether it counts in AC and AN."""


def calls_of(root: Root, members: Iterable[Genome], contig: str | None = None) -> pa.Table:
    """Passed calls of members (on one contig) in long form, read from their shards."""
    tables = [CALLS.empty_table()]
    for member in members:
        table = read_variants(root, member.shard, contig)
        table = table.filter(table["passed"])
        slot = pa.array(np.full(table.num_rows, member.slot, np.uint32))
        tables.append(table.append_column("slot", slot).select(CALLS.names).cast(CALLS))
    return pa.concat_tables(tables)


def runs_of(root: Root, members: Iterable[Genome], contig: str | None = None) -> pa.Table:
    """Callable runs of the members that count (on one contig) in long form, from their shards."""
    tables = [RUNS.empty_table()]
    for member in members:
        if member.counted:
            table = read_callable(root, member.shard, contig)
            slot = pa.array(np.full(table.num_rows, member.slot, np.uint32))
            tables.append(table.append_column("slot", slot).select(RUNS.names).cast(RUNS))
    return pa.concat_tables(tables)


def sorted_calls(calls: pa.Table) -> pa.Table:
    """Calls in the order of the files."""
    names = [name for name in ("contig", "pos", "ref", "alt", "slot") if name in calls.column_names]
    return calls.sort_by([(name, "ascending") for name in names]).combine_chunks()


def sorted_runs(runs: pa.Table) -> pa.Table:
    """Runs in the order of the files."""
    # Each genome's runs come in order, and NumPy's stable sort merges what is in order.
    keys = [np.asarray(runs["slot"]), np.asarray(runs["start"])]
    if "contig" in runs.column_names:
        contigs = runs["contig"].combine_chunks().dictionary_encode()
        rank = np.argsort(np.argsort(contigs.dictionary.to_pylist()))
        keys.append(rank[np.asarray(contigs.indices)])
    return runs.take(pa.array(np.lexsort(keys))).combine_chunks()


def to_bin(calls: pa.Table, uncounted: NDArray[np.uint32]) -> pa.Table:
    """Bin form of calls of one bin.

    Args:
        calls: Long form (pos, ref, alt, slot, kind), in any order.
        uncounted: Slots that carry but do not count.
    """
    calls = sorted_calls(calls.select(["pos", "ref", "alt", "slot", "kind"]))
    first = _first_of_group(calls)
    row = np.cumsum(first) - 1
    rows = int(first.sum())
    slots = np.asarray(calls["slot"])
    kinds = np.asarray(calls["kind"])
    counted = ~np.isin(slots, uncounted)
    variants = calls.select(["pos", "ref", "alt"]).filter(pa.array(first))
    columns: dict[str, Any] = {name: variants[name] for name in variants.column_names}
    blobs = {}
    for name, kind in KINDS.items():
        chosen = kinds == kind
        columns[f"n_{name}"] = np.bincount(row[chosen & counted], minlength=rows).astype(np.int32)
        offsets = np.searchsorted(row[chosen], np.arange(rows + 1))
        blobs[name] = bitmaps.encode(slots[chosen], offsets)
    return pa.table(columns | blobs)


def to_long(table: pa.Table) -> pa.Table:
    """Long form (pos, ref, alt, slot, kind) of a table in bin form."""
    parts = []
    variants = table.select(["pos", "ref", "alt"])
    for name, kind in KINDS.items():
        slots, rows = bitmaps.decode(table[name].combine_chunks())
        part = variants.take(pa.array(rows)).append_column("slot", pa.array(slots, pa.uint32()))
        parts.append(part.append_column("kind", pa.array(np.full(len(rows), kind, np.uint8))))
    return pa.concat_tables(parts)


def counted_variants(calls: pa.Table, without: NDArray[np.uint32]) -> pa.Table:
    """Variants and their n_* from long form, leaving slots out (which may leave zeros).

    Returns:
        pos, ref, alt, n_het, n_hom, n_hemi.
    """
    kept = pa.array(~np.isin(np.asarray(calls["slot"]), without))
    flags = {
        f"n_{name}": pc.cast(pc.and_(pc.equal(calls["kind"], kind), kept), pa.int32())
        for name, kind in KINDS.items()
    }
    table = calls.select(["pos", "ref", "alt"])
    for name, flag in flags.items():
        table = table.append_column(name, flag)
    return summed(table)


def summed(table: pa.Table) -> pa.Table:
    """One row per variant: the n_* of equal variants added."""
    table = table.select(["pos", "ref", "alt", *COUNTS]).cast(_COUNTED)
    if not table.num_rows:
        return table
    table = table.sort_by([(name, "ascending") for name in ("pos", "ref", "alt")]).combine_chunks()
    first = _first_of_group(table)
    starts = np.flatnonzero(first)
    result = table.filter(first)
    for at, name in enumerate(COUNTS, start=3):
        total = np.add.reduceat(np.asarray(table[name]), starts).astype(np.int32)
        result = result.set_column(at, name, pa.chunked_array([total]))
    return result


def clipped(runs: pa.Table, low: int, high: int) -> pa.Table:
    """The parts of runs that lie in [low, high): start, end, slot."""
    overlap = pc.and_(pc.less(runs["start"], high), pc.greater(runs["end"], low))
    runs = runs.filter(overlap)
    columns = {
        "start": pc.max_element_wise(runs["start"], pa.scalar(low, pa.int32())),
        "end": pc.min_element_wise(runs["end"], pa.scalar(high, pa.int32())),
        "slot": runs["slot"],
    }
    return pa.table(columns).cast(BIN_RUNS)


def coverage(
    runs: pa.Table, low: int, high: int, slots: NDArray[np.uint32] | None = None
) -> NDArray[np.int32]:
    """Genomes callable at each base of [low, high), of some slots only if given."""
    starts, ends = (np.asarray(runs[name]).astype(np.int64) for name in ("start", "end"))
    if slots is not None:
        chosen = np.isin(np.asarray(runs["slot"]), slots)
        starts, ends = starts[chosen], ends[chosen]
    return depth(starts, ends, low, high)


def read_rows(root: Root, file: str, conditions: Sequence[Condition] = ()) -> pa.Table:
    """Rows of a file of the index.

    Raises:
        FileNotFoundError: A compaction dropped the file.
        NgdError: The file is damaged.
    """
    return read_where(root.path / file, conditions)


def read_counts(root: Root, file: str, low: int, high: int) -> NDArray[np.int32]:
    """Counts of bases [low, high) of a bin, relative to its start.

    Raises:
        FileNotFoundError: A compaction dropped the file.
        NgdError: The file is damaged.
    """
    first, last = low // COUNT_ROWS, (high - 1) // COUNT_ROWS
    try:
        with pq.ParquetFile(root.path / file, page_checksum_verification=True) as parquet:
            table = parquet.read_row_groups(list(range(first, last + 1)), use_threads=False)
    except FileNotFoundError:
        raise
    except (OSError, pa.ArrowInvalid) as error:
        raise NgdError(f"{root.path / file}: damaged; run 'wgs ngd verify'") from error
    offset = first * COUNT_ROWS
    counts: NDArray[np.int32] = np.asarray(table["count"])[low - offset : high - offset]
    return counts


def _first_of_group(calls: pa.Table) -> NDArray[np.bool_]:
    first = np.ones(calls.num_rows, np.bool_)
    if calls.num_rows > 1:
        same = np.ones(calls.num_rows - 1, np.bool_)
        for name in ("pos", "ref", "alt"):
            column = calls[name].combine_chunks()
            same &= np.asarray(pc.equal(column[1:], column[:-1]))
        first[1:] = ~same
    return first
