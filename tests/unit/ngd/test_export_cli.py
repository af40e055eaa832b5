"""``wgs ngd export`` through the real program's entry point."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from export_builders import Study, write_project

from wgs_pipeline.cli import main

LINES = ["chr1 1 A <*> . END=60 GT:GQ:MIN_DP 0/0:50:30", "chr1 30 A G,<*> . . GT:DP:GQ 0/1:30:50"]


@pytest.fixture
def study(tmp_path: Path) -> Study:
    study = Study(tmp_path)
    for number in range(3):
        study.add(number, LINES)
    return study


@pytest.fixture
def wgs(capsys: pytest.CaptureFixture[str]):
    def run(*arguments: object, code: int = 0) -> str:
        with pytest.raises(SystemExit) as end:
            main(["ngd", "export", *map(str, arguments)])
        said = capsys.readouterr()
        assert end.value.code == code, said.err
        assert said.out == ""
        return said.err

    return run


def test_a_data_set_is_made_and_made_again(study: Study, wgs, tmp_path: Path):
    out = tmp_path / "out"
    asked = (study.path, "--project", study.project, "-o", out)
    assert wgs(*asked) == f"{out}: generation 3, 3 persons, 1 variants\n"
    study.refuse(1)
    said = wgs(*asked, "--format", "bcf", "--format", "bcf", "--actor", "root")
    assert "2 persons, 1 removed since the last export" in said
    assert {each.name for each in out.iterdir()} == {
        "data_dictionary.tsv", "genotypes.bcf", "genotypes.bcf.csi", "manifest.json",
    }  # fmt: skip


def test_frequencies_for_care_need_no_project(study: Study, wgs, tmp_path: Path):
    wgs(study.path, "--purpose", "care", "--frequencies-only", "-o", tmp_path / "care")
    assert json.loads((tmp_path / "care" / "manifest.json").read_text())["project"] is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "needs an approved project"),
        (("--purpose", "insurance"), "never used for insurance"),
        (("--purpose", "care"), "Give --frequencies-only"),
        (("--project", "missing.yaml"), "missing.yaml: cannot be read as a project file"),
    ],
)
def test_refusals_are_one_line_and_leave_nothing(study, wgs, tmp_path, options, said):
    message = wgs(study.path, "-o", tmp_path / "out", *options, code=1)
    assert said in message
    assert message.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_bed_of_another_reference_is_said(study: Study, wgs, tmp_path: Path):
    bed = tmp_path / "x.bed"
    for content, said in (
        ("chr9\t1\t2\n", "chr9"),
        ("", "no region in it"),
        ("chr1\tx\n", "x.bed:1"),
    ):
        bed.write_text(content)
        message = wgs(study.path, "--project", study.project, "--regions", bed,
                      "-o", tmp_path / "out", code=1)  # fmt: skip
        assert said in message


def test_a_project_with_a_region_that_does_not_exist_is_said(study: Study, wgs, tmp_path: Path):
    project = write_project(tmp_path / "p.yaml", regions=["chr1:50-70"])
    message = wgs(study.path, "--project", project, "-o", tmp_path / "out", code=1)
    assert "'chr1:50-70' is no region" in message
