"""FASTQ to gVCF: our workflow against the step-by-step chain that comparable pipelines run.

Real reads of HG002 and HG001 (GIAB, chr20); both sides have the same reads, cores and calling
engine. Theirs is what nf-core/sarek does, which calls so small a genome in one piece: fastp, bwa
mem and samtools sort for each lane, then for each sample GATK MarkDuplicates, BaseRecalibrator and
ApplyBQSR with known sites, and the caller; one thread a tool, and a sample on every core, so that
no core waits. Ours: the whole `snakemake` command up to each gVCF, its start, its checks and the
screening of reads and alignment before calling included, with bwa and with the default aligner.
Indexes are made before, for both, and ours has run once before, as an installation keeps what it
compiled at its first run.
Scored is what each ships: with bcftools both gVCFs, filtered alike; with GATK, not timed, calls of
the chain after GenotypeGVCFs and the filters that GATK recommends, ours as the workflow's callset.

    python benchmarks/calling.py --engine bcftools
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY / "tests"))

from isec import Score, score  # noqa: E402
from running import DEFAULT_ALIGNER, SHARED_DATA, THRESHOLDS, write_project  # noqa: E402
from wgs_pipeline.aligners import ALIGNERS  # noqa: E402

REFERENCE = SHARED_DATA / "ref-b37-chr20/b37.chr20.windows.fa.gz"
KNOWN_SITES = SHARED_DATA / "known-sites-b37-chr20"
MIN_QUAL, MIN_DEPTH = 20, 5
#: Bases of a genome at 30x: 3.1 Gb.
GENOME_BASES = 30 * 3.1e9

LANE = r"""
fastp --in1 {first} --in2 {second} --out1 {lane}_R1.fq.gz --out2 {lane}_R2.fq.gz --thread 1 \
    --json {lane}.json --html {lane}.html 2>/dev/null
bwa mem -t 1 -K 100000000 -Y -R '@RG\tID:{lane}\tSM:{name}\tLB:A\tPL:ILLUMINA' ../ref/bwa \
    {lane}_R1.fq.gz {lane}_R2.fq.gz 2>/dev/null | samtools sort -o {lane}.bam -
"""
CHAIN = r"""
{gatk} MarkDuplicates {bams} -O marked.bam -M metrics.txt --CREATE_INDEX true
{gatk} BaseRecalibrator -I marked.bam -R ../ref/genome.fa {known} -O recal.table
{gatk} ApplyBQSR -I marked.bam -R ../ref/genome.fa --bqsr-recal-file recal.table -O ready.bam
samtools index ready.bam
{call}
tabix -f -p vcf {name}.g.vcf.gz
"""
CALLERS = {
    "bcftools": (
        "bcftools mpileup -Ou -q 20 -Q 20 -a FORMAT/AD,FORMAT/DP -f ../ref/genome.fa "
        "ready.bam 2>/dev/null | bcftools call -m --gvcf 0,5,10,15,20,30 --ploidy 2 -Ou "
        f"| bcftools filter -s LowQual -Oz -o {{name}}.g.vcf.gz "
        f"-e 'ALT!=\".\" && (QUAL < {MIN_QUAL} || FORMAT/DP < {MIN_DEPTH})'"
    ),
    "gatk": (
        "{gatk} HaplotypeCaller -R ../ref/genome.fa -I ready.bam -ERC GVCF "
        "--native-pair-hmm-threads 1 -O {name}.g.vcf.gz"
    ),
}
#: "Hard-filtering germline short variants", gatk.broadinstitute.org.
HARD_FILTERS = (
    '(TYPE="snp" && (QD<2 || QUAL<30 || SOR>3 || FS>60 || MQ<40 || MQRankSum<-12.5 '
    '|| ReadPosRankSum<-8)) || (TYPE!="snp" && (QD<2 || QUAL<30 || FS>200 || ReadPosRankSum<-20))'
)
GATK = 'gatk --java-options "-Xmx2g -XX:+UseSerialGC" {} 2>>gatk.log'


Lane = tuple[str, str, Path, Path]


@dataclass(frozen=True)
class Person:
    """Whose reads they are.

    Attributes:
        sample: Name.
        sex: As stated.
        lanes: Flowcell, lane and the two files of reads, of each lane.
        truth: Truth set without its suffix.
    """

    sample: str
    sex: str
    lanes: list[Lane]
    truth: Path


def real_people() -> list[Person]:
    """HG002 and HG001 as they are."""
    people = []
    for sample, sex, name, truth in (
        ("HG002", "male", "giab-hg002-chr20", "HG002.truth.cut"),
        ("HG001", "female", "giab-hg001-chr20", "NA12878.truth.cut"),
    ):
        folder = SHARED_DATA / name
        with (folder / "units.tsv").open() as file:
            lanes = [
                (row["flowcell"], row["lane"], folder / row["fq1"], folder / row["fq2"])
                for row in csv.DictReader(file, delimiter="\t")
            ]
        people.append(Person(sample, sex, lanes, folder / truth))
    return people


def known_sites() -> list[Path]:
    """Known sites for recalibration."""
    return sorted(KNOWN_SITES.glob("*.cut.sites.vcf.gz"))


@dataclass(frozen=True)
class Measured:
    """One side: seconds on the clock and of all its processes, and the calls of everyone."""

    name: str
    wall_s: float
    cpu_s: float
    calls: dict[str, Score]

    @property
    def f1(self) -> str:
        """Of SNVs and indels together."""
        true, false, missed = (
            sum(getattr(each, key) for each in self.calls.values())
            for key in ("true", "false", "missed")
        )
        return f"{2 * true / (2 * true + false + missed):.4f}"


def bash(command: str, cwd: Path) -> tuple[float, float]:
    """Wall and CPU seconds of a command and all that it started."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command], cwd=cwd, capture_output=True, check=False
    )
    if done.returncode:
        said = (done.stdout + done.stderr).decode(errors="replace")
        raise SystemExit(command + chr(10) + said[-5000:])
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def prepare_reference(folder: Path) -> None:
    """Reference with the indexes that the chain needs, and the known sites."""
    folder.mkdir()
    bash(
        f"gzip -dcf {shlex.quote(str(REFERENCE))} >genome.fa; samtools faidx genome.fa; "
        "samtools dict -o genome.dict genome.fa; bwa index -p bwa genome.fa",
        folder,
    )
    for path in known_sites():
        for each in (path, Path(f"{path}.tbi")):
            shutil.copy(each, folder / each.name)


