from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wgs_pipeline.errors import AlignmentError
from wgs_pipeline.metrics.alignment import alignment_metrics, read_alignment_stats
from wgs_pipeline.metrics.catalogue import NotApplicable

COUNTED = (
    "yield_bp_q30",
    "yield_bp",
    "pct_reads_mapped",
    "pct_reads_properly_paired",
    "duplication",
    "mean_read_length",
    "mean_base_quality",
)


def test_equal_to_counting_the_reads(golden: Path, expected: dict[str, Any]) -> None:
    metrics = alignment_metrics(read_alignment_stats(golden / "samtools_stats.txt"))
    assert {name: metrics[name] for name in COUNTED} == {
        name: pytest.approx(expected[name], rel=1e-12) for name in COUNTED
    }


def test_insert_sizes_leave_out_the_outermost_percent(
    golden: Path, expected: dict[str, Any]
) -> None:
    stats = read_alignment_stats(golden / "samtools_stats.txt")
    pairs = expected["pairs_on_one_contig"]
    assert 0.98 * pairs <= stats.pairs.sum() <= pairs
    metrics = alignment_metrics(stats)
    median = expected["median_insert_size_of_all_pairs"]
    assert metrics["median_insert_size"] == pytest.approx(median, abs=1)
    spelled_out = np.repeat(stats.insert_sizes, stats.pairs)
    assert metrics["mean_insert_size"] == pytest.approx(spelled_out.mean(), abs=0.05)


def test_no_reads_is_not_applicable(golden: Path, tmp_path: Path) -> None:
    lines = (golden / "samtools_stats.txt").read_text().splitlines()
    empty = ["\t".join([*line.split("\t")[:2], "0"]) for line in lines if line.startswith("SN\t")]
    (tmp_path / "stats.txt").write_text("\n".join(empty) + "\n")
    metrics = alignment_metrics(read_alignment_stats(tmp_path / "stats.txt"))
    assert metrics["pct_reads_mapped"] == NotApplicable("there are no reads")
    assert metrics["mean_insert_size"] == NotApplicable("there are no mapped pairs")
    assert metrics["yield_bp_q30"] == 0


def test_a_file_cut_short_is_refused(golden: Path, tmp_path: Path) -> None:
    text = (golden / "samtools_stats.txt").read_text()
    short = tmp_path / "stats.txt"
    short.write_text(text[: text.index("SN\tinsert size standard")])
    with pytest.raises(AlignmentError, match="lacks 'insert size standard deviation'"):
        read_alignment_stats(short)
    short.write_text(text.replace("FFQ\t7\t0", "FFQ\t7\tmany\t" + "x\t" * 40))
    with pytest.raises(AlignmentError, match="not the text of samtools stats"):
        read_alignment_stats(short)
    with pytest.raises(AlignmentError, match="cannot be read"):
        read_alignment_stats(tmp_path / "absent.txt")
