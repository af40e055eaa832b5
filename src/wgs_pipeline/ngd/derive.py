"""What bins and count arrays of one contig become when genomes come and go.

Used to build them (from those of before) and to verify them (from nothing). Shards and open tiers
are read a stretch of the contig at a time, so that memory does not grow with the number of genomes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd import shard
from wgs_pipeline.ngd.bins import merge
from wgs_pipeline.ngd.bitmaps import Slots, among
from wgs_pipeline.ngd.counts import Depths, stratum_of
from wgs_pipeline.ngd.extents import present
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.plan import Change
from wgs_pipeline.ngd.reference import Reference
from wgs_pipeline.ngd.waiting import GENOMES_AT_ONCE, Tier, Waiting, groups_of

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
    waiting: Waiting | None = None,
) -> Iterator[tuple[int, pa.Table]]:
    """Bins of one segment that changes touch, and what they become.

    Args:
        root: The database.
        contig: The contig.
        window: Some neighbouring bins.
        changes: Genomes that come and go, all of one plane and segment.
        before: Gives what a bin was.
        place: What to call a bin in a message.
        waiting: Open tiers from which genomes are read where they are there; None: all are read
            from their shards.

    Raises:
        NgdError: A bin and the shards disagree, or something is damaged.
    """
    uncounted = np.array([each.slot for each in changes if not each.counted], np.uint32)
    tiers, changes = ([], changes) if waiting is None else waiting.split(changes)
    changes = present(root, changes, contig, window[0][1], window[-1][2])
    shards = [
        partial(_from_shards, root, contig, changes[at : at + _GENOMES])
        for at in range(0, len(changes), _GENOMES)
    ]
    held: dict[int, pa.Table] = {}
    if tiers:
        sources = [partial(_from_tiers, contig, group) for group in groups_of(tiers)]
        for stretch in _stretches(window, sum(len(each.changes) for each in tiers)):
            for bin_, table in _merged(stretch, sources, before, place, uncounted):
                if not shards:
                    yield bin_, table
                else:
                    held[bin_] = table
    if shards:
        yield from _merged(
            window,
            shards,
            lambda bin_: held.pop(bin_) if bin_ in held else before(bin_),
            place,
            uncounted,
        )
        yield from held.items()


def _merged(
    stretch: Sequence[Bounds],
    sources: Sequence[Callable[[int, int], tuple[pa.Table, pa.Table]]],
    before: Callable[[int], pa.Table],
    place: Callable[[int], Path],
    uncounted: Slots,
) -> Iterator[tuple[int, pa.Table]]:
    """Bins with what comes and goes by some sources, each read for the whole stretch."""
    held: dict[int, pa.Table] = {}
    for number, source in enumerate(sources, start=1):
        added, removed = source(stretch[0][1], stretch[-1][2])
        for bin_, low, high in stretch:
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
            if number == len(sources) and bin_ in held:
                yield bin_, held.pop(bin_)


def _stretches(window: Sequence[Bounds], genomes: int) -> Iterator[Sequence[Bounds]]:
    """Parts of a window whose calls of so many genomes in open tiers are held at once."""
    size = max(1, GENOMES_AT_ONCE // min(genomes, GENOMES_AT_ONCE))
    for first in range(0, len(window), size):
        yield window[first : first + size]


def derived_counts(
    root: Root,
    reference: Reference,
    contig: str,
    window: Sequence[Bounds],
    changes: Sequence[Change],
    waiting: Waiting | None = None,
) -> Iterator[tuple[str, int, NDArray[np.int32]]]:
    """Strata and bins whose counts change, and by how much at each base.

    Args:
        root: The database.
        reference: Decides the strata.
        contig: The contig.
        window: Some neighbouring bins.
        changes: Genomes that come and go, all of one plane.
        waiting: Open tiers from which genomes are read where they are there; None: all are read
            from their shards.
    """
    low, high = window[0][1], window[-1][2]
    tiers, changes = ([], changes) if waiting is None else waiting.split(changes)
    depths: dict[str, Depths] = {}
    for tier in tiers:
        _add_tier(depths, reference, contig, (low, high), tier)
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


def _add_tier(
    depths: dict[str, Depths],
    reference: Reference,
    contig: str,
    within: tuple[int, int],
    tier: Tier,
) -> None:
    """Add the callable runs of an open tier's genomes to the depths of their strata."""
    by_stratum: dict[str, list[int]] = {}
    for each in tier.changes:
        stratum = stratum_of(reference, contig, each.karyotype, each.counted)
        if stratum is not None:
            by_stratum.setdefault(stratum, []).append(each.slot)
    if not by_stratum:
        return
    for starts, ends, slots in tier.runs(contig, *within):
        for stratum, mine in by_stratum.items():
            chosen = among(slots, np.array(mine, np.uint32))
            depth = depths.setdefault(stratum, Depths(*within))
            depth.add(starts[chosen], ends[chosen], 1)


def _from_tiers(
    contig: str, tiers: Sequence[Tier], low: int, high: int
) -> tuple[pa.Table, pa.Table]:
    """Calls that come from open tiers at [low, high), and those that go: none."""
    tables = [each.calls(contig, low, high).cast(_CALLS) for each in tiers]
    return pa.concat_tables(tables).unify_dictionaries(), _CALLS.empty_table()


def _from_shards(
    root: Root, contig: str, changes: Sequence[Change], low: int, high: int
) -> tuple[pa.Table, pa.Table]:
    """Calls that come and calls that go at [low, high), from the shards of genomes."""
    added, removed = (_calls(root, contig, low, high, changes, sign) for sign in (True, False))
    return added, removed


def _calls(
    root: Root, contig: str, low: int, high: int, changes: Sequence[Change], comes: bool
) -> pa.Table:
    """Passed calls of the genomes that come, or go, at [low, high); long form."""
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
