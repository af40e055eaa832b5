"""One bin of a segment: what it was, with calls put in and taken out.

Rows that no call touches keep their bytes; the others are edited as columns. A call that ought to
be there and is not, or the reverse, means that bin and shards disagree: nothing is written then.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wgs_pipeline.ngd.bitmap_edits import Edits, revise
from wgs_pipeline.ngd.bitmaps import Rows, Slots, View
from wgs_pipeline.ngd.tiers import COUNTS, KINDS

#: Columns of a bin.
BIN = pa.schema(
    [("pos", pa.int32()), ("ref", pa.string()), ("alt", pa.string())]
    + [(name, pa.int32()) for name in COUNTS]
    + [(name, pa.large_binary()) for name in KINDS]
)
_TEXT = ("ref", "alt")
_VARIANT = ("pos", *_TEXT)


def merge(old: pa.Table, added: pa.Table, removed: pa.Table, uncounted: Slots) -> pa.Table:
    """A bin with calls put in and taken out; rows that no one carries any longer go.

    Args:
        old: Columns of ``BIN``, sorted by pos, ref, alt.
        added: Calls (pos, ref, alt, slot, kind) in any order, none of which is in the bin.
        removed: Calls that are in the bin.
        uncounted: Slots among them that carry but do not count.

    Returns:
        Columns of ``BIN``, sorted.

    Raises:
        ValueError: A call to put in is there, one to take out is not, or the bin is not sorted.
    """
    for name in _TEXT:  # chunks with dictionaries of their own are made one once, not each time
        old = old.set_column(
            old.column_names.index(name), name, pa.chunked_array([_one(old[name])])
        )
    old_key, add_key, drop_key = variant_keys([old, added, removed])
    if (np.diff(old_key) <= 0).any():
        raise ValueError("its variants are not sorted, or stand there twice")
    new_key, first = np.unique(add_key[~_within(add_key, old_key)], return_index=True)
    fresh = np.flatnonzero(~_within(add_key, old_key))[first]
    keys = np.concatenate((old_key, new_key))
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    if not _within(drop_key, keys).all():
        raise ValueError("a variant to be taken from is not there")
    added_rows, drop_rows = np.searchsorted(keys, add_key), np.searchsorted(keys, drop_key)
    source = np.where(order < len(old_key), order, -1)
    columns: dict[str, Any] = {}
    revisions = {}
    for name, kind in KINDS.items():
        new, gone = (
            _edits(calls, rows, kind) for calls, rows in ((added, added_rows), (removed, drop_rows))
        )
        revisions[name] = revise(_one(old[name]), source, new, gone)
        count = np.concatenate((np.asarray(old[f"n_{name}"]), np.zeros(len(fresh), np.int32)))
        count = count[order] + _counted(new, len(order), uncounted)
        columns[f"n_{name}"] = (count - _counted(gone, len(order), uncounted)).astype(np.int32)
    carried = np.zeros(len(order), np.bool_)
    for each in revisions.values():
        carried |= each.sizes > 0
    for name in KINDS:
        columns[name] = revisions[name].column(carried)
        columns[f"n_{name}"] = columns[f"n_{name}"][carried]
    for name in _VARIANT:
        values = pa.concat_arrays([_plain(old[name]), _plain(added[name]).take(pa.array(fresh))])
        columns[name] = values.take(pa.array(order[carried]))
    return pa.table({name: columns[name] for name in BIN.names}, schema=BIN)


def check(table: pa.Table, segment: int, uncounted: Slots, absent: Slots) -> None:
    """Look through every bitmap of a bin.

    Args:
        table: Columns of ``BIN``.
        segment: The segment that its bitmaps are to be of.
        uncounted: Slots that carry but do not count.
        absent: Slots that none of its bitmaps may hold.

    Raises:
        ValueError: A bitmap does not hold as many slots as its n_* say, holds one of those, or is
            of another segment.
    """
    for name in KINDS:
        view = View.of(_one(table[name]))
        if (view.keys[view.counts > 0] != segment).any():
            raise ValueError(f"{name} holds genomes of another segment")
        counted = view.cardinalities()
        if len(uncounted):
            counted = counted - view.overlaps(uncounted)
        if (counted != np.asarray(table[f"n_{name}"])).any():
            raise ValueError(f"{name} holds other numbers of genomes than n_{name} says")
        if len(absent) and view.overlaps(absent).any():
            raise ValueError(f"{name} holds a genome that is no member")


def _edits(calls: pa.Table, rows: Rows, kind: int) -> Edits:
    chosen = np.asarray(calls["kind"]) == kind
    slots, rows = np.asarray(calls["slot"])[chosen].astype(np.uint32), rows[chosen]
    key = np.sort((rows << 32) | slots)
    if (np.diff(key) == 0).any():
        raise ValueError("a call stands twice among those to put in or take out")
    return Edits(key >> 32, (key & 0xFFFFFFFF).astype(np.uint32))


def _counted(edits: Edits, rows: int, uncounted: Slots) -> NDArray[np.int64]:
    counts = edits.rows
    if len(uncounted):
        counts = counts[~np.isin(edits.slots, uncounted)]
    return np.bincount(counts, minlength=rows)


def variant_keys(tables: Sequence[pa.Table]) -> list[NDArray[np.int64]]:
    """A number for each row of some tables, in the order of (pos, ref, alt) over all of them."""
    refs, alts = (_ranks([table[name] for table in tables]) for name in ("ref", "alt"))
    first = min(
        (int(pc.min(table["pos"]).as_py()) for table in tables if table.num_rows), default=0
    )
    (ref_of, n_ref), (alt_of, n_alt) = refs, alts
    return [
        ((np.asarray(table["pos"]).astype(np.int64) - first) * n_ref + ref) * n_alt + alt
        for table, ref, alt in zip(tables, ref_of, alt_of, strict=True)
    ]


def _ranks(columns: Sequence[pa.ChunkedArray]) -> tuple[list[NDArray[np.int64]], int]:
    """Place of each value among all the columns' values in order, and how many there are."""
    encoded = [_one(column).dictionary_encode() for column in columns]
    values = pa.concat_arrays([each.dictionary for each in encoded]).unique()
    values = values.take(pc.sort_indices(values))
    ranks = [
        np.asarray(pc.index_in(each.dictionary, values)).astype(np.int64)[np.asarray(each.indices)]
        for each in encoded
    ]
    return ranks, max(len(values), 1)


def _within(keys: NDArray[np.int64], among: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of the keys are among some ascending ones."""
    if not len(among):
        return np.zeros(len(keys), np.bool_)
    at = np.minimum(np.searchsorted(among, keys), len(among) - 1)
    found: NDArray[np.bool_] = among[at] == keys
    return found


def _one(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    if isinstance(column, pa.Array):
        return column
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _plain(column: pa.ChunkedArray) -> pa.Array:
    """Values of a column of text, which may be dictionary-encoded."""
    array = _one(column)
    return array.cast(pa.string()) if pa.types.is_dictionary(array.type) else array
