"""Read and pair metrics from a text in the format of ``samtools stats``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.errors import AlignmentError
from wgs_pipeline.metrics.catalogue import Finding, NotApplicable, ratio
from wgs_pipeline.metrics.histogram import weighted_median

_NEEDED = (
    "sequences",
    "reads mapped",
    "reads mapped and paired",
    "reads properly paired",
    "reads duplicated",
    "total length",
    "insert size average",
    "insert size standard deviation",
)
_SECTIONS = ("SN", "FFQ", "LFQ", "GCF", "GCL", "IS", "RL")
_Q30 = 30


@dataclass(frozen=True)
class AlignmentStats:
    """What a text in the format of ``samtools stats`` says.

    Attributes:
        summary: The SN section.
        bases_q30: Bases of quality 30 or more in primary reads (FFQ and LFQ sections).
        insert_sizes: Insert sizes in base pairs that occur, ascending, shape (bins,).
        pairs: Pairs of each of them, shape (bins,).
        qualities: Bases by read of the pair (FFQ, LFQ), cycle and quality, each of shape
            (cycles, qualities).
        gc_percents: GC percent of reads, shape (bins,), by read of the pair (GCF, GCL); and
        gc_reads: reads of each of them, shape (bins,).
        lengths: Lengths of reads that occur, ascending, shape (bins,).
        reads: Reads of each of them, shape (bins,).
    """

    summary: Mapping[str, float]
    bases_q30: int
    insert_sizes: NDArray[np.int64]
    pairs: NDArray[np.int64]
    qualities: tuple[NDArray[np.int64], NDArray[np.int64]]
    gc_percents: tuple[NDArray[np.float64], NDArray[np.float64]]
    gc_reads: tuple[NDArray[np.int64], NDArray[np.int64]]
    lengths: NDArray[np.int64]
    reads: NDArray[np.int64]


def read_alignment_stats(path: Path) -> AlignmentStats:
    """Read a text in the format of ``samtools stats`` 1.10 or later.

    Raises:
        AlignmentError: The file cannot be read, or lacks a section or number (it was cut short).
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise AlignmentError(f"{path}: cannot be read: {error}") from error
    sections: dict[str, list[list[str]]] = {name: [] for name in _SECTIONS}
    for line in lines:
        fields = line.split("\t")
        if fields[0] in sections:
            sections[fields[0]].append(fields[1:])
    try:
        summary = {fields[0].rstrip(":"): float(fields[1]) for fields in sections["SN"]}
        # First field of FFQ and LFQ is the cycle, then one column a quality from 0.
        first, last = (
            np.array([cycle[1:] for cycle in sections[name]], np.int64, ndmin=2)
            for name in ("FFQ", "LFQ")
        )
        sizes = np.array([fields[:2] for fields in sections["IS"]], np.int64).reshape(-1, 2)
        lengths = np.array([fields[:2] for fields in sections["RL"]], np.int64).reshape(-1, 2)
        gc_first, gc_last = (
            np.array([fields[:2] for fields in sections[name]], np.float64).reshape(-1, 2)
            for name in ("GCF", "GCL")
        )
    except (ValueError, IndexError) as error:
        raise AlignmentError(
            f"{path}: not the text of samtools stats ({error}); make it again"
        ) from error
    missing = [name for name in _NEEDED if name not in summary]
    if missing:
        raise AlignmentError(
            f"{path}: lacks {missing[0]!r} of samtools stats; it may be cut short. Make it again"
        )
    occurring = sizes[sizes[:, 1] > 0]
    return AlignmentStats(
        summary=summary,
        bases_q30=int(first[:, _Q30:].sum() + last[:, _Q30:].sum()),
        insert_sizes=occurring[:, 0],
        pairs=occurring[:, 1],
        qualities=(first, last),
        gc_percents=(gc_first[:, 0], gc_last[:, 0]),
        gc_reads=(gc_first[:, 1].astype(np.int64), gc_last[:, 1].astype(np.int64)),
        lengths=lengths[:, 0],
        reads=lengths[:, 1],
    )


def alignment_metrics(stats: AlignmentStats) -> dict[str, Finding]:
    """Metrics of reads and pairs.

    Duplication is Picard's PERCENT_DUPLICATION: duplicates among mapped primary reads.
    """
    summary = stats.summary
    reads = summary["sequences"]
    qualities = sum(each.sum(axis=0) for each in _same_width(stats.qualities))
    no_reads, no_pairs = "there are no reads", "there are no mapped pairs"
    any_pair = stats.pairs.sum() > 0
    return {
        "yield_bp_q30": stats.bases_q30,
        "yield_bp": int(summary["total length"]),
        "pct_reads_mapped": ratio(100 * summary["reads mapped"], reads, no_reads),
        "pct_reads_properly_paired": ratio(100 * summary["reads properly paired"], reads, no_reads),
        "mean_insert_size": (
            summary["insert size average"] if any_pair else NotApplicable(no_pairs)
        ),
        "insert_size_std_deviation": (
            summary["insert size standard deviation"] if any_pair else NotApplicable(no_pairs)
        ),
        "median_insert_size": (
            weighted_median(stats.insert_sizes.astype(np.float64), stats.pairs)
            if any_pair
            else NotApplicable(no_pairs)
        ),
        "duplication": ratio(
            summary["reads duplicated"], summary["reads mapped"], "there are no mapped reads"
        ),
        "mean_read_length": ratio(
            float(stats.lengths @ stats.reads), float(stats.reads.sum()), no_reads
        ),
        "mean_base_quality": ratio(
            float(qualities @ np.arange(len(qualities))), float(qualities.sum()), no_reads
        ),
    }


def _same_width(
    qualities: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> list[NDArray[np.int64]]:
    """Both tables with the columns of the wider one."""
    width = max(each.shape[1] for each in qualities)
    return [np.pad(each, ((0, 0), (0, width - each.shape[1]))) for each in qualities]


def quality_curve(stats: AlignmentStats) -> dict[str, list[float]]:
    """Mean base quality at each cycle, 1-based, of first and last reads of the pairs."""
    cycles = max(len(each) for each in stats.qualities)
    curve: dict[str, list[float]] = {"cycle": list(range(1, cycles + 1))}
    for name, table in zip(("first", "last"), stats.qualities, strict=True):
        bases = table.sum(axis=1)
        total = table @ np.arange(table.shape[1])
        means = np.divide(total, bases, out=np.zeros(len(bases)), where=bases > 0)
        curve[name] = [*means.tolist(), *[0.0] * (cycles - len(means))]
    return curve


def read_gc_curve(stats: AlignmentStats) -> dict[str, list[float]]:
    """Reads at each GC percent as samtools stats gives it, first and last reads together."""
    percents = np.concatenate(stats.gc_percents)
    occurring, place = np.unique(percents, return_inverse=True)
    reads = np.bincount(place, weights=np.concatenate(stats.gc_reads), minlength=len(occurring))
    return {"gc_percent": occurring.tolist(), "reads": reads.tolist()}
