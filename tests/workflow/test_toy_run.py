"""The toy project run to a loaded database, against what is true about its people.

All tests read one run (fixture ``toy_run``, 50 s); the second run costs 5 s.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import subprocess

import pytest

from isec import bcftools, score
from running import SAMPLE_COLUMNS, snapshot
from wgs_pipeline.resources.table import read_table

ANALYSED = ("toy_proband", "toy_father", "toy_mother", "toy_unrelated")
MALES = ("toy_proband", "toy_father")
TRIO = ANALYSED[:3]
WITHDRAWN = "toy_withdrawn"
#: Beside the reference of the project no test may leave an index.
FASTA = "reference/genome.fa"


@pytest.fixture(scope="module")
def project(toy_run):
    return toy_run.project


def genotypes(vcf):
    """(contig, position, genotypes) of every record."""
    rows = bcftools("query", "-f", "%CHROM\t%POS[\t%GT]\n", vcf).splitlines()
    return [(row[0], int(row[1]), row[2:]) for row in (line.split("\t") for line in rows)]


def intervals(bed):
    rows = (line.split("\t") for line in bed.read_text().splitlines())
    return [(row[0], int(row[1]), int(row[2])) for row in rows]


def test_every_result_is_there(project):
    expected = [
        *(f"alignment/{s}{end}" for s in ANALYSED for end in (".cram", ".cram.crai", ".cram.md5")),
        *(f"gvcf/{s}.g.vcf.gz{end}" for s in ANALYSED for end in ("", ".tbi")),
        *(
            f"{folder}/{s}.vcf.gz{end}"
            for folder in ("structural", "copy_number")
            for s in ANALYSED
            for end in ("", ".tbi")
        ),
        *(
            f"callset/{f}.vcf.gz{end}"
            for f in ("toy_trio", "toy_unrelated")
            for end in ("", ".tbi")
        ),
        *(f"qc/{s}/{name}.json" for s in ANALYSED for name in ("metrics", "verdict")),
        *(f"ngd/{s}.loaded.json" for s in ANALYSED),
        *(
            f"family/{f}/{name}.tsv"
            for f in ("toy_trio", "toy_unrelated")
            for name in ("mendelian", "de_novo", "inheritance", "upd", "roh", "roh_runs")
        ),
        *("qc/samples.tsv", "qc/multiqc.html", "report/run.html", "report/run.json"),
        *(f"mitochondrion/{s}.vcf.gz{end}" for s in ANALYSED for end in ("", ".tbi")),
        "report/costs.tsv",
    ]
    assert [name for name in expected if not (project.results / name).is_file()] == []


def test_the_calls_are_the_truth(project, tmp_path):
    # Of 68 kb: 55-65 SNVs and 9-12 indels a person, all found when this was written.
    for sample in ANALYSED:
        family = "toy_trio" if sample in TRIO else sample
        found = score(
            project / f"truth/{sample}.vcf.gz",
            project.results / f"callset/{family}.vcf.gz",
            sample,
            project / "truth/confident.bed",
            project.results / FASTA,
            tmp_path / sample,
        )
        print(sample, found)
        assert found["snv"].recall >= 0.97
        assert found["snv"].precision >= 0.97
        assert found["indel"].recall >= 0.9
        assert found["indel"].precision >= 0.9
        reported = json.loads((project.results / f"qc/{sample}/concordance.json").read_text())
        for kind, counted in found.items():
            assert reported[kind]["tp"] + reported[kind]["fn"] == counted.true + counted.missed
            assert abs(reported[kind]["recall"] - counted.recall) < 0.02


def test_gvcf_and_callset_agree_on_one_persons_variants(project):
    def alleles(vcf, sample):
        chosen = ("-s", sample, "-a", "-c", "1", "-f", "PASS,.", "-H", vcf)
        rows = (line.split("\t") for line in bcftools("view", *chosen).splitlines())
        return {(r[0], r[1], r[3], r[4]) for r in rows if r[4] not in (".", "<*>")}

    own = alleles(project.results / "gvcf/toy_unrelated.g.vcf.gz", "toy_unrelated")
    assert len(own) > 50
    assert own == alleles(project.results / "callset/toy_unrelated.vcf.gz", "toy_unrelated")


def test_planted_variants_are_in_the_family_callset(project):
    callset = project.results / "callset/toy_trio.vcf.gz"
    assert bcftools("query", "-l", callset).split() == list(TRIO)
    rows = (project / "truth/planted.tsv").read_text().splitlines()[1:]
    assert len(rows) == 3
    for row in rows:
        variant, what, _, carriers = row.split("\t")
        contig, position, ref, alt = variant.split("-")
        region = f"{contig}:{position}"
        shape = "%REF\t%ALT\t%FILTER[\t%GT]\n"
        found = bcftools("query", "-r", region, "-f", shape, callset).split()
        expected = ["0/1" if sample in carriers.split(",") else "0/0" for sample in TRIO]
        assert found == [ref, alt, "PASS", *expected], what


def family_table(project, name, family="toy_trio"):
    with (project.results / f"family/{family}/{name}.tsv").open() as file:
        return list(csv.DictReader(file, delimiter="\t"))


def written(row):
    """A variant as planted.tsv writes it."""
    return "-".join(row[key] for key in ("contig", "position", "ref", "alt"))


def planted(project):
    """What was planted to the variant."""
    lines = (project / "truth/planted.tsv").read_text().splitlines()[1:]
    return {what: variant for variant, what, *_ in (line.split("\t") for line in lines)}


def test_the_planted_de_novo_is_the_only_one(project):
    new = [row for row in family_table(project, "de_novo") if row["filter"] == "PASS"]
    assert [written(row) for row in new] == [planted(project)["de_novo"]]
    assert float(new[0]["posterior"]) > 0.9


def test_the_planted_compound_heterozygote_is_found(project):
    rows = family_table(project, "inheritance")
    found = {
        (written(row), row["origin"], row["certainty"])
        for row in rows
        if (row["pattern"], row["gene"]) == ("recessive_compound", "TOY7")
    }
    variants = planted(project)
    for origin in ("paternal", "maternal"):
        assert (variants[f"compound_{origin}"], origin, "certain") in found
    assert planted(project)["de_novo"] in {
        written(row) for row in rows if row["pattern"] == "de_novo"
    }


def test_mendelian_errors_are_those_of_bcftools(project, tmp_path):
    lengths = {
        line.split("\t")[0]: int(line.split("\t")[1])
        for line in (project.results / "reference/genome.fa.fai").read_text().splitlines()
    }
    (par,) = (
        end for contig, _, end in intervals(project / "reference/par.bed") if contig == "chrX"
    )
    rules = tmp_path / "rules.txt"
    rules.write_text(
        f"chrX:{par + 1}-{lengths['chrX']} M/M + F > M\n"
        f"chrX:{par + 1}-{lengths['chrX']} M/M + F > M/F\n"
        f"chrY:1-{lengths['chrY']} . + F > F\nchrM:1-{lengths['chrM']} M + F > M\n"
    )
    passing = tmp_path / "passing.bcf"
    callset = project.results / "callset/toy_trio.vcf.gz"
    bcftools("view", "-f", "PASS,.", "-Ob", "-o", passing, callset)
    trio = ("-t", "toy_mother,toy_father,toy_proband")
    text = bcftools("+mendelian", "-R", rules, *trio, "-m", "c", passing)
    good, bad, _ = (int(each) for each in text.splitlines()[-1].split("\t")[:3])
    rows = family_table(project, "mendelian")
    # The de novo, and homoplasmies of mother or child alone: those are planted in each apart.
    with (project / "truth/mitochondrion.tsv").open(encoding="utf-8") as file:
        planted = list(csv.DictReader(file, delimiter="\t"))
    mother, child = (
        {row["variant"] for row in planted if (row["sample"], row["heteroplasmy"]) == (name, "1")}
        for name in ("toy_mother", "toy_proband")
    )
    alone = mother ^ child
    assert sum(int(row["errors"]) for row in rows) == bad == 1 + len(alone)
    assert sum(int(row["judged"]) for row in rows) == good + bad
    assert {row["part"] for row in rows} == {"autosome", "x", "par", "y", "mitochondrion"}


def test_a_singleton_has_runs_of_homozygosity_alone(project):
    assert [row["sample"] for row in family_table(project, "roh", "toy_unrelated")] == [
        "toy_unrelated"
    ]
    for name in ("mendelian", "de_novo", "inheritance", "upd"):
        assert family_table(project, name, "toy_unrelated") == []


@pytest.mark.parametrize("sample", ANALYSED)
def test_ploidy_follows_sex_and_par(project, sample):
    par = [(s, e) for contig, s, e in intervals(project / "reference/par.bed") if contig == "chrX"]
    seen = set()
    for contig, position, (gt,) in genotypes(project.results / f"gvcf/{sample}.g.vcf.gz"):
        copies = len(gt.replace("|", "/").split("/"))
        in_par = any(start < position <= end for start, end in par)
        male = sample in MALES
        assert not (contig == "chrY" and not male), (contig, position, gt)
        haploid = contig == "chrM" or (male and contig in ("chrX", "chrY") and not in_par)
        assert copies == (1 if haploid else 2), (contig, position, gt)
        seen.add((contig, in_par, copies))
    assert ("chrM", False, 1) in seen
    assert ("chrX", True, 2) in seen
    assert ("chrX", False, 1 if sample in MALES else 2) in seen
    assert (("chrY", False, 1) in seen) is (sample in MALES)


def test_women_carry_nothing_on_chry_in_the_family_callset(project):
    callset = project.results / "callset/toy_trio.vcf.gz"
    mother = [gts[2] for contig, _, gts in genotypes(callset) if contig == "chrY"]
    assert mother
    assert set(mother) == {"."}


@pytest.mark.parametrize("sample", ANALYSED)
def test_heteroplasmies_are_those_that_were_planted(project, sample):
    """5, 20 and 100 % of the copies, those beside the cut of the circle too, and no other."""
    rows = (project / "truth/mitochondrion.tsv").read_text().splitlines()[1:]
    truth = {
        variant: float(share)
        for name, variant, share in (row.split("\t") for row in rows)
        if name == sample
    }
    vcf = project.results / f"mitochondrion/{sample}.vcf.gz"
    shape = "%CHROM-%POS-%REF-%ALT\t[%AF\t%DP]\n"
    found = {
        variant: (float(share), int(depth))
        for variant, share, depth in (
            line.split("\t")
            for line in bcftools("query", "-f", shape, "-i", 'FILTER="PASS"', vcf).splitlines()
        )
    }
    assert set(found) == set(truth)
    metrics = json.loads((project.results / f"qc/{sample}/metrics.json").read_text())["metrics"]
    everywhere = sum(share == 1 for share in truth.values())
    assert metrics["count_homoplasmies"]["value"] == everywhere
    assert metrics["count_heteroplasmies"]["value"] == len(truth) - everywhere
    for variant, (share, depth) in found.items():
        error = 4 * (truth[variant] * (1 - truth[variant]) / depth) ** 0.5 + 0.01
        assert abs(share - truth[variant]) <= error, (variant, share, truth[variant])


def header(project, sample):
    command = ["samtools", "view", "-H", project.results / f"alignment/{sample}.cram"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [line.split("\t") for line in text.splitlines()]


def tags(fields):
    return dict(field.split(":", 1) for field in fields)


def test_read_groups_are_the_lanes_of_the_sheet(project):
    units = project.rows("units.tsv")
    assert len({unit["library_id"] for unit in units if unit["sample_id"] == "toy_proband"}) == 2
    for sample in ANALYSED:
        expected = [
            {
                "SM": sample,
                "LB": unit["library_id"],
                "PL": "ILLUMINA",
                "PU": f"{unit['flowcell']}.{unit['lane']}.{unit['library_id']}",
            }
            for unit in units
            if unit["sample_id"] == sample
        ]
        groups = [tags(line[1:]) for line in header(project, sample) if line[0] == "@RG"]
        identities = [group.pop("ID") for group in groups]
        assert groups == expected
        assert len(set(identities)) == len(expected)


def test_each_read_is_in_the_group_of_its_lane(project):
    cram = project.results / "alignment/toy_proband.cram"
    command = ["samtools", "view", "-F", "0x900", "-T", project.results / FASTA, cram]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    of_lane = {}
    for line in text.splitlines():
        name, *fields = line.split("\t")
        group = next(field[5:] for field in fields if field.startswith("RG:Z:"))
        of_lane.setdefault(group, []).append(name)
    for unit in project.rows("units.tsv"):
        if unit["sample_id"] == "toy_proband":
            with gzip.open(project / unit["fastq_1"], "rt") as file:
                names = [line.split()[0][1:] for line in list(file)[::4]]
            group = f"{unit['flowcell']}.{unit['lane']}.{unit['library_id']}"
            assert sorted(of_lane.pop(group)) == sorted(names * 2)
    assert of_lane == {}


def test_duplicates_are_marked_within_a_library_only(project):
    """The libraries share fragments by chance only; no read of one is a duplicate of the other."""
    cram = project.results / "alignment/toy_proband.cram"
    shown = ["samtools", "view", "-f", "0x400", "-F", "0x900", "-T", project.results / FASTA]
    done = subprocess.run([*shown, cram], check=True, capture_output=True, text=True)
    marked = len(done.stdout.splitlines())
    apart = 0
    for library in ("toy_proband_A", "toy_proband_B"):
        view = ["samtools", "view", "-u", "--library", library, "-T"]
        own = subprocess.run(
            [*view, project.results / FASTA, cram], check=True, capture_output=True
        ).stdout
        text = "collate -Ou - - | samtools fixmate -mu - - | samtools sort -u - | samtools markdup"
        again = subprocess.run(
            f"samtools {text} -u - - | samtools view -c -f 0x400 -F 0x900",
            shell=True,
            check=True,
            input=own,
            capture_output=True,
        )
        apart += int(again.stdout)
    assert marked == apart > 100


def test_cram_header_has_the_md5_of_each_contig(project):
    sequences = {}
    for block in (project / "reference/toy.fa").read_text().split(">")[1:]:
        name, *lines = block.splitlines()
        sequences[name.split()[0]] = hashlib.md5("".join(lines).upper().encode()).hexdigest()
    for sample in ANALYSED:
        contigs = [tags(line[1:]) for line in header(project, sample) if line[0] == "@SQ"]
        assert {contig["SN"]: contig["M5"] for contig in contigs} == sequences


@pytest.mark.parametrize("sample", ANALYSED)
def test_md5_file_is_of_the_cram(project, sample):
    content = (project.results / f"alignment/{sample}.cram").read_bytes()
    said = (project.results / f"alignment/{sample}.cram.md5").read_text().split()
    assert said == [hashlib.md5(content).hexdigest(), f"{sample}.cram"]


def test_no_job_and_no_file_is_of_the_patient_without_consent(toy_run):
    # Their first FASTQ is a pipe that nobody writes to: a run that opens it never ends.
    said = toy_run.first.output
    assert f"no analysis consent: {WITHDRAWN}" in said
    assert f"sample={WITHDRAWN}" not in said
    assert [path for path in toy_run.project.results.rglob("*") if WITHDRAWN in path.name] == []


def test_the_report_says_who_was_left_out(project):
    report = json.loads((project.results / "report/run.json").read_text())
    assert WITHDRAWN in json.dumps(report)
    assert WITHDRAWN in (project.results / "report/run.html").read_text()


def test_the_database_holds_the_four_and_verifies(project):
    info = json.loads(project.wgs("ngd", "info", str(project / "ngd")))
    assert info["genomes"] == 4
    project.wgs("ngd", "verify", str(project / "ngd"))


def ask(project, question, target, purpose="care"):
    answer = project.wgs("ngd", question, str(project / "ngd"), target, "--purpose", purpose)
    columns, *rows = (line.split("\t") for line in answer.splitlines() if line[:1] != "#")
    return [dict(zip(columns, row, strict=True)) for row in rows]


def test_carriers_of_the_planted_variants(project):
    for row in (project / "truth/planted.tsv").read_text().splitlines()[1:]:
        variant, _, _, carriers = row.split("\t")
        found = {carrier["sample_id"] for carrier in ask(project, "carriers", variant)}
        assert found == set(carriers.split(","))


def test_who_refused_research_is_in_the_care_only_plane(project):
    """A variant that only she carries: care finds it, research does not."""
    callset = project.results / "callset/toy_unrelated.vcf.gz"
    shape = "%CHROM-%POS-%REF-%ALT\n"
    own = bcftools("query", "-f", shape, "-i", 'FILTER="PASS" && N_ALT=1', callset).split()
    others = bcftools("query", "-f", shape, project.results / "callset/toy_trio.vcf.gz").split()
    variant = next(name for name in own if name not in others)
    assert [row["sample_id"] for row in ask(project, "carriers", variant)] == ["toy_unrelated"]
    receipt = json.loads((project.results / "ngd/toy_unrelated.loaded.json").read_text())
    assert receipt["plane"] == "care_only"
    for sample in TRIO:
        receipt = json.loads((project.results / f"ngd/{sample}.loaded.json").read_text())
        assert receipt["plane"] == "research"


def test_ac_and_an_are_those_of_the_truth(project):
    """Every PASS record of the trio's planted gene, counted by hand from genotypes."""
    rows = (project / "truth/planted.tsv").read_text().splitlines()[1:]
    for row in rows:
        variant, _, _, carriers = row.split("\t")
        (found,) = ask(project, "variant", variant)
        assert int(found["AC"]) == len(carriers.split(","))
        assert int(found["AN"]) == 8  # four people, autosomal, all of them well covered there


