"""A larger genome of real reads: HG002's two windows of chromosome 20, again and again.

Every copy has its letters exchanged by a permutation of A, C, G and T of its own, in the reference
and, in the direction of the reference, in the reads. So each copy is a sequence that is nowhere
else, and its reads map there alone, with the qualities, errors, duplicates, variants and depth
(62x) of the real ones. 24 permutations make 3.9 Mb; what they do not keep is the share of G and C.
"""

from __future__ import annotations

import csv
import itertools
import os
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pysam

#: Contig of the cut reference, and what the reads cover there (0-based, half-open).
WINDOWS = (
    ("20_19999626_20300468", 156_582, 234_930),
    ("20_44884502_44970315", 1_199, 84_614),
)
MOST_COPIES = 24
FLOWCELL, LANES = "HMTTCCCXX", ("L001", "L002")
_COMPLEMENT = str.maketrans("ACGT", "TGCA")


@dataclass(frozen=True)
class Tiled:
    """A tiled genome.

    Attributes:
        fasta: Its reference.
        lanes: Each lane with its two FASTQ files.
    """

    fasta: Path
    lanes: tuple[tuple[str, Path, Path], ...]

    @property
    def fastq_mb(self) -> float:
        """Size of the reads, MB of compressed FASTQ."""
        return sum(path.stat().st_size for _, *pair in self.lanes for path in pair) / 1e6


@dataclass(frozen=True)
class _Read:
    """Bases and qualities, both in the direction of the reference."""

    bases: str
    qualities: str
    is_reverse: bool


def make_tiled(data: Path, copies: int, folder: Path) -> Tiled:
    """Write reference and lanes of a tiled genome.

    Args:
        data: Folder of the shared data, with ``ref-b37-chr20`` and ``giab-hg002-chr20``.
        copies: Copies of the windows, 1 to 24.
        folder: Where to. What an earlier call made there is taken as it is.
    """
    if not 1 <= copies <= MOST_COPIES:
        raise SystemExit(f"{copies} copies; expected 1 to {MOST_COPIES}")
    fasta, done = folder / "tiled.fa", folder / "done"
    pairs_of = {
        lane: (folder / f"{FLOWCELL}_{lane}_R1.fastq.gz", folder / f"{FLOWCELL}_{lane}_R2.fastq.gz")
        for lane in LANES
    }
    tiled = Tiled(fasta, tuple((lane, *paths) for lane, paths in pairs_of.items()))
    if done.exists():
        return tiled
    folder.mkdir(parents=True, exist_ok=True)
    orders = itertools.islice(itertools.permutations("ACGT"), copies)
    exchanges = [str.maketrans("ACGT", "".join(order)) for order in orders]
    windows = data / "ref-b37-chr20/b37.chr20.windows.fa.gz"
    _write_reference(windows, fasta, exchanges)
    reads = _oriented_reads(data / "giab-hg002-chr20", windows, folder)
    pairs = list(zip(reads[::2], reads[1::2], strict=True))
    for number, paths in enumerate(pairs_of.values()):
        for mate, path in enumerate(paths):
            chosen = [pair[mate] for pair in pairs[number :: len(LANES)]]
            _write_fastq(path, chosen, number + 1, exchanges)
    done.touch()
    return tiled


def _write_reference(windows: Path, fasta: Path, exchanges: Sequence[dict[int, int]]) -> None:
    with pysam.FastaFile(str(windows)) as source, fasta.open("w") as file:
        for copy, exchange in enumerate(exchanges):
            for contig, start, end in WINDOWS:
                bases = source.fetch(contig, start, end).upper().translate(exchange)
                file.write(f">c{copy:02d}_{contig}\n")
                file.writelines(f"{bases[at : at + 60]}\n" for at in range(0, len(bases), 60))
    pysam.faidx(str(fasta))


def _oriented_reads(reads: Path, fasta: Path, scratch: Path) -> list[_Read]:
    """First and second read of each pair by turns, as bwa finds them on the reference."""
    with (reads / "units.tsv").open(newline="") as file:
        units = list(csv.DictReader(file, delimiter="\t"))
    first, second = (
        " ".join(shlex.quote(str(reads / unit[f"fq{mate}"])) for unit in units) for mate in (1, 2)
    )
    command = f"""
        gzip -dc {shlex.quote(str(fasta))} >one.fa
        bwa index one.fa 2>bwa.log
        bwa mem -t {os.cpu_count()} one.fa <(zcat {first}) <(zcat {second}) 2>bwa.log \
            | samtools view -F 0x900
    """
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=scratch,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    cells = (line.split("\t", 11) for line in done.stdout.splitlines())
    return [_Read(cell[9], cell[10], bool(int(cell[1]) & 0x10)) for cell in cells]


def _write_fastq(
    path: Path, reads: Sequence[_Read], lane: int, exchanges: Sequence[dict[int, int]]
) -> None:
    """Reads of all copies, mixed as they are on a flowcell."""
    with path.open("wb") as file:
        packer = subprocess.Popen(["bgzip", "-c"], stdin=subprocess.PIPE, stdout=file, text=True)
        assert packer.stdin is not None
        for number in range(len(reads)):
            for copy, exchange in enumerate(exchanges):
                # Another read of each copy, or equal qualities side by side would compress well.
                read = reads[(number + 997 * copy) % len(reads)]
                bases, qualities = read.bases.translate(exchange), read.qualities
                if read.is_reverse:
                    bases, qualities = bases.translate(_COMPLEMENT)[::-1], qualities[::-1]
                name = f"E00273:177:{FLOWCELL}:{lane}:{1101 + copy}:{number}:1000"
                packer.stdin.write(f"@{name}\n{bases}\n+\n{qualities}\n")
        packer.stdin.close()
        if packer.wait():
            raise SystemExit(f"{path}: bgzip failed")
