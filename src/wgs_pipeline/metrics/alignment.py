"""Read and pair metrics from the text of ``samtools stats``."""

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
    "pairs with other orientation",
    "pairs on different chromosomes",
)
_Q30 = 30


@dataclass(frozen=True)
class AlignmentStats:
    """What ``samtools stats`` counted.

    Attributes:
        summary: The SN section.
        bases_q30: Bases of quality 30 or more in primary reads (FFQ and LFQ sections).
        insert_sizes: Insert sizes in base pairs that occur, ascending, shape (bins,).
        pairs: Pairs of each of them, shape (bins,).
    """

    summary: Mapping[str, float]
    bases_q30: int
    insert_sizes: NDArray[np.int64]
    pairs: NDArray[np.int64]


def read_alignment_stats(path: Path) -> AlignmentStats:
    """Read the text of ``samtools stats`` 1.10 or later.

    Raises:
        AlignmentError: The file cannot be read, or lacks a section or number (it was cut short).
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise AlignmentError(f"{path}: cannot be read: {error}") from error
    sections: dict[str, list[list[str]]] = {"SN": [], "FFQ": [], "LFQ": [], "IS": []}
    for line in lines:
        fields = line.split("\t")
        if fields[0] in sections:
            sections[fields[0]].append(fields[1:])
    try:
        summary = {fields[0].rstrip(":"): float(fields[1]) for fields in sections["SN"]}
        # First field of FFQ and LFQ is the cycle, then one column a quality from 0.
        bases_q30 = sum(
            int(count) for cycle in sections["FFQ"] + sections["LFQ"] for count in cycle[1 + _Q30 :]
        )
        sizes = np.array([fields[:2] for fields in sections["IS"]], np.int64).reshape(-1, 2)
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
    return AlignmentStats(summary, bases_q30, occurring[:, 0], occurring[:, 1])


def alignment_metrics(stats: AlignmentStats) -> dict[str, Finding]:
    """Metrics of reads and pairs.

    Duplication is Picard's PERCENT_DUPLICATION: duplicates among mapped primary reads. Chimeras
    approach Picard's PCT_CHIMERAS: pairs on two contigs or with both reads on one strand, among
    mapped pairs; distant pairs on one contig and split reads are not seen.
    """
    summary = stats.summary
    reads = summary["sequences"]
    pairs = summary["reads mapped and paired"] / 2
    chimeric = summary["pairs on different chromosomes"] + summary["pairs with other orientation"]
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
        "chimeras": ratio(chimeric, pairs, no_pairs),
    }
