"""Analyses done elsewhere: a project may begin from CRAMs and gVCFs, from the same sheets.

Each entry takes the results of the toy run, so its own results must be equal. One run of the
trio's child from its CRAM and the parents from their gVCFs, and the unrelated woman from her CRAM:
30 s; one of a real gVCF of 300,000 records: 15 s.
"""

from __future__ import annotations

import csv
import json
import subprocess

import pytest
import yaml

from isec import bcftools, score
from running import SHARED_DATA, loaded, write_project

ENTRIES = {
    "toy_proband": "cram",
    "toy_father": "gvcf",
    "toy_mother": "gvcf",
    "toy_unrelated": "cram",
}
PAR = "reference/par.bed"
PATHS = {"cram": "alignment/{}.cram", "gvcf": "gvcf/{}.g.vcf.gz"}


@pytest.fixture(scope="module")
def toy(toy_run):
    return toy_run.project


@pytest.fixture(scope="module")
def entered(toy, tmp_path_factory):
    people = [row for row in toy.rows("samples.tsv") if row["sample_id"] in ENTRIES]
    units = [
        {"sample_id": sample, kind: str(toy.results / PATHS[kind].format(sample))}
        for sample, kind in ENTRIES.items()
    ]
    config = yaml.safe_load(toy.config.read_text())
    project = write_project(
        tmp_path_factory.mktemp("entered") / "project",
        people,
        units,
        {
            "build": "toy",
            "fasta": str(toy / "reference/toy.fa"),
            "par_bed": str(toy / "reference/par.bed"),
        },
        calling=config["calling"],
        qc=config["qc"],
    )
    (project / "consents.tsv").write_bytes((toy / "consents.tsv").read_bytes())
    project.complete()
    return project


def records(vcf, *options):
    return bcftools("view", "-H", *options, vcf)


@pytest.mark.parametrize("sample", ENTRIES)
def test_the_gvcf_has_the_same_records(toy, entered, sample):
    name = f"gvcf/{sample}.g.vcf.gz"
    assert records(entered.results / name) == records(toy.results / name)


def test_the_input_cram_is_linked_and_nothing_is_written_beside_it(toy, entered):
    cram = entered.results / "alignment/toy_unrelated.cram"
    assert cram.samefile(toy.results / "alignment/toy_unrelated.cram")
    beside = {path.name for path in (toy.results / "alignment").glob("toy_unrelated*")}
    ends = (".cram", ".cram.crai", ".cram.md5", ".json")
    assert beside == {f"toy_unrelated{end}" for end in ends}
    md5 = "alignment/toy_unrelated.cram.md5"
    assert (entered.results / md5).read_text() == (toy.results / md5).read_text()


def test_the_callset_of_one_is_the_same(toy, entered):
    name = "callset/toy_unrelated.vcf.gz"
    assert records(entered.results / name) == records(toy.results / name)


def test_the_family_of_mixed_entries_has_one_callset(toy, entered, tmp_path):
    callset = entered.results / "callset/toy_trio.vcf.gz"
    assert set(bcftools("query", "-l", callset).split()) == set(ENTRIES) - {"toy_unrelated"}
    for sample in ("toy_proband", "toy_father", "toy_mother"):
        found = score(
            toy / f"truth/{sample}.vcf.gz",
            callset,
            sample,
            toy / "truth/confident.bed",
            toy.results / "reference/genome.fa",
            tmp_path / sample,
        )
        assert found["snv"].recall >= 0.97
        assert found["snv"].precision >= 0.97


def test_planted_variants_are_in_the_merged_callset(toy, entered):
    callset = entered.results / "callset/toy_trio.vcf.gz"
    for row in (toy / "truth/planted.tsv").read_text().splitlines()[1:]:
        variant, what, _, carriers = row.split("\t")
        contig, position, _, _ = variant.split("-")
        shape = "[%SAMPLE=%GT\n]"
        text = bcftools("query", "-r", f"{contig}:{position}", "-f", shape, callset)
        found = dict(line.split("=") for line in text.split())
        expected = {sample: "0/1" if sample in carriers.split(",") else "0/0" for sample in found}
        assert found == expected, what


