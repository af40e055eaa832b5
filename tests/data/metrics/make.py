"""Make the golden files of the metrics tests, and what they must come to.

Usage: python tests/data/metrics/make.py FOLDER

Writes a synthetic male genome of 11.5 kb, its reads placed where they came from (no aligner), the
outputs of wgs qc alignment on them, those of bcftools stats on a
synthetic callset, and expected.json: the same numbers counted from the reads base by base, without
those tools.
"""

import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np

WGS = str(Path(sys.executable).with_name("wgs"))
READ = 50
#: Contig: (length, depth of coverage to simulate).
CONTIGS = {"chr1": (4000, 20), "chr2": (3000, 20), "chrX": (2500, 10), "chrY": (1500, 6),
           "chrM": (500, 100)}  # fmt: skip
#: Runs of N: one in an autosome, and PAR on Y, as analysis references mask it.
UNKNOWN = {"chr2": (1000, 1200), "chrY": (0, 500)}
PAR = {"chrX": (0, 500), "chrY": (0, 500)}
DUPLICATE, LOW_MAPQ, CLIPPED = 0.1, 0.05, 0.1


def make_reference(rng):
    sequences = {}
    for name, (length, _) in CONTIGS.items():
        bases = [rng.choice("ACGT") for _ in range(length)]
        start, end = UNKNOWN.get(name, (0, 0))
        bases[start:end] = "N" * (end - start)
        sequences[name] = "".join(bases)
    return sequences


def place(rng, name, length):
    """A fragment of a contig that holds no N: its start and size."""
    unknown = UNKNOWN.get(name, (0, 0))
    while True:
        size = max(60, round(rng.gauss(120, 20)))
        start = rng.randrange(length - size)
        if start + size <= unknown[0] or start >= unknown[1]:
            return start, size


def qualities(rng):
    return "".join(chr(33 + rng.choices((37, 30, 29, 11), (80, 5, 5, 10))[0]) for _ in range(READ))


