"""Run the benchmarks: `make bench`.

Prints our wall time, that of the named peer in the same run, and their ratio.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import database
import stages
from wgs_pipeline import toy


def main() -> None:
    """Make the data, run each comparison, print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=8.0, help="length of the toy genome")
    parser.add_argument("--coverage", type=float, default=30.0, help="depth of the reads")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each side")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results.jsonl"))
    arguments = parser.parse_args()
    cores = os.cpu_count() or 1
    arguments.output.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="wgs-bench.") as folder:
        project = Path(folder) / "project"
        toy.make_project(project, seed=1, coverage=arguments.coverage, scale=arguments.scale)
        configfile = project / "config.yaml"
        print(f"{'stage':<22}{'ours':>11}{'plain tools':>11}{'ratio':>8}")
        for measure in (stages.fastq_to_cram, stages.cram_to_gvcf):
            stages.report(measure(configfile, cores, arguments.repeats), arguments.output)
        database.run(project, arguments.repeats, arguments.output)


if __name__ == "__main__":
    main()
