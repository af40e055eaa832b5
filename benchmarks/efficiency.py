"""CPU and memory that a run reserves and uses, by rule and by the size of its input.

One sample of real reads (HG002, 62x) on genomes of several sizes (see `tiled.py`) goes through the
whole workflow, as the local profile runs it. Shown is what the run report says of each run: the
share of reserved core time in which a core computed, weighted by core time, and the share of its
memory that a job used at most. `wgs resources fit` can read the results that --work keeps.

The last lines hold the report against the kernel, which knows of no jobs. `sampled` is what
Snakemake's benchmark files say, without what the kernel counted for each job. `children` is what
the kernel counted for all processes that Snakemake started and waited for: also the rules that have
no benchmark file and the check before the first job. `snakemake` is its own process.

    python benchmarks/efficiency.py --copies 1 4 12 24 --work /tmp/efficiency
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY / "tests"))

from running import SHARED_DATA, THRESHOLDS, Project, write_project  # noqa: E402
from tiled import FLOWCELL, Tiled, make_tiled  # noqa: E402

SAMPLE = "HG002"


def make_project(tiled: Tiled, folder: Path, engine: str, pieces: int) -> Project:
    """A project of one sample; structural variants and copy number are called too."""
    units = [
        {
            **{"sample_id": SAMPLE, "library_id": f"{SAMPLE}_A", "flowcell": FLOWCELL},
            **{"lane": lane, "fastq_1": str(first), "fastq_2": str(second)},
        }
        for lane, first, second in tiled.lanes
    ]
    return write_project(
        folder,
        [{"sample_id": SAMPLE, "patient_id": f"SYN-{SAMPLE}", "sex": "male"}],
        units,
        {"build": "tiled", "fasta": str(tiled.fasta)},
        calling={"engine": engine, "scatter_count": pieces},
        structural={"enabled": True},
        qc={"thresholds": THRESHOLDS},
    )


@dataclass(frozen=True)
class Counted:
    """CPU seconds of one run: as Snakemake saw them, and as the kernel counted them."""

    sampled_s: float
    children_s: float
    own_s: float


def run(project: Project, cores: int) -> tuple[dict[str, Any], Counted]:
    """Run a project to its end; its report, and what others say of its CPU time."""
    with tempfile.TemporaryFile("w+") as output:
        command = project.command("--cores", str(cores))
        process = psutil.Popen(command, cwd=REPOSITORY, stdout=output, stderr=output)
        # It has ended, and the kernel still knows of it.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        times = process.cpu_times()
        if process.wait():
            output.seek(0)
            raise SystemExit(output.read()[-5000:])
    sampled = 0.0
    for path in (project.results / "benchmarks").rglob("*.tsv"):
        with path.open() as file:
            *_, row = csv.DictReader(file, delimiter="\t")
        sampled += float(row["cpu_time"]) if row["cpu_time"] != "NA" else 0.0
    report: dict[str, Any] = json.loads((project.results / "report/run.json").read_text())
    children = times.children_user + times.children_system
    return report, Counted(sampled, children, times.user + times.system)


def show(report: dict[str, Any], counted: Counted, fastq_mb: float) -> None:
    """Print the rules that took most core time, the run, and what others say of it."""
    rules = [rule for rule in report["rules"] if rule["core_s"]]
    total = sum(rule["core_s"] for rule in rules)
    print(f"\n{fastq_mb:.0f} MB of FASTQ\n")
    print("| rule | jobs | core-seconds | share | CPU | s/MB | memory | of requested |")
    print("|---|---|---|---|---|---|---|---|")
    for rule in sorted(rules, key=lambda each: -each["core_s"]):
        print(
            f"| {rule['rule']} | {rule['jobs']} | {rule['core_s']:.1f} "
            f"| {rule['core_s'] / total:.1%} | {rule['cpu_efficiency']:.0%} "
            f"| {rule['cpu_s'] / fastq_mb:.3f} | {rule['max_rss_mb']:.0f} MB "
            f"| {rule['memory_use'] or 0:.0%} |"
        )
    others = {
        "run": report["run"]["cpu_s"],
        "sampled": counted.sampled_s,
        "children": counted.children_s,
        "snakemake": counted.own_s,
    }
    for name, cpu_s in others.items():
        print(f"| {name} | | {total:.1f} | 100% | {cpu_s / total:.1%} ({cpu_s:.1f} s) | | | |")
    sys.stdout.flush()


def main() -> None:
    """Run every size, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--copies", type=int, nargs="+", default=[1, 4, 12, 24])
    parser.add_argument("--engine", default="bcftools")
    parser.add_argument("--cores", type=int, default=os.cpu_count())
    parser.add_argument("--pieces", type=int, default=4, help="pieces of the scatter")
    parser.add_argument("--work", type=Path, help="keep reads and results here")
    options = parser.parse_args()
    if not SHARED_DATA.is_dir():
        raise SystemExit(f"needs the real reads in {SHARED_DATA}")
    with tempfile.TemporaryDirectory(prefix="efficiency.") as scratch:
        work: Path = options.work or Path(scratch)
        for copies in options.copies:
            tiled = make_tiled(SHARED_DATA, copies, work / f"reads{copies}")
            folder = work / f"{options.engine}{copies}"
            project = make_project(tiled, folder, options.engine, options.pieces)
            show(*run(project, options.cores), tiled.fastq_mb)


if __name__ == "__main__":
    main()
