"""Karyotypes: what is expected on X and Y, and how a load is told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from ngd_builders import PAR, Consents, make_database, write_gvcf

from wgs_pipeline import ngd
from wgs_pipeline.cli import main
from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd.load import Request, load
from wgs_pipeline.ngd.reference import Reference, karyotype_of

REFERENCE = Reference.build({"chr1": 60, "chrX": 60, "chrY": 40, "chrM": 20}, PAR)
#: Inside and outside of the PAR of ngd_builders.
INSIDE, OUTSIDE = 5, 30


@pytest.mark.parametrize(
    ("karyotype", "x", "par_of_x", "y"),
    [
        ("XX", 2, 2, 0),
        ("XY", 1, 2, 1),
        ("X0", 1, 1, 0),
        ("XXY", 2, 0, 1),
        ("XYY", 1, 0, 2),
        ("XXX", 0, 0, 0),
        ("unknown", 0, 0, 0),
    ],
)
def test_copies(karyotype: str, x: int, par_of_x: int, y: int) -> None:
    at = np.array([INSIDE, OUTSIDE])
    assert REFERENCE.ploidy("chrX", karyotype, at).tolist() == [par_of_x, x]
    assert REFERENCE.ploidy("chrY", karyotype, at).tolist() == [0, y]
    assert REFERENCE.ploidy("chr1", karyotype, at).tolist() == [2, 2]
    assert REFERENCE.ploidy("chrM", karyotype, np.array([3])).tolist() == [1]


def test_what_is_stated_goes_before_the_sex() -> None:
    assert karyotype_of("female") == "XX"
    assert karyotype_of("male", "XXY") == "XXY"
    assert karyotype_of("female", "XY") == "XY"
    assert karyotype_of("unknown") == "unknown"


@pytest.mark.parametrize(("sex", "stated"), [("", None), ("f", None), ("female", "XXYY")])
def test_no_such_sex_or_karyotype(sex: str, stated: str | None) -> None:
    with pytest.raises(NgdError, match="expected one of"):
        karyotype_of(sex, stated)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A database, and gVCFs of S1 with a call on X outside the PAR: heterozygous, homozygous."""
    consents = Consents(tmp_path / "consents.tsv")
    consents.add("one", "analysis", "given")
    make_database(tmp_path)
    for name in ("0/1", "1/1"):
        line = f"chrX {OUTSIDE + 1} A G . . GT:DP:GQ {name}:30:50"
        write_gvcf(tmp_path / f"S1.{name.replace('/', '')}.g.vcf", "S1", [line])
    return tmp_path


def _counts(project: Path) -> list[int]:
    with ngd.open(project / "ngd", "care") as database:
        row = database.variant(f"chrX-{OUTSIDE + 1}-A-G").to_pylist()[0]
    return [row[name] for name in ("n_het", "n_hom", "n_hemi", "AC", "AN")]


@pytest.mark.parametrize(
    ("karyotype", "genotype", "expected"),
    [
        ("X0", "11", [0, 0, 1, 1, 1]),
        ("X0", "01", [0, 0, 0, 0, 0]),  # of one copy, both alleles: not passed
        ("XYY", "11", [0, 0, 1, 1, 1]),
        ("XXY", "01", [1, 0, 0, 1, 2]),
        ("XXY", "11", [0, 1, 0, 2, 2]),
        ("XXX", "11", [0, 0, 0, 0, 0]),
    ],
)
def test_calls_follow_the_karyotype(
    project: Path, karyotype: str, genotype: str, expected: list[int]
) -> None:
    gvcf = project / f"S1.{genotype}.g.vcf"
    load(project / "ngd", Request("S1", gvcf, "one", "female", karyotype=karyotype))
    assert _counts(project) == expected


def test_another_karyotype_is_another_analysis(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["ngd", "load", project / "ngd", "--sample", "S1"]
    arguments += ["--gvcf", project / "S1.11.g.vcf", "--patient-id", "one", "--sex", "female"]

    def run(*more: object) -> int:
        with pytest.raises(SystemExit) as end:
            main([str(each) for each in (*arguments, *more)])
        return int(end.value.code or 0)

    assert run() == 0
    assert _counts(project) == [0, 1, 0, 2, 2]
    assert run("--karyotype", "X0") == 1
    assert "--replace" in capsys.readouterr().err
    assert run("--karyotype", "X0", "--replace") == 0
    assert _counts(project) == [0, 0, 1, 1, 1]
    assert run("--karyotype", "XQ") == 1
    assert "expected one of XX, XY" in capsys.readouterr().err
    shards = [json.loads(path.read_text()) for path in (project / "ngd").rglob("shard.json")]
    assert {each["karyotype"] for each in shards} == {"XX", "X0"}
