"""Depth and pairs of a sorted alignment, counted in one pass by compiled code.

The counting rules of depth are those of Picard CollectWgsMetrics, which is the reference
implementation of the GA4GH metrics: reads that are mapped with quality 20 or more, not secondary,
not failed, not duplicates, and whose mate is mapped if they are paired; of these the bases of
quality 20 or more that are not N and are aligned to a base; all records of one name count once at
a position. Chimeras are counted as Picard CollectAlignmentSummaryMetrics does, reads by GC of the
reference as CollectGcBiasMetrics does.

Positions are 0-based. The depth of a part of the current contig lies in a window that moves on
with the reads; what lies before the next read is final and goes into the counts.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.metrics import bam
from wgs_pipeline.metrics.bam import Bytes, Flag, Int, compiled
from wgs_pipeline.metrics.reads import ReadCounts, count_read
from wgs_pipeline.metrics.tally import BREADTHS

Longs = NDArray[np.int64]

MIN_MAPPING_QUALITY, MIN_BASE_QUALITY = 20, 20
#: Depths above this count as this in histograms; sums of depth are exact.
HIGHEST_DEPTH = (1 << 16) - 1
#: Window of the reference whose GC a read counts at, in bases, and the most N in it.
GC_WINDOW, GC_MOST_N = 100, 4
NO_GC = 255
#: Longest distance of a pair that is not chimeric, in bases.
_LONGEST_INSERT = 100_000

_LOW = max(BREADTHS) + 1
_NOT_DEPTH = int(Flag.UNMAPPED | Flag.SECONDARY | Flag.QC_FAIL | Flag.DUPLICATE)
_NOT_PRIMARY = int(Flag.UNMAPPED | Flag.SECONDARY | Flag.QC_FAIL | Flag.SUPPLEMENTARY)
_PAIRED, _MATE_UNMAPPED = int(Flag.PAIRED), int(Flag.MATE_UNMAPPED)
_REVERSE, _MATE_REVERSE = int(Flag.REVERSE), int(Flag.MATE_REVERSE)
_SECONDARY, _DUPLICATE = int(Flag.SECONDARY), int(Flag.DUPLICATE)
_UNMAPPED = int(Flag.UNMAPPED)
_NO_BASE = 15  # N, in the four bits of a base


class Tally(IntEnum):
    """Places of the single numbers that are counted."""

    CHIMERIC = 0
    CHIMERA_CANDIDATES = 1
    OPTICAL = 2
    LIBRARY = 3
    DUPLICATES = 4
    PRIMARY = 5


class Status(IntEnum):
    """Why ``count_records`` came back."""

    NEED_DATA = 0
    NEW_CONTIG = 1
    MATES_FULL = 2
    WINDOW_FULL = 3
    UNSORTED = 4
    BROKEN = 5
    LONG_READ = 6


class Layout(NamedTuple):
    """What is counted where; intervals, targets and sites are sorted within their contig.

    Sites are the common SNVs whose bases are counted. Intervals of contig ``c`` are
    ``interval_first[c]`` up to ``interval_first[c + 1]``; a group is a contig's share of a part of
    the genome. Targets and sites likewise; targets may overlap.
    """

    lengths: Longs  # (contigs,)
    interval_first: Longs  # (contigs + 1,)
    interval_start: Longs
    interval_end: Longs
    interval_group: Longs
    group_part: Longs  # (groups,)
    target_first: Longs  # (contigs + 1,)
    target_start: Longs
    target_end: Longs
    site_first: Longs  # (contigs + 1,)
    site_position: Longs


class Counts(NamedTuple):
    """What was counted."""

    histogram: Longs  # (parts, HIGHEST_DEPTH + 1): bases at each depth
    group_bases: Longs  # (groups,): sum of depth
    group_low: Longs  # (groups, 31): bases at each depth, the last at that or more
    target_bases: Longs  # (targets,): sum of depth
    target_low: Longs  # (targets, 31)
    site_bases: Longs  # (sites, 4): bases A C G T that depth counts
    gc_reads: Longs  # (101,): reads by GC percent of the reference
    tally: Longs  # (len(Tally),)


class Window(NamedTuple):
    """Depth of the current contig from position ``cursor[1]`` on."""

    depth: NDArray[np.int32]
    cursor: Longs  # contig, start, end of what is in use, last position, first target


class Mates(NamedTuple):
    """Bases that were counted of the reads that may still overlap another of their name.

    A hash table with open addressing, by name; a key of 0 is a free place. ``arena`` holds one
    byte a base from ``start`` to ``end``: whether it was counted.
    """

    keys: NDArray[np.uint64]
    start: Longs
    end: Longs
    offset: Longs
    used: Longs  # entries, bytes of the arena
    arena: Bytes


def new_mates(places: int, arena: int) -> Mates:
    """An empty table; ``places`` is a power of two."""
    return Mates(
        np.zeros(places, np.uint64),
        np.zeros(places, np.int64),
        np.zeros(places, np.int64),
        np.zeros(places, np.int64),
        np.zeros(2, np.int64),
        np.zeros(arena, np.uint8),
    )


@compiled
def _remember(mates: Mates, key: np.uint64, start: Int, counted: Bytes) -> None:
    places = np.uint64(len(mates.keys) - 1)
    place = key & places
    while mates.keys[place]:
        place = (place + np.uint64(1)) & places
    size, offset = len(counted), mates.used[1]
    mates.keys[place] = key
    mates.start[place] = start
    mates.end[place] = start + size
    mates.offset[place] = offset
    bam.copy_bytes(counted, mates.arena[offset : offset + size])
    mates.used[0] += 1
    mates.used[1] += size


@compiled
def move_mates(old: Mates, new: Mates, position: Int) -> None:
    """Copy the reads that reach beyond ``position`` into an empty table."""
    for place in range(len(old.keys)):
        if old.keys[place] and old.end[place] > position:
            offset = old.offset[place]
            size = old.end[place] - old.start[place]
            _remember(new, old.keys[place], old.start[place], old.arena[offset : offset + size])


@compiled
def _forget_counted(mates: Mates, key: np.uint64, start: Int, counted: Bytes) -> None:
    """Clear the bases at which a read of the same name was counted before."""
    places = np.uint64(len(mates.keys) - 1)
    place = key & places
    while mates.keys[place]:
        if mates.keys[place] == key and mates.end[place] > start:
            size = min(mates.end[place] - start, len(counted))
            offset = mates.offset[place] + start - mates.start[place]
            before = mates.arena[offset : offset + size]
            for k in range(size):
                counted[k] &= 1 - before[k]
        place = (place + np.uint64(1)) & places


@compiled
def _add_depths(depth: NDArray[np.int32], histogram: Longs, low: Longs) -> Int:
    total = 0
    for value in depth:
        total += value
        histogram[min(value, HIGHEST_DEPTH)] += 1
        low[min(value, _LOW - 1)] += 1
    return total


@compiled
def _add_low(depth: NDArray[np.int32], low: Longs) -> Int:
    total = 0
    for value in depth:
        total += value
        low[min(value, _LOW - 1)] += 1
    return total


@compiled
def flush(layout: Layout, counts: Counts, window: Window, end: Int) -> None:
    """Count the depth of the current contig up to ``end`` and move the window there."""
    contig, start, high = window.cursor[0], window.cursor[1], window.cursor[2]
    # Positions from ``high`` on have no read; the window is all zero there.
    step = len(window.depth)
    while start < end:
        stop = min(end, start + step)
        first, last = layout.interval_first[contig], layout.interval_first[contig + 1]
        # The first interval that ends beyond the start.
        at = first + np.searchsorted(layout.interval_end[first:last], start, side="right")
        while at < last and layout.interval_start[at] < stop:
            left = max(layout.interval_start[at], start) - start
            right = min(layout.interval_end[at], stop) - start
            group = layout.interval_group[at]
            counts.group_bases[group] += _add_depths(
                window.depth[left:right],
                counts.histogram[layout.group_part[group]],
                counts.group_low[group],
            )
            at += 1
        at, last = window.cursor[4], layout.target_first[contig + 1]
        while at < last and layout.target_start[at] < stop:
            left = max(layout.target_start[at], start) - start
            right = min(layout.target_end[at], stop) - start
            if left < right:
                counts.target_bases[at] += _add_low(window.depth[left:right], counts.target_low[at])
            elif at == window.cursor[4]:
                window.cursor[4] += 1
            at += 1
        kept = max(high - stop, 0)
        moved = stop - start
        for k in range(kept):
            window.depth[k] = window.depth[moved + k]
        for k in range(kept, high - start):
            window.depth[k] = 0
        start = stop
    window.cursor[1] = start
    window.cursor[2] = max(high, start)


@compiled
def _aligned_bases(
    data: Bytes, cigar: Int, operations: Int, sequence: Int, length: Int, unknown: Int,
    counted: Bytes,
) -> None:  # fmt: skip
    """Mark which positions of the reference from the read's start on carry a good base."""
    quality = sequence + (length + 1) // 2
    query: Int = 0
    target: Int = 0
    for k in range(operations):
        field = bam.int32(data, cigar + 4 * k) & 0xFFFFFFFF
        size, operation = field >> 4, field & 15
        if operation in (0, 7, 8):  # M = X
            # Slices, so that the compiler knows every index to be inside and vectorises.
            qualities = data[quality + query : quality + query + size]
            good = counted[target : target + size]
            for j in range(size):
                good[j] = qualities[j] >= MIN_BASE_QUALITY
            if unknown:
                for j in range(size):
                    pair = data[sequence + ((query + j) >> 1)]
                    base = pair & 15 if (query + j) & 1 else pair >> 4
                    if base == _NO_BASE:
                        good[j] = 0
            query += size
            target += size
        elif operation in (1, 4):  # I S
            query += size
        elif operation in (2, 3):  # D N
            target += size


