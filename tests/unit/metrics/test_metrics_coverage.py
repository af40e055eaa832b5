import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from wgs_pipeline.errors import AlignmentError
from wgs_pipeline.metrics.catalogue import NotApplicable
from wgs_pipeline.metrics.contigs import Part
from wgs_pipeline.metrics.coverage import contig_rows, coverage_metrics
from wgs_pipeline.metrics.tally import AlignmentTally, read_tally


@pytest.fixture
def tally(golden: Path) -> AlignmentTally:
    return read_tally(golden / "alignment_tally.json")


def without(tally: AlignmentTally, *parts: Part) -> AlignmentTally:
    return replace(
        tally,
        groups={key: each for key, each in tally.groups.items() if key[1] not in parts},
        histograms={part: each for part, each in tally.histograms.items() if part not in parts},
    )


def test_equal_to_counting_base_by_base(tally: AlignmentTally, expected: dict[str, Any]) -> None:
    metrics = coverage_metrics(tally)
    # Some kb without a variant say nothing of it.
    assert isinstance(metrics.pop("x_heterozygosity_ratio"), NotApplicable)
    assert metrics == {
        name: expected[name]
        if isinstance(expected[name], str)
        else pytest.approx(expected[name], rel=1e-12)
        for name in metrics
    }


def test_histogram_equal_to_counting(tally: AlignmentTally, expected: dict[str, Any]) -> None:
    assert tally.histograms[Part.AUTOSOME].tolist() == expected["coverage_histogram"]


def test_contig_rows_separate_par(tally: AlignmentTally) -> None:
    rows = contig_rows(tally.groups)
    assert [(row["contig"], row["part"], row["length"]) for row in rows] == [
        ("chr1", "autosome", 4000),
        ("chr2", "autosome", 2800),
        ("chrX", "par", 500),
        ("chrX", "x", 2000),
        ("chrY", "y", 1000),
        ("chrM", "mitochondrion", 500),
    ]


@pytest.mark.parametrize(("part", "name"), [(Part.X, "X"), (Part.Y, "Y")])
def test_without_a_sex_contig_the_karyotype_is_not_applicable(
    tally: AlignmentTally, part: Part, name: str
) -> None:
    metrics = coverage_metrics(without(tally, part))
    absent = NotApplicable(f"the reference has no {name}")
    assert metrics["inferred_karyotype"] == absent
    assert metrics[f"{name.lower()}_coverage_ratio"] == absent
    assert isinstance(metrics["mean_autosome_coverage"], float)


def test_without_a_mitochondrion_its_copies_are_not_applicable(tally: AlignmentTally) -> None:
    metrics = coverage_metrics(without(tally, Part.MITOCHONDRION))
    absent = NotApplicable("the reference has no mitochondrial contig")
    assert metrics["mitochondrial_coverage_ratio"] == absent
    assert metrics["mitochondrial_copy_number"] == absent


def test_without_autosomes_nothing_of_them_is_applicable(tally: AlignmentTally) -> None:
    metrics = coverage_metrics(without(tally, Part.AUTOSOME))
    assert {type(each) for each in metrics.values()} == {NotApplicable}


def test_written_and_read_it_is_the_same(tally: AlignmentTally, golden: Path) -> None:
    text = (golden / "alignment_tally.json").read_text()
    assert json.loads(text) == tally.as_json()


@pytest.mark.parametrize("content", ["", "{}", '{"groups": [{"contig": "chr1"}]}'])
def test_another_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "alignment_tally.json"
    path.write_text(content)
    with pytest.raises(AlignmentError, match="not the output of wgs qc alignment"):
        read_tally(path)
