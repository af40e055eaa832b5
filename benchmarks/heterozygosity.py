"""Heterozygous bases as the one pass over an alignment counts them, against truth on real reads.

Usage: python benchmarks/heterozygosity.py [--data ../shared/data]

The reads of HG002 and HG001 in their regions of chromosome 20 are aligned; the bases that count as
heterozygous are held against the heterozygous SNVs of the truth, inside the confident regions. What
is false there would also be seen on a single X.
"""

from __future__ import annotations

import argparse
import gzip
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pysam

from wgs_pipeline.metrics import alignment_pass, heterozygosity
from wgs_pipeline.metrics.alignment_pass import Regions, tally_alignment
from wgs_pipeline.metrics.contigs import Part
from wgs_pipeline.reference import read_bed, read_contigs

PEOPLE = {"giab-hg002-chr20": "HG002", "giab-hg001-chr20": "NA12878"}


def align(fasta: Path, reads: Path, bam: Path) -> None:
    """Sorted reads with duplicates marked."""
    first, second = (
        " ".join(sorted(str(path) for path in reads.glob(f"*_R{mate}.fastq.gz"))) for mate in (1, 2)
    )
    command = (
        f"bwa mem -Y {fasta} <(zcat {first}) <(zcat {second}) | samtools fixmate -u -m - - "
        f"| samtools sort -u - | samtools markdup - {bam}"
    )
    subprocess.run(["bash", "-c", command], check=True, capture_output=True)
    pysam.index(str(bam))


def true_places(vcf: Path, bed: Path) -> set[tuple[str, int]]:
    """Heterozygous SNVs of the truth, 0-based."""
    command = ["bcftools", "view", "-H", "-v", "snps", "-g", "het", "-R", str(bed), str(vcf)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    rows = (line.split("\t") for line in done.stdout.splitlines())
    return {(row[0], int(row[1]) - 1) for row in rows}


def found_places(bam: Path, fasta: Path, bed: Path) -> tuple[set[tuple[str, int]], int]:
    """Bases that count as heterozygous, and how many were examined."""
    contigs = read_contigs(Path(f"{fasta}.fai"))
    places: set[tuple[str, int]] = set()
    count = heterozygosity.count_heterozygous

    def counting(contig, position, bases):  # type: ignore[no-untyped-def]
        whole = count(contig, position, bases)
        for row in np.flatnonzero(bases.sum(axis=1) >= heterozygosity.LEAST_DEPTH):
            alone = np.array([row])
            # On its own a base has no neighbour, and its depth is the median.
            if count(contig[alone], position[alone], bases[alone]).heterozygous:
                places.add((contigs[int(contig[row])].name, int(position[row])))
        return whole

    alignment_pass.count_heterozygous = counting
    stats = bam.with_suffix(".stats")
    regions = Regions(contigs, sorted(read_bed(bed)), ())
    tally = tally_alignment(bam, fasta, regions, stats, 1)
    alignment_pass.count_heterozygous = count
    autosomes = tally.heterozygosity[Part.AUTOSOME]
    near = {
        place
        for place in places
        if any(o != place and o[0] == place[0] and abs(o[1] - place[1]) < 10 for o in places)
    }
    kept = places - near
    assert abs(len(kept) - autosomes.heterozygous) <= 2, (len(kept), autosomes)
    return kept, autosomes.examined


def main() -> None:
    """Print a line a person."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    data = parser.parse_args().data
    print("person\texamined bp\theterozygous\tof these true\ttrue in all\tfalse a kb")
    with tempfile.TemporaryDirectory() as scratch:
        fasta = Path(scratch, "windows.fa")
        packed = data / "ref-b37-chr20/b37.chr20.windows.fa.gz"
        fasta.write_bytes(gzip.decompress(packed.read_bytes()))
        pysam.faidx(str(fasta))
        subprocess.run(["bwa", "index", fasta], check=True, capture_output=True)
        for folder, person in PEOPLE.items():
            bam, bed = Path(scratch, f"{person}.bam"), data / folder / f"{person}.truth.cut.bed"
            align(fasta, data / folder, bam)
            found, examined = found_places(bam, fasta, bed)
            truth = true_places(data / folder / f"{person}.truth.cut.vcf.gz", bed)
            wrong = len(found - truth)
            cells = (examined, len(found), len(found & truth), len(truth))
            print(person, *cells, f"{1000 * wrong / examined:.3f}", sep="\t")


if __name__ == "__main__":
    main()
