"""The aligners on real reads with truth: calls of the same caller, and time and memory of each.

Each aligner that is found takes the lanes of HG002 and of HG001 (GIAB, chr20) through the
workflow to a callset, which is compared with truth inside the confident regions by bcftools; and
is run alone on the reads of HG002, five times, with two threads.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "tests"), str(REPOSITORY / "tests/workflow")]

import test_real_people as people  # noqa: E402

from running import THRESHOLDS, write_project  # noqa: E402
from wgs_pipeline import readgroups  # noqa: E402
from wgs_pipeline.aligners import ALIGNERS, Aligner, is_installed  # noqa: E402
from wgs_pipeline.project import Project  # noqa: E402

REPEATS = 5
ROW = "| {} | {} | {} | {} | {} | {} | {} | {:.4f} | {:.4f} | {:.4f} |"


def calls(folder: Path, aligner: Aligner, engine: str) -> Project:
    """Call both with one aligner and caller; print a line for each and each kind of variant."""
    units = [*people.lanes(people.GIAB_HG002), *people.lanes(people.GIAB_HG001, "HG001")]
    made = write_project(
        folder / f"{aligner.name}-{engine}",
        [people.HG002, people.HG001],
        units,
        {"build": "GRCh37-windows", "fasta": str(people.REFERENCE)},
        aligner={"name": aligner.name},
        calling={"engine": engine, "scatter_count": 1},
        qc={"thresholds": THRESHOLDS},
    )
    samples = ("HG002", "HG001")
    made.complete("--", *(f"callset/{name}.vcf.gz" for name in samples))
    for name in samples:
        found = people.score_of(made, name, name, folder / f"score-{aligner.name}-{engine}-{name}")
        for kind, n in found.items():
            counts = (n.true, n.false, n.missed)
            print(
                ROW.format(name, engine, aligner.name, kind, *counts, n.recall, n.precision, n.f1)
            )
    return Project.load(made.config)


def speed(project: Project, aligner: Aligner) -> None:
    """Print wall and CPU seconds, the least of several, and memory, of the aligner alone."""
    results, units = project.config.results, project.units["HG002"]
    reads = results / "reads.fq"
    stream = f"wgs reads stream {readgroups.stream_arguments(units)} --tally tally.json >reads.fq"
    subprocess.run(["bash", "-c", stream], cwd=results, check=True)
    header = readgroups.header_arguments(units, "ILLUMINA")
    command = f"{aligner.command} -t 2 -K 100000000 {header} {aligner.prefix} {reads}"
    timed = ["/usr/bin/time", "-f", "%e %U %S %M", *shlex.split(command)]
    runs = []
    for _ in range(REPEATS):
        done = subprocess.run(
            timed, cwd=results, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True
        )
        runs.append([float(cell) for cell in done.stderr.split(b"\n")[-2].split()])
    wall = min(run[0] for run in runs)
    cpu = min(run[1] + run[2] for run in runs)
    print(
        f"| {aligner.name} | {wall:.2f} s | {cpu:.2f} s | {max(r[3] for r in runs) / 1e3:.0f} MB |"
    )


def main() -> None:
    """Print both tables."""
    found = [aligner for aligner in ALIGNERS.values() if is_installed(aligner.name)]
    with tempfile.TemporaryDirectory(prefix="bench-aligners.") as scratch:
        print("| reads | caller | aligner | | TP | FP | FN | recall | precision | F1 |")
        for engine in ("freebayes", "bcftools"):
            projects = [calls(Path(scratch), aligner, engine) for aligner in found]
        print("\n| aligner | wall | CPU | memory |")
        for aligner, project in zip(found, projects, strict=True):
            speed(project, aligner)


if __name__ == "__main__":
    main()
