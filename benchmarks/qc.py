"""The one pass of ``wgs qc alignment`` against mosdepth and samtools stats side by side.

    python benchmarks/qc.py [--reads FOLDER] [--copies N] [--repeat N] [--work FOLDER]

The CRAM is of real reads, HG002's two windows of chromosome 20 at 62x, tiled: each copy of the
windows is contigs of its own, so that the file is as large as wanted and its reads stay real.
Both sides have two threads to decode, as the workflow gives them. Shown are wall and processor
time and the most memory of any process of a side, least of the repetitions, and what our side takes
of an alignment without reads: its start.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

WGS = str(Path(sys.executable).with_name("wgs"))


@dataclass(frozen=True)
class Cost:
    """What one run took.

    Attributes:
        wall: Seconds on the clock.
        processor: Seconds of all processes.
        memory_mb: Most resident memory of one process.
    """

    wall: float
    processor: float
    memory_mb: float


def shell(script: str) -> None:
    """Run a script."""
    subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], check=True, stderr=subprocess.DEVNULL
    )


def cost(script: str) -> Cost:
    """Run a script in a child of its own, so that only what it starts is counted."""
    reader, writer = os.pipe()
    if not os.fork():
        started = time.perf_counter()
        shell(script)
        wall = time.perf_counter() - started
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        text = f"{wall} {used.ru_utime + used.ru_stime} {used.ru_maxrss / 1024}"
        os.write(writer, text.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as said:
        numbers = said.read().split()
    os.wait()
    return Cost(*map(float, numbers))


def make_input(reads: Path, copies: int, folder: Path) -> None:
    """The tiled reference and CRAM."""
    fasta = reads / "ref-b37-chr20" / "b37.chr20.windows.fa.gz"
    first, last = (f"<(cat {reads}/giab-hg002-chr20/*_R{end}.fastq.gz)" for end in (1, 2))
    shell(
        f"""
        cd {folder}
        gzip -dc {fasta} >one.fa; samtools faidx one.fa; bwa index one.fa
        bwa mem -t 2 -Y -R '@RG\\tID:1\\tSM:HG002\\tLB:1\\tPL:ILLUMINA' one.fa {first} {last} \
            | samtools fixmate -u -m - - | samtools sort -u - | samtools markdup -u -d 2500 - - \
            | samtools view -F 4 -o one.sam -
        for copy in $(seq {copies}); do sed "s/^>/>c$copy./" one.fa; done >tiled.fa
        samtools faidx tiled.fa
        {{
            printf '@HD\\tVN:1.6\\tSO:coordinate\\n@RG\\tID:1\\tSM:HG002\\tLB:1\\n'
            cut -f1,2 tiled.fa.fai | sed 's/^/@SQ\\tSN:/; s/\\t\\([0-9]*\\)$/\\tLN:\\1/'
            for copy in $(seq {copies}); do
                awk -v c=c$copy. '
                    BEGIN {{ FS = OFS = "\\t" }}
                    {{ $1 = c $1; $3 = c $3; if ($7 != "=" && $7 != "*") $7 = c $7; print }}
                ' one.sam
            done
        }} | samtools view --cram --threads 2 --reference tiled.fa --write-index -o tiled.cram -
        {WGS} qc regions --reference tiled.fa -o regions.bed
        samtools view -H one.sam | samtools view --cram --reference one.fa -o none.cram -
        {WGS} qc regions --reference one.fa -o one.bed
        """
    )


OURS = (
    WGS + " qc alignment tiled.cram --reference tiled.fa --regions regions.bed --threads 2"
    " --samtools-stats ours.txt -o ours.json"
)
START = (
    WGS + " qc alignment none.cram --reference one.fa --regions one.bed --threads 2"
    " --samtools-stats none.txt -o none.json"
)
THEIRS = """
mosdepth --no-per-base --threads 2 --fasta tiled.fa --mapq 20 --by regions.bed \
    --thresholds 1,10,15,20,30 theirs tiled.cram & depth=$!
samtools stats --threads 2 --filtering-flag QCFAIL --reference tiled.fa tiled.cram >theirs.txt
wait $depth
"""


def main() -> None:
    """Make the input, run both sides, print what they took."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    data = os.environ.get("WGS_TEST_DATA", "../shared/data")
    parser.add_argument("--reads", type=Path, default=Path(data), help="folder of the real reads")
    parser.add_argument("--copies", type=int, default=40)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--work", type=Path, help="keep the input here")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (given.work or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "regions.bed").exists():
            make_input(given.reads.resolve(), given.copies, folder)
        count = f"cd {folder}; samtools view -c --reference tiled.fa tiled.cram"
        reads = int(subprocess.check_output(["bash", "-c", count]))
        cost(f"cd {folder}; {OURS}")  # compiles, once an installation
        ours, theirs, start = [], [], []
        for _ in range(given.repeat):
            start.append(cost(f"cd {folder}; {START}"))
            ours.append(cost(f"cd {folder}; {OURS}"))
            theirs.append(cost(f"cd {folder}; {THEIRS}"))
    print(f"{reads:,} reads")
    print("side\twall_s\tprocessor_s\tmemory_mb")
    least = []
    sides = {"wgs qc alignment": ours, "mosdepth & samtools stats": theirs, "start of ours": start}
    for name, runs in sides.items():
        best = min(runs, key=lambda run: run.wall)
        processor = min(run.processor for run in runs)
        print(f"{name}\t{best.wall:.1f}\t{processor:.1f}\t{best.memory_mb:.0f}")
        least.append((best.wall, processor))
    print("ratio\t" + "\t".join(f"{a / b:.2f}" for a, b in zip(*least[:2], strict=True)))


if __name__ == "__main__":
    main()