def make_pairs(rng):
    """Records of a pair: dicts of SAM fields, 0-based pos, and the covered interval."""
    pairs = []
    for name, (length, depth) in CONTIGS.items():
        regions = [(depth, None)] + ([(10, PAR["chrX"])] if name == "chrX" else [])
        for extra, within in regions:
            span = within[1] - within[0] if within else length
            for _ in range(extra * span // (2 * READ)):
                start, size = place(rng, name, length)
                if within:
                    start %= within[1] - size
                pairs.append(normal_pair(rng, name, start, size))
    return pairs + odd_pairs(rng)


def normal_pair(rng, name, start, size):
    duplicate = 1024 if rng.random() < DUPLICATE else 0
    mapq = 10 if rng.random() < LOW_MAPQ else 60
    clip = 10 if rng.random() < CLIPPED else 0
    first_forward = rng.random() < 0.5
    left = {"flag": (99 if first_forward else 163) | duplicate, "name": name, "pos": start + clip,
            "cigar": f"{clip}S{READ - clip}M" if clip else f"{READ}M",
            "end": start + READ, "tlen": size - clip}  # fmt: skip
    right = {"flag": (147 if first_forward else 83) | duplicate, "name": name,
             "pos": start + size - READ, "cigar": f"{READ}M", "end": start + size,
             "tlen": clip - size}  # fmt: skip
    for record in (left, right):
        record |= {"mapq": mapq, "qual": qualities(rng)}
    return left, right


def odd_pairs(rng):
    """Three pairs on two contigs, two with both reads forward, four unmapped."""
    pairs = []
    for _ in range(3):
        a, b = rng.randrange(1000), rng.randrange(900)
        pairs.append((mapped(rng, 65, "chr1", a, 0), mapped(rng, 129, "chr2", b, 0)))
    for _ in range(2):
        a = rng.randrange(1000)
        pairs.append((mapped(rng, 65, "chr1", a, 200), mapped(rng, 129, "chr1", a + 150, -200)))
    for _ in range(4):
        reads = tuple(
            {"flag": flag, "name": "*", "pos": -1, "cigar": "*", "end": -1, "tlen": 0, "mapq": 0,
             "qual": qualities(rng)}
            for flag in (77, 141)
        )  # fmt: skip
        pairs.append(reads)
    return pairs


def mapped(rng, flag, name, pos, tlen):
    return {"flag": flag, "name": name, "pos": pos, "cigar": f"{READ}M", "end": pos + READ,
            "tlen": tlen, "mapq": 60, "qual": qualities(rng)}  # fmt: skip


def sam(pairs, sequences):
    lines = ["@HD\tVN:1.6\tSO:unsorted", "@RG\tID:lane1\tSM:toy\tLB:lib1\tPL:ILLUMINA"]
    lines[1:1] = [f"@SQ\tSN:{name}\tLN:{length}" for name, (length, _) in CONTIGS.items()]
    for number, (one, two) in enumerate(pairs):
        for record, mate in ((one, two), (two, one)):
            bases = "A" * READ
            if record["name"] != "*":
                bases = sequences[record["name"]][record["end"] - READ : record["end"]]
            same = record["name"] == mate["name"] != "*"
            fields = [f"pair{number}", record["flag"], record["name"], record["pos"] + 1,
                      record["mapq"], record["cigar"], "=" if same else mate["name"],
                      mate["pos"] + 1, record["tlen"], bases, record["qual"],
                      "RG:Z:lane1"]  # fmt: skip
            lines.append("\t".join(map(str, fields)))
    return "\n".join(lines) + "\n"


def count(pairs, sequences):
    """What the metrics must come to, counted base by base."""
    depth = {name: np.zeros(length, int) for name, (length, _) in CONTIGS.items()}
    records = [record for pair in pairs for record in pair]
    on_contig = [record for record in records if record["name"] != "*"]
    for pair in pairs:
        counted = [r for r in pair if not r["flag"] & (4 | 1024) and r["mapq"] >= 20]
        for contig, position in {
            (r["name"], p)
            for r in counted
            for p, quality in zip(range(r["end"], r["pos"], -1), reversed(r["qual"]), strict=False)
            if ord(quality) - 33 >= 20
        }:
            depth[contig][position - 1] += 1

    def known(name, skip=(0, 0)):
        keep = np.array([base != "N" for base in sequences[name]])
        keep[skip[0] : skip[1]] = False
        return depth[name][keep]

    autosomes = np.concatenate([known("chr1"), known("chr2")])
    mean = autosomes.mean()
    inserts = [abs(one["tlen"]) for one, two in pairs if one["name"] == two["name"] != "*"]
    mapped_reads = len(on_contig)
    return {
        "yield_bp_q30": sum(ord(q) - 33 >= 30 for r in records for q in r["qual"]),
        "yield_bp": READ * len(records),
        "pct_reads_mapped": 100 * mapped_reads / len(records),
        "pct_reads_properly_paired": 100 * sum(r["flag"] & 2 > 0 for r in records) / len(records),
        "duplication": sum(r["flag"] & 1024 > 0 for r in records) / mapped_reads,
        "chimeras": 5 / (mapped_reads / 2),
        "mean_autosome_coverage": float(mean),
        "median_autosome_coverage": float(np.median(autosomes)),
        "mad_autosome_coverage": float(np.median(np.abs(autosomes - np.median(autosomes)))),
        **{
            f"pct_autosomes_{d}x": float(100 * (autosomes >= d).mean()) for d in (1, 10, 15, 20, 30)
        },
        "x_coverage_ratio": float(known("chrX", PAR["chrX"]).mean() / mean),
        "y_coverage_ratio": float(known("chrY", PAR["chrY"]).mean() / mean),
        "mitochondrial_coverage_ratio": float(known("chrM").mean() / mean),
        "mitochondrial_copy_number": float(2 * known("chrM").mean() / mean),
        "mean_read_length": READ,
        "mean_base_quality": float(np.mean([ord(q) - 33 for r in records for q in r["qual"]])),
        "inferred_karyotype": "XY",
        "pairs_on_one_contig": len(inserts),
        "median_insert_size_of_all_pairs": float(np.median(inserts)),
        "coverage_histogram": np.bincount(autosomes).tolist(),
    }


TRANSITION = {"A": "G", "G": "A", "C": "T", "T": "C"}
TRANSVERSION = {"A": "C", "C": "A", "G": "T", "T": "G"}


def make_gvcf(sequences):
    """A gVCF of one sample with everything that must and must not be counted."""
    lines = [
        "##fileformat=VCFv4.2",
        *(f"##contig=<ID={name},length={length}>" for name, (length, _) in CONTIGS.items()),
        '##FILTER=<ID=LowQual,Description="Low quality">',
        '##ALT=<ID=NON_REF,Description="Any other allele">',
        '##INFO=<ID=END,Number=1,Type=Integer,Description="End of the block">',
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\ttoy",
    ]

    def add(name, pos, alts, gt, span=1, filters="PASS", info="."):
        reference = sequences[name][pos : pos + span]
        text = ",".join(alts(reference))
        lines.append(f"{name}\t{pos + 1}\t.\t{reference}\t{text}\t50\t{filters}\t{info}\tGT\t{gt}")

    def transition(reference):
        return [TRANSITION[reference]]

    def transversion(reference):
        return [TRANSVERSION[reference]]

    for number in range(5):
        add("chr1", 100 + 100 * number, transition, "0/1")
    add("chr1", 700, transversion, "1/1", filters=".")
    add("chr1", 800, transversion, "1|1")
    add("chr1", 900, lambda r: [TRANSITION[r], TRANSVERSION[r]], "1/2")
    add("chr1", 1000, lambda r: [TRANSITION[r], "<NON_REF>"], "0/1")
    add("chr1", 1100, transition, "0/0")
    add("chr1", 1200, transition, "0/1", filters="LowQual")
    add("chr1", 1300, lambda r: ["<NON_REF>"], "0/0", info="END=1390")
    add("chr1", 1400, lambda r: [r + "ACG"], "0/1")
    add("chr1", 1500, lambda r: [r + "TTGCA", r + "C"], "0/1")
    add("chr1", 1600, lambda r: [r + "GTC"], "1/1")
    add("chr1", 1700, lambda r: [r[0]], "0/1", span=4)
    add("chr1", 1800, lambda r: [r[0]], "1/1", span=3)
    add("chr1", 1900, lambda r: [r[0]], "0/1", span=61)
    add("chr1", 2000, lambda r: [TRANSVERSION[r], "*"], "1/2")
    add("chr1", 2100, lambda r: [TRANSITION[r[0]] + TRANSVERSION[r[1]]], "0/1", span=2)
    add("chrX", 1000, transition, "0/1")
    return "\n".join(lines) + "\n"


#: What the gVCF must come to, counted by eye in make_gvcf. Heterozygous SNVs: 5 + 2 (the 1/2 site)
#: + 1 (beside NON_REF) + 1 (beside *) + 2 (the two bases of the MNP) = 11; homozygous: 2.
#: Transitions: 5 + 1 + 1 + 1 (MNP) = 8; transversions: 2 + 1 + 1 (beside *) + 1 (MNP) = 5.
VARIANTS = {
    "count_snvs": 13,
    "count_insertions": 3,
    "count_deletions": 2,
    "ratio_insertion_deletion": 3 / 2,
    "ratio_heterozygous_homzygous_snv": 11 / 2,
    "ratio_heterozygous_homzygous_indel": 3 / 2,
    "ratio_transitions_transversions": 8 / 5,
}

#: The pipe that the workflow runs; docs/qc.md explains it.
COUNT_VARIANTS = """
bcftools view -s toy -a -c 1 -f PASS,. -T autosomes.bed -Ou toy.g.vcf |
bcftools norm -f toy.fa -m -any -Ou |
bcftools norm -f toy.fa -a --atom-overlaps . -Ou |
bcftools view -e 'ALT="*" || ALT~"<" || ABS(ILEN)>=50' -Ou |
bcftools stats -s - - >bcftools_stats.txt
"""


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(20)
    sequences = make_reference(rng)
    pairs = make_pairs(rng)
    (folder / "toy.fa").write_text(
        "".join(f">{name}\n{bases}\n" for name, bases in sequences.items())
    )
    par = "".join(f"{name}\t{start}\t{end}\n" for name, (start, end) in PAR.items())
    (folder / "par.bed").write_text(par)
    (folder / "expected.json").write_text(json.dumps(count(pairs, sequences) | VARIANTS) + "\n")
    (folder / "toy.g.vcf").write_text(make_gvcf(sequences))
    cram = folder / "toy.cram"
    for command, text in (
        (["samtools", "faidx", "toy.fa"], None),
        ([WGS, "qc", "regions", "--reference", "toy.fa", "--par-bed", "par.bed",
          "--autosomes", "autosomes.bed", "-o", "regions.bed"], None),
        (["samtools", "sort", "-O", "cram", "--reference", "toy.fa", "-o", cram.name, "-"],
         sam(pairs, sequences)),
        (["samtools", "index", cram.name], None),
        ([WGS, "qc", "alignment", cram.name, "--reference", "toy.fa", "--regions", "regions.bed",
          "--par-bed", "par.bed", "--samtools-stats", "samtools_stats.txt",
          "-o", "alignment_tally.json"], None),
    ):  # fmt: skip
        subprocess.run(command, input=text, text=True, check=True, cwd=folder)
    subprocess.run(["bash", "-euo", "pipefail", "-c", COUNT_VARIANTS], check=True, cwd=folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
