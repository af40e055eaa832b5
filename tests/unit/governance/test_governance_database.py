"""From a database loaded by ``wgs ngd load`` to the page: its figures are the database's."""

import csv
import importlib.util
import json
from pathlib import Path

import pytest

from wgs_pipeline.cli import main

_SPEC = importlib.util.spec_from_file_location(
    "ngd_builders", Path(__file__).parents[1] / "ngd" / "ngd_builders.py"
)
builders = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(builders)

REGIONS = ["North"] * 6 + ["South"] * 5


def run(*arguments):
    """Run ``wgs``; it must succeed."""
    with pytest.raises(SystemExit) as ended:
        main([str(each) for each in arguments])
    assert not ended.value.code


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    folder = tmp_path_factory.mktemp("programme")
    consents = builders.Consents(folder / "consents.tsv")
    rows = ["sample_id\tpatient_id\tsex\tpatient_group\tregion"]
    for number, region in enumerate(REGIONS):
        consents.add(f"secret-{number}", "analysis", "given")
        rows.append(f"S{number}\tsecret-{number}\tfemale\trare\t{region}")
    for number in range(5):
        consents.add(f"secret-{number}", "research", "refused")
    (folder / "samples.tsv").write_text("\n".join(rows) + "\n")
    root = builders.make_database(folder)
    for number in range(len(REGIONS)):
        calls = [f"chr1 {3 + number} A T . . GT:DP:GQ 0/1:20:50"]
        gvcf = builders.write_gvcf(folder / f"S{number}.g.vcf", f"S{number}", calls)
        run("ngd", "load", root, "--sample", f"S{number}", "--gvcf", gvcf,
            "--samples", folder / "samples.tsv")  # fmt: skip
    run("ngd", "region", root, "chr1:1-20", "--purpose", "care", "-o", folder / "answer.tsv")
    return folder


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def report(database):
    settings = database / "governance.yaml"
    settings.write_text("relevant_patients: {North: {rare: 60}, South: {rare: 100}}\n")
    run("report", "governance", database / "ngd", "-o", database / "out", "--settings", settings,
        "--samples", database / "samples.tsv")  # fmt: skip
    return database / "out"


def test_genomes_equal_those_of_the_database(database, report, capsys):
    run("ngd", "info", database / "ngd")
    info = json.loads(capsys.readouterr().out)
    tables = rows_of(report / "tables/genomes.csv")
    loaded = {
        row["region"]: int(row["genomes"])
        for row in tables
        if (row["month"], row["patient_group"], row["outcome"]) == ("All", "All", "loaded")
    }
    assert loaded == {"North": 6, "South": 5, "All": 11}
    assert loaded["All"] == info["genomes"]
    planes = {row["plane"]: int(row["genomes"]) for row in rows_of(report / "tables/database.csv")}
    assert planes == {
        "research": info["research"], "care_only": info["care_only"], "All": info["genomes"]
    }  # fmt: skip
    assert planes["care_only"] == 5
    assert "11 of 60,000 genomes" in (report / "governance.html").read_text()


def test_access_equals_division_by_hand(report):
    rows = {row["region"]: row for row in rows_of(report / "tables/equal_access.csv")}
    assert float(rows["North"]["rate"]) == 100.0
    # expected 60 x 11 / 160 = 4.125
    assert float(rows["North"]["index"]) == pytest.approx(6 / 4.125, abs=5e-4)


def test_refusals_before_loading_were_kept_out(report):
    rows = rows_of(report / "tables/consent.csv")
    found = {(row["decision"], row["state"]): row["persons"] for row in rows}
    assert found["research refused", "kept out at loading"] == "5"
    assert found["research refused", "waiting"] == "0"


def test_questions_equal_those_of_the_log(report):
    (row,) = rows_of(report / "tables/accesses.csv")
    assert (row["purpose"], row["action"], row["questions"]) == ("care", "region", "1")


def test_no_person_and_no_sample_is_named(report):
    for path in report.rglob("*"):
        if path.is_file():
            assert b"secret" not in path.read_bytes()


def test_a_folder_that_is_no_database_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["report", "governance", str(tmp_path), "-o", str(tmp_path / "out")])
    assert ended.value.code == 1
    assert "no National Genome Database here" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