@compiled
def _count_sites(
    data: Bytes, cigar: Int, operations: Int, sequence: Int, position: Int, counted: Bytes,
    layout: Layout, contig: Int, bases: Longs,
) -> None:  # fmt: skip
    """Count the base that a read shows at each site, where it counts as depth."""
    first, last = layout.site_first[contig], layout.site_first[contig + 1]
    site = first + np.searchsorted(layout.site_position[first:last], position)
    query: Int = 0
    target: Int = position
    k = 0
    while site < last and layout.site_position[site] < position + len(counted):
        place = layout.site_position[site]
        # Go on to the operation that the site lies in.
        while True:
            field = bam.int32(data, cigar + 4 * k) & 0xFFFFFFFF
            size, operation = field >> 4, field & 15
            consumes = operation in (0, 2, 3, 7, 8)
            if consumes and place < target + size:
                break
            if operation in (0, 1, 4, 7, 8):
                query += size
            if consumes:
                target += size
            k += 1
        if counted[place - position]:
            at = query + place - target
            pair = data[sequence + (at >> 1)]
            base = pair & 15 if at & 1 else pair >> 4
            if base == 1:
                bases[site, 0] += 1
            elif base == 2:
                bases[site, 1] += 1
            elif base == 4:
                bases[site, 2] += 1
            elif base == 8:
                bases[site, 3] += 1
        site += 1