def test_nothing_is_written_outside_results_and_database(toy_run):
    project = toy_run.project
    written = ("results/", "ngd/", "vault/")
    after = {
        name: state
        for name, state in snapshot(project.folder).items()
        if not name.startswith(written)
    }
    assert after == dict(toy_run.before)
    assert sorted(path.name for path in (project / "reference").iterdir()) == ["par.bed", "toy.fa"]
    assert toy_run.temporary == ()


def contents(folder):
    """Every file below a folder: its bytes, and what they are when decompressed."""
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            yield path, content
            if content[:2] == b"\x1f\x8b":
                yield path, gzip.decompress(content)


def test_no_patient_is_named_in_any_result(toy_run):
    project = toy_run.project
    assert "patient_id" in SAMPLE_COLUMNS
    patients = [row["patient_id"].encode() for row in project.rows("samples.tsv")]
    assert len(set(patients)) == 5
    for folder in (project.results, project / "ngd"):
        for path, content in contents(folder):
            assert not [each for each in patients if each in content], path
    for sample in ANALYSED:
        assert not [each for each in patients if each.decode() in str(header(project, sample))]
    assert not [each for each in patients if each.decode() in toy_run.first.output]


def test_no_sample_is_named_in_the_database(project):
    samples = [row["sample_id"].encode() for row in project.rows("samples.tsv")]
    for path, content in contents(project / "ngd"):
        assert not [each for each in samples if each in content], path


