"""The summary of a small trio whose calls, and so the database's answers, are known by hand."""

from __future__ import annotations

import shlex
import subprocess

import pytest

from report_builders import MADE, NOW, make_project, metrics, reason, receipt, verdict
from wgs_pipeline import audit
from wgs_pipeline.cli import main
from wgs_pipeline.ngd.init import Wanted, initialise
from wgs_pipeline.ngd.load import Request, load
from wgs_pipeline.report.collect import collect
from wgs_pipeline.report.questions import choose_variant
from wgs_pipeline.report.results import Results
from wgs_pipeline.report.summary import columns, summary_text

HEADER = """\
##fileformat=VCFv4.2
##FILTER=<ID=LowQual,Description="">
##contig=<ID=chr1,length=5000>
##FORMAT=<ID=GT,Number=1,Type=String,Description="">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description="">
##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="">
"""
PLACES = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"]
TRIO = ("P", "F", "M")
#: Position, REF, ALT, FILTER and the genotypes of child, father and mother at depth 30.
CALLS = [
    (100, "A", "C", "PASS", ("0/1", "0/1", "0/0")),  # from the father
    (200, "A", "G", "LowQual", ("0/1", "0/0", "0/0")),  # looks new, does not pass
    (300, "A", "G,T", "PASS", ("0/1", "0/0", "0/0")),  # two alleles
    (400, "A", "G", "PASS", ("1/1", "0/0", "0/0")),  # homozygous
    (500, "A", "G", "PASS", ("0/1", "./.", "0/0")),  # father not called
    (1900, "C", "T", "PASS", ("0/0", "1/1", "0/0")),  # the father's
    (2000, "A", "G", "PASS", ("0/1", "0/0", "0/0")),  # new in the child
    (2100, "A", "G", "PASS", ("0/1", "0/0", "0/0")),  # the second one
]


