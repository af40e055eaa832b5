"""Genomes that leave a bin, a row group at a time.

An erasure only takes out, so a row of the new bin is one of the old: each row group is read,
edited, looked through and written while it lies in the processor's caches. A bin of 60,000 genomes
has 50 MB of bitmaps, and passes over all of it cost mostly memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wgs_pipeline.ngd.bins import BIN, counted, edits_of, one, plain
from wgs_pipeline.ngd.bitmap_edits import Edits, revise
from wgs_pipeline.ngd.bitmaps import Rows, Slots
from wgs_pipeline.ngd.tiers import KINDS

_ABSENT = "a variant to be taken from is not there"
_UNSORTED = "its variants are not sorted, or stand there twice"
_NO_EDITS = Edits(np.empty(0, np.int64), np.empty(0, np.uint32))
_ALLELES = ("ref", "alt")


def without(groups: Iterable[pa.Table], removed: pa.Table, uncounted: Slots) -> Iterator[pa.Table]:
    """Row groups of a bin without some calls; rows that no one carries any longer go.

    Args:
        groups: Columns of ``BIN``, sorted by pos, ref, alt over all of them.
        removed: Calls (pos, ref, alt, slot, kind) in any order, all of which are in the bin.
        uncounted: Slots among them that carry but do not count.

    Raises:
        ValueError: A call is not there, or the bin is not sorted.
    """
    removed = removed.take(pc.sort_indices(removed["pos"])).combine_chunks()
    positions = np.asarray(removed["pos"])
    taken = np.zeros(len(positions), np.bool_)
    before: tuple[int, str, str] | None = None
    for group in groups:
        if not group.num_rows:
            continue
        first, last = _key(group, 0), _key(group, group.num_rows - 1)
        if before is not None and first <= before:
            raise ValueError(_UNSORTED)
        before = last
        # the variants of one position may lie in two row groups
        start = int(np.searchsorted(positions, first[0], side="left"))
        stop = int(np.searchsorted(positions, last[0], side="right"))
        calls = removed.slice(start, stop - start)
        here, rows = _rows(group, calls)
        taken[start + here] = True
        yield _take_out(group, calls.take(pa.array(here)), rows, uncounted)
    if not taken.all():
        raise ValueError(_ABSENT)


def _take_out(group: pa.Table, calls: pa.Table, rows: Rows, uncounted: Slots) -> pa.Table:
    """A row group without calls, whose rows in it are given."""
    size = group.num_rows
    source = np.arange(size)
    revisions, columns = {}, {}
    carried = np.zeros(size, np.bool_)
    for name, kind in KINDS.items():
        gone = edits_of(calls, rows, kind)
        revisions[name] = revise(one(group[name]), source, _NO_EDITS, gone)
        carried |= revisions[name].sizes > 0
        count = np.asarray(group[f"n_{name}"]) - counted(gone, size, uncounted)
        columns[f"n_{name}"] = count.astype(np.int32)
    kept = group.select(["pos", *_ALLELES])
    if not carried.all():
        kept = kept.filter(pa.array(carried))
        columns = {name: count[carried] for name, count in columns.items()}
    blobs = {name: each.column(carried) for name, each in revisions.items()}
    texts = {name: plain(kept[name]) for name in _ALLELES}
    made = {"pos": kept["pos"], **texts, **columns, **blobs}
    return pa.table({name: made[name] for name in BIN.names}, schema=BIN)


def _rows(group: pa.Table, calls: pa.Table) -> tuple[Rows, Rows]:
    """Those of some calls whose variants are in a row group, and their rows there.

    Raises:
        ValueError: The row group is not sorted, or has a variant twice.
    """
    positions, wanted = np.asarray(group["pos"]), np.asarray(calls["pos"])
    _require_sorted(group, positions)
    low = np.searchsorted(positions, wanted, side="left")
    number = np.searchsorted(positions, wanted, side="right") - low
    call = np.repeat(np.arange(len(wanted)), number)
    row = np.arange(len(call)) - np.repeat(np.cumsum(number) - number - low, number)
    same = np.ones(len(call), np.bool_)
    for name in _ALLELES:
        same &= np.asarray(pc.equal(_texts(group, name, row), _texts(calls, name, call)))
    return call[same], row[same]


def _require_sorted(group: pa.Table, positions: NDArray[np.int32]) -> None:
    steps = np.diff(positions)
    at = np.flatnonzero(steps == 0)
    (refs, next_refs), (alts, next_alts) = (
        (_texts(group, name, at), _texts(group, name, at + 1)) for name in _ALLELES
    )
    alts_rise = pc.and_(pc.equal(refs, next_refs), pc.less(alts, next_alts))
    rising = np.asarray(pc.or_(pc.less(refs, next_refs), alts_rise))
    if (steps < 0).any() or not rising.all():
        raise ValueError(_UNSORTED)


def _texts(table: pa.Table, name: str, rows: Rows) -> pa.Array:
    return plain(one(table[name]).take(pa.array(rows)))


def _key(table: pa.Table, row: int) -> tuple[int, str, str]:
    pos, ref, alt = (table[name][row].as_py() for name in ("pos", *_ALLELES))
    return pos, ref, alt