def chain(people: list[Person], folder: Path, engine: str, cores: int) -> Measured:
    """Their side."""
    tool = "gatk() { " + GATK.replace("{}", '"$@"') + "; }"
    names = [person.sample for person in people]
    for person in people:
        name, text, bams = person.sample, "", ""
        (folder / name).mkdir()
        for flowcell, number, first, second in person.lanes:
            lane = f"{flowcell}.{number}"
            reads = {"first": shlex.quote(str(first)), "second": shlex.quote(str(second))}
            text += LANE.format(name=name, lane=lane, **reads)
            bams += f"-I {lane}.bam "
        text += CHAIN.format(
            name=name, bams=bams, gatk="run_gatk",
            known=" ".join(f"--known-sites ../ref/{path.name}" for path in known_sites()),
            call=CALLERS[engine].format(gatk="run_gatk", name=name),
        )  # fmt: skip
        head = "set -euo pipefail\n" + tool.replace("gatk() {", "run_gatk() {", 1) + "\n"
        (folder / name / "chain.sh").write_text(head + text)
    listed = "printf '%s\\n' " + " ".join(names)
    wall, cpu = bash(f"{listed} | xargs -P {cores} -I{{}} bash -c 'cd {{}}; bash chain.sh'", folder)
    gvcfs = [folder / name / f"{name}.g.vcf.gz" for name in names]
    if engine == "gatk":
        gvcfs = [genotyped(gvcf, folder / "ref") for gvcf in gvcfs]
    return Measured("chain", wall, cpu, calls(people, gvcfs, folder / "ref/genome.fa"))


