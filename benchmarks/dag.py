"""Time and memory of Snakemake's job graph: a dry run of the whole workflow for many samples.

Projects are simulated: two lanes a sample, every second sample in a trio, empty files. Nothing is
run; what is timed is the whole `snakemake --dry-run` command, from start to exit.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).resolve().parent.parent
LANES = 2


@dataclass(frozen=True)
class DryRun:
    """One dry run: time and processor time in seconds, most memory in MB, jobs in the graph."""

    samples: int
    wall_s: float
    cpu_s: float
    max_rss_mb: float
    jobs: int


def make_project(folder: Path, samples: int) -> Path:
    """Write a project of so many samples; its configuration file."""
    for name in ("reads", "reference"):
        (folder / name).mkdir(parents=True)
    (folder / "reference" / "genome.fa").write_text(">chr1\nACGT\n")
    _sheet(folder / "samples.tsv", "sample_id patient_id sex family_id", _samples(samples))
    _sheet(
        folder / "units.tsv",
        "sample_id library_id flowcell lane fastq_1 fastq_2",
        _units(folder, samples),
    )
    header = "patient_id scope decision effective_from recorded_at source"
    given = ("analysis", "given", "2025-01-01T00:00:00Z", "2025-01-01T00:00:00Z", "form")
    _sheet(
        folder / "consents.tsv", header, ((f"synthetic-{n:05d}", *given) for n in range(samples))
    )
    values = {
        **{name: f"{name}.tsv" for name in ("samples", "units", "consents")},
        "results": "results",
        "reference": {"build": "GRCh38", "fasta": "reference/genome.fa"},
        "ngd": {"root": "ngd", "vault": "vault"},
    }
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(values))
    return config


def dry_run(config: Path, samples: int, *arguments: str, profile: str = "local") -> DryRun:
    """Dry-run the workflow on a project under a shipped profile, and measure the process."""
    command = ["snakemake", "--profile", f"profiles/{profile}", "--configfile", str(config)]
    command += ["--dry-run", "--quiet", "all", *arguments]
    with tempfile.TemporaryFile("w+") as output:
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=REPOSITORY, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        said = output.read()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}\n{said}")
    total = re.findall(r"^total\s+(\d+)", said, re.MULTILINE)
    cpu = usage.ru_utime + usage.ru_stime
    return DryRun(samples, wall, cpu, usage.ru_maxrss / 1024, int(total[-1]) if total else 0)


def _samples(count: int) -> Iterator[tuple[str, ...]]:
    for n in range(count):
        family = f"F{n // 6}" if n % 6 < 3 else f"S{n}"
        yield f"S{n:05d}", f"synthetic-{n:05d}", ("female", "male")[n % 2], family


def _units(folder: Path, count: int) -> Iterator[tuple[str, ...]]:
    for n in range(count):
        for lane in range(LANES):
            mates = [f"reads/S{n:05d}_L{lane}_R{mate}.fastq.gz" for mate in (1, 2)]
            for mate in mates:
                (folder / mate).touch()
            yield f"S{n:05d}", f"S{n:05d}-A", "FLOWCELL1", f"L{lane}", *mates


def _sheet(path: Path, header: str, rows: Iterator[tuple[str, ...]]) -> None:
    lines = ["\t".join(header.split()), *("\t".join(row) for row in rows)]
    path.write_text("\n".join(lines) + "\n")


def main() -> None:
    """Print a table of dry runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, nargs="+", default=[100, 1000, 5000])
    parser.add_argument(
        "--profile", default="local", help="local, or slurm, whose groups cost more."
    )
    arguments = parser.parse_args()
    print("samples\tjobs\twall_s\tcpu_s\tmax_rss_mb")
    for samples in arguments.samples:
        with tempfile.TemporaryDirectory(prefix="dag-") as folder:
            config = make_project(Path(folder) / "project", samples)
            run = dry_run(config, samples, profile=arguments.profile)
        times = f"{run.wall_s:.1f}\t{run.cpu_s:.1f}"
        print(f"{run.samples}\t{run.jobs}\t{times}\t{run.max_rss_mb:.0f}")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
