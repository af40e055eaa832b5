"""Time and memory of Snakemake's job graph, for many samples.

Projects are simulated: two lanes a sample with a read each, every second sample in a trio. Timed is

- dry-run: the whole `snakemake --dry-run` command, with the text of every job;
- submission: a run under `profiles/slurm` from its start to its first `sbatch`, a stand-in that
  does nothing (`wgs check` of the project is in it); then it is stopped;
- node: the `snakemake` that a node starts for the alignment of one sample, without running it. A
  SLURM job starts it twice: the plugin's job step starts another.
"""

from __future__ import annotations

import argparse
import gzip
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import yaml

REPOSITORY = Path(__file__).resolve().parent.parent
LANES = 2
#: What stands for SLURM's commands, and what it does.
STAND_INS = {
    "sbatch": "touch {submitted}; echo 1",
    "sacctmgr": "echo wgs",
    "scontrol": "echo MinJobAge = 300 sec",
    **dict.fromkeys(("sacct", "squeue", "scancel", "sinfo"), "true"),
}


@dataclass(frozen=True)
class Measured:
    """Time and processor time in seconds, most memory in MB, jobs in the graph where it is told."""

    samples: int
    wall_s: float
    cpu_s: float
    max_rss_mb: float
    jobs: int


def make_project(folder: Path, samples: int) -> Path:
    """Write a project of so many samples; its configuration file."""
    for name in ("reads", "reference"):
        (folder / name).mkdir(parents=True)
    (folder / "reference" / "genome.fa").write_text(">chr1\n" + 500 * "ACGT" + "\n")
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


def dry_run(config: Path, samples: int, *arguments: str, profile: str = "local") -> Measured:
    """Dry-run the workflow on a project under a shipped profile, and measure the process."""
    command = ["snakemake", "--profile", f"profiles/{profile}", "--configfile", str(config)]
    command += ["--dry-run", "--quiet", "all", *arguments]
    return _measure(command, samples)


def node_start(config: Path, samples: int) -> Measured:
    """Start what a node starts for the alignment of one sample."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", "Snakefile"]
    command += ["--target-jobs", "align:sample=S00000", "--allowed-rules", "align", "--force"]
    command += ["--configfiles", str(config), "--cores", "32", "--max-inventory-time", "0"]
    command += ["--nolock", "--no-hooks", "--ignore-incomplete", "--executor", "slurm-jobstep"]
    command += ["--jobs", "1", "--mode", "remote", "--dry-run"]
    return _measure(command, samples)


def first_submission(config: Path, samples: int) -> Measured:
    """Start a run, and stop it when it has submitted a job."""
    folder = config.parent / "stand-ins"
    folder.mkdir()
    submitted = config.parent / "submitted"
    for name, action in STAND_INS.items():
        (folder / name).write_text(f"#!/bin/sh\n{action.format(submitted=submitted)}\n")
        (folder / name).chmod(0o755)
    command = ["snakemake", "--profile", "profiles/slurm", "--configfile", str(config)]
    environment = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    with tempfile.TemporaryFile("w+") as output:
        started = time.perf_counter()
        run = psutil.Popen(command, cwd=REPOSITORY, stdout=output, stderr=output, env=environment)
        while not submitted.exists() and run.poll() is None:
            time.sleep(0.05)
        wall = time.perf_counter() - started
        if run.poll() is not None:
            output.seek(0)
            raise SystemExit(f"{' '.join(command)}\n{output.read()}")
        times, memory = run.cpu_times(), run.memory_info().rss
        run.kill()
        run.wait()
    cpu = times.user + times.system + times.children_user + times.children_system
    return Measured(samples, wall, cpu, memory / 2**20, 0)


def _measure(command: list[str], samples: int) -> Measured:
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
    return Measured(samples, wall, cpu, usage.ru_maxrss / 1024, int(total[-1]) if total else 0)


def _samples(count: int) -> Iterator[tuple[str, ...]]:
    for n in range(count):
        family = f"F{n // 6}" if n % 6 < 3 else f"S{n}"
        yield f"S{n:05d}", f"synthetic-{n:05d}", ("female", "male")[n % 2], family


def _units(folder: Path, count: int) -> Iterator[tuple[str, ...]]:
    for n in range(count):
        for lane in range(LANES):
            mates = [f"reads/S{n:05d}_L{lane}_R{mate}.fastq.gz" for mate in (1, 2)]
            for number, mate in enumerate(mates, 1):
                read = f"@S{n}:{lane} {number}:N:0:A\nACGT\n+\nFFFF\n"
                (folder / mate).write_bytes(gzip.compress(read.encode(), mtime=0))
            yield f"S{n:05d}", f"S{n:05d}-A", "FLOWCELL1", f"L{lane}", *mates


def _sheet(path: Path, header: str, rows: Iterator[tuple[str, ...]]) -> None:
    lines = ["\t".join(header.split()), *("\t".join(row) for row in rows)]
    path.write_text("\n".join(lines) + "\n")


def main() -> None:
    """Print a table of what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, nargs="+", default=[100, 1000, 5000])
    parser.add_argument(
        "--profile", default="local", help="local, or slurm, whose groups cost more."
    )
    parser.add_argument(
        "--measure", nargs="+", default=["dry-run"], choices=["dry-run", "submission", "node"]
    )
    arguments = parser.parse_args()
    print("measured\tsamples\tjobs\twall_s\tcpu_s\tmax_rss_mb")
    for samples in arguments.samples:
        with tempfile.TemporaryDirectory(prefix="dag-") as folder:
            config = make_project(Path(folder) / "project", samples)
            for measured in arguments.measure:
                if measured == "dry-run":
                    run = dry_run(config, samples, profile=arguments.profile)
                else:
                    run = {"submission": first_submission, "node": node_start}[measured](
                        config, samples
                    )
                times = f"{run.wall_s:.1f}\t{run.cpu_s:.1f}"
                jobs = run.jobs or ""
                print(f"{measured}\t{run.samples}\t{jobs}\t{times}\t{run.max_rss_mb:.0f}")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
