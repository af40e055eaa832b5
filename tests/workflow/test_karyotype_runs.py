"""One sample a karyotype through the workflow: ploidy of the calls, header, verdict, database.

One run with bcftools from reads to the database, one with freebayes from the alignments to gVCFs.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from dataclasses import dataclass

import pytest

from isec import bcftools
from karyotypes import CONTRADICTED, COPIES, PEOPLE, Person, make_people
from running import THRESHOLDS, Project, loaded, write_project

SAMPLES = [f"S_{karyotype}" for karyotype in COPIES]


@dataclass(frozen=True)
class Runs:
    """Both runs, and what is true.

    Attributes:
        bcftools: Reads to database.
        freebayes: Alignments of the first run to gVCFs.
        people: What is true of each sample.
        par: First base (0-based) and one past the last of the PAR on chrX.
    """

    bcftools: Project
    freebayes: Project
    people: dict[str, Person]
    par: tuple[int, int]

    def gvcf(self, engine: str, sample: str):
        return getattr(self, engine).results / f"gvcf/{sample}.g.vcf.gz"


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Runs:
    folder = tmp_path_factory.mktemp("karyotypes")
    project, people, par = make_people(folder, scale=0.5, coverage=40)
    quiet = {"qc": {"thresholds": THRESHOLDS}}
    project.edit_config(calling={"engine": "bcftools", "scatter_count": 1}, **quiet)
    targets = [f"ngd/{name}.loaded.json" for name in PEOPLE]
    project.complete("--keep-going", *targets)
    again = write_project(
        folder / "again",
        project.rows("samples.tsv"),
        [
            {"sample_id": name, "cram": str(project.results / f"alignment/{name}.cram")}
            for name in PEOPLE
        ],
        {
            "build": "toy",
            "fasta": str(folder / "inputs/toy.fa"),
            "par_bed": str(folder / "inputs/par.bed"),
        },
        calling={"engine": "freebayes", "scatter_count": 1},
        **quiet,
    )
    again.complete("--keep-going", *(f"gvcf/{name}.g.vcf.gz" for name in SAMPLES))
    return Runs(project, again, people, par)


def karyotype_of(project: Project, sample: str) -> dict:
    return json.loads((project.results / f"reference/ploidy/{sample}.json").read_text())


@pytest.mark.parametrize("sample", PEOPLE)
def test_the_karyotype_is_inferred(runs, sample):
    found = karyotype_of(runs.bcftools, sample)
    assert (found["karyotype"], found["basis"]) == (PEOPLE[sample], "inferred")
    two_x = COPIES[PEOPLE[sample]][0] > 1
    assert (found["x_heterozygosity_ratio"] > 0.3) is two_x, found


def copies_at(runs, karyotype: str, contig: str, position: int) -> int:
    """How many a person has, counted here."""
    x, y = COPIES[karyotype]
    in_par = runs.par[0] < position <= runs.par[1]
    if contig == "chrX":
        return x + y if in_par else x
    if contig == "chrY":
        return 0 if in_par else y
    return 1 if contig == "chrM" else 2


@pytest.mark.parametrize("engine", ["bcftools", "freebayes"])
@pytest.mark.parametrize("sample", SAMPLES)
def test_every_genotype_has_the_ploidy_of_the_person(runs, engine, sample):
    most = 2 if engine == "bcftools" else 9  # bcftools call knows no more
    seen = Counter()
    rows = bcftools("query", "-f", "%CHROM\t%POS[\t%GT]\n", runs.gvcf(engine, sample))
    for contig, position, genotype in (row.split("\t") for row in rows.splitlines()):
        copies = copies_at(runs, PEOPLE[sample], contig, int(position))
        written = len(re.split("[/|]", genotype))
        # A single dot is a missing haploid genotype too.
        assert written == max(min(copies, most), 1), (contig, position, genotype)
        assert copies or genotype == "."
        seen[contig] += 1
    assert set(seen) >= {"chr1", "chr2", "chrX", "chrM"}
    assert ("chrY" in seen) is (COPIES[PEOPLE[sample]][1] > 0)


@pytest.mark.parametrize("engine", ["bcftools", "freebayes"])
@pytest.mark.parametrize("sample", SAMPLES)
def test_the_alleles_on_x_and_y_are_those_that_the_person_carries(runs, engine, sample):
    person = runs.people[sample]
    shape = "%CHROM\t%POS[\t%GT]\n"
    only = ("-i", 'TYPE="snp" && FILTER="PASS"', "-t", "chrX,chrY")
    rows = bcftools("query", *only, "-f", shape, runs.gvcf(engine, sample)).splitlines()
    called = {}
    for contig, position, genotype in (row.split("\t") for row in rows):
        alleles = re.split("[/|]", genotype)
        called[contig, int(position)] = (len(alleles) - alleles.count("0"), len(alleles))
    right, sites = 0, 0
    for (contig, position), (alt, of) in person.alleles.items():
        if contig not in ("chrX", "chrY") or not alt:
            continue
        sites += 1
        found = called.get((contig, position))
        capped = engine == "bcftools" and of > 2
        right += found is not None and (capped or found == (alt, of))
    assert sites >= 15
    assert right / sites >= 0.93, (right, sites)


@pytest.mark.parametrize("engine", ["bcftools", "freebayes"])
@pytest.mark.parametrize("sample", SAMPLES)
def test_the_header_says_the_ploidy(runs, engine, sample):
    header = bcftools("view", "-h", runs.gvcf(engine, sample))
    lines = [line for line in header.splitlines() if line.startswith("##wgs_pipeline_ploidy=")]
    (line,) = lines
    assert f"<ID={sample},Karyotype={PEOPLE[sample]},Basis=inferred," in line
    regions = dict(re.findall(r"(chr\w+:\d+-\d+)=(\d)", line))
    most = 2 if engine == "bcftools" else 9
    for region, copies in regions.items():
        contig, start, _ = re.split("[:-]", region)
        assert int(copies) == min(copies_at(runs, PEOPLE[sample], contig, int(start)), most)


@pytest.mark.parametrize("engine", ["bcftools", "freebayes"])
@pytest.mark.parametrize("sample", SAMPLES)
def test_a_gvcf_by_itself_says_the_same(runs, tmp_path, engine, sample):
    """As of a sample that enters as a gVCF; its sheet does not say the sex."""
    results = runs.bcftools.results
    runs.bcftools.wgs(
        *("reference", "ploidy", "--fai", str(results / "reference/genome.fa.fai")),
        *("--par-bed", str(runs.bcftools / "../inputs/par.bed")),
        *("--gvcf", str(runs.gvcf(engine, sample))),
        *("--regions", str(results / "reference/regions.bed")),
        *("--sample", sample, "--sex", "unknown", "--json", str(tmp_path / "found.json")),
        *("-o", str(tmp_path / "found.bed")),
    )
    found = json.loads((tmp_path / "found.json").read_text())
    assert (found["karyotype"], found["basis"]) == (PEOPLE[sample], "inferred"), found


def verdict(runs, sample):
    return json.loads((runs.bcftools.results / f"qc/{sample}/verdict.json").read_text())


@pytest.mark.parametrize("sample", PEOPLE)
def test_the_verdict_compares_with_the_stated_sex(runs, sample):
    judged = verdict(runs, sample)
    levels = {reason["metric"]: reason["level"] for reason in judged["reasons"]}
    if sample == CONTRADICTED:
        expected = "hold"
    else:
        expected = None if PEOPLE[sample] in ("XX", "XY") else "warn"
    assert levels.get("inferred_karyotype") == expected, judged


def test_the_contradicted_sample_is_not_loaded(runs):
    assert loaded(runs.bcftools) == set(SAMPLES)


@pytest.mark.parametrize(
    ("contig", "in_par", "expected"),
    [
        # XX 2, XY 1, X0 1, XXY 2, XYY 1; three copies count in nobody's AN.
        ("chrX", False, 7),
        ("chrX", True, 5),  # XX 2, XY 2, X0 1
        ("chrY", False, 4),  # XY 1, XXY 1, XYY 2
        ("chr1", False, 12),
    ],
)
def test_the_database_counts_with_the_inferred_karyotypes(runs, contig, in_par, expected):
    project = runs.bcftools
    fai = (project.results / "reference/genome.fa.fai").read_text().splitlines()
    end = dict(line.split("\t")[:2] for line in fai)[contig]
    question = ("ngd", "region", str(project / "ngd"), f"{contig}:1-{end}", "--purpose", "care")
    text = [line for line in project.wgs(*question).splitlines() if line[:1] != "#"]
    counts = Counter()
    for row in csv.DictReader(text, delimiter="\t"):
        position = int(row["variant"].split("-")[1]) if "variant" in row else int(row["pos"])
        if (runs.par[0] < position <= runs.par[1]) is in_par or contig == "chr1":
            counts[int(row["AN"])] += 1
    assert counts.most_common(1)[0][0] == expected == max(counts), counts


def test_a_corrected_sex_changes_no_copies(runs):
    """Last of this file: the sheet is another one afterwards."""
    project = runs.bcftools
    rows = project.rows("samples.tsv")
    project.write_rows(
        "samples.tsv",
        rows[0],
        [{**row, "sex": "unknown"} if row["sample_id"] == "S_XYY" else row for row in rows],
    )
    bed = project.results / "reference/ploidy/S_XYY.bed"
    before = bed.read_bytes()
    project.complete("--keep-going", "reference/ploidy/S_XYY.json")
    assert karyotype_of(project, "S_XYY")["stated_sex"] == "unknown"
    assert bed.read_bytes() == before
