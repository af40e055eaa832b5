"""Reads that are bad where ``wgs check`` does not look, and inputs that it stops a run for.

One run (40 s) holds a sample with each fault and a healthy one; what stops before any job costs
3 s each.
"""

from __future__ import annotations

import gzip
import json
import re
import subprocess
from dataclasses import dataclass

import pytest

from running import THRESHOLDS, Project, loaded, make_toy, unfinished, write_project

#: A fault of one sample: the file it is in, and what the message must hold.
FAULTS = {
    "truncated": ("toy_father_A_HSYN1DSXX_L001_R1", "gzip stream is broken"),
    "shorter": ("toy_father_A_HSYN1DSXX_L002_R2", "ends after 1100 reads"),
    "renamed": ("toy_mother_A_HSYN1DSXX_L001_R2", "'SYN01:another'"),
    "changed": ("toy_mother_A_HSYN1DSXX_L002_R1", "its MD5 is"),
    "uneven": ("toy_proband_A_HSYN1DSXX_L001_R2", "149 qualities for 150 bases"),
}
HEALTHY = ("healthy", "toy_unrelated_A_HSYN2DSXX_L001_R1")
#: Reads whose damage begins past those that ``wgs check`` reads.
DEEP = 1100


@dataclass
class Ended:
    project: Project
    code: int
    output: str

    def said(self, sample):
        """What the run printed of the logs of a sample's failed jobs."""
        logs = re.findall(r"Logfile (\S+):\n=+\n(.*?)\n=+\n", self.output, re.DOTALL)
        return "\n".join(text for name, text in logs if sample in name)


def unit(sample, stem, **cells):
    lane = {"library_id": f"{sample}_A", "flowcell": "HSYN", "lane": "L001"}
    paths = {f"fastq_{mate}": f"reads/{stem[:-1]}{mate}.fastq.gz" for mate in (1, 2)}
    return {"sample_id": sample, **lane, **paths, **cells}


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return make_toy(tmp_path_factory.mktemp("bad_reads") / "toy", 0.1)


def make_project(toy, folder, stems, **cells):
    """One family of one for each sample; the FASTQs of the toy."""
    rows = [{"sample_id": s, "patient_id": f"SYN-{n:04}"} for n, s in enumerate(stems)]
    units = [unit(sample, stem, **cells.get(sample, {})) for sample, stem in stems.items()]
    reference = {"build": "toy", "fasta": str(toy / "reference/toy.fa")}
    project = write_project(
        folder,
        rows,
        units,
        reference,
        calling={"scatter_count": 1},
        qc={"thresholds": THRESHOLDS},
    )
    (folder / "reads").symlink_to(toy / "reads")
    return project


