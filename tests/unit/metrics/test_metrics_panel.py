import gzip
from pathlib import Path

import numpy as np
import pytest

from wgs_pipeline.errors import ProblemsError, WgsError
from wgs_pipeline.metrics.catalogue import NotApplicable
from wgs_pipeline.metrics.panel import Target, panel_json, panel_metrics, read_panel
from wgs_pipeline.metrics.tally import Coverage
from wgs_pipeline.reference import Interval

GFF = """##gff-version 3
chr1\tH\tgene\t1\t900\t.\t+\t.\tID=gene1;Name=AAA
chr1\tH\texon\t11\t40\t.\t+\t.\tID=e1;Parent=t1;gene_name=AAA
chr1\tH\texon\t31\t60\t.\t+\t.\tID=e2;Parent=t2;gene_name=AAA
chr1\tH\texon\t61\t90\t.\t+\t.\tID=e3;Parent=t2;gene_name=AAA
chr2\tH\texon\t31\t60\t.\t+\t.\tgene_id "BBB"; transcript_id "t3"
"""


def test_bed_and_gff(tmp_path: Path) -> None:
    bed = tmp_path / "panel.bed"
    bed.write_text("track name=x\nchr1\t10\t60\tAAA\t0\t+\nchr1\t60\t90\tAAA\nchr2\t30\t60\tBBB\n")
    gff = tmp_path / "panel.gff3.gz"
    gff.write_bytes(gzip.compress(GFF.encode()))
    targets = (
        Target("AAA", Interval("chr1", 10, 60)),
        Target("AAA", Interval("chr1", 60, 90)),
        Target("BBB", Interval("chr2", 30, 60)),
    )
    assert read_panel(bed) == read_panel(gff) == targets
    assert targets[0].region == "chr1:11-60"


@pytest.mark.parametrize("line", ["chr1\t10", "chr1\t60\t10\tAAA", "chr1\ten\tto\tAAA"])
def test_a_malformed_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "panel.bed"
    path.write_text(f"chr1\t1\t2\tAAA\n{line}\n")
    with pytest.raises(ProblemsError, match=r"panel\.bed:2"):
        read_panel(path)


def test_an_empty_or_absent_panel_is_refused(tmp_path: Path) -> None:
    (tmp_path / "panel.gff3").write_text("##gff-version 3\n")
    with pytest.raises(WgsError, match="holds no exon"):
        read_panel(tmp_path / "panel.gff3")
    with pytest.raises(WgsError, match="cannot be read"):
        read_panel(tmp_path / "absent.bed")


def coverage(length: int, bases: int, at_20: int) -> Coverage:
    return Coverage(length, bases, np.array([length, length, length, at_20, 0]))


def test_worst_exons_come_first() -> None:
    targets = (
        ("AAA", "chr1:1-100", coverage(100, 3000, 100)),
        ("AAA", "chr1:201-300", coverage(100, 1000, 10)),
        ("BBB", "chr2:1-50", coverage(50, 1000, 20)),
    )
    assert panel_metrics(targets) == {
        "mean_panel_coverage": 20.0,
        "pct_panel_20x": 52.0,
        "panel_exons_below_20x": 2,
    }
    shown = panel_json(targets)
    assert [(row["gene"], row["mean"], row["pct_20x"]) for row in shown["genes"]] == [
        ("AAA", 20.0, 55.0),
        ("BBB", 20.0, 40.0),
    ]
    assert [(row["region"], row["pct_20x"]) for row in shown["worst_exons"]] == [
        ("chr1:201-300", 10.0),
        ("chr2:1-50", 40.0),
    ]


def test_without_a_panel_it_is_not_applicable() -> None:
    findings = panel_metrics(())
    assert set(findings.values()) == {NotApplicable("no gene panel is configured (qc.panel)")}
