"""Structural variants and copy number against what was planted, and against three real persons.

    python benchmarks/structural.py planted [--seeds 1 2] [--scale 14] [--per-class 14]
    python benchmarks/structural.py people [--data FOLDER]

``planted``: deletions, tandem duplications, inversions and insertions of four size classes in a toy
genome, read at 30x, aligned by bwa, called by delly, by dysgu, by both merged (ours, and truvari
collapse beside it) and from depth. ``truvari bench`` compares; a call is true where its kind is
right, its ends lie within 500 bp and its size within 30 %. ``INS place`` leaves out the size.
``people``: the deletion of chromosome 4 of the set sv-platinum-chr4.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pysam

from wgs_pipeline.toy.fastq import write_lane
from wgs_pipeline.toy.fragments import draw_fragments, lay_template, sequenced_coverage
from wgs_pipeline.toy.haplotypes import Molecule
from wgs_pipeline.toy.nucleotides import decode, substitute
from wgs_pipeline.toy.people import LANES
from wgs_pipeline.toy.reference import AUTOSOMES, make_reference
from wgs_pipeline.toy.structural import KINDS, SIZE_CLASSES, draw_events, plant, truth_vcf

DEPTH, SNVS_PER_BASE = 30, 0.001
SAMPLE = "S1"
#: Copy number is told from bins of 1 kb: three of them.
SMALLEST_COPY_NUMBER = 3_000
REAL = ("NA12878", "NA12889", "NA12890")
ENVIRONMENT = {
    **os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
}  # fmt: skip


def shell(script: str, folder: Path) -> str:
    """Standard output of a script run in a folder."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=folder, capture_output=True, text=True,
        check=False, env=ENVIRONMENT,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{script}\n{done.stderr}")
    return done.stdout


def make_genome(folder: Path, seed: int, scale: float, per_class: int) -> None:
    """Reference, truth and reads of one person with planted events."""
    rng = np.random.default_rng(seed)
    contigs = {name: make_reference(seed, scale).contigs[name] for name in AUTOSOMES}
    codes = {name: contig.codes for name, contig in contigs.items()}
    lines = [f">{name}\n{decode(each)}\n" for name, each in codes.items()]
    (folder / "ref.fa").write_text("".join(lines))
    events = draw_events(codes, per_class, rng)
    lengths = {name: len(each) for name, each in codes.items()}
    (folder / "truth.vcf").write_text(truth_vcf(lengths, events, SAMPLE))
    molecules = []
    for name, contig in contigs.items():
        for copy in (0, 1):
            bases = contig.complete.copy()
            snvs = np.flatnonzero(rng.random(len(bases)) < SNVS_PER_BASE)
            bases[snvs] = substitute(bases[snvs], rng.integers(1, 4, len(snvs)))
            own = [each for each in events if each.contig == name and copy in each.copies]
            molecules.append(Molecule(name, plant(bases, own)))
    fragments = draw_fragments(molecules, sequenced_coverage(DEPTH), rng)
    reads = (folder / "r1.fq.gz", folder / "r2.fq.gz")
    write_lane(reads, LANES[0], lay_template(molecules), fragments, rng)


def align(folder: Path, sample: str, reads: str) -> None:
    """A sorted, duplicate-marked CRAM, as the workflow makes it."""
    shell(
        f"[[ -e ref.fa.bwt ]] || bwa index ref.fa; samtools faidx ref.fa; "
        f"bwa mem -t 2 -R '@RG\\tID:{sample}\\tSM:{sample}\\tLB:{sample}' ref.fa {reads} "
        f"| samtools fixmate -m - - | samtools sort -u - "
        f"| samtools markdup - -O cram --reference ref.fa {sample}.cram; "
        f"samtools index {sample}.cram",
        folder,
    )


#: How each query is made, in the order in which it can be.
QUERIES = {
    "delly": "wgs structural call {s}.cram --caller delly --sample {s} --reference ref.fa -o {q}",
    "dysgu": "wgs structural call {s}.cram --caller dysgu --sample {s} --reference ref.fa -o {q}",
    "merged": "wgs structural call {s}.cram --caller delly --caller dysgu --sample {s} "
    "--reference ref.fa -o {q}",
    "truvari collapse": "bcftools concat --allow-overlaps delly.vcf.gz dysgu.vcf.gz "
    "| bcftools sort -O z -o both.vcf.gz; tabix -p vcf both.vcf.gz; "
    "truvari collapse --input both.vcf.gz --pctseq 0 --sizemax 60000 --passonly "
    "--output collapsed.vcf --removed-output removed.vcf; bcftools sort -O z -o {q} collapsed.vcf",
    "depth": "mosdepth --fast-mode --no-per-base --by 1000 --fasta ref.fa depth {s}.cram; "
    "wgs copy-number call depth.regions.bed.gz --sample {s} --reference ref.fa --vcf {q} "
    "--track depth.bedgraph.gz -o depth.tsv",
}


def compare(folder: Path, query: str, min_size: int, pctsize: float) -> Path:
    """Run truvari bench; give its folder.

    A call of the smallest size may be of an event that is a little smaller.
    """
    base_size = max(min_size - 1_000, SIZE_CLASSES[0][0])
    name = f"bench_{query.split('.')[0]}_{pctsize:g}"
    shell(
        f"tabix -f -p vcf {query}; truvari bench --base truth.vcf.gz --comp {query} "
        f"--output {name} --passonly --pctseq 0 --pctsize {pctsize} --refdist 500 --dup-to-ins "
        f"--sizemin {base_size} --sizefilt {min_size} --sizemax 60000 --max-resolve 1",
        folder,
    )
    return folder / name


