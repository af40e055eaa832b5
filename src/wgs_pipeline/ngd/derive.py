"""What bins and count arrays of one contig become when genomes come and go.

Used to build them (from those of before) and to verify them (from nothing). Shards are read a
stretch of the contig at a time, so that memory does not grow with the number of genomes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd import shard
from wgs_pipeline.ngd.bins import merge
from wgs_pipeline.ngd.counts import Depths, stratum_of
from wgs_pipeline.ngd.extents import present
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.plan import Change
from wgs_pipeline.ngd.reference import Reference

#: Bin number, first base and one past the last base.
Bounds = tuple[int, int, int]

_READ = ("pos", "ref", "alt", "kind", "passed")
_TEXT = pa.dictionary(pa.int32(), pa.string())
#: Calls of a stretch of a contig in long form.
_CALLS = pa.schema(
    {"pos": pa.int32(), "ref": _TEXT, "alt": _TEXT, "slot": pa.uint32(), "kind": pa.uint8()}
)
#: Bins that are derived from one reading of the shards: about one row group of a shard's calls.
WINDOW_BINS = 32
#: Genomes whose calls of a window are held at once; of more, the bins are held instead.
_GENOMES = 256


def derived_bins(
    root: Root,
    contig: str,
    window: Sequence[Bounds],
    changes: Sequence[Change],
    before: Callable[[int], pa.Table],
    place: Callable[[int], Path],
) -> Iterator[tuple[int, pa.Table]]:
    """Bins of one segment that changes touch, and what they become.

    Args:
        root: The database.
        contig: The contig.
        window: Some neighbouring bins.
        changes: Genomes that come and go, all of one plane and segment.
        before: Gives what a bin was.
        place: What to call a bin in a message.

    Raises:
        NgdError: A bin and the shards disagree, or something is damaged.
    """
    uncounted = np.array([each.slot for each in changes if not each.counted], np.uint32)
    changes = present(root, changes, contig, window[0][1], window[-1][2])
    held: dict[int, pa.Table] = {}
    batches = [changes[at : at + _GENOMES] for at in range(0, len(changes), _GENOMES)]
    for number, batch in enumerate(batches, start=1):
        added, removed = (_calls(root, contig, window, batch, sign) for sign in (True, False))
        for bin_, low, high in window:
            new, gone = (_between(table, low, high) for table in (added, removed))
            if new.num_rows or gone.num_rows:
                table = held.pop(bin_) if bin_ in held else before(bin_)
                try:
                    held[bin_] = merge(table, new, gone, uncounted)
                except ValueError as error:
                    raise NgdError(
                        f"{place(bin_)}: disagrees with the shards of its genomes ({error}). Run "
                        "'wgs ngd verify', and rebuild with 'wgs ngd compact --rebuild'"
                    ) from error
            if number == len(batches) and bin_ in held:
                yield bin_, held.pop(bin_)


def derived_counts(
    root: Root,
    reference: Reference,
    contig: str,
    window: Sequence[Bounds],
    changes: Sequence[Change],
) -> Iterator[tuple[str, int, NDArray[np.int32]]]:
    """Strata and bins whose counts change, and by how much at each base.

    Args:
        root: The database.
        reference: Decides the strata.
        contig: The contig.
        window: Some neighbouring bins.
        changes: Genomes that come and go, all of one plane.
    """
    low, high = window[0][1], window[-1][2]
    depths: dict[str, Depths] = {}
    for each in present(root, changes, contig, low, high):
        stratum = stratum_of(reference, contig, each.karyotype, each.counted)
        if stratum is not None:
            runs = shard.read_callable(root, each.shard, contig, low, high)
            starts, ends = (np.asarray(runs[name]).astype(np.int64) for name in ("start", "end"))
            depth = depths.setdefault(stratum, Depths(low, high))
            depth.add(starts, ends, 1 if each.comes else -1)
    for stratum, depth in sorted(depths.items()):
        change = depth.changes()
        for bin_, start, end in window:
            part = change[start - low : end - low]
            if part.any():
                yield stratum, bin_, part


def _calls(
    root: Root, contig: str, window: Sequence[Bounds], changes: Sequence[Change], comes: bool
) -> pa.Table:
    """Passed calls of the genomes that come, or go, in a window; long form."""
    low, high = window[0][1], window[-1][2]
    tables = [_CALLS.empty_table()]
    for each in changes:
        if each.comes is comes:
            table = shard.read_variants(
                root, each.shard, contig, low, high, columns=_READ, dictionaries=True
            )
            table = table.filter(table["passed"])
            slot = pa.array(np.full(table.num_rows, each.slot, np.uint32))
            table = table.append_column("slot", slot).select(_CALLS.names)
            tables.append(table.cast(_CALLS))
    return pa.concat_tables(tables).unify_dictionaries()


def _between(table: pa.Table, low: int, high: int) -> pa.Table:
    """Rows whose position lies in [low, high), 0-based; pos is 1-based."""
    inside = pc.and_(pc.greater(table["pos"], low), pc.less_equal(table["pos"], high))
    return table.filter(inside)
