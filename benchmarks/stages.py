"""Our workflow against the plain tools called by hand, on the same reads and cores.

Reads are those of the proband of a toy project (two libraries, three lanes). By hand means the
shortest pipe that a bioinformatician would write; the workflow's figure is the whole `snakemake`
command, its start-up, its checks and its proofs included.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from wgs_pipeline.project import Project

REPOSITORY = Path(__file__).resolve().parent.parent
SAMPLE = "toy_proband"


@dataclass(frozen=True)
class Timing:
    """Wall times in seconds of one comparison, one a repetition.

    Attributes:
        name: What is compared.
        ours: The whole `snakemake` command, from start to exit.
        theirs: The plain tools.
        jobs: Our jobs alone, one after another or side by side as they ran, as Snakemake's own
            benchmark files have them: what is left of a run once the start-up no longer counts.
    """

    name: str
    ours: list[float]
    theirs: list[float]
    jobs: list[float]

    @property
    def ratio(self) -> float:
        """Our least wall time over theirs."""
        return min(self.ours) / min(self.theirs)

    @property
    def ratio_of_jobs(self) -> float:
        """The least wall time of our jobs over theirs."""
        return min(self.jobs) / min(self.theirs)


def wall(command: str, cwd: Path | None = None) -> float:
    """Wall time of a shell command in seconds; its output is shown only when it fails."""
    started = time.perf_counter()
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command], cwd=cwd, capture_output=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{command}\n{done.stdout.decode()}\n{done.stderr.decode()}")
    return time.perf_counter() - started


def snakemake(configfile: Path, target: str, cores: int) -> str:
    """The command that makes one file of a project, and nothing else."""
    return (
        f"cd {shlex.quote(str(REPOSITORY))} && snakemake --profile profiles/smoke --cores {cores} "
        # By hand it is bwa too; the aligners are compared by benchmarks/aligners.py.
        f"--config 'aligner={{name: bwa}}' --configfile {shlex.quote(str(configfile))} -- {target}"
    )


def longest_job(results: Path, rule: str) -> float:
    """Wall time of a rule's longest job in seconds; its jobs ran side by side."""
    files = (results / "benchmarks" / rule).glob(f"{SAMPLE}*.tsv")
    return max(float(file.read_text().splitlines()[1].split("\t")[0]) for file in files)


def remove(results: Path, *names: str) -> None:
    """Remove results so that they are made again."""
    for name in names:
        path = results / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def fastq_to_cram(configfile: Path, cores: int, repeats: int) -> Timing:
    """FASTQ lanes to a sorted CRAM with duplicates marked."""
    project = Project.load(configfile)
    results = project.config.results
    units = project.units[SAMPLE]
    first, second = (
        " ".join(shlex.quote(str(getattr(unit, f"fastq_{mate}"))) for unit in units)
        for mate in (1, 2)
    )
    wall(snakemake(configfile, "reference/bwa/genome.bwt reference/genome.fa.fai", cores))
    by_hand = (
        f"bwa mem -t {cores} -K 100000000 -R '@RG\\tID:a\\tSM:a\\tLB:a\\tPL:ILLUMINA' "
        f"reference/bwa/genome <(zcat {first}) <(zcat {second}) | samtools fixmate -u -m - - | "
        f"samtools sort -u -@ {cores} - | samtools markdup -u - - | "
        f"samtools view -C -@ {cores} -T reference/genome.fa --write-index -o by_hand.cram -"
    )
    made = (f"alignment/{SAMPLE}.cram", f"alignment/{SAMPLE}.json", f"qc/{SAMPLE}/reads.json")
    timing = Timing("FASTQ to CRAM", [], [], [])
    for _ in range(repeats):
        remove(results, *made)
        timing.ours.append(wall(snakemake(configfile, f"alignment/{SAMPLE}.json", cores)))
        rules = ("align", "verify_alignment")
        timing.jobs.append(sum(longest_job(results, rule) for rule in rules))
        timing.theirs.append(wall(by_hand, results))
    return timing


def cram_to_gvcf(configfile: Path, cores: int, repeats: int) -> Timing:
    """CRAM to a gVCF with reference blocks, both sides over as many processes as cores."""
    project = Project.load(configfile)
    results, calling = project.config.results, project.config.calling
    bands = ",".join(map(str, calling.depth_bands))
    wall(snakemake(configfile, "reference/intervals/0000.bed", cores))
    one = (
        "bcftools mpileup -Ou -A -q 20 -Q 20 -a FORMAT/AD,FORMAT/DP -f reference/genome.fa "
        f"-R reference/intervals/{{}}.bed alignment/{SAMPLE}.cram | "
        f"bcftools call -m --gvcf {bands} --ploidy 2 -Oz -o by_hand.{{}}.g.vcf.gz"
    )
    pieces = " ".join(f"{piece:04d}" for piece in range(calling.scatter_count))
    by_hand = (
        f"printf '%s\\n' {pieces} | xargs -P {cores} -I{{}} bash -c {shlex.quote(one)} && "
        "bcftools concat --naive -Oz -o by_hand.g.vcf.gz by_hand.*.g.vcf.gz && "
        "tabix -f by_hand.g.vcf.gz"
    )
    timing = Timing("CRAM to gVCF", [], [], [])
    for _ in range(repeats):
        remove(results, f"gvcf/{SAMPLE}.g.vcf.gz", f"gvcf/{SAMPLE}.g.vcf.gz.tbi")
        timing.ours.append(wall(snakemake(configfile, f"gvcf/{SAMPLE}.g.vcf.gz.tbi", cores)))
        rules = ("call_piece", "gather_gvcf")
        timing.jobs.append(sum(longest_job(results, rule) for rule in rules))
        timing.theirs.append(wall(by_hand, results))
        remove(results, *(f"by_hand.{piece}.g.vcf.gz" for piece in pieces.split()))
    return timing


def report(timing: Timing, output: Path) -> None:
    """Print a comparison, and add it to the benchmark's JSON lines."""
    print(
        f"{timing.name:<22}{min(timing.ours):>9.2f} s{min(timing.theirs):>9.2f} s"
        f"{timing.ratio:>8.2f}   (least of {len(timing.ours)}; jobs alone: "
        f"{min(timing.jobs):.2f} s, {timing.ratio_of_jobs:.2f})",
        flush=True,
    )
    with output.open("a", encoding="utf-8") as file:
        row = {**vars(timing), "ratio": timing.ratio, "ratio_of_jobs": timing.ratio_of_jobs}
        file.write(json.dumps(row) + "\n")
