"""Losing the register under a database and a project: every command stops, none widens."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from wgs_pipeline import audit
from wgs_pipeline.cli import main
from wgs_pipeline.config import load_config
from wgs_pipeline.errors import ProblemsError
from wgs_pipeline.project import Project

HEADER = "patient_id\tscope\tdecision\teffective_from\trecorded_at\tsource\n"
VCF = """\
##fileformat=VCFv4.2
##contig=<ID=chr1,length=60>
##FORMAT=<ID=GT,Number=1,Type=String,Description="">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description="">
##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="">
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{0}
chr1\t10\t.\tA\tG\t.\t.\t.\tGT:DP:GQ\t0/1:30:50
"""
CONFIG = """\
samples: samples.tsv
units: units.tsv
consents: consents.tsv
results: results
reference: {build: small, fasta: reference.fa}
ngd: {root: ngd, vault: vault}
policy: {optout_list: optouts.csv, register_max_age: 7}
"""
PERSONS = 12


class Hospital:
    """A database of two genomes, with a register of 12 persons and a list of 10 others."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys
        self.consents, self.optouts = folder / "consents.tsv", folder / "optouts.csv"
        self.deliver()
        rows = [f"S{n}\tperson-{n}\tfemale\n" for n in range(3)]
        (folder / "samples.tsv").write_text("sample_id\tpatient_id\tsex\n" + "".join(rows))
        units = [f"S{n}\tS{n}.g.vcf\n" for n in range(3)]
        (folder / "units.tsv").write_text("sample_id\tgvcf\n" + "".join(units))
        for n in range(3):
            (folder / f"S{n}.g.vcf").write_text(VCF.format(f"S{n}"))
        (folder / "reference.fa").write_text(">chr1\n" + "A" * 60 + "\n")
        (folder / "reference.fa.fai").write_text("chr1\t60\t6\t60\t61\n")
        (folder / "config.yaml").write_text(CONFIG)
        self.wgs("ngd", "init", "ngd", "--config", "config.yaml")
        for n in range(2):
            self.load(n)

    def deliver(self, persons: int = PERSONS, optouts: int = 10) -> None:
        row = "\tanalysis\tgiven\t2024-01-01T00:00:00Z\t2024-01-01T00:00:00Z\t\n"
        self.consents.write_text(HEADER + "".join(f"person-{n}{row}" for n in range(persons)))
        lines = "".join(f"610170{n:04d};2024-01-01\n" for n in range(optouts))
        self.optouts.write_text("CPR;Dato\n" + lines)

    def wgs(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        names = {"ngd", "config.yaml", "samples.tsv", "consents.tsv"}
        places = [
            str(self.folder / each) if place > 1 and each in names else each
            for place, each in enumerate(arguments)
        ]
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main(places)
        said = self.capsys.readouterr()
        assert end.value.code == code, said.err
        assert "Traceback" not in said.err
        assert "person-" not in said.out + said.err
        assert "610170" not in said.out + said.err
        return said.out, said.err

    def load(self, number: int, code: int = 0) -> str:
        gvcf = str(self.folder / f"S{number}.g.vcf")
        call = ("ngd", "load", "ngd", "--sample", f"S{number}", "--gvcf", gvcf)
        return self.wgs(*call, "--samples", "samples.tsv", code=code)[1]

    def stopped(self, found: str) -> None:
        """Every command stops with one clear message and no answer; nothing is changed."""
        generation = (self.folder / "ngd" / "CURRENT").read_text()
        asking = ("--purpose", "care")
        for call in (
            ("ngd", "region", "ngd", "chr1:1-60", *asking),
            ("ngd", "variant", "ngd", "chr1-10-A-G", *asking),
            ("ngd", "carriers", "ngd", "chr1-10-A-G", *asking),
            ("ngd", "genome", "ngd", "--patient-id", "person-0", *asking),
            ("ngd", "compact", "ngd"),
        ):
            out, err = self.wgs(*call, code=1)
            assert out == ""
            assert found in err
            assert err.count("\n") == 1
        assert found in self.load(2, code=1)
        assert (self.folder / "ngd" / "CURRENT").read_text() == generation
        with pytest.raises(ProblemsError) as error:
            Project.load(self.folder / "config.yaml")
        assert found in str(error.value)
        assert "without consent nothing is analysed" in str(error.value)

    def answers(self, ac: str) -> None:
        out, _ = self.wgs("ngd", "variant", "ngd", "chr1-10-A-G", "--purpose", "care")
        assert out.splitlines()[1].split("\t")[4] == ac
        Project.load(self.folder / "config.yaml")


@pytest.fixture
def hospital(tmp_path, capsys) -> Hospital:
    return Hospital(tmp_path, capsys)


def test_all_is_well(hospital):
    hospital.answers("2")
    settings = json.loads((hospital.folder / "ngd" / "ngd.json").read_text())
    assert settings["register_max_age"] == 7
    assert settings["register_max_shrink"] == 0.01
    assert load_config(hospital.folder / "config.yaml").policy.optout_list == hospital.optouts


@pytest.mark.parametrize("name", ["consents.tsv", "optouts.csv"])
def test_missing_empty_and_half_delivered(hospital, name):
    path = hospital.folder / name
    whole = path.read_bytes()
    path.unlink()
    hospital.stopped("no such file")
    path.write_text("")
    hospital.stopped("an empty")
    path.write_bytes(whole[: whole.index(b"\n") + 1])
    hospital.stopped("an empty")
    lines = whole.splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-2]))
    hospital.stopped("were seen before")
    path.write_bytes(whole)
    hospital.answers("2")


