import gzip
import shutil
from pathlib import Path
from typing import Any

import pytest

from wgs_pipeline.errors import AlignmentError, WgsError
from wgs_pipeline.metrics.catalogue import NotApplicable
from wgs_pipeline.metrics.contigs import contig_parts
from wgs_pipeline.metrics.coverage import (
    contig_rows,
    coverage_metrics,
    depth_histogram,
    read_depth_stats,
)
from wgs_pipeline.metrics.sample import SampleInputs
from wgs_pipeline.reference import Contig, Interval, Role


@pytest.fixture
def files(golden: Path, tmp_path: Path) -> Path:
    for path in golden.glob("mosdepth.*"):
        shutil.copy(path, tmp_path)
    return tmp_path


def test_equal_to_counting_base_by_base(
    golden_inputs: SampleInputs, expected: dict[str, Any]
) -> None:
    assert golden_inputs.mosdepth_prefix is not None
    parts = contig_parts(golden_inputs.contigs)
    metrics = coverage_metrics(
        read_depth_stats(golden_inputs.mosdepth_prefix), parts, golden_inputs.par
    )
    assert metrics == {
        name: expected[name]
        if isinstance(expected[name], str)
        else pytest.approx(expected[name], rel=1e-12)
        for name in metrics
    }


def test_histogram_equal_to_counting(golden: Path, expected: dict[str, Any]) -> None:
    stats = read_depth_stats(golden / "mosdepth")
    assert depth_histogram(stats, ["chr1", "chr2"]).tolist() == expected["coverage_histogram"]


def test_a_contig_without_reads_has_depth_zero(golden: Path) -> None:
    stats = read_depth_stats(golden / "mosdepth")
    del stats.distributions["chr2"]
    assert depth_histogram(stats, ["chr2"]).tolist() == [2800]


def test_contig_rows_separate_par(golden_inputs: SampleInputs) -> None:
    assert golden_inputs.mosdepth_prefix is not None
    stats = read_depth_stats(golden_inputs.mosdepth_prefix)
    rows = contig_rows(stats, contig_parts(golden_inputs.contigs), golden_inputs.par)
    assert [(row["contig"], row["part"], row["length"]) for row in rows] == [
        ("chr1", "autosome", 4000),
        ("chr2", "autosome", 2800),
        ("chrX", "par", 500),
        ("chrX", "x", 2000),
        ("chrY", "y", 1000),
        ("chrM", "mitochondrion", 500),
    ]


def test_without_sex_contigs_the_karyotype_is_not_applicable(golden: Path) -> None:
    contigs = [Contig("chr1", 4000, Role.AUTOSOME), Contig("chr2", 3000, Role.AUTOSOME)]
    metrics = coverage_metrics(read_depth_stats(golden / "mosdepth"), contig_parts(contigs), ())
    assert metrics["inferred_karyotype"] == NotApplicable("the reference has no X")
    assert isinstance(metrics["mean_autosome_coverage"], float)


def test_regions_not_cut_at_par_are_refused(golden_inputs: SampleInputs) -> None:
    assert golden_inputs.mosdepth_prefix is not None
    stats = read_depth_stats(golden_inputs.mosdepth_prefix)
    parts = contig_parts(golden_inputs.contigs)
    with pytest.raises(WgsError, match="partly inside PAR"):
        coverage_metrics(stats, parts, [Interval("chrX", 0, 600)])


def test_other_thresholds_are_refused(files: Path) -> None:
    path = files / "mosdepth.thresholds.bed.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()).replace(b"15X", b"16X")))
    with pytest.raises(AlignmentError, match="--thresholds 1,10,15,20,30"):
        read_depth_stats(files / "mosdepth")


def test_other_intervals_are_refused(files: Path) -> None:
    path = files / "mosdepth.regions.bed.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()).replace(b"4000", b"3999")))
    with pytest.raises(AlignmentError, match="other intervals"):
        read_depth_stats(files / "mosdepth")


@pytest.mark.parametrize("name", ["regions.bed.gz", "thresholds.bed.gz"])
def test_a_file_cut_short_is_refused(files: Path, name: str) -> None:
    path = files / f"mosdepth.{name}"
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(AlignmentError, match=f"{name}: cannot be read"):
        read_depth_stats(files / "mosdepth")


def test_without_autosomes_nothing_of_them_is_applicable(golden: Path) -> None:
    contigs = [Contig("chrX", 2500, Role.X), Contig("chrY", 1500, Role.Y)]
    metrics = coverage_metrics(read_depth_stats(golden / "mosdepth"), contig_parts(contigs), ())
    assert {type(each) for each in metrics.values()} == {NotApplicable}