def variants(project, contig, purpose="care"):
    rows = project.wgs("ngd", "region", str(project / "ngd"), contig, "--purpose", purpose)
    return list(csv.reader(rows.splitlines(), delimiter="\t"))


@pytest.mark.parametrize("contig", ["chr1:1-26000", "chr2:1-18000", "chrX:1-14000", "chrY:1-8000"])
def test_the_database_answers_the_same(toy, entered, contig):
    answer = variants(entered, contig)
    assert len(answer) > 5
    assert answer == variants(toy, contig)


def test_everybody_entered_is_loaded(entered):
    assert loaded(entered) == set(ENTRIES)
    entered.wgs("ngd", "verify", str(entered / "ngd"))


def test_metrics_of_a_cram_are_those_of_its_reads(toy, entered):
    def metrics(project):
        with (project.results / "qc/samples.tsv").open() as file:
            rows = {row["sample"]: row for row in csv.DictReader(file, delimiter="\t")}
        return rows["toy_unrelated"]

    ours, theirs = metrics(entered), metrics(toy)
    for name in ("mean_autosome_coverage", "pct_autosomes_15x", "duplication", "yield_bp"):
        assert ours[name] == theirs[name]
        assert ours[name]


REAL = SHARED_DATA / "gvcf-na12878-chr20"


@pytest.mark.skipif(not REAL.is_dir(), reason=f"needs the real gVCF in {REAL}")
def test_a_real_gvcf_of_another_caller(tmp_path):
    """GATK, with <NON_REF> blocks; 2,010 variant records on 940 kb.

    Its header names all of GRCh37, its reference holds the first megabase of chromosome 20; the
    last block, which ends beyond that, is left out.
    """
    gvcf = tmp_path / "NA12878.g.vcf.gz"
    source = REAL / "NA12878.b37.chr20.60001-999989.g.vcf.gz"
    bcftools("view", "--no-version", "-e", "INFO/END>1000000", "-Oz", "-o", gvcf, source)
    person = {"sample_id": "NA12878", "patient_id": "SYN-NA12878", "sex": "female"}
    reference = {"build": "GRCh37", "fasta": str(REAL / "b37.chr20.1-1000000.fa.gz")}
    project = write_project(
        tmp_path / "project", [person], [{"sample_id": "NA12878", "gvcf": str(gvcf)}], reference
    )
    project.complete()
    assert records(project.results / "gvcf/NA12878.g.vcf.gz") == records(gvcf)
    assert loaded(project) == {"NA12878"}
    project.wgs("ngd", "verify", str(project / "ngd"))
    found = {
        (int(row[1]), row[2], row[3])
        for row in variants(project, "20:1-1000000")[1:]
        if row[0] == "20"
    }
    # The same by bcftools: alleles that she carries, one a record, left-aligned, where depth and
    # quality pass the callable rule (10 reads, GQ 20).
    fasta = project.results / "reference/genome.fa"
    command = (
        f"bcftools view -a -c 1 {gvcf} -Ou | bcftools norm -m -any -f {fasta} -Ou"
        " | bcftools query -f '%POS\\t%REF\\t%ALT\\n' -i 'GT=\"alt\" && FMT/DP>=10 && FMT/GQ>=20"
        ' && ALT!="<NON_REF>" && ALT!="*"\''
    )
    shown = subprocess.run(command, shell=True, check=True, capture_output=True, text=True).stdout
    expected = {(int(p), r, a) for p, r, a in (line.split("\t") for line in shown.splitlines())}
    assert len(expected) > 1600
    assert found == expected
    assert json.loads(project.wgs("ngd", "info", str(project / "ngd")))["genomes"] == 1
