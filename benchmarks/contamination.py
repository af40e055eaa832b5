"""Contamination of known mixtures: bias and spread of both estimates.

    python benchmarks/contamination.py {toy,real,people} [--data FOLDER]

``toy``: genomes of 1 Mb with unlinked SNVs, reads aligned by bwa and mixed by name; the likelihood
is that of ``wgs qc alignment``, CHARR that of ``wgs qc charr`` on a gVCF of bcftools.
``real``: reads of HG002 mixed with those of twenty persons of 1000 Genomes in the 78 kb of
chromosome 20 that both have, at the common SNVs of those persons.
``people``: true genotypes of pairs of persons of 1000 Genomes on 590 kb of chromosome 22 with all
their linkage, reads drawn at 30x; several such pieces stand for a genome. Also without the linkage,
and persons of other parts of the world with the frequencies of Europe.
"""

from __future__ import annotations

import argparse
import gzip
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.metrics import contamination
from wgs_pipeline.metrics.alignment_pass import Counter, Regions
from wgs_pipeline.metrics.contamination import charr_estimate, likelihood_estimate
from wgs_pipeline.metrics.sites import read_common_snvs, read_homozygous_snvs
from wgs_pipeline.reference import read_bed, read_contigs

SHARES = (0.0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1)
WGS = str(Path(sys.executable).with_name("wgs"))
ERROR = 0.002
DEPTH = 30


