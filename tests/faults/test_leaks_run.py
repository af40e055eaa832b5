"""A whole run of people with CPR-shaped identifiers: no byte of what it wrote gives one away.

The run is the one of the workflow tests (fixture ``toy_run``); only its sheets, which are inputs,
and its vault may know who is who. Looked for are all spellings, encodings and keyless hashes.
"""

from __future__ import annotations

import getpass
import json
import os
import subprocess

import pytest

from leaks import leaks, searching
from running import BIN, PRIVATE_REMARK


@pytest.fixture(scope="module")
def project(toy_run):
    return toy_run.project


@pytest.fixture(scope="module")
def patients(project):
    """patient_id by sample_id, as the sheet has it."""
    found = {row["sample_id"]: row["patient_id"] for row in project.rows("samples.tsv")}
    assert len(set(found.values())) == 5
    return found


@pytest.fixture(scope="module")
def search(patients):
    return searching([*patients.values(), PRIVATE_REMARK])


@pytest.fixture(scope="module")
def asked(project, patients, tmp_path_factory):
    """What commands said and wrote that were asked about persons, rightly or wrongly."""
    folder = tmp_path_factory.mktemp("asked")
    root, (proband, *_) = str(project / "ngd"), patients.values()
    answers = folder / "answers"
    answers.mkdir()
    (folder / "list.txt").write_text(f"{proband}\n")
    research = {
        "id": "leaks",
        "title": "Who is who",
        "approval": {"number": "EXAMPLE-1", "committee": "Example committee"},
        "purpose": "Looking for leaks.",
        "duo": ["DUO:0000006"],
        "valid_from": "2020-01-01",
        "valid_to": "2099-12-31",
        "users": [getpass.getuser()],
        "minimum_count": 5,
        "data": ["frequencies", "genotypes"],
    }
    (folder / "project.yaml").write_text(json.dumps(research))
    (folder / "named.yaml").write_text(json.dumps({**research, "purpose": f"Of {proband}."}))
    care = ("--purpose", "care")
    for number, (given, *arguments) in enumerate(
        [
            (proband, "ngd", "genome", root, "--patient-id", "-", *care),
            (proband.replace("-", ""), "ngd", "genome", root, "--patient-id", "-", *care),
            (proband, "ngd", "genome", root, "--patient-id", "-", "--purpose", "research"),
            ("2903641234", "ngd", "genome", root, "--patient-id", "-", *care),
            (proband, "audit", "show", root, "--patient-id", "-"),
            ("", "ngd", "carriers", root, "chr1:1-20000", *care),
            ("", "ngd", "region", root, "chr1", "--purpose", proband),
            ("", "ngd", "region", root, "chr1", *care, "--actor", proband),
            ("", "ngd", "region", root, proband, *care),
            ("", "ngd", "variant", root, f"{proband}-1-A-T", *care),
            ("", "ngd", proband, root),
            ("", "ngd", "region", root, "chr1", *care, "--samples", str(folder / "list.txt")),
            ("", "ngd", "export", root, "--project", str(folder / "project.yaml"), "-o",
             str(answers / "export"), "--purpose", "research"),
            ("", "ngd", "export", root, "--project", str(folder / "named.yaml"), "-o",
             str(answers / "named"), "--purpose", "research"),
            ("", "--verbose", "ngd", "verify", root),
            ("", "--verbose", "check", str(project.config)),
            ("", "consent", "status", str(project / "consents.tsv"), "--patient-id", proband,
             "--purpose", "care"),
        ]
    ):  # fmt: skip
        done = subprocess.run(
            [BIN / "wgs", *arguments],
            input=given.encode(),
            capture_output=True,
            env={**os.environ, "TMPDIR": str(answers)},
            check=False,
        )
        said = done.stdout + done.stderr
        assert b"Traceback" not in said, (arguments, said)
        (answers / f"{number}-{done.returncode}.txt").write_bytes(said)
    return answers


def test_the_run_says_no_one(toy_run, search):
    assert search.find(toy_run.first.output.encode()) is None


def test_no_result_log_or_temporary_file_gives_a_person_away(project, asked, search):
    reference = project.results / "reference/genome.fa"
    for folder in (project.results, project / "ngd", project.temporary):
        assert leaks(folder, search, reference) == []


def test_no_answer_refusal_or_export_gives_a_person_away(asked, search, patients):
    answered = sorted(path.name for path in asked.iterdir())
    assert {"0-0.txt", "4-0.txt", "12-0.txt"} <= set(answered), answered
    # `wgs consent status` shows the source of an event, free text, to whoever has the register.
    assert [each for each in leaks(asked, search) if not each.startswith("16-0.txt: ")] == []
    status = (asked / "16-0.txt").read_bytes()
    assert searching(patients.values()).find(status) is None


def test_the_database_knows_no_sample(project, asked):
    samples = searching(row["sample_id"] for row in project.rows("samples.tsv"))
    assert leaks(project / "ngd", samples) == []


def test_the_search_would_find_them_in_the_sheets_and_in_the_vault(project, search):
    found = {line.partition(":")[0] for line in leaks(project.folder, search)}
    assert {"samples.tsv", "consents.tsv", "config.yaml"} <= found
    assert any(name.startswith("vault/") for name in found)
