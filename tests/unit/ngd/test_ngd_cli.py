"""The commands, through the real program's entry point."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from ngd_builders import PAR, Consents, write_gvcf

from wgs_pipeline.cli import main

CONTIGS = {"chr1": 60, "chrX": 60}
LINES = [
    "chr1 1 A <*> . END=9 GT:GQ:MIN_DP 0/0:50:30",
    "chr1 10 A G,<*> . . GT:DP:GQ 0/1:30:50",
    "chrX 30 A G,<*> . . GT:DP:GQ 1:30:50",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    consents = Consents(tmp_path / "consents.tsv")
    consents.add("one", "analysis", "given")
    (tmp_path / "r.fa.fai").write_text(
        "".join(f"{n}\t{s}\t0\t60\t61\n" for n, s in CONTIGS.items())
    )
    (tmp_path / "par.bed").write_text("chrX\t{}\t{}\n".format(*PAR["chrX"][0]))
    (tmp_path / "samples.tsv").write_text("sample_id\tpatient_id\tsex\nS1\tone\tmale\n")
    write_gvcf(tmp_path / "S1.g.vcf", "S1", LINES, CONTIGS)
    return tmp_path


@pytest.fixture
def wgs(folder: Path, capsys: pytest.CaptureFixture[str]):
    def run(*arguments: object, code: int = 0) -> tuple[str, str]:
        with pytest.raises(SystemExit) as end:
            main([str(each) for each in arguments])
        said = capsys.readouterr()
        assert end.value.code == code, said.err
        return said.out, said.err

    root = folder / "ngd"
    run("ngd", "init", root, "--vault", folder / "vault", "--consents", folder / "consents.tsv",
        "--reference", folder / "r.fa.fai", "--par-bed", folder / "par.bed")  # fmt: skip
    return run


def _load(wgs, folder: Path, *more: object, code: int = 0) -> tuple[str, str]:
    return wgs("ngd", "load", folder / "ngd", "--sample", "S1", "--gvcf", folder / "S1.g.vcf",
               "--samples", folder / "samples.tsv", *more, code=code)  # fmt: skip


def test_load_leaves_a_receipt(wgs, folder: Path):
    _load(wgs, folder, "--receipt", folder / "receipt.json")
    receipt = json.loads((folder / "receipt.json").read_text())
    keys = {"sample", "digest", "slot", "generation", "plane", "already_loaded"}
    assert keys <= set(receipt)
    assert (receipt["sample"], receipt["slot"], receipt["plane"]) == ("S1", 0, "research")
    _, said = _load(wgs, folder, "--receipt", folder / "receipt.json")
    assert "is loaded already" in said
    assert json.loads((folder / "receipt.json").read_text())["already_loaded"]


OVERRIDE = {
    "sample_id": "S1", "metric": "duplication", "other": "", "signed_by": "A. Olsen",
    "signed_at": "2025-03-01T09:00:00Z", "reason": "old library",
}  # fmt: skip


@pytest.mark.parametrize("two_steps", [False, True])
def test_the_word_of_who_signed_off_is_in_the_access_log_once(wgs, folder: Path, two_steps: bool):
    verdict = folder / "verdict.json"
    verdict.write_text(json.dumps({"sample": "S1", "verdict": "warn", "overrides": [OVERRIDE]}))
    for _ in range(2):  # a genome that is loaded already is not signed off again
        if two_steps:
            waiting = folder / "waiting.json"
            _load(wgs, folder, "--verdict", verdict, "--registration", waiting)
            wgs("ngd", "commit", folder / "ngd", "--registration", waiting)
        else:
            _load(wgs, folder, "--verdict", verdict)
    log = json.loads(wgs("audit", "show", folder / "ngd", "--format", "json")[0])
    entries = [each for each in log if each["action"] == "override"]
    assert [each["actor"] for each in entries] == ["A. Olsen"]
    assert entries[0]["reason"] == "duplication; signed 2025-03-01T09:00:00Z: old library"
    wgs("audit", "verify", folder / "ngd")


@pytest.mark.parametrize("level", ["fail", "hold"])
def test_fail_and_hold_are_not_loaded(wgs, folder: Path, level: str):
    verdict = folder / "verdict.json"
    verdict.write_text(json.dumps({"sample": "S1", "verdict": level}))
    _load(wgs, folder, "--verdict", verdict, "--receipt", folder / "receipt.json")
    receipt = json.loads((folder / "receipt.json").read_text())
    assert receipt == {"sample": "S1", "loaded": False, "reason": f"QC verdict {level}"}
    assert json.loads(wgs("ngd", "info", folder / "ngd")[0])["genomes"] == 0


def test_answers_have_four_forms(wgs, folder: Path):
    _load(wgs, folder)
    ask = ("ngd", "region", folder / "ngd", "chr1:1-60", "--purpose", "care")
    out, said = wgs(*ask)
    assert out.splitlines() == [
        "contig\tpos\tref\talt\tAC\tAN\tAF\tn_het\tn_hom\tn_hemi",
        "chr1\t10\tA\tG\t1\t2\t0.5\t1\t0\t0",
    ]
    assert "# generation=1 eligible=1" in said
    answer = json.loads(wgs(*ask, "--format", "json")[0])
    assert (answer["generation"], answer["eligible"], answer["rows"][0]["AF"]) == (1, 1, 0.5)
    wgs(*ask, "--format", "parquet", "-o", folder / "answer.parquet")
    assert pq.read_table(folder / "answer.parquet")["AC"].to_pylist() == [1]
    out, _ = wgs("ngd", "variant", folder / "ngd", "chrX-30-A-G", "--purpose", "care")
    assert out.splitlines()[1] == "chrX\t30\tA\tG\t1\t1\t1\t0\t0\t1"
    out, _ = wgs("ngd", "carriers", folder / "ngd", "chr1-10-A-G", "--purpose", "care")
    assert out == "sample_id\tassay\tgenotype\nS1\twgs\thet\n"


def test_a_genome_is_a_vcf_that_bcftools_reads(wgs, folder: Path):
    _load(wgs, folder)
    wgs("ngd", "genome", folder / "ngd", "--patient-id", "one", "--purpose", "care",
        "-o", folder / "one.vcf")  # fmt: skip
    query = ["bcftools", "query", "-f", "%CHROM %POS %REF %ALT %FILTER[ %SAMPLE %GT %DP %GQ]\\n"]
    out = subprocess.run(
        [*query, str(folder / "one.vcf")], check=True, capture_output=True, text=True
    )
    assert out.stdout.splitlines() == [
        "chr1 10 A G PASS S1 0/1 30 50", "chrX 30 A G PASS S1 1 30 50"
    ]  # fmt: skip


def test_an_identifier_can_come_from_standard_input(wgs, folder: Path, monkeypatch):
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO("one\n"))
    wgs("ngd", "load", folder / "ngd", "--sample", "S1", "--gvcf", folder / "S1.g.vcf",
        "--patient-id", "-", "--sex", "male")  # fmt: skip


def test_info_verify_compact_and_audit(wgs, folder: Path):
    _load(wgs, folder)
    info = json.loads(wgs("ngd", "info", folder / "ngd")[0])
    assert (info["genomes"], info["variants"], info["generation"]) == (1, 2, 1)
    assert info["bytes"] > 0
    assert "whole" in wgs("ngd", "verify", folder / "ngd")[1]
    assert "1 genomes merged" in wgs("ngd", "compact", folder / "ngd")[1]
    assert "whole" in wgs("ngd", "verify", folder / "ngd")[1]
    assert json.loads(wgs("ngd", "info", folder / "ngd")[0])["variants"] == 2
    wgs("ngd", "carriers", folder / "ngd", "chr1-10-A-G", "--purpose", "care", "--actor", "dr-x")
    assert "whole" in wgs("audit", "verify", folder / "ngd")[1]
    out, said = wgs("audit", "show", folder / "ngd", "--patient-id", "one")
    assert "whether you carry certain variants" in out
    assert "dr-x" in out
    assert "2 shown" in said


def test_init_again_changes_nothing_and_other_settings_are_refused(wgs, folder: Path):
    arguments = ["ngd", "init", folder / "ngd", "--consents", folder / "consents.tsv"]
    vault, fai = ["--vault", folder / "vault"], ["--reference", folder / "r.fa.fai"]
    before = (folder / "ngd" / "ngd.json").read_bytes()
    wgs(*arguments, *vault, *fai, "--par-bed", folder / "par.bed")
    assert (folder / "ngd" / "ngd.json").read_bytes() == before
    assert "the reference is another" in wgs(*arguments, *vault, *fai, code=1)[1]
    assert "another vault" in wgs(*arguments, "--vault", folder / "v2", *fai, code=1)[1]
    assert not (folder / "v2").exists()
    below = ["ngd", "init", folder / "x", "--consents", "c", "--vault", folder / "x" / "vault"]
    assert "below ROOT" in wgs(*below, code=1)[1]


def test_a_database_without_a_reference_takes_that_of_its_first_genome(wgs, folder: Path):
    root = folder / "second"
    wgs("ngd", "init", root, "--vault", folder / "v2", "--consents", folder / "consents.tsv")
    wgs("ngd", "verify", root)
    wgs("ngd", "load", root, "--sample", "S1", "--gvcf", folder / "S1.g.vcf",
        "--samples", folder / "samples.tsv")  # fmt: skip
    other = write_gvcf(folder / "S2.g.vcf", "S1", LINES, {"chr1": 61, "chrX": 60})
    _, said = wgs("ngd", "load", root, "--sample", "S1", "--gvcf", other,
                  "--samples", folder / "samples.tsv", code=1)  # fmt: skip
    assert "another reference" in said
    wgs("ngd", "verify", root)


def test_wrong_use_is_exit_2_and_refusal_exit_1(wgs, folder: Path):
    root = folder / "ngd"
    wgs("ngd", "region", root, "chr1:1-2", code=2)
    wgs("ngd", "load", root, "--sample", "S1", "--gvcf", "x", code=2)
    wgs("ngd", "load", root, "--sample", "S1", "--gvcf", "x", "--patient-id", "one", code=2)
    assert (
        "insurance" in wgs("ngd", "region", root, "chr1:1-2", "--purpose", "insurance", code=1)[1]
    )
    assert "no row for sample" in wgs("ngd", "load", root, "--sample", "S7", "--gvcf", "x",
                                      "--samples", folder / "samples.tsv", code=1)[1]  # fmt: skip
    assert "no National Genome Database" in wgs("ngd", "info", folder / "nothing", code=1)[1]
    _, said = wgs("ngd", "load", root, "--sample", "S1", "--gvcf", folder / "S1.g.vcf",
                  "--patient-id", "stranger-77", "--sex", "male", code=1)  # fmt: skip
    assert "stranger-77" not in said


def test_an_exome_counts_inside_its_target_only(wgs, folder: Path):
    (folder / "target.bed").write_text("chr1\t0\t5\n")
    _load(wgs, folder, "--assay", "exome", "--target", folder / "target.bed")
    ask = ("ngd", "variant", folder / "ngd")
    assert wgs(*ask, "chr1-10-A-G", "--purpose", "care")[0].splitlines()[1].split("\t")[4:6] == [
        "0",
        "0",
    ]
    assert wgs(*ask, "chr1-5-A-G", "--purpose", "care")[0].splitlines()[1].split("\t")[4:6] == [
        "0",
        "2",
    ]


def test_lists_regions_genes_and_cohorts_from_the_shell(wgs, folder: Path):
    _load(wgs, folder)
    care = ("--purpose", "care")
    rows = "chr1\t10\tA\tG\tS1\twgs\thet", "chrX\t30\tA\tG\tS1\twgs\themi"
    heading = "contig\tpos\tref\talt\tsample_id\tassay\tgenotype"
    out, _ = wgs("ngd", "carriers", folder / "ngd", "chr1:1-20", *care)
    assert out.splitlines() == [heading, rows[0]]
    out, _ = wgs("ngd", "carriers", folder / "ngd", "chrX", *care)
    assert out.splitlines() == [heading, rows[1]]
    (folder / "list.txt").write_text("# mine\nchrX-30-A-G\n\nchr1-11-A-C\n")
    ask = ("ngd", "carriers", folder / "ngd", *care, "--variants")
    assert wgs(*ask, folder / "list.txt", "chr1-10-A-G")[0].splitlines() == [heading, *rows]
    text = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\nchr1\t10\t.\tA\tC,G,*\n"
    (folder / "list.vcf").write_text(text)
    assert wgs(*ask, folder / "list.vcf")[0].splitlines() == [heading, rows[0]]
    (folder / "list.vcf").write_text(text + "chr1\tx\n")
    assert "list.vcf:4: expected CHROM" in wgs(*ask, folder / "list.vcf", code=1)[1]
    wgs("ngd", "carriers", folder / "ngd", *care, code=2)
    (folder / "panel.bed").write_text("chr1\t5\t15\tG1\nchrX\t0\t60\tG2\n")
    ask = ("ngd", "genes", folder / "ngd", *care, "--genes", folder / "panel.bed")
    out, said = wgs(*ask, "--gene", "G2")
    assert out.splitlines()[1] == "G2\tchrX\t30\tA\tG\t1\t1\t1\t0\t0\t1"
    assert "# generation=1 eligible=1" in said
    answer = json.loads(wgs(*ask, "--carriers", "--format", "json")[0])
    assert [(row["gene"], row["sample_id"]) for row in answer["rows"]] == [
        ("G1", "S1"), ("G2", "S1")
    ]  # fmt: skip
    assert "no gene is called G3" in wgs(*ask, "--gene", "G3", code=1)[1]
    (folder / "cohort.txt").write_text("S1\n")
    ask = ("ngd", "region", folder / "ngd", "chr1", "--samples", folder / "cohort.txt")
    assert wgs(*ask, *care)[0].splitlines()[1].startswith("chr1\t10\tA\tG\t1\t2\t")
    assert "fewer than 5" in wgs(*ask, "--purpose", "quality", code=1)[1]


def test_a_part_of_a_genome_and_other_names_from_the_shell(wgs, folder: Path):
    _load(wgs, folder)
    (folder / "aliases.txt").write_text("chr1\tNC_000001.11\nchrX\tNC_000023.11\n")
    (folder / "rsids.tsv").write_text("rsid\tcontig\tpos\tref\talt\nrs5\tchr1\t10\tA\tG\n")
    more = ("--purpose", "care", "--aliases", folder / "aliases.txt")
    expected = wgs("ngd", "variant", folder / "ngd", "chr1-10-A-G", *more)[0]
    assert wgs("ngd", "variant", folder / "ngd", "NC_000001.11:9:A:G", *more)[0] == expected
    ask = ("ngd", "variant", folder / "ngd", "rs5", "--rsids", folder / "rsids.tsv", *more)
    assert wgs(*ask)[0] == expected
    out, _ = wgs("ngd", "genome", folder / "ngd", "--patient-id", "one", "--region",
                 "NC_000023.11:1-60", *more)  # fmt: skip
    assert [line.split("\t")[:2] for line in out.splitlines() if line[0] != "#"] == [["chrX", "30"]]