def shell(script: str, folder: Path) -> str:
    """Standard output of a script run in a folder."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=folder, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{script}\n{done.stderr}")
    return done.stdout


def report(name: str, rows: Iterable[tuple[str, float, float]]) -> None:
    """Bias and spread of each estimate at each share, in percentage points."""
    found: dict[tuple[str, float], list[float]] = {}
    for estimate, share, rate in rows:
        found.setdefault((estimate, share), []).append(100 * (rate - share))
    print(f"{name}\nestimate\tshare_pct\tmixtures\tbias_pp\tspread_pp\tlargest_error_pp")
    for (estimate, share), errors in sorted(found.items()):
        values = np.array(errors)
        spread = values.std(ddof=1) if len(values) > 1 else float("nan")
        print(
            f"{estimate}\t{100 * share:g}\t{len(values)}\t{values.mean():+.2f}\t{spread:.2f}"
            f"\t{np.abs(values).max():.2f}",
            flush=True,
        )


# --- people ------------------------------------------------------------------------------------

EUROPE = {"CEU", "GBR", "TSI", "IBS", "FIN"}
EAST_ASIA = {"CHB", "CHS", "JPT", "CDX", "KHV"}
AFRICA = {"YRI", "LWK", "GWD", "MSL", "ESN"}
#: As usual for sites of a panel: chi-square of Hardy-Weinberg equilibrium, p 1e-5.
MOST_CHI_SQUARE = 19.5


@dataclass(frozen=True)
class Panel:
    """Common SNVs of Europeans, in equilibrium there.

    Attributes:
        copies: Copies of the alternate allele, shape (sites, persons), by part of the world.
        frequency: Frequency of the alternate allele in Europe.
    """

    copies: dict[str, NDArray[np.int8]]
    frequency: NDArray[np.float64]


def read_panel(data: Path) -> Panel:
    """The panel of 1000 Genomes."""
    folder = data / "population-1kg-phase3-chr22"
    vcf = next(folder.glob("*.vcf.gz"))
    with gzip.open(folder / "20130606_g1k.ped.gz", "rt") as file:
        population = {row.split("\t")[1]: row.split("\t")[6] for row in file if "\t" in row}
    names = shell(f"bcftools query -l {vcf}", folder).split()
    text = shell(
        "bcftools view -v snps -m2 -M2 -i 'INFO/EUR_AF>=0.05 && INFO/EUR_AF<=0.95' -Ou"
        f" {vcf} | bcftools query -f '%INFO/EUR_AF[\t%GT]\n'",
        folder,
    )
    rows = [line.split("\t") for line in text.splitlines()]
    frequency = np.array([float(row[0]) for row in rows])
    copies = np.array([[gt.count("1") for gt in row[1:]] for row in rows], np.int8)

    def of(chosen: set[str]) -> NDArray[np.int8]:
        return copies[:, [population.get(name) in chosen for name in names]]

    europe = of(EUROPE)
    expected = 2 * frequency * (1 - frequency)
    lack = 1 - (europe == 1).mean(axis=1) / expected
    kept = europe.shape[1] * lack**2 < MOST_CHI_SQUARE
    parts = {"Europe": europe, "East Asia": of(EAST_ASIA), "Africa": of(AFRICA)}
    return Panel({name: each[kept] for name, each in parts.items()}, frequency[kept])


def mixtures_of_people(
    panel: Panel, part: str, pairs: int, pieces: int, *, linked: bool = True
) -> Iterator[tuple[str, float, float]]:
    """Reads of pairs of persons, each pair of several pieces, as if they were one genome."""
    copies, frequency = panel.copies[part], panel.frequency
    rng = np.random.default_rng(22)
    for _ in range(pairs):
        # Where each site is of other persons there is no linkage.
        persons = (
            rng.permuted(copies, axis=1)[:, : 2 * pieces]
            if not linked
            else copies[:, rng.choice(copies.shape[1], 2 * pieces, replace=False)]
        )
        own, foreign = (half.T.ravel() for half in np.hsplit(persons, 2))
        af = np.tile(frequency, pieces)
        for share in SHARES:
            mixed = ((1 - share) * own + share * foreign) / 2
            depth = rng.poisson(DEPTH, len(af))
            other = rng.binomial(depth, 2 * ERROR / 3)
            alternate = rng.binomial(
                depth - other, mixed * (1 - ERROR / 3) + (1 - mixed) * ERROR / 3
            )
            reference = depth - other - alternate
            found = likelihood_estimate(reference, alternate, other, af, 1)
            yield "likelihood", share, _rate(found)
            hom = own == 2
            reads = reference[hom], alternate[hom]
            yield "CHARR", share, _rate(charr_estimate(*reads, None, 1))
            yield "CHARR with AF", share, _rate(charr_estimate(*reads, 1 - af[hom], 1))


def report_people(data: Path) -> None:
    """The three tables of true genotypes."""
    panel = read_panel(data)
    sites = len(panel.frequency)
    for pieces, pairs in ((10, 12), (40, 12), (160, 6)):
        rows = mixtures_of_people(panel, "Europe", pairs, pieces)
        report(f"linked: {pieces} pieces of 590 kb, {sites * pieces} sites", rows)
    for pieces in (5, 10, 20):
        rows = mixtures_of_people(panel, "Europe", 12, pieces, linked=False)
        report(f"unlinked: {sites * pieces} sites", rows)
    for part in ("East Asia", "Africa"):
        rows = mixtures_of_people(panel, part, 6, 20)
        report(f"{part} with the frequencies of Europe: 20 pieces, {sites * 20} sites", rows)


def _rate(estimate: object) -> float:
    return float(estimate.rate)  # type: ignore[attr-defined]


# --- toy ---------------------------------------------------------------------------------------

LENGTH, SPACING, READ = 1_000_000, 320, 150
BASES = np.frombuffer(b"ACGT", np.uint8)


def write_toy(folder: Path, persons: int) -> None:
    """A reference, its common SNVs with frequencies, and the reads of some persons."""
    rng = np.random.default_rng(3)
    reference = rng.integers(0, 4, LENGTH, np.uint8)
    sites = np.arange(SPACING, LENGTH - SPACING, SPACING) + rng.integers(0, 100)
    frequency = np.exp(rng.uniform(np.log(0.02), np.log(0.98), len(sites)))
    shift = rng.integers(1, 4, len(sites), np.uint8)
    alternate = (reference[sites] + shift) % 4
    (folder / "ref.fa").write_text(">chr1\n" + BASES[reference].tobytes().decode() + "\n")
    with (folder / "sites.vcf").open("w") as file:
        file.write("##fileformat=VCFv4.2\n##INFO=<ID=AF,Number=A,Type=Float,Description=x>\n")
        file.write(
            f"##contig=<ID=chr1,length={LENGTH}>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
        )
        for place, alt, af in zip(sites, alternate, frequency, strict=True):
            ref = "ACGT"[reference[place]]
            file.write(f"chr1\t{place + 1}\t.\t{ref}\t{'ACGT'[alt]}\t.\t.\tAF={af:.4f}\n")
    for person in range(persons):
        copies = []
        for _ in range(2):
            haplotype = reference.copy()
            carried = rng.random(len(sites)) < frequency
            haplotype[sites[carried]] = alternate[carried]
            copies.append(haplotype)
        _write_pairs(folder / f"p{person}", np.stack(copies), rng)


def _write_pairs(stem: Path, haplotypes: NDArray[np.uint8], rng: np.random.Generator) -> None:
    pairs = DEPTH * LENGTH // (2 * READ)
    size = rng.normal(420, 60, pairs).clip(200, 800).astype(int)
    start = rng.integers(0, LENGTH - size)
    copy = rng.integers(0, 2, pairs)
    steps = np.arange(READ)
    ends = {
        1: haplotypes[copy[:, None], start[:, None] + steps],
        2: 3 - haplotypes[copy[:, None], (start + size)[:, None] - 1 - steps],
    }
    for end, bases in ends.items():
        wrong = rng.random(bases.shape) < ERROR
        shown = np.where(wrong, (bases + rng.integers(1, 4, bases.shape)) % 4, bases)
        text = BASES[shown].tobytes().decode()
        quality = "?" * READ  # Q30
        with gzip.open(f"{stem}_{end}.fq.gz", "wt", compresslevel=1) as file:
            for number in range(pairs):
                read = text[number * READ : (number + 1) * READ]
                file.write(f"@{stem.name}.{number}\n{read}\n+\n{quality}\n")


def align(folder: Path, name: str, first: str, last: str) -> None:
    """Align as the workflow does; the read group names one sample whoever it is."""
    shell(
        f"bwa mem -Y -R '@RG\\tID:1\\tSM:S\\tLB:1\\tPL:ILLUMINA' ref.fa"
        f" <(zcat {first}) <(zcat {last})"
        f" | samtools fixmate -u -m - - | samtools sort -u - | samtools markdup -u - -"
        f" | samtools view -b -o {name}.bam -",
        folder,
    )


def mix(
    folder: Path, own: str, foreign: str, own_part: float, foreign_part: float, seed: int
) -> None:
    """Reads of two persons, each thinned by name, as one sorted CRAM."""

    def part(name: str, share: float) -> str:
        if share >= 1:
            return f"{name}.bam"
        return f"<(samtools view -u -s {seed + share:.6f} {name}.bam)"

    parts = [part(own, own_part), *([part(foreign, foreign_part)] if foreign_part else [])]
    shell(
        f"samtools merge -f -c -p -u - {' '.join(parts)}"
        " | samtools view --cram --reference ref.fa --write-index -o mixed.cram -",
        folder,
    )


def by_likelihood(folder: Path) -> float:
    """The estimate of ``wgs qc alignment``, at however few sites."""
    fasta = folder / "ref.fa"
    contigs = read_contigs(Path(f"{fasta}.fai"))
    common = read_common_snvs(folder / "sites.vcf", [each.name for each in contigs])
    counter = Counter(Regions(contigs, read_bed(folder / "regions.bed"), (), (), common), fasta)
    command = ["samtools", "view", "-u", "--reference", str(fasta), str(folder / "mixed.cram")]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    counter.read(io.BytesIO(data), len(data))
    bases, rows = counter.site_bases, np.arange(len(common))
    reference, alternate = bases[rows, common.reference], bases[rows, common.alternate]
    other = bases.sum(axis=1) - reference - alternate
    return _rate(likelihood_estimate(reference, alternate, other, common.frequency, 1))


def by_charr(folder: Path, contigs: list[str]) -> float:
    """CHARR of a gVCF that bcftools calls as the workflow does, at however few sites."""
    shell(
        "bcftools mpileup -f ref.fa -q 20 -Q 20 -A -a AD,DP -Ou mixed.cram"
        " | bcftools call -m -g 1,5,10 -Ou"
        " | bcftools filter -s LowQual -e 'ALT!=\".\" && (QUAL<20 || FORMAT/DP<5)' -Oz"
        " -o mixed.g.vcf.gz"
        " && bcftools index -f -t mixed.g.vcf.gz",
        folder,
    )
    snvs = read_homozygous_snvs(folder / "mixed.g.vcf.gz", folder / "regions.bed", contigs)
    return _rate(charr_estimate(snvs.reference_reads, snvs.alternate_reads, None, 1))  # type: ignore[union-attr]


def mixtures_of_toys(folder: Path, persons: int) -> Iterator[tuple[str, float, float]]:
    """One toy person with reads of each of the others in turn."""
    write_toy(folder, persons)
    shell(
        "samtools faidx ref.fa; bwa index ref.fa;"
        f" {WGS} qc regions --reference ref.fa -o regions.bed",
        folder,
    )
    for person in range(persons):
        align(folder, f"p{person}", f"p{person}_1.fq.gz", f"p{person}_2.fq.gz")
    for share in SHARES:
        for foreign in range(1, persons):
            mix(folder, "p0", f"p{foreign}", 1 - share, share, 11 * foreign)
            yield "likelihood", share, by_likelihood(folder)
            if foreign == 1:
                yield "CHARR", share, by_charr(folder, ["chr1"])


# --- real --------------------------------------------------------------------------------------

#: HG002's window inside the persons', in the coordinates of the small reference.
WINDOW = "20_19999626_20300468:156583-234930"


def read_counts(folder: Path, name: str, part: float) -> NDArray[np.int64]:
    """Reference, alternate and other bases at the sites, of reads thinned by name: (3, sites)."""
    contigs = read_contigs(folder / "ref.fa.fai")
    common = read_common_snvs(folder / "sites.vcf", [each.name for each in contigs])
    regions = Regions(contigs, read_bed(folder / "regions.bed"), (), (), common)
    counter = Counter(regions, folder / "ref.fa")
    thin = ["-s", f"{7 + part:.6f}"] if part < 1 else []
    command = ["samtools", "view", "-u", *thin, f"{name}.bam"]
    data = subprocess.run(command, check=True, capture_output=True, cwd=folder).stdout
    counter.read(io.BytesIO(data), len(data))
    bases, rows = counter.site_bases, np.arange(len(common))
    reference, alternate = bases[rows, common.reference], bases[rows, common.alternate]
    return np.stack([reference, alternate, bases.sum(axis=1) - reference - alternate])


def mixtures_of_reads(folder: Path, data: Path) -> Iterator[tuple[str, float, float]]:
    """HG002 with reads of each of the persons; its depth stays that of its own reads.

    The bases of a mixture are those of its two parts. Frequencies are of the reads of the other
    persons, without the one that is mixed in.
    """
    shell(
        f"gzip -dc {data}/ref-b37-chr20/b37.chr20.windows.fa.gz >ref.fa"
        f"; samtools faidx ref.fa; bwa index ref.fa"
        f"; echo {WINDOW} | awk -F'[:-]' '{{print $1 \"\\t\" $2 - 1 \"\\t\" $3}}' >regions.bed",
        folder,
    )
    deep = data / "giab-hg002-chr20"
    align(folder, "own", f"{deep}/*_R1.fastq.gz", f"{deep}/*_R2.fastq.gz")
    persons = sorted(path.name[:7] for path in (data / "cohort-ceu-lowcov-chr20").glob("*_R1*"))
    for person in persons:
        stem = data / "cohort-ceu-lowcov-chr20" / person
        align(folder, person, f"{stem}_R1.fastq.gz", f"{stem}_R2.fastq.gz")
        shell(f"samtools index {person}.bam", folder)
    shell(
        f"bcftools mpileup -f ref.fa -q 20 -Q 20 -r {WINDOW} -a AD -Ou"
        f" {' '.join(f'{person}.bam' for person in persons)} --ignore-RG"
        " | bcftools call -mv -Ou | bcftools norm -m -any -f ref.fa -Ou"
        " | bcftools view -v snps -i 'QUAL>=30' -Ou"
        " | bcftools +fill-tags -Ov -o sites.vcf -- -t AF",
        folder,
    )
    own = read_counts(folder, "own", 1)
    whole = {person: read_counts(folder, person, 1) for person in persons}
    for share in SHARES:
        mixtures, frequencies = [], []
        for person in persons:
            part = share / (1 - share) * own[:2].sum() / whole[person][:2].sum()
            if part > 1:
                continue  # too few reads of this person for so large a share
            foreign = read_counts(folder, person, part) if part else 0 * own
            others = np.sum([whole[each] for each in persons if each != person], axis=0)
            frequencies.append(others[1] / np.maximum(others[0] + others[1], 1))
            mixtures.append(own + foreign)
            yield "one person", share, _rate(likelihood_estimate(*mixtures[-1], frequencies[-1], 1))
        together = np.hstack(mixtures), np.concatenate(frequencies)
        found = likelihood_estimate(*together[0], together[1], 1)
        yield f"{len(mixtures):2} persons as one", share, _rate(found)


def main() -> None:
    """Make the mixtures of one kind and report on them."""
    # Every estimate is looked at, however uncertain it is.
    contamination.LARGEST_ERROR = 1.0
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("kind", choices=["toy", "people", "real"])
    data = os.environ.get("WGS_TEST_DATA", "../shared/data")
    parser.add_argument("--data", type=Path, default=Path(data), help="folder of the real data")
    parser.add_argument("--persons", type=int, default=4, help="toy: how many are simulated")
    given = parser.parse_args()
    if given.kind == "people":
        report_people(given.data.resolve())
        return
    with tempfile.TemporaryDirectory() as folder:
        if given.kind == "real":
            rows = mixtures_of_reads(Path(folder), given.data.resolve())
            report("HG002 with persons of 1000 Genomes, 78 kb", rows)
        else:
            report("toy genomes of 1 Mb", mixtures_of_toys(Path(folder), given.persons))


if __name__ == "__main__":
    main()
