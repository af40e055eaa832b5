"""CPU and memory that a run reserves and uses, by rule and by the size of its input.

One sample of real reads (HG002, 62x) on genomes of several sizes (see `tiled.py`) goes through the
whole workflow, as the local profile runs it. Shown is what the run report says of each run: the
share of reserved core time in which a core computed, weighted by core time, and the share of its
memory that a job used at most. Snakemake looks at a job's processes every 30 s, so what they
compute before they end between two looks is not in it; so the last line has what the kernel counted
for the whole command, Snakemake itself included. `wgs resources fit` can read the results that
--work keeps.

    python benchmarks/efficiency.py --copies 1 4 12 24 --work /tmp/efficiency
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

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


def run(project: Project, cores: int) -> tuple[dict[str, Any], float]:
    """Run a project to its end; its report, and processor time of the whole command in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        project.command("--cores", str(cores)),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit((done.stdout + done.stderr)[-5000:])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    report: dict[str, Any] = json.loads((project.results / "report/run.json").read_text())
    return report, cpu_s


def show(report: dict[str, Any], cpu_s: float, fastq_mb: float) -> None:
    """Print the rules that took most core time, and the run."""
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
    print(f"| run | | {total:.1f} | 100% | {report['run']['cpu_efficiency']:.1%} | | | |")
    print(f"| command | | | | {cpu_s / total:.1%} ({cpu_s:.0f} s) | | | |", flush=True)


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
