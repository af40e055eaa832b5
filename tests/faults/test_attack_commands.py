"""Commands given what no careful user gives: one clear line, no traceback, no identifier."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from running import BIN
from wgs_pipeline.ngd.init import Wanted, initialise

SECRET = b"person-\xff-9"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("attacked")
    fai = folder / "genome.fa.fai"
    fai.write_text("chr1\t1000\t6\t60\t61\n")
    (folder / "consents.tsv").write_text(
        "patient_id\tscope\tdecision\teffective_from\trecorded_at\tsource\n"
        "one\tanalysis\tgiven\t2024-01-01T00:00:00Z\t2024-01-01T00:00:00Z\tform\n"
    )
    initialise(folder / "ngd", Wanted(folder / "vault", folder / "consents.tsv", fai))
    return folder / "ngd"


def refusal(*arguments, given=b"", stdout=subprocess.PIPE):
    """The only line of a refusal."""
    command = [BIN / "wgs", *arguments]
    done = subprocess.run(command, input=given, stdout=stdout, stderr=subprocess.PIPE, check=False)
    said = done.stderr.decode()
    assert done.returncode == 1
    assert not done.stdout
    assert "person" not in said
    (line,) = said.splitlines()
    return line


def asking(root, identifier):
    """Every command that takes a person."""
    care = ("--purpose", "care")
    return [
        ("ngd", "genome", root, "--patient-id", identifier, *care),
        ("audit", "show", root, "--patient-id", identifier),
        ("consent", "status", root.with_name("consents.tsv"), "--patient-id", identifier, *care),
    ]


@pytest.mark.parametrize("number", range(3))
def test_identifier_that_is_no_utf_8(root, number):
    line = refusal(*asking(root, "-")[number], given=SECRET + b"\n")
    expected = "identifier on standard input is no UTF-8; expected text. Convert it"
    assert line == f"wgs: the patient {expected}"
    line = refusal(*asking(root, SECRET)[number])
    assert line == "wgs: argument 5 is no UTF-8; expected text. Convert it"


def test_question_that_is_no_utf_8(root):
    line = refusal("ngd", "region", root, b"chr\xff1", "--purpose", "care")
    assert line == "wgs: argument 4 is no UTF-8; expected text. Convert it"


def test_output_that_is_full(root):
    with Path("/dev/full").open("wb") as full:
        line = refusal("ngd", "region", root, "chr1", "--purpose", "care", stdout=full)
    assert line == "wgs: the output cannot be written: No space left on device"


def test_project_that_is_no_yaml(root, tmp_path):
    project = tmp_path / "notes.md"
    project.write_text("Notes: of\nsomething: else: still\n")
    line = refusal("ngd", "region", root, "chr1", "--purpose", "research", "--project", project)
    assert line.startswith(f"wgs: {project}: cannot be read as a project file: ")
