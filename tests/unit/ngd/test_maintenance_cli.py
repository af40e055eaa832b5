"""``wgs ngd erase``, and ``compact`` and ``verify`` in steps, through the real entry point."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ngd_cohort import CONTIGS, Cohort, Person

from wgs_pipeline.cli import main


@pytest.fixture
def cohort(tmp_path: Path) -> Iterator[Cohort]:
    made = Cohort(tmp_path)
    made.add(Person.random(number) for number in range(1, 4))
    made.add([replace(Person.random(4), patient_id="0101701234")])
    yield made
    made.vault.close()


@pytest.fixture
def wgs(capsys: pytest.CaptureFixture[str]):
    def run(*arguments: object, code: int = 0) -> tuple[str, str]:
        with pytest.raises(SystemExit) as end:
            main(["ngd", *(str(each) for each in arguments)])
        said = capsys.readouterr()
        assert end.value.code == code, said.err
        return said.out, said.err

    return run


def test_persons_are_erased_by_standard_input(
    wgs, cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = cohort.root.path
    monkeypatch.setattr("sys.stdin", io.StringIO("010170-1234\npatient-00002\n\n"))
    out, said = wgs("erase", root, "--patient-id", "-", "-o", tmp_path / "certificate.json")
    certificate = json.loads((tmp_path / "certificate.json").read_text())
    assert (certificate["persons"], certificate["slots"]) == (2, [1, 3])
    assert certificate["not_promised"]
    assert out.startswith("CERTIFICATE OF ERASURE\n")
    assert not any(word in out + said for word in ("0101", "patient-", "sample-"))
    _, said = wgs("erase", root, "--patient-id", "0101701234")
    assert said == f"{root}: holds nothing of these persons; nothing is erased\n"
    _, said = wgs("erase", root, "--withdrawn")
    assert "holds nothing of anyone who has withdrawn" in said
    assert "empty" in wgs("erase", root, "--patient-id", " ", code=2)[1]
    assert "whole" in wgs("verify", root)[1]


def test_whoever_withdrew_is_erased(wgs, cohort: Cohort) -> None:
    cohort.consents.add("patient-00003", "analysis", "withdrawn")
    assert "Persons               1\n" in wgs("erase", cohort.root.path, "--withdrawn")[0]
    assert cohort.vault.genomes_of("patient-00003") == []


def test_a_compaction_in_steps(wgs, cohort: Cohort, tmp_path: Path) -> None:
    root, plan = cohort.root.path, tmp_path / "plan.json"
    assert "4 genomes come, 0 go" in wgs("compact", root, "--plan", plan)[1]
    first, *others = CONTIGS
    wgs("compact", root, "--plan", plan, "--contig", first, "--part", tmp_path / "1.json")
    chosen = [word for contig in others for word in ("--contig", contig)]
    wgs("compact", root, "--plan", plan, *chosen, "--part", tmp_path / "2.json")
    said = wgs("compact", root, "--plan", plan, "--publish", tmp_path / "1.json", code=1)[1]
    assert "not built" in said
    parts = (tmp_path / "1.json", tmp_path / "2.json")
    assert "4 genomes merged" in wgs("compact", root, "--plan", plan, "--publish", *parts)[1]
    assert "whole" in wgs("verify", root, "--contig", first)[1]
    assert "whole" in wgs("verify", root, "--hashes-only")[1]
    assert "out of date" in wgs("compact", root, "--plan", plan, "--publish", *parts, code=1)[1]
    wgs("compact", root, "--plan", plan)
    chosen = [word for contig in CONTIGS for word in ("--contig", contig)]
    wgs("compact", root, "--plan", plan, *chosen, "--part", parts[0])
    assert "0 genomes merged" in wgs("compact", root, "--plan", plan, "--publish", parts[0])[1]
    wgs("compact", root, "--contig", first, code=2)
    wgs("compact", root, "--plan", plan, "--contig", first, code=2)
