"""Reads, pairs, base qualities and insert sizes of an alignment, by the rules of samtools stats.

Compiled code counts record by record (rules of ``stats.c`` of samtools 1.16, with
``--filtering-flag QCFAIL``); the counts are written in the format of ``samtools stats``, each line
as samtools prints it, so that whatever reads its text reads ours. Of its sections those are made
that the metrics and MultiQC look at: SN, FFQ, LFQ, GCF, GCL, IS, RL, FRL, LRL.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.metrics import bam
from wgs_pipeline.metrics.bam import Bytes, Flag, Int, compiled

Longs = NDArray[np.int64]

#: Insert sizes above this count as this; of the pairs, the share from the shortest on is shown.
_LONGEST_INSERT, _MAIN_BULK = 8_000, 0.99
#: Steps of the GC content of a read.
_GC_STEPS = 200
_LAST_QUALITY = 255

_PAIRED, _PROPER, _MATE_UNMAPPED = int(Flag.PAIRED), int(Flag.PROPER), int(Flag.MATE_UNMAPPED)
_UNMAPPED, _SECONDARY, _QC_FAIL = int(Flag.UNMAPPED), int(Flag.SECONDARY), int(Flag.QC_FAIL)
_DUPLICATE, _SUPPLEMENTARY = int(Flag.DUPLICATE), int(Flag.SUPPLEMENTARY)
_REVERSE, _MATE_REVERSE = int(Flag.REVERSE), int(Flag.MATE_REVERSE)
_FIRST, _LAST = int(Flag.FIRST), int(Flag.LAST)
#: Ends of a pair. A read that is not of a pair is a first one; one of a pair that is told to be
#: both or none counts as a read, not among the qualities.
_IS_FIRST, _IS_LAST, _IS_NEITHER = 0, 1, 2
_INWARD, _OUTWARD, _OTHER = 0, 1, 2


class Sum(IntEnum):
    """Places of the single numbers that are counted."""

    FILTERED = 0
    MAPPED_PAIRS = 1
    MAPPED_SINGLE = 2
    UNMAPPED = 3
    PROPER = 4
    PAIRED = 5
    DUPLICATES = 6
    MAPPING_QUALITY_0 = 7
    SECONDARY = 8
    SUPPLEMENTARY = 9
    BASES_FIRST = 10
    BASES_LAST = 11
    BASES_NEITHER = 12
    BASES_MAPPED = 13
    BASES_ALIGNED = 14
    BASES_DUPLICATE = 15
    MISMATCHES = 16
    ANOMALOUS = 17
    LONGEST_FIRST = 18
    LONGEST_LAST = 19
    LONGEST_NEITHER = 20


class ReadCounts(NamedTuple):
    """What was counted; the first axis of the tables is the end of the pair."""

    sums: Longs  # (len(Sum),)
    qualities: Longs  # (2, 256, longest read): bases of each quality at each cycle
    gc: Longs  # (2, 200): reads at each step of GC content
    lengths: Longs  # (3, longest read + 1)
    inserts: Longs  # (3, 8001): records of pairs that look inward, outward, elsewhere


def new_counts(longest: int) -> ReadCounts:
    """Counts of nothing, for reads of at most ``longest`` bases."""
    return ReadCounts(
        np.zeros(len(Sum), np.int64),
        np.zeros((2, _LAST_QUALITY + 1, longest), np.int64),
        np.zeros((2, _GC_STEPS), np.int64),
        np.zeros((3, longest + 1), np.int64),
        np.zeros((3, _LONGEST_INSERT + 1), np.int64),
    )


def widened(counts: ReadCounts, longest: int) -> ReadCounts:
    """The same counts with room for reads of at most ``longest`` bases."""
    wider = new_counts(longest)
    wider.qualities[:, :, : counts.qualities.shape[2]] = counts.qualities
    wider.lengths[:, : counts.lengths.shape[1]] = counts.lengths
    return counts._replace(qualities=wider.qualities, lengths=wider.lengths)


@compiled
def _count_bases(
    data: Bytes, sequence: Int, length: Int, gc: Int, reverse: bool, end: Int, counts: ReadCounts
) -> None:
    """Count the qualities at each cycle and the GC content of a primary read."""
    start = sequence + (length + 1) // 2
    qualities = data[start : start + length]
    table = counts.qualities[end]
    if reverse:
        for k in range(length):
            table[qualities[length - 1 - k], k] += 1
    else:
        for k in range(length):
            table[qualities[k], k] += 1
    # A read stands for every step that its GC content may lie in.
    first = gc * (_GC_STEPS - 1) // length
    beyond = min((gc + 1) * (_GC_STEPS - 1) // length, _GC_STEPS - 1)
    for step in range(first, beyond):
        counts.gc[end, step] += 1


@compiled
def _count_insert(
    inserts: Longs, flag: Int, first: bool, position: Int, mate_position: Int, insert: Int
) -> None:
    """Count a record of a pair by the size of the insert and the way that its reads look."""
    size: Int = _LONGEST_INSERT
    if -size < insert < size:
        size = insert if insert > 0 else -insert
    reverse, mate_reverse = bool(flag & _REVERSE), bool(flag & _MATE_REVERSE)
    # What follows is as if the first read of the pair were asked.
    ahead = mate_position - position if first else position - mate_position
    forward = not reverse if first else reverse
    if reverse == mate_reverse:
        inserts[_OTHER, size] += 1
    elif (ahead >= 0) == forward:
        inserts[_INWARD, size] += 1
    else:
        inserts[_OUTWARD, size] += 1


@compiled
def count_read(
    data: Bytes, at: Int, flag: Int, sequence: Int, length: Int, gc: Int, whole: Int,
    aligned: Int, mismatches: Int, counts: ReadCounts,
) -> None:  # fmt: skip
    """Count one record.

    Args:
        data: BAM records.
        at: Where the record begins in it.
        flag: Its FLAG.
        sequence: Where its bases begin.
        length: How many they are.
        gc: Of these, G or C.
        whole: Length of the read with what was clipped off; the tables have room for it.
        aligned: Bases that are aligned or inserted.
        mismatches: Value of its tag NM.
        counts: What the counts are added to.
    """
    sums = counts.sums
    if flag & _QC_FAIL:
        sums[Sum.FILTERED] += 1
        return
    if flag & _SECONDARY:
        sums[Sum.SECONDARY] += 1
        return
    if flag & _SUPPLEMENTARY:
        sums[Sum.SUPPLEMENTARY] += 1
    if not length:
        return
    if flag & _DUPLICATE:
        sums[Sum.DUPLICATES] += 1
        sums[Sum.BASES_DUPLICATE] += length
    ends = flag & (_FIRST | _LAST)
    end = _IS_NEITHER
    if not flag & _PAIRED or ends == _FIRST:
        end = _IS_FIRST
    elif ends == _LAST:
        end = _IS_LAST
    longest = Sum.LONGEST_FIRST + end
    sums[longest] = max(sums[longest], whole)
    mapped_pair = (flag & (_PAIRED | _UNMAPPED | _MATE_UNMAPPED)) == _PAIRED
    if not flag & _SUPPLEMENTARY:
        counts.lengths[end, whole] += 1
        sums[Sum.BASES_FIRST + end] += length
        if end != _IS_NEITHER:
            _count_bases(data, sequence, length, gc, bool(flag & _REVERSE), end, counts)
        sums[Sum.PAIRED] += bool(flag & _PAIRED)
        if flag & _UNMAPPED:
            sums[Sum.UNMAPPED] += 1
        else:
            sums[Sum.BASES_MAPPED] += length
            sums[Sum.MAPPING_QUALITY_0] += data[at + 13] == 0
            if mapped_pair:
                sums[Sum.MAPPED_PAIRS] += 1
                sums[Sum.PROPER] += bool(flag & _PROPER)
                same_contig = bam.int32(data, at + 4) == bam.int32(data, at + 24)
                sums[Sum.ANOMALOUS] += not same_contig
                insert = bam.int32(data, at + 32)
                if insert or same_contig:
                    _count_insert(
                        counts.inserts, flag, end == _IS_FIRST, bam.int32(data, at + 8),
                        bam.int32(data, at + 28), insert,
                    )  # fmt: skip
            else:
                sums[Sum.MAPPED_SINGLE] += 1
    if not flag & _UNMAPPED:
        sums[Sum.MISMATCHES] += mismatches
        sums[Sum.BASES_ALIGNED] += aligned


def stats_text(counts: ReadCounts) -> str:
    """The counts in the format of ``samtools stats``."""
    lines = [
        "# Counted by wgs qc alignment, in the format of samtools stats (1.16)",
        *(f"SN\t{name}:\t{value}" for name, value in _summary(counts)),
        *_quality_lines(counts),
        *_gc_lines(counts),
        *(
            "\t".join(map(str, ("IS", size, sum(pairs), *pairs)))
            for size, pairs in enumerate(_main_inserts(counts)[0].T.tolist())
        ),
    ]
    every = [counts.lengths.sum(axis=0), *counts.lengths[:_IS_NEITHER]]
    for name, lengths in zip(("RL", "FRL", "LRL"), every, strict=True):
        lines += [f"{name}\t{size}\t{lengths[size]}" for size in np.flatnonzero(lengths[1:]) + 1]
    return "\n".join(lines) + "\n"


def _summary(counts: ReadCounts) -> Iterator[tuple[str, int | str]]:
    """Names and values of the SN section, in its order."""
    sums = {each: int(counts.sums[each]) for each in Sum}
    first, last, neither = counts.lengths.sum(axis=1).tolist()
    reads = first + last + neither
    bases = sums[Sum.BASES_FIRST] + sums[Sum.BASES_LAST] + sums[Sum.BASES_NEITHER]
    longest = [sums[each] for each in (Sum.LONGEST_FIRST, Sum.LONGEST_LAST, Sum.LONGEST_NEITHER)]
    _, mean, deviation = _main_inserts(counts)
    inward, outward, other = (counts.inserts // 2).sum(axis=1).tolist()
    qualities = counts.qualities.sum(axis=(0, 2)) @ np.arange(_LAST_QUALITY + 1)
    yield "raw total sequences", sums[Sum.FILTERED] + reads
    yield "filtered sequences", sums[Sum.FILTERED]
    yield "sequences", reads
    yield "is sorted", 1
    yield "1st fragments", first
    yield "last fragments", last
    yield "reads mapped", sums[Sum.MAPPED_PAIRS] + sums[Sum.MAPPED_SINGLE]
    yield "reads mapped and paired", sums[Sum.MAPPED_PAIRS]
    yield "reads unmapped", sums[Sum.UNMAPPED]
    yield "reads properly paired", sums[Sum.PROPER]
    yield "reads paired", sums[Sum.PAIRED]
    yield "reads duplicated", sums[Sum.DUPLICATES]
    yield "reads MQ0", sums[Sum.MAPPING_QUALITY_0]
    yield "reads QC failed", 0
    yield "non-primary alignments", sums[Sum.SECONDARY]
    yield "supplementary alignments", sums[Sum.SUPPLEMENTARY]
    yield "total length", bases
    yield "total first fragment length", sums[Sum.BASES_FIRST]
    yield "total last fragment length", sums[Sum.BASES_LAST]
    yield "bases mapped", sums[Sum.BASES_MAPPED]
    yield "bases mapped (cigar)", sums[Sum.BASES_ALIGNED]
    yield "bases trimmed", 0
    yield "bases duplicated", sums[Sum.BASES_DUPLICATE]
    yield "mismatches", sums[Sum.MISMATCHES]
    yield "error rate", f"{_single_ratio(sums[Sum.MISMATCHES], sums[Sum.BASES_ALIGNED]):e}"
    yield "average length", bases // reads if reads else 0
    yield "average first fragment length", f"{_single_ratio(sums[Sum.BASES_FIRST], first):.0f}"
    yield "average last fragment length", f"{_single_ratio(sums[Sum.BASES_LAST], last):.0f}"
    yield "maximum length", max(longest)
    yield "maximum first fragment length", sums[Sum.LONGEST_FIRST]
    yield "maximum last fragment length", sums[Sum.LONGEST_LAST]
    yield "average quality", f"{int(qualities) / bases if bases else 0:.1f}"
    yield "insert size average", f"{mean:.1f}"
    yield "insert size standard deviation", f"{deviation:.1f}"
    yield "inward oriented pairs", inward
    yield "outward oriented pairs", outward
    yield "pairs with other orientation", other
    yield "pairs on different chromosomes", sums[Sum.ANOMALOUS] // 2
    share = _single_ratio(100 * sums[Sum.PROPER], reads)
    yield "percentage of properly paired reads (%)", f"{share:.1f}"


def _single_ratio(numerator: int, denominator: int) -> float:
    """A ratio of single precision, in which samtools reckons; zero over nothing."""
    return float(np.float32(numerator) / np.float32(denominator)) if denominator else 0.0


def _main_inserts(counts: ReadCounts) -> tuple[Longs, float, float]:
    """Pairs a size of the shortest 99 % of them, shape (3, sizes), their mean and deviation."""
    pairs = counts.inserts // 2  # both reads of a pair were counted
    sizes = np.arange(pairs.shape[1])
    reached = np.cumsum(pairs.sum(axis=0))
    beyond = np.flatnonzero(reached / max(int(reached[-1]), 1) > _MAIN_BULK)
    shown = pairs[:, : beyond[0] + 1] if len(beyond) else pairs[:, :0]
    every, sizes = shown.sum(axis=0), sizes[: shown.shape[1]]
    total = max(int(every.sum()), 1)
    mean = float(every @ sizes) / total
    # The size 0 is left out of the deviation, as samtools does.
    deviation = math.sqrt(float(every[1:] @ (sizes[1:] - mean) ** 2) / total)
    return shown, mean, deviation


def _quality_lines(counts: ReadCounts) -> Iterator[str]:
    occurring = np.flatnonzero(counts.qualities.any(axis=(0, 2)))
    # One quality more than occurs, as samtools does.
    columns = min(int(occurring.max(initial=0)) + 1, _LAST_QUALITY) + 1
    for name, table, longest in zip(
        ("FFQ", "LFQ"),
        counts.qualities,
        counts.sums[[Sum.LONGEST_FIRST, Sum.LONGEST_LAST]],
        strict=True,
    ):
        for cycle, row in enumerate(table[:columns, :longest].T.tolist(), start=1):
            yield "\t".join(map(str, (name, cycle, *row)))


def _gc_lines(counts: ReadCounts) -> Iterator[str]:
    """A line for every run of steps with the same number of reads, at the middle of the run."""
    for name, reads in zip(("GCF", "GCL"), counts.gc.tolist(), strict=True):
        start = 0
        for step, number in enumerate(reads):
            if number != reads[start]:
                middle = (step + start) * 0.5 * 100.0 / (_GC_STEPS - 1)
                yield f"{name}\t{middle:.2f}\t{reads[start]}"
                start = step
