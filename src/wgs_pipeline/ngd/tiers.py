"""The variant-major side of the database: open tiers, segment bins, callable counts.

Two forms of the same facts are used:

* long form: one row per call (contig, pos, ref, alt, slot, kind) or callable run (contig, start,
  end, slot); what open tiers hold and what everything is built from;
* bin form: one row per variant (pos, ref, alt, n_het, n_hom, n_hemi and roaring bitmaps het, hom,
  hemi); what a segment holds. ``n_*`` leave out genomes that do not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd.bitmaps import among
from wgs_pipeline.ngd.genotypes import HEMI, HET, HOM
from wgs_pipeline.ngd.intervals import depth
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.parquet import Condition, read_where

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
#: Neighbouring variants share carriers, and zstd finds that only inside a page: large pages, one
#: for each row group. Level 1 has a seventh less than -1 and level 3 a quarter, but -1 writes in
#: half the time of level 3 and reads a fifth faster: what merging and erasing cost is mostly that.
#: Row groups of 8,192 have 1 % less than those of 4,096, of which a question reads half as much.
BIN_OPTIONS: dict[str, Any] = {
    "compression": "zstd",
    "compression_level": -1,
    "use_dictionary": ["ref", "alt"],
    "column_encoding": {name: _PACKED for name in ("pos", *COUNTS)},
    "row_group_size": 4_096,
    "write_batch_size": 4_096,  # a tenth faster than in batches of 1,024 rows
    "data_page_size": 8 << 20,
    "write_statistics": ["pos"],
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


def counted_variants(calls: pa.Table, without: NDArray[np.uint32]) -> pa.Table:
    """Variants and their n_* from long form, leaving slots out (which may leave zeros).

    Returns:
        pos, ref, alt, n_het, n_hom, n_hemi.
    """
    kept = pa.array(~among(np.asarray(calls["slot"]), without))
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


def coverage(
    runs: pa.Table, low: int, high: int, slots: NDArray[np.uint32] | None = None
) -> NDArray[np.int32]:
    """Genomes callable at each base of [low, high), of some slots only if given."""
    starts, ends = (np.asarray(runs[name]).astype(np.int64) for name in ("start", "end"))
    if slots is not None:
        chosen = among(np.asarray(runs["slot"]), slots)
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