Key = tuple[str, int]
#: True calls, missed events, false calls, true calls with the right genotype.
COLUMNS = ("tp", "fn", "fp", "gt")


def tally(bench: Path) -> Iterator[tuple[str, Key]]:
    """One (column, (kind, size class)) for every call and event."""
    files = {"tp-base": "tp", "fn": "fn", "fp": "fp"}
    for file, column in files.items():
        with pysam.VariantFile(str(bench / f"{file}.vcf.gz")) as records:
            for record in records:
                key = _key(record)
                yield column, key
                if column == "tp" and record.info.get("GTMatch") == 0:
                    yield "gt", key


def _key(record: pysam.VariantRecord) -> Key:
    length = record.info.get("SVLEN", 0)  # a translocation has none, nor a length that is unknown
    size = abs(length[0] if isinstance(length, tuple) else length)
    within = [n for n, (low, _) in enumerate(SIZE_CLASSES) if size >= low]
    return record.info["SVTYPE"], within[-1] if within else 0


def ratio(part: int, whole: int) -> str:
    """A share with three digits, or a dash."""
    return f"{part / whole:.3f}" if whole else "-"


def report(query: str, found: Counter[tuple[str, Key]], kinds: Sequence[str] = KINDS) -> None:
    """A row for each kind and size class, and one for all."""
    keys = [(kind, number) for kind in kinds for number in range(len(SIZE_CLASSES))]
    rows = [(f"{kind}\t{'-'.join(map(str, SIZE_CLASSES[n]))}", [(kind, n)]) for kind, n in keys]
    if len(kinds) == len(KINDS):  # none is planted: all are false
        keys.append(("BND", 0))
        rows.append(("BND\t-", keys[-1:]))
    for name, chosen in [*rows, ("all\t50-50000", keys)]:
        tp, fn, fp, gt = (sum(found[column, key] for key in chosen) for column in COLUMNS)
        if tp + fn + fp:
            shares = (ratio(tp, tp + fn), ratio(tp, tp + fp), ratio(gt, tp))
            print(query, name, tp + fn, *shares, sep="\t")


def planted(seeds: Sequence[int], scale: float, per_class: int) -> None:
    """Recall, precision and genotypes by kind and size of every query."""
    found: dict[str, Counter[tuple[str, Key]]] = {name: Counter() for name in QUERIES}
    places: dict[str, Counter[tuple[str, Key]]] = {name: Counter() for name in QUERIES}
    for seed in seeds:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            make_genome(folder, seed, scale, per_class)
            align(folder, SAMPLE, "r1.fq.gz r2.fq.gz")
            shell("bgzip truth.vcf; tabix -p vcf truth.vcf.gz", folder)
            for query, command in QUERIES.items():
                path = f"{query.split()[-1]}.vcf.gz"
                shell(command.format(s=SAMPLE, q=path), folder)
                smallest = SMALLEST_COPY_NUMBER if query == "depth" else SIZE_CLASSES[0][0]
                found[query].update(tally(compare(folder, path, smallest, 0.7)))
                if query != "depth":
                    places[query].update(tally(compare(folder, path, smallest, 0)))
    print("caller\tkind\tsize_bp\tevents\trecall\tprecision\tgenotypes_right")
    for query, counts in found.items():
        report(query, counts, ("DEL", "DUP") if query == "depth" else KINDS)
    for query, counts in places.items():
        report(f"{query} (INS place)", counts, ("INS",))


def people(data: Path) -> None:
    """The real deletion: what each caller, the merge and the depth say of each person."""
    start, end = 115_928_726, 115_931_880
    offset = 115_922_318
    print("person\tquery\tkind\tstart_off_bp\tend_off_bp\tfilter\tgenotype\ttruth")
    truth = dict(zip(REAL, ("0/1", "1/1", "0/1"), strict=True))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shell(f"gzip -dc '{data / 'hg19.window.fa.gz'}' >ref.fa", folder)
        for person in REAL:
            align(folder, person, " ".join(f"'{data}/{person}_R{m}.fastq.gz'" for m in (1, 2)))
            for query in ("delly", "dysgu", "merged"):
                path = f"{person}.{query}.vcf.gz"
                shell(QUERIES[query].format(s=person, q=path), folder)
                shape = "%SVTYPE\\t%POS\\t%END\\t%FILTER\\t[%GT]\\n"
                for line in shell(f"bcftools query -f '{shape}' {path}", folder).splitlines():
                    kind, first, last, passed, genotype = line.split("\t")
                    off = int(first) + offset + 1 - start, int(last) + offset - end
                    print(person, query, kind, *off, passed, genotype, truth[person], sep="\t")


def main() -> None:
    """Run one of the comparisons."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("planted", "people"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--scale", type=float, default=14)
    parser.add_argument("--per-class", type=int, default=14)
    data = Path(__file__).resolve().parents[2] / "shared" / "data" / "sv-platinum-chr4"
    parser.add_argument("--data", type=Path, default=data)
    options = parser.parse_args()
    if options.what == "planted":
        planted(options.seeds, options.scale, options.per_class)
    else:
        people(options.data)


if __name__ == "__main__":
    main()
