"""Kinship of every pair: ``make bench-relatedness``.

5,000 genomes at 10,000 sites, 2 % of the genotypes missing; beside it plink2 on the same genotypes,
where it is installed, with as many threads.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from wgs_pipeline.fingerprints import Dosages
from wgs_pipeline.metrics.relatedness import FIRST_DEGREE, kinship_blocks


def draw(genomes: int, sites: int) -> Dosages:
    """Dosages of strangers at common sites; the last genome is the child of the first two."""
    rng = np.random.default_rng(1)
    frequencies = rng.uniform(0.05, 0.5, sites)
    matrix = np.empty((genomes, sites), np.int8)
    haplotypes = rng.random((2, 2, sites)) < frequencies
    for row in range(genomes):
        drawn = haplotypes[row] if row < 2 else rng.random((2, sites)) < frequencies
        matrix[row] = drawn.sum(axis=0)
    picked = rng.integers(0, 2, (2, sites))
    matrix[-1] = haplotypes[0][picked[0], np.arange(sites)].astype(np.int8)
    matrix[-1] += haplotypes[1][picked[1], np.arange(sites)]
    matrix[rng.random(matrix.shape) < 0.02] = -1
    return matrix


def ours(matrix: Dosages) -> tuple[float, float, int]:
    """Seconds, seconds of CPU, and pairs of the first degree."""
    started, busy = time.perf_counter(), time.process_time()
    related = 0
    for block in kinship_blocks(matrix):
        above = block.kinship > FIRST_DEGREE
        related += int(np.triu(above, block.first + 1).sum())
    return time.perf_counter() - started, time.process_time() - busy, related


def plink2(matrix: Dosages, folder: Path, threads: int) -> float:
    """Seconds of ``plink2 --make-king-table`` without those of reading the genotypes as text."""
    names = "\t".join(f"S{row}" for row in range(len(matrix)))
    text = np.array([b"./.", b"0/0", b"0/1", b"1/1"])
    with (folder / "cohort.vcf").open("wb") as file:
        file.write(b"##fileformat=VCFv4.2\n##contig=<ID=1>\n")
        file.write(f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{names}\n".encode())
        for site, column in enumerate(matrix.T, start=1):
            cells = b"\t".join(text[column + 1].tolist())
            file.write(b"1\t%d\t.\tA\tC\t.\t.\t.\tGT\t%s\n" % (site, cells))
    out = str(folder / "cohort")
    shared = ["plink2", "--threads", str(threads), "--memory", "4000", "--out", out]
    read = [*shared, "--vcf", f"{out}.vcf", "--make-pgen"]
    subprocess.run(read, check=True, capture_output=True)
    king = [*shared, "--pfile", out, "--make-king-table", "--king-table-filter", str(FIRST_DEGREE)]
    started = time.perf_counter()
    subprocess.run(king, check=True, capture_output=True)
    return time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--genomes", type=int, default=5_000)
    parser.add_argument("--sites", type=int, default=10_000)
    asked = parser.parse_args()
    matrix = draw(asked.genomes, asked.sites)
    seconds, cpu, related = ours(matrix)
    cores = len(os.sched_getaffinity(0))
    print(f"{asked.genomes:,} genomes x {asked.sites:,} sites, {cores} cores")
    found = f"{related} pairs of the first degree (2 were made)"
    print(f"wgs_pipeline  {seconds:6.1f} s, {cpu:.1f} s of CPU, {found}")
    if shutil.which("plink2"):
        with tempfile.TemporaryDirectory() as folder:
            print(f"plink2        {plink2(matrix, Path(folder), cores):6.1f} s")


if __name__ == "__main__":
    main()
