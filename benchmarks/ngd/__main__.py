"""`make bench-ngd`, or `python -m benchmarks.ngd` from the repository's root."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from benchmarks.ngd.report import markdown, said
from benchmarks.ngd.run import Wanted, run


def main() -> None:
    """Measure, print rows as they come and tables at the end."""
    parser = argparse.ArgumentParser(prog="make bench-ngd", description=__doc__)
    parser.add_argument("--persons", type=int, nargs="+", default=[1_000, 10_000, 60_000])
    parser.add_argument("--region-mb", type=float, default=1.0, help="length of the region")
    parser.add_argument("--callable", choices=("bcftools", "gatk"), default="bcftools")
    parser.add_argument("--processes", type=int, default=2, help="that write shards")
    parser.add_argument("--compact-every", type=int, default=5, help="batches of 1,000 genomes")
    parser.add_argument("--times", type=int, default=40, help="that each question is asked")
    parser.add_argument("--peers", type=int, default=60_000, help="largest cohort given to peers")
    parser.add_argument("--peer-kb", type=float, default=200, help="most of the region for peers")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workdir", type=Path, help="scratch folder; default: a temporary one")
    parser.add_argument(
        "--keep",
        action="store_true",
        help="leave cohort and databases in workdir, and use those that are there",
    )
    parser.add_argument(
        "--questions-only",
        action="store_true",
        help="with --keep: only ask databases that an earlier run has loaded",
    )
    parser.add_argument("--output", type=Path, default=Path("benchmarks/ngd-results.jsonl"))
    arguments = parser.parse_args()
    if arguments.questions_only and not arguments.keep:
        parser.error("--questions-only needs --keep")
    if arguments.keep and not arguments.workdir:
        parser.error("--keep needs --workdir")
    if arguments.workdir:
        arguments.workdir.mkdir(parents=True, exist_ok=True)
    rows = []
    with (
        tempfile.TemporaryDirectory(prefix="wgs-bench-ngd.", dir=arguments.workdir) as temporary,
        arguments.output.open("w", encoding="utf-8") as output,
    ):
        wanted = Wanted(
            persons=tuple(arguments.persons),
            region_bp=round(arguments.region_mb * 1e6),
            callable=arguments.callable,
            workdir=arguments.workdir if arguments.keep else Path(temporary),
            processes=arguments.processes,
            compact_every=arguments.compact_every,
            times=arguments.times,
            peers=arguments.peers,
            peer_bp=round(arguments.peer_kb * 1e3),
            seed=arguments.seed,
            keep=arguments.keep,
            questions_only=arguments.questions_only,
        )
        for row in run(wanted):
            rows.append(row)
            print(said(row), flush=True)
            output.write(json.dumps(row) + "\n")
            output.flush()
    print("\n" + markdown(rows))


if __name__ == "__main__":
    main()