@compiled
def _measure(data: Bytes, cigar: Int, operations: Int) -> tuple[Int, Int, Int]:
    """Bases of the reference that a record spans, of the read that it aligns, and clipped off."""
    span: Int = 0
    aligned: Int = 0
    clipped: Int = 0
    fields = data[cigar : cigar + 4 * operations]
    for k in range(operations):
        field = bam.int32(fields, 4 * k) & 0xFFFFFFFF
        size, operation = field >> 4, field & 15
        if operation in (0, 7, 8):  # M = X
            span += size
            aligned += size
        elif operation == 1:  # I
            aligned += size
        elif operation in (2, 3):  # D N
            span += size
        elif operation == 5:  # H
            clipped += size
    return span, aligned, clipped


@compiled
def _count_pair(
    tally: Longs, flag: Int, mapping_quality: Int, mate_quality: Int, split: bool,
    same_contig: bool, position: Int, end: Int, mate_position: Int, insert: Int,
) -> None:  # fmt: skip
    """Count a primary read among the chimeric ones as Picard does (PCT_CHIMERAS)."""
    sure = mapping_quality >= MIN_MAPPING_QUALITY
    if not flag & _PAIRED or flag & _MATE_UNMAPPED:
        if sure:
            tally[Tally.CHIMERA_CANDIDATES] += 1
            tally[Tally.CHIMERIC] += split
        return
    # Where the mate's quality is not told, the read's own does not count either.
    if mate_quality >= 0 and not (sure and mate_quality >= MIN_MAPPING_QUALITY):
        return
    tally[Tally.CHIMERA_CANDIDATES] += 1
    reverse, mate_reverse = bool(flag & _REVERSE), bool(flag & _MATE_REVERSE)
    inward = bool(mate_position + 1 < end) if reverse else bool(insert > 0)
    tally[Tally.CHIMERIC] += (
        split
        or not same_contig
        or not -_LONGEST_INSERT <= insert <= _LONGEST_INSERT
        or reverse == mate_reverse
        or not inward
    )