def test_what_the_run_used_of_what_it_reserved(project):
    report = json.loads((project.results / "report/run.json").read_text())
    assert 0 < report["run"]["cpu_efficiency"] <= 1.1  # CPU is read every half second
    for rule in report["rules"]:
        if rule["memory_use"] is not None:
            assert 0 < rule["memory_use"] < 1, rule  # the table suits the toy
            assert 500 <= rule["requested_mb"] <= 4000, rule


def test_the_ledger_adds_up_to_the_run(project):
    with (project.results / "report/costs.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [row["sample"] for row in rows] == [*ANALYSED, "(shared)"]
    seconds = 0.0
    for path in (project.results / "benchmarks").rglob("*.tsv"):
        (job,) = csv.DictReader(path.read_text().splitlines(), delimiter="\t")
        seconds += float(job["s"]) * int(job["threads"])
    total = sum(float(row["core_hours"]) for row in rows)
    assert total == pytest.approx(seconds / 3600, rel=0.02)
    assert all(float(row["peak_mb"]) > float(row["kept_mb"]) > 0 for row in rows[:-1])


def test_the_kernel_counted_every_job(project):
    """As often as Snakemake measured; and never less CPU than it saw."""
    document = json.loads((project.results / "report/run.json").read_text())
    assert [rule["counted_jobs"] for rule in document["rules"]] == [
        rule["jobs"] for rule in document["rules"]
    ]
    for path in (project.results / "benchmarks").rglob("*.tsv"):
        (seen,) = csv.DictReader(path.read_text().splitlines(), delimiter="\t")
        counted = json.loads(path.with_suffix(".usage.json").read_text())
        if seen["cpu_time"] != "NA":
            assert counted["user_s"] + counted["system_s"] >= float(seen["cpu_time"]) - 0.05, path


def test_the_status_is_complete(project):
    status = json.loads(project.wgs("status", str(project.config), "--format", "json"))
    assert status["state"] == "complete"
    assert set(status["jobs"]) == {"done"}
    assert status["stages"]["database"] == {"done": 4}


def test_a_table_is_fitted_to_the_run(project, tmp_path):
    project.wgs("resources", "fit", str(project.results), "-o", str(tmp_path / "table.tsv"))
    table = read_table(tmp_path / "table.tsv")
    assert table["align", "wall_s"].jobs == 4
    assert table["call_piece", "wall_s"].jobs == len(
        list((project.results / "benchmarks/call_piece").glob("*.tsv"))
    )
    assert table["align", "wall_s"].source == "base fitted; sizes as before"


def test_a_second_run_does_no_work(toy_run):
    before = snapshot(toy_run.project.folder)
    again = toy_run.project.complete()
    assert "Nothing to be done" in again.output
    after = snapshot(toy_run.project.folder)
    kept = {name for name in before if "/.snakemake/" not in name}
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert {name for name in after if "/.snakemake/" not in name} == kept


def test_compaction_and_verification_are_targets_scattered_by_contigs(project):
    """chr1 alone is the longest; chr2 and chrX do not fit together; chrX, chrY and chrM do."""
    before = ask(project, "region", "chr1")
    state = json.loads(project.wgs("ngd", "info", str(project / "ngd")))
    assert (state["genomes"], state["open"]) == (4, 4)
    run = project.complete("--", "compact_database")
    once = ("plan_compaction", "publish_compaction", "compact_database")
    assert run.jobs == {**dict.fromkeys(once, 1), "build_contigs": 3}
    state = json.loads(project.wgs("ngd", "info", str(project / "ngd")))
    assert (state["genomes"], state["open"]) == (4, 0)
    assert ask(project, "region", "chr1") == before
    run = project.complete("--", "verify_database")
    assert run.jobs == {
        "plan_verification": 1,
        "verify_registry": 1,
        "verify_contigs": 3,
        "verify_database": 1,
    }
    run = project.complete("--", "verify_database")
    assert run.jobs == {}
