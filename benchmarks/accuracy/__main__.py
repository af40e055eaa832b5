"""Recall, precision, F1 and genotypes of every engine on real people, and what they cost.

    make bench-accuracy                     every engine, every truth set
    python -m benchmarks.accuracy --help    one engine, a folder to go on in

The workflow calls, a comparison of haplotypes counts (``haplotypes.py``). Filters are compared on
the same calls: FILTER as the run wrote it is left aside and set anew.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pysam
from benchmarks.accuracy.haplotypes import Score, Variant, score, trim
from benchmarks.accuracy.options import OPTIONS, call_with
from benchmarks.accuracy.people import DATA, SETS, SHIFTED, TruthSet, call, seconds

from wgs_pipeline.config import Config, load_config
from wgs_pipeline.engines import failing_sites

ENGINES = ("bcftools", "freebayes", "gatk")
KINDS = ("snv", "indel")


def variants_of(vcf: Path, sample: str | None, contig: str) -> list[Variant]:
    """What a person carries on a contig, of calls that pass."""
    found: set[Variant] = set()
    with pysam.VariantFile(str(vcf)) as file:
        name = sample or file.header.samples[0]
        for record in file.fetch(contig) if file.is_valid_tid(file.get_tid(contig)) else ():
            if set(record.filter.keys()) - {"PASS"}:
                continue
            genotype = [allele for allele in record.samples[name]["GT"] if allele]
            for allele in set(genotype):
                alt = record.alleles[allele]
                if set(alt) <= set("ACGT"):
                    found.update(trim(record.start, record.ref, alt, genotype.count(allele)))
    return sorted(found)


def confident_regions(bed: Path, contig: str) -> Iterator[tuple[int, int]]:
    """Where truth is complete, without what is known to be one base off."""
    rows = [line.split("\t") for line in bed.read_text().splitlines()]
    low, high = SHIFTED.get(contig, (0, 0))
    for _, start, end, *_ in (row for row in rows if row[0] == contig):
        for part in ((int(start), min(int(end), low)), (max(int(start), high), int(end))):
            if part[0] < part[1]:
                yield part


def count(truth: TruthSet, query: Path, fasta: Path, everywhere: bool) -> dict[str, Score]:
    """Scores of one person over all contigs; ``everywhere``: outside the confident regions too."""
    totals = dict.fromkeys(KINDS, Score(0, 0, 0, 0, 0))
    with pysam.FastaFile(str(fasta)) as reference:
        for contig, length in zip(reference.references, reference.lengths, strict=True):
            regions = list(confident_regions(truth.bed, contig))
            if everywhere and regions:
                regions = [(0, length)]
            own = variants_of(truth.vcf, None, contig)
            called = variants_of(query, truth.sample, contig)
            for kind, each in score(own, called, reference.fetch(contig), regions).items():
                totals[kind] += each
    return totals


def filtered(callset: Path, expression: str, output: Path) -> Path:
    """A callset, left-aligned, with FILTER set by an expression of bcftools alone."""
    commands: tuple[list[str | Path], ...] = (
        ["bcftools", "annotate", "--remove", "FILTER", "-Ou", callset],
        ["bcftools", "filter", "--soft-filter", "LowQual", "--exclude", expression, "-Oz", "-o",
         output, "-"],
    )  # fmt: skip
    first = subprocess.run(commands[0], check=True, capture_output=True)
    subprocess.run(commands[1], input=first.stdout, check=True)
    pysam.tabix_index(str(output), preset="vcf", force=True)
    return output


def filters(config: Config) -> dict[str, str]:
    """Filters that are compared, by name."""
    calling = config.calling
    plain = replace(calling, min_allele_balance=0.0)
    stricter = replace(calling, min_allele_balance=0.3)
    quality = replace(plain, min_qual=2 * calling.min_qual)
    return {
        "as shipped": failing_sites(calling),
        "QUAL and depth": failing_sites(plain),
        "QUAL twice": failing_sites(quality),
        "balance of SNVs only": failing_sites(replace(calling, engine="bcftools")),
        "balance of indels too": failing_sites(replace(calling, engine="gatk")),
        "balance 0.3": failing_sites(stricter),
    }


def print_rows(title: str, scores: dict[str, Score]) -> None:
    """Print the scores of one person, a row a kind."""
    for kind, each in scores.items():
        print(
            f"| {title} | {kind} | {each.found} | {each.false} | {each.missed} | "
            f"{each.recall:.4f} | {each.precision:.4f} | {each.f1:.4f} | "
            f"{each.found} / {each.alleles} |"
        )


def compare(results: Path, engine: str, folder: Path) -> None:
    """Print the scores of one engine: every truth set and filter."""
    config = load_config(results.parent / "config.yaml")
    fasta = results / "reference/genome.fa"
    for name, expression in filters(config).items():
        for truth in SETS:
            output = folder / f"{engine}.{truth.family}.vcf.gz"
            query = filtered(results / f"callset/{truth.family}.vcf.gz", expression, output)
            print_rows(f"{engine} | {name} | {truth.title}", count(truth, query, fasta, False))
            if truth.sample == "HG001":
                # Truth is complete in 9 kb of the 100 kb only: outside, recall means something.
                everywhere = count(truth, query, fasta, True)
                print_rows(f"{engine} | {name} | {truth.title}, all 100 kb", everywhere)


def compare_options(results: Path, folder: Path) -> None:
    """Print the scores of bcftools with one option changed at a time, single samples only."""
    config = load_config(results.parent / "config.yaml")
    fasta = results / "reference/genome.fa"
    for option in OPTIONS:
        for truth in SETS[:2]:
            cram = results / f"alignment/{truth.sample}.cram"
            query = call_with(option, cram, fasta, config.calling, folder / "option.vcf.gz")
            print_rows(f"bcftools | {option} | {truth.title}", count(truth, query, fasta, False))
            if truth.sample == "HG001":
                everywhere = count(truth, query, fasta, True)
                print_rows(f"bcftools | {option} | {truth.title}, all 100 kb", everywhere)


def main() -> None:
    """Call with every engine and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", action="append", choices=ENGINES, help="default: all")
    parser.add_argument("--aligner", default="auto", help="default: the pipeline's")
    parser.add_argument("--folder", type=Path, help="of the runs, kept; default: temporary")
    parser.add_argument(
        "--options", action="store_true", help="options of mpileup too, one changed at a time"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE",
        help="of calling, as min_base_quality=10; the folder must be a new one",
    )  # fmt: skip
    arguments = parser.parse_args()
    if not DATA.is_dir():
        raise SystemExit(f"{DATA}: not found; expected the real reads. Name them: WGS_TEST_DATA")
    changed = {key: float(value) if "." in value else int(value)
               for key, value in (each.split("=") for each in arguments.set)}  # fmt: skip
    with tempfile.TemporaryDirectory() as scratch:
        folder = (arguments.folder or Path(scratch)).absolute()
        base = call(folder / "bcftools", {"engine": "bcftools", **changed}, arguments.aligner)
        print("| engine | filter | reads | | TP | FP | FN | recall | precision | F1 | genotypes |")
        print("|---|---|---|---|---|---|---|---|---|---|---|")
        costs = []
        for engine in arguments.engine or ENGINES:
            crams = None if engine == "bcftools" else base / "alignment"
            results = call(folder / engine, {"engine": engine, **changed}, arguments.aligner, crams)
            compare(results, engine, Path(scratch))
            costs.append((engine, *seconds(results)))
        if arguments.options:
            compare_options(base, Path(scratch))
        print("\n| engine | wall (s) | processor (s) |\n|---|---|---|")
        for engine, wall, processor in costs:
            print(f"| {engine} | {wall:.1f} | {processor:.1f} |")


if __name__ == "__main__":
    main()