def damage(path, fault):
    content = path.read_bytes()
    if fault == "truncated":
        path.write_bytes(content[: 9 * len(content) // 10])
        return
    lines = gzip.decompress(content).splitlines(keepends=True)
    if fault == "shorter":
        lines = lines[: 4 * DEEP]
    elif fault == "renamed":
        lines[4 * DEEP] = b"@SYN01:another 2:N:0:GAGATTCC\n"
    elif fault == "uneven":
        lines[4 * DEEP + 3] = lines[4 * DEEP + 3][1:]
    path.write_bytes(gzip.compress(b"".join(lines), mtime=0))


@pytest.fixture(scope="module")
def ended(toy):
    stems = {fault: stem for fault, (stem, _) in FAULTS.items()} | dict([HEALTHY])
    for fault, (stem, _) in FAULTS.items():
        damage(toy / f"reads/{stem}.fastq.gz", fault)
    project = make_project(toy, toy.folder / "bad", stems, changed={"md5_1": "0" * 32})
    run = project.run()
    return Ended(project, run.code, run.output)


@pytest.mark.parametrize("fault", FAULTS)
def test_deep_damage_is_named_with_its_file_and_remedy(ended, fault):
    stem, message = FAULTS[fault]
    assert ended.code == 1
    said = ended.said(fault)
    assert f"{stem}.fastq.gz" in said
    assert message in said
    assert re.search(r"[Cc]opy|[Pp]ut the two files|mend the md5", said)
    assert "Traceback" not in said


@pytest.mark.parametrize("fault", FAULTS)
def test_of_a_sample_with_damaged_reads_nothing_is_left(ended, fault):
    results = ended.project.results
    left = [str(path.relative_to(results)) for path in results.rglob(f"{fault}*")]
    kept = ("logs/", "benchmarks/", f"qc/{fault}", "reference/ploidy/", "report/", "provenance/")
    assert [name for name in left if not name.startswith(kept)] == []
    # What may stay is fastp's report: of the reads as they are, where it could read them.
    assert not [p for p in (results / f"qc/{fault}").glob("*") if not p.name.endswith("fastp.json")]


def test_no_half_written_file_is_left(ended):
    assert unfinished(ended.project.results) == []
    assert list(ended.project.temporary.iterdir()) == []


def test_the_healthy_sample_is_loaded_all_the_same(ended):
    project = ended.project
    assert loaded(project) == {"healthy"}
    assert json.loads(project.wgs("ngd", "info", str(project / "ngd")))["genomes"] == 1


def test_the_report_says_what_became_of_each(ended):
    report = json.loads((ended.project.results / "report/run.json").read_text())
    rows = {row["sample"]: row for row in report["samples"]}
    assert set(rows) == {*FAULTS, "healthy"}
    assert "MD5" in json.dumps(rows["changed"])


def test_mended_reads_are_taken_up_by_the_same_command(ended):
    """Costs 20 s."""
    rows = ended.project.rows("units.tsv")
    rows = [row for row in rows if row["sample_id"] in ("changed", "healthy")]
    ended.project.write_rows("units.tsv", rows[0], [{**row, "md5_1": ""} for row in rows])
    people = [row for row in ended.project.rows("samples.tsv") if row["sample_id"] not in FAULTS]
    people += [row for row in ended.project.rows("samples.tsv") if row["sample_id"] == "changed"]
    ended.project.write_rows("samples.tsv", people[0], people)
    ended.project.complete()
    assert loaded(ended.project) == {"changed", "healthy"}


def stopped(project, *arguments):
    """The words of a run that stopped before its first job; it has written no result."""
    run = project.run(*arguments)
    assert run.code == 1
    assert "Traceback" not in run.output
    assert "localrule" not in run.output
    written = (path.name for path in project.results.glob("*") if path.is_dir())
    assert set(written) <= {".snakemake", "report"}
    assert not (project / "ngd").exists()
    return run.output


@pytest.fixture
def sound(toy, tmp_path):
    """A project without fault."""
    return make_project(toy, tmp_path / "project", dict([HEALTHY]))


def test_fastq_of_zero_reads(sound):
    (sound / "empty.fastq.gz").write_bytes(gzip.compress(b""))
    rows = sound.rows("units.tsv")
    sound.write_rows("units.tsv", rows[0], [{**rows[0], "fastq_2": "empty.fastq.gz"}])
    said = stopped(sound)
    assert "units.tsv:2: fastq_2 of sample healthy, empty.fastq.gz, holds no reads" in said
    assert "Copy the file again" in said


def test_duplicate_lane(sound):
    rows = sound.rows("units.tsv")
    sound.write_rows("units.tsv", rows[0], [rows[0], rows[0]])
    said = stopped(sound)
    assert "units.tsv:3: flowcell HSYN, lane L001, library healthy_A" in said
    assert "again (first on line 2)" in said


def test_reference_of_another_build(sound):
    sound.edit_config(reference={"build": "GRCh38", "fasta": "grch37.fa"})
    (sound / "grch37.fa").write_text(">20\nACGT\n")
    # The index says what the contigs are; chromosome 20 of GRCh37 has 63,025,520 bp.
    (sound / "grch37.fa.fai").write_text("20\t63025520\t4\t60\t61\n")
    said = stopped(sound)
    assert "config.yaml" in said
    assert "GRCh37" in said or "index" in said


def test_gvcf_of_another_sample(sound):
    text = (
        "##fileformat=VCFv4.2\n##contig=<ID=chr1,length=13000>\n"
        '##INFO=<ID=END,Number=1,Type=Integer,Description="End">\n'
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tsomebody_else\n"
        "chr1\t200\t.\tA\t.\t.\t.\tEND=300\tGT\t0/0\n"
    )
    (sound / "other.g.vcf").write_text(text)
    command = ["bcftools", "view", "-Oz", "-o", sound / "other.g.vcf.gz", sound / "other.g.vcf"]
    subprocess.run(command, check=True)
    columns = sound.rows("units.tsv")[0]
    sound.write_rows("units.tsv", columns, [{"sample_id": "healthy", "gvcf": "other.g.vcf.gz"}])
    said = stopped(sound)
    assert "units.tsv:2: gvcf of sample healthy, other.g.vcf.gz, is of 'somebody_else'" in said
    assert "Correct the path or the sample_id" in said


@pytest.mark.parametrize("name", ["two words", "../a", "$(touch x)", "-x"])
def test_a_sample_id_that_would_be_a_path_or_a_command(sound, name):
    for sheet in ("samples.tsv", "units.tsv"):
        rows = sound.rows(sheet)
        sound.write_rows(sheet, rows[0], [{**rows[0], "sample_id": name}])
    said = stopped(sound)
    assert "samples.tsv:2: " in said
    assert not list(sound.folder.rglob("x"))