@pytest.mark.parametrize("name", ["consents.tsv", "optouts.csv"])
def test_stale(hospital, name):
    path = hospital.folder / name
    written = path.stat().st_mtime - 8 * 86_400
    os.utime(path, (written, written))
    hospital.stopped("last written 8.0 days ago; expected at most 7")
    path.touch()
    hospital.answers("2")


def test_a_shrunk_register_is_accepted_once_and_logged(hospital):
    hospital.deliver(persons=6, optouts=4)
    hospital.stopped("6 events, where 12 were seen before")
    _, said = hospital.wgs("consent", "accept", "ngd")
    assert "events 12 to 6, opted-out persons 10 to 4" in said
    hospital.answers("2")
    (line,) = [
        line
        for line in audit.entries(hospital.folder / "ngd" / "audit")
        if line["action"] == "accept_register"
    ]
    assert line["reason"] in said
    hospital.deliver(persons=5, optouts=4)
    hospital.stopped("5 events, where 6 were seen before")


def test_a_list_taken_out_of_the_settings(hospital):
    """By hand, though the vault vouches for the settings; and out of the configuration."""
    settings = hospital.folder / "ngd" / "ngd.json"
    text = settings.read_text()
    value = json.loads(text)
    value["optouts"] = None
    settings.write_text(json.dumps(value))
    out, err = hospital.wgs("ngd", "region", "ngd", "chr1:1-60", "--purpose", "care", code=1)
    assert (out, "ngd.json: damaged" in err) == ("", True)
    assert "0 opted-out persons, where 10 were seen before" in hospital.load(2, code=1)
    settings.write_text(text)
    config = hospital.folder / "config.yaml"
    config.write_text(CONFIG.replace("optout_list: optouts.csv, ", ""))
    with pytest.raises(ProblemsError, match="0 opted-out persons, where 10"):
        Project.load(config)
    config.write_text(CONFIG)
    hospital.answers("2")


def test_a_list_given_to_a_database_that_is_there(hospital, tmp_path):
    """With ``init`` again; afterwards it counts, and init without one does not take it away."""
    other = tmp_path / "other.csv"
    other.write_text(hospital.optouts.read_text().replace("6101700009", "6102700099"))
    init = ("ngd", "init", "ngd", "--config", "config.yaml")
    hospital.wgs(*init, "--optouts", str(other))
    hospital.answers("2")
    hospital.wgs("ngd", "verify", "ngd")
    hospital.optouts.unlink()
    hospital.wgs("ngd", "region", "ngd", "chr1:1-60", "--purpose", "care")
    config = hospital.folder / "config.yaml"
    config.write_text(CONFIG.replace("optout_list: optouts.csv, ", ""))
    hospital.wgs(*init)
    stored = json.loads((hospital.folder / "ngd" / "ngd.json").read_text())["optouts"]
    assert (hospital.folder / "ngd" / stored).resolve() == other.resolve()
    hospital.load(2)
    hospital.wgs("ngd", "verify", "ngd")


@pytest.mark.parametrize("step", ["write_text", "write_generation", "put_published"])
def test_settings_half_given(hospital, tmp_path, step):
    """A killed init is finished by the next one; until then the database gives no answer."""
    other = tmp_path / "other.csv"
    other.write_text(hospital.optouts.read_text().replace("6101700009", "6102700099"))
    init = ("ngd", "init", "ngd", "--config", "config.yaml", "--optouts", str(other))
    from wgs_pipeline.ngd import settings as module

    true = getattr(module, step)

    def killed(*arguments):
        if step == "write_text":
            true(*arguments)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, step, killed)
        hospital.wgs(*init, code=1)
    hospital.wgs("ngd", "region", "ngd", "chr1:1-60", "--purpose", "care", code=1)
    hospital.wgs(*init)
    hospital.answers("2")
    hospital.wgs("ngd", "verify", "ngd")


def test_a_malformed_list_is_never_shown(hospital):
    with hospital.optouts.open("a") as file:
        file.write("6101700098;yesterday\nperson-0;2024-01-01\n")
    _, err = hospital.wgs("ngd", "variant", "ngd", "chr1-10-A-G", "--purpose", "care", code=1)
    assert "optouts.csv:12: no date in the second cell" in err
    assert "optouts.csv:13: no CPR number in the first cell" in err


def test_status_of_one_person_with_the_list(hospital):
    call = ("consent", "status", "consents.tsv", "--optouts", str(hospital.optouts))
    consents = str(hospital.consents)
    row = "610170-0003\tanalysis\tgiven\t2024-01-01T00:00:00Z\t2024-01-01T00:00:00Z\t\n"
    with hospital.consents.open("a") as file:
        file.write(row)
    call = ("consent", "status", consents, "--optouts", str(hospital.optouts), "--patient-id")
    out, _ = hospital.wgs(*call, "6101700003", "--purpose", "research")
    assert out.splitlines()[1].split("\t")[2] == "refused"
    assert out.splitlines()[3].split("\t")[5] == "opt-out list"
    out, _ = hospital.wgs(*call, "6101700003", "--purpose", "care")
    assert out.splitlines()[1].split("\t")[2] == "allowed"