def ours(people: list[Person], folder: Path, engine: str, cores: int, aligner: str) -> Measured:
    """Our side with one aligner."""
    units = [
        {
            **{"sample_id": person.sample, "library_id": f"{person.sample}_A"},
            **{"flowcell": flowcell, "lane": lane, "fastq_1": str(first), "fastq_2": str(second)},
        }
        for person in people
        for flowcell, lane, first, second in person.lanes
    ]
    project = write_project(
        folder / f"ours-{aligner}",
        [
            {"sample_id": each.sample, "patient_id": f"SYN-{each.sample}", "sex": each.sex}
            for each in people
        ],
        units,
        {"build": "GRCh37-windows", "fasta": str(REFERENCE)},
        aligner={"name": aligner},
        calling={
            **{"engine": engine, "scatter_count": cores},
            **{"min_qual": MIN_QUAL, "min_depth": MIN_DEPTH},
        },
        qc={"thresholds": THRESHOLDS},
    )
    start = ["snakemake", "--profile", "profiles/smoke", "--cores", str(cores), "--configfile"]
    run = shlex.join([*start, str(project.config)])
    bash(f"{run} -- {ALIGNERS[aligner].index_files[0]} reference/genome.fa.fai", REPOSITORY)
    targets = " ".join(f"gvcf/{person.sample}.g.vcf.gz.tbi" for person in people)
    wall, cpu = bash(f"{run} -- {targets}", REPOSITORY)
    results = project.results
    called = [results / f"gvcf/{person.sample}.g.vcf.gz" for person in people]
    if engine == "gatk":
        called = [results / f"callset/{person.sample}.vcf.gz" for person in people]
        bash(f"{run} -- {' '.join(f'callset/{path.name}' for path in called)}", REPOSITORY)
    found = calls(people, called, results / "reference/genome.fa")
    return Measured(f"ours, {aligner}", wall, cpu, found)


def calls(people: list[Person], called: list[Path], fasta: Path) -> dict[str, Score]:
    """Score of everyone's calls that pass, inside the confident regions, summed."""
    total: dict[str, Score] = {}
    for person, vcf in zip(people, called, strict=True):
        truth = person.truth
        with tempfile.TemporaryDirectory() as scratch:
            found = score(
                Path(f"{truth}.vcf.gz"), vcf, person.sample, Path(f"{truth}.bed"), fasta,
                Path(scratch) / "score",
            )  # fmt: skip
        for kind, each in found.items():
            total[kind] = total[kind] + each if kind in total else each
    return total


def genotyped(gvcf: Path, reference: Path) -> Path:
    """Calls of the chain's gVCF, with the filters that GATK recommends where few samples are."""
    name = gvcf.parent / "called.vcf.gz"
    bash(
        f"gatk GenotypeGVCFs -R {shlex.quote(str(reference / 'genome.fa'))} -V {gvcf.name} "
        f"-O genotyped.vcf.gz && bcftools filter -s HardFilter -e {shlex.quote(HARD_FILTERS)} "
        f"-Oz -o {name.name} genotyped.vcf.gz",
        gvcf.parent,
    )
    return name


def show(rows: list[Measured], bases: float, output: Path | None) -> None:
    """Print the table, and the core-hours of a genome that follow from it."""
    theirs = rows[0]
    print("| | wall | ratio | CPU | SNV TP/FP/FN | indel TP/FP/FN | F1 | core-hours a 30x genome |")
    print("|---|---|---|---|---|---|---|---|")
    for row in rows:
        counts = [
            f"{each.true}/{each.false}/{each.missed}"
            for each in (row.calls["snv"], row.calls["indel"])
        ]
        hours = row.cpu_s / bases * GENOME_BASES / 3600
        print(
            f"| {row.name} | {row.wall_s:.1f} s | {row.wall_s / theirs.wall_s:.2f} "
            f"| {row.cpu_s:.1f} s | {counts[0]} | {counts[1]} | {row.f1} | {hours:.0f} |"
        )
    print(f"\n{bases / 1e6:.1f} Mb of reads; core-hours = CPU s / bases x 93 Gb / 3600")
    if output:
        document = [asdict(row) for row in rows]
        output.write_text(json.dumps(document, indent=1) + "\n")


def main() -> None:
    """Measure both sides, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--engine", choices=CALLERS, default="bcftools")
    parser.add_argument("--cores", type=int, default=os.cpu_count())
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    missing = [tool for tool in ("gatk", "fastp", "bwa", "samtools") if not shutil.which(tool)]
    if missing or not SHARED_DATA.is_dir():
        raise SystemExit(f"bench-calling needs {', '.join(missing) or SHARED_DATA}")
    with tempfile.TemporaryDirectory(prefix="bench-calling.") as scratch:
        folder = Path(scratch)
        people = real_people()
        prepare_reference(folder / "ref")
        rows = [chain(people, folder, options.engine, options.cores)]
        (folder / "first").mkdir()
        ours(people, folder / "first", options.engine, options.cores, DEFAULT_ALIGNER)
        for aligner in dict.fromkeys(("bwa", DEFAULT_ALIGNER)):
            rows.append(ours(people, folder, options.engine, options.cores, aligner))
        qc = folder / "ours-bwa/results/qc"
        bases = sum(
            json.loads((qc / person.sample / "reads.json").read_text())["bases"]
            for person in people
        )
    show(rows, bases, options.json)


if __name__ == "__main__":
    main()