@compiled
def _read_tags(data: Bytes, at: Int, end: Int) -> tuple[Int, bool, Int, Int]:
    """Mate's mapping quality (-1: not told), whether split, letter of the duplicate, mismatches."""
    mate_quality: Int = -1
    duplicate: Int = 0
    mismatches: Int = 0
    split = False
    while at + 3 < end:
        first, second = data[at], data[at + 1]
        if first == 77 and second == 81:  # MQ
            mate_quality = bam.tag_number(data, at)
        elif first == 83 and second == 65:  # SA
            split = True
        elif first == 100 and second == 116:  # dt: LB or SQ
            duplicate = np.int64(data[at + 3])
        elif first == 78 and second == 77:  # NM
            mismatches = bam.tag_number(data, at)
        at += bam.tag_size(data, at, end)
    return mate_quality, split, duplicate, mismatches


@compiled
def count_records(
    data: Bytes,
    filled: Int,
    layout: Layout,
    counts: Counts,
    reads: ReadCounts,
    window: Window,
    mates: Mates,
    gc: Bytes,
    scratch: Bytes,
) -> tuple[Int, Status]:
    """Count the records of ``data``, as far as they are whole and of the current contig.

    Args:
        data: BAM records, one after another.
        filled: Bytes of ``data`` in use.
        layout: What is counted where.
        counts: What the counts are added to.
        reads: The same, of what does not ask where in the genome a read lies.
        window: Depth of the current contig.
        mates: Reads that may overlap another of their name.
        gc: GC percent of the window of the reference that begins at each position, or ``NO_GC``.
        scratch: As long as the window.

    Returns:
        Bytes used, and why it ended there.
    """
    at: Int = 0
    while at + 36 <= filled:
        size = bam.int32(data, at)
        if size < 32:
            return at, Status.BROKEN
        end = at + 4 + size
        if end > filled:
            break
        head = data[at : at + 36]
        contig, position = bam.int32(head, 4), bam.int32(head, 8)
        name_length, mapping_quality = np.int64(head[12]), np.int64(head[13])
        operations, flag, length = bam.uint16(head, 16), bam.uint16(head, 18), bam.int32(head, 20)
        cigar = at + 36 + name_length
        sequence = cigar + 4 * operations
        tags = sequence + (length + 1) // 2 + length
        if length < 0 or tags > end:
            return at, Status.BROKEN
        span, aligned, clipped = _measure(data, cigar, operations)
        if length + clipped >= reads.lengths.shape[1]:
            return at, Status.LONG_READ
        gc_bases, unknown = bam.composition(data, sequence, length)
        if contig < 0 or flag & _UNMAPPED:
            count_read(
                data, at, flag, sequence, length, gc_bases, length + clipped, aligned, 0, reads
            )
            at = end
            continue
        if contig != window.cursor[0]:
            return at, Status.NEW_CONTIG
        if position < window.cursor[3]:
            return at, Status.UNSORTED
        window.cursor[3] = position
        depth_read = (
            not flag & _NOT_DEPTH
            and mapping_quality >= MIN_MAPPING_QUALITY
            and (flag & (_PAIRED | _MATE_UNMAPPED)) != (_PAIRED | _MATE_UNMAPPED)
            and length > 0
        )
        if depth_read:
            if position + span > window.cursor[1] + len(window.depth):
                if span > len(window.depth):
                    return at, Status.WINDOW_FULL
                flush(layout, counts, window, position)
            if 2 * mates.used[0] >= len(mates.keys) or mates.used[1] + span > len(mates.arena):
                return at, Status.MATES_FULL
            counted = scratch[:span]
            for k in range(span):
                counted[k] = 0
            _aligned_bases(data, cigar, operations, sequence, length, unknown, counted)
            key = bam.name_hash(data, at + 36, name_length)
            _forget_counted(mates, key, position, counted)
            _remember(mates, key, position, counted)
            _count_sites(
                data, cigar, operations, sequence, position, counted, layout, contig,
                counts.site_bases,
            )  # fmt: skip
            first = position - window.cursor[1]
            depth = window.depth[first : first + span]
            for k in range(span):
                depth[k] += counted[k]
            window.cursor[2] = max(window.cursor[2], position + span)
        # Picard counts every mapped record here, also secondary ones.
        begin = position + span - GC_WINDOW if flag & _REVERSE else position + 1
        if 0 < begin < len(gc) and gc[begin] != NO_GC:
            counts.gc_reads[gc[begin]] += 1
        mate_quality, split, duplicate, mismatches = _read_tags(data, tags, end)
        count_read(
            data, at, flag, sequence, length, gc_bases, length + clipped, aligned, mismatches, reads
        )
        if not flag & _NOT_PRIMARY:
            counts.tally[Tally.PRIMARY] += 1
            if flag & _DUPLICATE:
                counts.tally[Tally.DUPLICATES] += 1
                counts.tally[Tally.OPTICAL] += duplicate == 83
                counts.tally[Tally.LIBRARY] += duplicate == 76
            _count_pair(
                counts.tally, flag, mapping_quality, mate_quality, split,
                bam.int32(data, at + 24) == contig, position, position + span,
                bam.int32(data, at + 28), bam.int32(data, at + 32),
            )  # fmt: skip
        at = end
    return at, Status.NEED_DATA


@compiled
def gc_percents(sequence: Bytes, out: Bytes) -> None:
    """GC percent of the window that begins at each base; ``NO_GC`` where it has too many N.

    Args:
        sequence: Bases in upper or lower case, shape (n,).
        out: Shape (n - GC_WINDOW,) at most; windows beyond it are not looked at.
    """
    gc, unknown = 0, 0
    for k in range(len(out) + GC_WINDOW - 1):
        base = sequence[k] & 0xDF
        gc += base == 71 or base == 67
        unknown += base == 78
        if k < GC_WINDOW - 1:
            continue
        first = k - GC_WINDOW + 1
        out[first] = gc * 100 // GC_WINDOW if unknown <= GC_MOST_N else NO_GC
        base = sequence[first] & 0xDF
        gc -= base == 71 or base == 67
        unknown -= base == 78
