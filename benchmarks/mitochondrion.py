"""Heteroplasmies of toy people by three ways of calling: ours, the line alone, freebayes.

Usage: python benchmarks/mitochondrion.py [--seeds 5] [--coverage 30]

Toy projects of several seeds; their reads are aligned once and then called by `wgs mitochondrion
call`, by the same without the turned reference, and by freebayes for pooled samples on the same two
alignments. Prints, a way and a share of the copies, how many of the planted and inherited variants
are found, and how many that nobody carries; and the processor time.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage

import numpy as np
import pysam

from wgs_pipeline.mitochondrion import Sample, Settings
from wgs_pipeline.mitochondrion import calling as ours
from wgs_pipeline.mitochondrion.circle import Cut
from wgs_pipeline.mitochondrion.heteroplasmy import Alleles, filters, qualities
from wgs_pipeline.toy.people import PEOPLE
from wgs_pipeline.toy.project import make_project

Found = dict[tuple[int, str, str], float]
PEOPLE_CALLED = [person.sample_id for person in PEOPLE if person.analysed]


def align(project: Path, name: str, folder: Path) -> Path:
    """The sorted, indexed reads of one person."""
    fasta, bam = project / "reference/toy.fa", folder / f"{name}.bam"
    first = " ".join(sorted(str(path) for path in project.glob(f"reads/{name}_*_R1.fastq.gz")))
    second = first.replace("_R1.", "_R2.")
    command = (
        f"bwa mem -Y {fasta} <(cat {first}) <(cat {second}) | samtools fixmate -u -m - - "
        f"| samtools sort -u - | samtools markdup -u - - | samtools view -b -o {bam} -"
    )
    subprocess.run(["bash", "-c", command], check=True, capture_output=True)
    pysam.index(str(bam))
    return bam


def passing(alleles: Alleles, settings: Settings) -> Found:
    """Alleles that pass, with their share."""
    chosen = alleles.take(np.flatnonzero(alleles.share >= settings.min_heteroplasmy))
    failed = filters(chosen, qualities(chosen), settings.min_quality, settings.min_depth)
    rows = zip(chosen.position.tolist(), chosen.ref, chosen.alt, chosen.share, strict=True)
    return {
        (position + 1, ref, alt): float(share)
        for (position, ref, alt, share), filters_ in zip(rows, failed, strict=True)
        if not filters_
    }


def call_ours(sample: Sample, sequence: str, cuts: tuple[Cut, ...]) -> Found:
    """Alleles that pass, of ``wgs mitochondrion call`` on some cuts."""
    settings = Settings()
    return passing(ours.count_alleles(sample, sequence, settings, cuts), settings)


def call_freebayes(sample: Sample, sequence: str, min_qual: float) -> Found:
    """The same of freebayes for pooled samples, on both cuts."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        reads = Path(folder, "reads.fq")
        ours.extract_reads(sample, reads)
        for number, cut in enumerate(Cut.both(len(sequence))):
            reference = Path(folder, f"cut{number}.fa")
            reference.write_text(f">{sample.contig}\n{cut.sequence(sequence)}\n")
            bam = ours.align_reads(reads, reference, 1)
            pysam.index(str(bam))
            pysam.faidx(str(reference))
            command = (
                f"freebayes -f {reference} --pooled-continuous -F 0.03 -C 3 -m 20 -q 20 {bam} "
                f"| bcftools norm -m -any -f {reference} -Ou | bcftools norm -a -f {reference} -Ou "
                f"| bcftools view -i 'QUAL>={min_qual:g}' -Ou "
                "| bcftools query -f '%POS0\\t%REF\\t%ALT\\t%INFO/AO\\t%INFO/DP\\n'"
            )
            done = subprocess.run(["bash", "-c", command], check=True, capture_output=True)
            for line in done.stdout.decode().splitlines():
                position, ref, alt, reads_, depth = line.split("\t")
                at = np.array([int(position)])
                share = int(reads_) / int(depth)
                if cut.trusts(at)[0] and share >= Settings().min_heteroplasmy:
                    found[int(cut.lift(at)[0]) + 1, ref, alt] = share
    return found


def truth_of(project: Path) -> dict[str, Found]:
    """What each person carries, with the share of the copies."""
    known: dict[str, Found] = {name: {} for name in PEOPLE_CALLED}
    for line in (project / "truth/mitochondrion.tsv").read_text().splitlines()[1:]:
        name, variant, share = line.split("\t")
        if name in known:
            _, position, ref, alt = variant.split("-")
            known[name][int(position), ref, alt] = float(share)
    return known


def processor_time() -> float:
    """Seconds of this process and of the tools that it ran."""
    return sum(u.ru_utime + u.ru_stime for u in map(getrusage, (RUSAGE_SELF, RUSAGE_CHILDREN)))


def main() -> None:
    """Call the people of some seeds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--coverage", type=float, default=30)
    options = parser.parse_args()
    counts: Counter[tuple[str, str]] = Counter()
    errors: dict[str, list[float]] = {}
    seconds: defaultdict[str, float] = defaultdict(float)
    for seed in range(1, options.seeds + 1):
        with tempfile.TemporaryDirectory() as scratch:
            project, folder = Path(scratch, "toy"), Path(scratch)
            make_project(project, seed, options.coverage, 0.5)
            fasta = project / "reference/toy.fa"
            subprocess.run(["bwa", "index", fasta], check=True, capture_output=True)
            pysam.faidx(str(fasta))
            with pysam.FastaFile(str(fasta)) as file:
                sequence = file.fetch("chrM")
            for name, known in truth_of(project).items():
                sample = Sample(name, align(project, name, folder), fasta, "chrM")
                ways = {
                    "ours": lambda s=sample, q=sequence: call_ours(s, q, Cut.both(len(q))),
                    "line alone": lambda s=sample, q=sequence: call_ours(s, q, (Cut(len(q), 0),)),
                    "freebayes, all": lambda s=sample, q=sequence: call_freebayes(s, q, 0),
                    "freebayes, QUAL 20": lambda s=sample, q=sequence: call_freebayes(s, q, 20),
                }
                for way, run in ways.items():
                    before = processor_time()
                    found = run()
                    seconds[way] += processor_time() - before
                    counts[way, "false"] += len(set(found) - set(known))
                    for key, share in known.items():
                        counts[way, f"{share:g}"] += key in found
                        counts[way, f"of {share:g}"] += 1
                        if key in found and share < 1:
                            errors.setdefault(way, []).append(found[key] - share)
    print("way\t5 %\t20 %\t100 %\tfalse\tmean error of the share\tprocessor s a sample")
    for way in seconds:
        cells = [f"{counts[way, s]}/{counts[way, f'of {s}']}" for s in ("0.05", "0.2", "1")]
        mean = np.mean(errors[way])
        per_sample = seconds[way] / (options.seeds * len(PEOPLE_CALLED))
        print(way, *cells, counts[way, "false"], f"{mean:+.4f}", f"{per_sample:.1f}", sep="\t")


if __name__ == "__main__":
    main()
