"""``wgs ngd load --callset``, through the real program's entry point."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ngd_builders import make_database
from ngd_callsets import give_consent, write_callset, write_sheet

from wgs_pipeline.cli import main

SEX = {"S1": "female", "S2": "male", "S3": "female"}
LINE = "chr1 5 A G . . GT 0|1 1|1 0|0"


@pytest.fixture
def load(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    give_consent(tmp_path, ["S1", "S2"])
    root = make_database(tmp_path)
    sheet = write_sheet(tmp_path / "samples.tsv", SEX)
    callset = write_callset(tmp_path / "x.vcf", list(SEX), [LINE], ["GT"])

    def run(*arguments: object, sheet: Path | None = sheet, code: int = 0) -> str:
        given = ["ngd", "load", root, "--callset", callset, *arguments]
        if sheet is not None:
            given += ["--samples", sheet]
        with pytest.raises(SystemExit) as end:
            main([str(each) for each in given])
        said = capsys.readouterr().err
        assert end.value.code == code, said
        return said

    return run


def test_says_what_was_done_and_leaves_a_receipt(load, tmp_path: Path):
    receipt = tmp_path / "receipt.json"
    said = load("--receipt", receipt)
    assert said == (
        "x.vcf: 2 samples loaded, 0 loaded already; 1 left out without consent (generation 1)\n"
    )
    assert json.loads(receipt.read_text()) == {
        "callset": "x.vcf", "loaded": 2, "already_loaded": 0, "without_consent": 1,
        "generation": 1,
    }  # fmt: skip
    assert load().startswith("x.vcf: 0 samples loaded, 2 loaded already")


def test_what_belongs_to_one_gvcf_is_refused(load):
    for name, value in (("sample", "S1"), ("sex", "male"), ("karyotype", "X0")):
        said = load(f"--{name}", value, code=2)
        assert f"--{name} cannot be given with --callset" in said
    assert "--callset needs --samples" in load(sheet=None, code=2)


def test_neither_gvcf_nor_callset(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as end:
        main(["ngd", "load", str(tmp_path), "--sample", "S1"])
    assert end.value.code == 2
    assert "--callset" in capsys.readouterr().err


def test_a_refusal_is_one_line(load, tmp_path: Path):
    write_callset(tmp_path / "x.vcf", list(SEX), [LINE, "chr1 4 A G . . GT 0 0 0"], ["GT"])
    said = load(code=1)
    assert "x.vcf:" in said
    assert "a record before the one above it" in said
    assert "Traceback" not in said
