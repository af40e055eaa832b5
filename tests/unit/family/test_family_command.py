"""``wgs family analyse`` as a hostile or hurried user gives it."""

from __future__ import annotations

import pytest

from families import LENGTHS, PAR, cells, rows, write_callset
from wgs_pipeline.cli import main

CONFIG = """\
samples: samples.tsv
units: units.tsv
consents: consents.tsv
results: results
reference: {build: small, fasta: r.fa, par_bed: par.bed}
ngd: {root: ngd, vault: vault}
"""
SHEET = """\
sample_id\tpatient_id\tsex\tfamily_id\tfather_id\tmother_id\taffected
kid\tSYN-kid\tmale\tF\tdad\tmum\tyes
dad\tSYN-dad\tmale\tF\t\t\tno
mum\tSYN-mum\tfemale\tF\t\t\tno
"""
CONSENT = "{}\tanalysis\t{}\t2024-01-01T00:00:00Z\t2024-01-01T00:00:00Z\tform\n"


@pytest.fixture
def project(tmp_path):
    """Write a project whose father has the given decision; give a call of the command."""

    def written(decision="given", samples=("kid", "dad", "mum")):
        (tmp_path / "config.yaml").write_text(CONFIG)
        (tmp_path / "samples.tsv").write_text(SHEET)
        units = "".join(f"{name}\t{name}.g.vcf.gz\n" for name in ("kid", "dad", "mum"))
        (tmp_path / "units.tsv").write_text("sample_id\tgvcf\n" + units)
        header = "patient_id\tscope\tdecision\teffective_from\trecorded_at\tsource\n"
        events = {"SYN-kid": "given", "SYN-dad": decision, "SYN-mum": "given"}
        consents = "".join(CONSENT.format(*event) for event in events.items())
        (tmp_path / "consents.tsv").write_text(header + consents)
        (tmp_path / "par.bed").write_text(PAR)
        fai = "".join(f"{name}\t{length}\t6\t60\t61\n" for name, length in LENGTHS.items())
        (tmp_path / "r.fa.fai").write_text(fai)
        letters = "hrr"[: len(samples)]
        write_callset(tmp_path / "c.vcf.gz", samples, [("chr1", 1000, "A", "C", cells(letters))])
        return [
            *("family", "analyse", str(tmp_path / "c.vcf.gz"), "--family", "F"),
            *("--config", str(tmp_path / "config.yaml")),
            *("--reference-fai", str(tmp_path / "r.fa.fai"), "-o", str(tmp_path / "out")),
        ]

    return written


def call(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return ended.value.code, capsys.readouterr().err


def test_tables_are_for_their_owner_alone(project, tmp_path, capsys):
    assert call(project(), capsys)[0] == 0
    files = sorted((tmp_path / "out").iterdir())
    assert len(files) == 7
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert "SYN-" not in "".join(path.read_text() for path in files)
    assert [row["filter"] for row in rows(tmp_path / "out/de_novo.tsv")] == ["PASS"]


def test_without_consent_a_member_of_the_callset_is_left_out(project, tmp_path, capsys):
    assert call(project("withdrawn"), capsys)[0] == 0
    (row,) = rows(tmp_path / "out/mendelian.tsv")
    assert row["father"] == ""
    assert rows(tmp_path / "out/de_novo.tsv") == []
    text = "".join(path.read_text() for path in (tmp_path / "out").glob("*.tsv"))
    assert "dad" not in text


def test_a_tumour_is_no_member(project, tmp_path, capsys):
    arguments = project()
    header, child, *parents = SHEET.splitlines()
    rows_ = [f"{header}\tmaterial", f"{child}\ttumour", *(f"{each}\tgermline" for each in parents)]
    (tmp_path / "samples.tsv").write_text("\n".join(rows_) + "\n")
    assert call(arguments, capsys)[0] == 0
    assert rows(tmp_path / "out/mendelian.tsv") == []
    assert [row["sample"] for row in rows(tmp_path / "out/roh.tsv")] == ["dad", "mum"]


def test_a_callset_without_samples(project, tmp_path, capsys):
    arguments = project()
    head = ["##fileformat=VCFv4.2", "##contig=<ID=chr1,length=1000>"]
    columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"
    (tmp_path / "c.vcf.gz").write_text("\n".join([*head, columns]) + "\n")
    code, said = call(arguments, capsys)
    assert (code, said) == (0, "")
    assert all(rows(path) == [] for path in (tmp_path / "out").glob("*.tsv"))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("--family", "F2"), "family 'F2' has no member with consent"),
        (("--reference-fai", "nowhere.fai"), "nowhere.fai"),
        (("--config", "nowhere.yaml"), "nowhere.yaml"),
    ],
)
def test_wrong_arguments(project, tmp_path, capsys, change, expected):
    arguments = project()
    arguments[arguments.index(change[0]) + 1] = change[1]
    code, said = call(arguments, capsys)
    assert code == 1
    assert said.startswith("wgs: ")
    assert expected in said
    assert "Traceback" not in said
    assert not list(tmp_path.glob("out/*"))


def test_another_familys_callset(project, capsys):
    code, said = call(project(samples=("kid", "dad", "stranger")), capsys)
    assert code == 1
    assert "'stranger' is not of family 'F'" in said


def test_text_that_is_no_callset(project, tmp_path, capsys):
    arguments = project()
    (tmp_path / "c.vcf.gz").write_text("not a VCF\n")
    code, said = call(arguments, capsys)
    assert code == 1
    assert "c.vcf.gz: cannot be read" in said
