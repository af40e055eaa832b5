"""`wgs ngd load` of a gVCF with as many records as a whole genome has: time and memory.

    python benchmarks/whole_gvcf.py --records 60000000 [--gvcf FILE]

The records of a real gVCF are repeated along 22 contigs, bgzipped as they are made, and loaded into
an encrypted database of its own by the command itself, whose peak memory is printed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from database import END, REAL, along_one_contig, empty_database, gvcf_text

CONTIGS = [str(number) for number in range(1, 23)]
#: Index of a reference that is not there: variants are trimmed, not left-aligned.
CONTIGS_OF = "reference.fai"
#: Records that are made at once.
AT_ONCE = 100_000
#: Runs a command; a process as small as this one, so that its own memory counts for nothing.
LAUNCH = """
import json, resource, subprocess, sys, time
started = time.perf_counter()
code = subprocess.run(sys.argv[1:], stdout=2).returncode
wall, used = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
cpu = used.ru_utime + used.ru_stime
print(json.dumps({"wall_s": wall, "cpu_s": cpu, "peak_mb": used.ru_maxrss / 1024}))
sys.exit(code)
"""


@dataclass(frozen=True)
class Records:
    """Records of a gVCF along one contig, cut where positions stand.

    Attributes:
        starts: POS of each.
        ends: END of each; -1 where there is none.
        middle: What stands between POS and END, or all after POS.
        tail: What stands after END.
        size: Bases of the contig.
    """

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    middle: pa.StringArray
    tail: pa.StringArray
    size: int

    @classmethod
    def of(cls, lines: list[str]) -> Records:
        """The records of a gVCF, its contigs one after another."""
        starts, ends, middle, tail, size = [], [], [], [], 0
        for start, end, fields in along_one_contig(iter(lines)):
            size = max(size, end or 0, start + len(fields[3]))
            text = "\t" + "\t".join(fields[2:])
            stated = END.search(text)
            cut = len(text) if stated is None else stated.start(2)
            starts.append(start)
            ends.append(-1 if end is None else end)
            middle.append(text[:cut])
            tail.append("" if stated is None else text[stated.end() :])
        return cls(np.array(starts), np.array(ends), pa.array(middle), pa.array(tail), size)

    def __len__(self) -> int:
        return len(self.starts)

    def moved(self, contig: str, by: int, rows: slice) -> bytes:
        """Some of them as text, on another contig and so many bases further on."""
        starts, ends = self.starts[rows] + by, self.ends[rows]
        stated = pa.array(ends + by).cast(pa.string())
        stated = pc.if_else(pa.array(ends >= 0), stated, "")
        lines = pc.binary_join_element_wise(
            f"{contig}\t", pa.array(starts).cast(pa.string()), self.middle[rows], stated,
            self.tail[rows], "\n", "",
        )  # fmt: skip
        _, offsets, data = lines.buffers()
        return bytes(memoryview(data)[: int(np.frombuffer(offsets, np.int32)[len(lines)])])


def make(gvcf: Path, wanted: int, output: Path) -> int:
    """Write the large gVCF and the index of its contigs; gives how many records it has."""
    header, lines = gvcf_text(gvcf)
    records = Records.of(lines)
    copies = -(-wanted // (len(records) * len(CONTIGS)))
    length = records.size * copies
    contigs = [f"##contig=<ID={name},length={length}>" for name in CONTIGS]
    with output.open("wb") as file:
        packing = subprocess.Popen(["bgzip", "-c"], stdin=subprocess.PIPE, stdout=file)
        assert packing.stdin is not None
        with packing.stdin as out:
            out.write(("\n".join([*header[:-1], *contigs, header[-1]]) + "\n").encode())
            _write(records, copies, out)
        assert packing.wait() == 0
    output.with_name(CONTIGS_OF).write_text(
        "".join(f"{name}\t{length}\t0\t60\t61\n" for name in CONTIGS)
    )
    return len(records) * copies * len(CONTIGS)


def _write(records: Records, copies: int, out: IO[bytes]) -> None:
    for contig in CONTIGS:
        for copy in range(copies):
            for low in range(0, len(records), AT_ONCE):
                out.write(records.moved(contig, copy * records.size, slice(low, low + AT_ONCE)))


def main() -> None:
    """Make the gVCF, load it, print records, seconds and peak memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=60_000_000, help="at least so many")
    parser.add_argument("--gvcf", type=Path, default=next(_real(), None), help="a real gVCF")
    parser.add_argument("--workdir", type=Path, help="where the files are made, and removed")
    arguments = parser.parse_args()
    if arguments.gvcf is None:
        parser.error("expected a gVCF with --gvcf")
    with tempfile.TemporaryDirectory(prefix="wgs-load.", dir=arguments.workdir) as folder:
        gvcf = Path(folder) / "whole.g.vcf.gz"
        records = make(arguments.gvcf, arguments.records, gvcf)
        root = empty_database(Path(folder) / "database", gvcf.with_name(CONTIGS_OF))
        sample = gvcf_text(arguments.gvcf)[0][-1].split("\t")[9]
        load = ["wgs", "ngd", "load", root, "--sample", sample, "--gvcf", gvcf]
        load += ["--patient-id", "someone", "--sex", "female"]
        done = subprocess.run(
            [sys.executable, "-c", LAUNCH, *map(str, load)], stdout=subprocess.PIPE, check=True
        )
        row = {"records": records, "gvcf_mb": gvcf.stat().st_size / 1e6, **json.loads(done.stdout)}
        row["records_per_cpu_s"] = records / row["cpu_s"]
        print(json.dumps({name: round(value, 1) for name, value in row.items()}))


def _real() -> Iterator[Path]:
    return REAL.glob("*.g.vcf.gz")


if __name__ == "__main__":
    main()