def bgzip(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    command = ["bcftools", "view", "--no-version", "-Oz", "-o", str(path), "-"]
    subprocess.run(command, input=text, text=True, check=True)


def line(*fields):
    return "\t".join(map(str, fields)) + "\n"


def write_callset(path, samples, calls):
    text = HEADER + line(*PLACES, *samples)
    for position, ref, alt, passed, genotypes in calls:
        values = (f"{gt}:30" for gt in genotypes)
        text += line("chr1", position, ".", ref, alt, 50, passed, ".", "GT:DP", *values)
    bgzip(path, text)


def write_gvcf(path, sample, calls):
    """The sample's own calls, and blocks of depth 30 between them."""
    text = HEADER + '##INFO=<ID=END,Number=1,Type=Integer,Description="">\n'
    text += line(*PLACES, sample)
    begin = 1
    for position, ref, alt, genotype in calls:
        block = f"END={position - 1}"
        text += line("chr1", begin, ".", "A", "<*>", ".", ".", block, "GT:DP:GQ", "0/0:30:60")
        text += line(
            "chr1", position, ".", ref, alt, 50, "PASS", ".", "GT:DP:GQ", f"{genotype}:30:60"
        )
        begin = position + 1
    text += line("chr1", begin, ".", "A", "<*>", ".", ".", "END=5000", "GT:DP:GQ", "0/0:30:60")
    path.write_text(text)


@pytest.fixture
def trio(tmp_path, monkeypatch):
    """A trio that ran to the end: its callset, and the three genomes in the database."""
    project = make_project(tmp_path / "trio", dict.fromkeys(TRIO, "T"))
    rows = ["sample_id\tpatient_id\tsex\tfamily_id\tfather_id\tmother_id"]
    rows += [
        "P\tperson-P\tfemale\tT\tF\tM",
        "F\tperson-F\tmale\tT\t\t",
        "M\tperson-M\tfemale\tT\t\t",
    ]
    (project.folder / "samples.tsv").write_text("\n".join(rows) + "\n")
    for name in TRIO:
        project.make(name, "T", *MADE)
    write_callset(project.results / "callset/T.vcf.gz", TRIO, CALLS)
    fai = project.folder / "reference.fa.fai"
    fai.write_text("chr1\t5000\t0\t60\t61\n")
    folder = project.folder
    initialise(folder / "ngd", Wanted(folder / "vault", folder / "consents.tsv", fai))
    for place, (name, sex) in enumerate(zip(TRIO, ("female", "male", "female"), strict=True)):
        own = [
            (position, ref, alt, genotypes[place])
            for position, ref, alt, passed, genotypes in CALLS
            if passed == "PASS" and "," not in alt and "1" in genotypes[place]
        ]
        write_gvcf(folder / f"{name}.g.vcf", name, own)
        load(folder / "ngd", Request(name, folder / f"{name}.g.vcf", f"person-{name}", sex))
    monkeypatch.chdir(tmp_path)
    return project


def summary_of(project):
    loaded = project.load()
    return summary_text(loaded, collect(loaded, NOW))


def chosen(project, loaded=TRIO):
    return choose_variant(project.load(), Results(project.results), loaded)


def test_the_variant_is_the_first_that_neither_parent_carries(trio):
    assert chosen(trio) == ("chr1-2000-A-G", "found in P and in neither parent")


def test_without_a_parent_it_is_the_first_variant_of_a_loaded_sample(trio):
    assert chosen(trio, ("P", "M")) == ("chr1-100-A-C", "the first of P")
    assert chosen(trio, ("M",)) is None  # she has no variant
    assert chosen(trio, ()) is None


def test_without_a_callset_there_is_none(trio):
    (trio.results / "callset/T.vcf.gz").unlink()
    assert chosen(trio) is None
    assert "none: no callset has a variant" in summary_of(trio)


def test_a_damaged_callset_has_none(trio):
    trio.write("callset/T.vcf.gz", "not a callset")
    assert chosen(trio) is None


def test_questions_and_answers(trio):
    text = summary_of(trio)
    lines = [each.strip() for each in text.splitlines()]
    commands = [each[2:] for each in lines if each.startswith("$ ")]
    assert commands == [
        "wgs ngd region trio/ngd chr1:1500-2500 --purpose care",
        "wgs ngd variant trio/ngd chr1-2000-A-G --purpose care",
        "wgs ngd carriers trio/ngd chr1-2000-A-G --purpose care",
    ]
    cells = [each.split() for each in lines]
    # Three people, all of them well covered: AN 6.
    assert ["chr1", "1900", "C", "T", "2", "6", "0.3333", "0", "1", "0"] in cells
    assert cells.count(["chr1", "2000", "A", "G", "1", "6", "0.1667", "1", "0", "0"]) == 2
    assert ["chr1", "2100", "A", "G", "1", "6", "0.1667", "1", "0", "0"] in cells
    assert ["P", "wgs", "het"] in cells
    assert lines.count("(generation 3, 3 genomes may be counted)") == 3


def test_each_command_gives_the_answer_again(trio, capsys):
    text = summary_of(trio)
    for command in (each.split("$ ")[1] for each in text.splitlines() if "$ wgs" in each):
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main(shlex.split(command)[1:])
        assert not stop.value.code
        said = [row.split("\t") for row in capsys.readouterr().out.splitlines()]
        shown = [row.split() for row in text.split(command)[1].splitlines()[1 : len(said) + 1]]
        # Fractions are shown in four digits.
        assert [row[:6] for row in shown] == [row[:6] for row in said]


def test_questions_stand_in_the_access_log(trio):
    log = trio.folder / "ngd/audit"
    before = len(list(audit.entries(log)))
    summary_of(trio)
    assert len(list(audit.entries(log))) == before + 3


def test_a_database_that_does_not_answer_is_no_reason_to_fail(trio):
    (trio.folder / "vault").rename(trio.folder / "elsewhere")
    text = summary_of(trio)
    assert text.count("(not answered: ") == 3


def test_one_line_a_sample(tmp_path):
    names = ("S1", "S2", "S3")
    project = make_project(tmp_path, {n: n for n in names}, without_consent=["S3"])
    for name in names[:2]:
        project.make(name, name, *MADE)
    low = reason("mean_autosome_coverage", 12.0, 25, "fail")
    project.write_json("qc/S2/metrics.json", metrics("S2", 12.0))
    project.write_json(
        "qc/S2/verdict.json", verdict("S2", "fail", "top up 1.5 Gb to reach 30x", [low])
    )
    refused = {"sample": "S2", "loaded": False, "reason": "QC verdict fail"}
    project.write_json("ngd/S2.loaded.json", refused)
    project.write_json("ngd/S1.loaded.json", receipt("S1", plane="care_only"))
    rows = [" ".join(each.split()) for each in summary_of(project).splitlines()]
    assert rows[1:4] == [
        "S1 pass 31.5x in the database, for care only",
        "S2 fail 12.0x not loaded (QC verdict fail); top up 1.5 Gb to reach 30x",
        "S3 left out - no consent to analysis: analysis withdrawn from 1 Jan 2024, 00:00 (UTC)",
    ]


def test_recall_and_precision(tmp_path):
    project = make_project(
        tmp_path, {"S1": "S1"}, config="truth: {S1: {vcf: t.vcf.gz, bed: t.bed}}\n"
    )
    project.make("S1", "S1", *MADE)
    snv = dict(tp=90, fp=3, fn=10, recall=0.9, precision=90 / 93, f1=0.93, genotype_concordance=1.0)
    indel = dict(tp=0, fp=0, fn=0, recall=None, precision=None, f1=None, genotype_concordance=None)
    project.write_json("qc/S1/concordance.json", {"snv": snv, "indel": indel, "truth": {}})
    rows = [" ".join(each.split()) for each in summary_of(project).splitlines()]
    assert "S1 0.9000 0.9677 10 of 100 3 - - 0 of 0 0" in rows


def test_before_the_first_run(tmp_path, monkeypatch):
    project = make_project(tmp_path / "new", {"S1": "S1"})
    monkeypatch.chdir(tmp_path)
    text = summary_of(project)
    assert "not in the database yet" in text
    assert "none: no genome is loaded" in text
    assert text.count("not made") == 2
    assert "AGAINST TRUTH" not in text


def test_where_the_reports_are(tmp_path, monkeypatch):
    project = make_project(tmp_path / "new", {"S1": "S1"})
    for path in ("report/run.html", "qc/multiqc.html"):
        project.write(path)
    monkeypatch.chdir(tmp_path)
    text = summary_of(project)
    assert "new/results/report/run.html" in text.split()
    assert "new/results/qc/multiqc.html" in text.split()
    monkeypatch.chdir(project.results / "qc")
    assert str(project.results / "report/run.html") in summary_of(project).split()


def test_no_patient_is_named(trio):
    assert "person-" not in summary_of(trio)


def test_columns():
    assert columns([["a", "bbb", ""], ["cc", "d", "e"]]) == ["a   bbb", "cc  d    e"]
    assert columns([]) == []
