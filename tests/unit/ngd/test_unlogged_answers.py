"""No answer without its line in the access log: every question, through the real entry point."""

from __future__ import annotations

from pathlib import Path

import pytest
from ngd_builders import Consents, make_database, write_gvcf

from wgs_pipeline.cli import main
from wgs_pipeline.ngd.load import Request, load

QUESTIONS = {
    "region": ("chr1:1-60",),
    "variant": ("chr1-10-A-G",),
    "carriers": ("chr1-10-A-G",),
    "genome": ("--patient-id", "person-one"),
    "genes": ("--genes", "genes.bed"),
    "export": ("--frequencies-only", "-o", "out"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("unlogged")
    Consents(made / "consents.tsv").add("person-one", "analysis", "given")
    root = make_database(made)
    gvcf = write_gvcf(made / "S1.g.vcf", "S1", ["chr1 10 A G . . GT:DP:GQ 0/1:30:50"])
    load(root, Request("S1", gvcf, "person-one", "female"))
    (made / "genes.bed").write_text("chr1\t1\t50\tABC1\n")
    return made


def ask(folder: Path, question: str, capsys: pytest.CaptureFixture[str]) -> tuple[object, str, str]:
    rest = [str(folder / word) if "." in word or word == "out" else word
            for word in QUESTIONS[question]]  # fmt: skip
    with pytest.raises(SystemExit) as end:
        main(["ngd", question, str(folder / "ngd"), *rest, "--purpose", "care"])
    said = capsys.readouterr()
    return end.value.code, said.out, said.err


@pytest.mark.parametrize("question", QUESTIONS)
def test_what_cannot_be_logged_is_not_answered(
    folder: Path, question: str, capsys: pytest.CaptureFixture[str]
):
    log, away = folder / "ngd" / "audit", folder / "ngd" / "away"
    code, out, err = ask(folder, question, capsys)
    assert code == 0, err
    assert out or (folder / "out").exists()
    if (folder / "out").exists():
        (folder / "out").rename(folder / f"answered-{question}")
    log.rename(away)
    log.write_text("a file where the folder should be")
    try:
        code, out, err = ask(folder, question, capsys)
    finally:
        log.unlink()
        away.rename(log)
    assert (code, out) == (1, "")
    assert "nothing is answered" in err
    assert "Traceback" not in err
    assert not (folder / "out").exists()
