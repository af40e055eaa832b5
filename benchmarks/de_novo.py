"""De novo alleles of toy trios: ``make bench-de-novo``.

Per seed a trio of 68 kb with new alleles planted in the son: SNVs and deletions on the autosomes,
SNVs on chrX beyond the PAR, clear of repeats. Reads are simulated, aligned and called together with
the options of the workflow; then three ways of finding what is new read the same callset:

    wgs           candidates of ``wgs family analyse`` that pass, with its default rules
    trio-dnm2     ``bcftools +trio-dnm2`` (its default model) with a posterior of 0.5 or more
    genotypes     whatever allele of the child no parent was called with

Recall and precision are over all planted alleles of all seeds, by the part of the genome.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from wgs_pipeline.config import load_config
from wgs_pipeline.family.analysis import analyse
from wgs_pipeline.family.genome import Genome
from wgs_pipeline.family.settings import FamilyConfig
from wgs_pipeline.family.structure import family_of
from wgs_pipeline.ngd.alleles import trim
from wgs_pipeline.reference import pseudoautosomal, read_contigs
from wgs_pipeline.sheets import Sample
from wgs_pipeline.toy.cohort import Cohort, make_cohort, plant
from wgs_pipeline.toy.fastq import write_lane
from wgs_pipeline.toy.fragments import draw_fragments, lay_template, sequenced_coverage
from wgs_pipeline.toy.haplotypes import molecules
from wgs_pipeline.toy.people import FATHER, LANES, MOTHER, PEOPLE, PROBAND
from wgs_pipeline.toy.reference import X, fasta
from wgs_pipeline.toy.streams import stream
from wgs_pipeline.toy.truth import bed, confident_intervals

SCALE = 0.2
TRIO = (PROBAND, FATHER, MOTHER)
#: Planted beside the one that every toy has: (contig, how many, bases deleted).
PLANTED = (("chr1", 7, 0), ("chr2", 5, 0), ("chr1", 2, 1), ("chr2", 2, 3), (X, 4, 0))
METHODS = ("wgs", "trio-dnm2", "genotypes")

Site = tuple[str, int, str, str]


def new_alleles(seed: int) -> tuple[Cohort, set[Site]]:
    """A cohort with new alleles in the son, and what they are."""
    cohort, rng = make_cohort(seed, SCALE), stream(seed, "bench", "de_novo")
    for contig, number, deleted in PLANTED:
        inside = [
            each
            for each in confident_intervals(cohort.reference)
            if each.contig == contig and each.end > cohort.reference.par_end
        ]
        for _ in range(number):
            place = inside[int(rng.integers(len(inside)))]
            if contig == X:
                place = replace(place, start=max(place.start, cohort.reference.par_end))
            copy = 1 if contig == X else int(rng.integers(2))
            cohort = plant(cohort, place, "de_novo", copy, None, deleted, rng)
    new = {
        (each.contig, each.position + 1, each.ref, each.alt)
        for each in cohort.planted
        if each.what == "de_novo"
    }
    return cohort, new


def call(cohort: Cohort, seed: int, coverage: float, folder: Path) -> Path:
    """The trio's callset, as the workflow calls it, with QS beside."""
    (folder / "genome.fa").write_text(fasta(cohort.reference))
    (folder / "par.bed").write_text(bed(cohort.reference.par))
    for person in TRIO:
        name, copies = PEOPLE[person].sample_id, molecules(cohort, person)
        rng = stream(seed, "bench", name, f"{coverage:g}")
        fragments = draw_fragments(copies, sequenced_coverage(coverage), rng)
        lane = next(each for each in LANES if each.person == person)
        paths = (folder / f"{name}_1.fq.gz", folder / f"{name}_2.fq.gz")
        write_lane(paths, lane, lay_template(copies), fragments, rng)
    names = [PEOPLE[person].sample_id for person in TRIO]
    ploidies = "\n".join(
        f"wgs reference ploidy --fai genome.fa.fai --par-bed par.bed --sample {person.sample_id} "
        f"--sex {person.sex} -o {person.sample_id}.bed"
        for person in (PEOPLE[each] for each in TRIO)
    )
    shell(
        f"""
        samtools faidx genome.fa
        bwa index genome.fa 2>log
        for name in {" ".join(names)}; do
            bwa mem -t 2 -R "@RG\\tID:$name\\tSM:$name" genome.fa \\
                ${{name}}_1.fq.gz ${{name}}_2.fq.gz 2>>log \\
                | samtools fixmate -m -u - - | samtools sort -u - 2>>log \\
                | samtools markdup - $name.bam
            samtools index $name.bam
        done
        {ploidies}
        cat {".bed ".join(names)}.bed >ploidy.bed
        wgs reference ploidy-file ploidy.bed {" ".join(names)} >ploidy.txt
        for name in {" ".join(names)}; do echo $name $name; done >sexes.txt
        bcftools mpileup --fasta-ref genome.fa --min-MQ 20 --min-BQ 20 --count-orphans \\
            --annotate FORMAT/AD,FORMAT/DP,FORMAT/QS --output-type u \\
            {" ".join(f"{name}.bam" for name in names)} 2>>log \\
            | bcftools call --multiallelic-caller --variants-only --ploidy-file ploidy.txt \\
                --samples-file sexes.txt --output-type u 2>>log \\
            | bcftools filter --soft-filter LowQual --output-type z --output callset.vcf.gz \\
                --exclude 'QUAL < 20 || MAX(FORMAT/DP) < 5' -
        tabix --preset vcf callset.vcf.gz
        """,
        folder,
    )
    return folder / "callset.vcf.gz"


def shell(script: str, folder: Path) -> str:
    """Standard output of a script in a folder."""
    command = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{script}\n{done.stderr}")
    return done.stdout


def found_by_wgs(callset: Path, cohort: Cohort, rules: FamilyConfig) -> tuple[set[Site], set[Site]]:
    """New alleles that pass, and all candidates: what genotypes alone say."""
    contigs = read_contigs(Path(f"{callset.parent}/genome.fa.fai"))
    genome = Genome(contigs, pseudoautosomal(contigs, callset.parent / "par.bed"))
    people = [PEOPLE[each] for each in TRIO]
    sheet = [
        Sample(each.sample_id, each.patient_id, each.sex, each.family_id, father, mother)
        for each, father, mother in (
            (people[0], people[1].sample_id, people[2].sample_id),
            (people[1], None, None),
            (people[2], None, None),
        )
    ]
    family = family_of(people[0].family_id, sheet, (), [each.sample_id for each in people])
    analyse(callset, family, genome, rules, callset.parent / "family")
    with (callset.parent / "family/de_novo.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    passed = {site(row) for row in rows if row["filter"] == "PASS"}
    return passed, {site(row) for row in rows}


def site(row: dict[str, str]) -> Site:
    """The allele of a row, as short as the truth has it (callers write longer ones)."""
    dropped, ref, alt = trim(row["ref"], row["alt"])
    return row["contig"], int(row["position"]) + dropped, ref, alt


def found_by_bcftools(callset: Path, cohort: Cohort) -> set[Site]:
    """New alleles by the plugin, which refuses chrY and chrM: these are left out."""
    names = ",".join(PEOPLE[each].sample_id for each in TRIO)
    end = cohort.reference.contigs[X].length
    text = shell(
        f"""
        bcftools view --apply-filters PASS,. --targets chr1,chr2,chrX --output-type u {callset} \\
            | bcftools +trio-dnm2 -p 1X:{names} -X {X}:{cohort.reference.par_end + 1}-{end} \\
                --dnm-tag DNM:prob --output-type u - \\
            | bcftools query --include 'FMT/DNM[0] >= 0.5' \\
                --format '%CHROM\\t%POS\\t%REF\\t%ALT\\t[%VA\\t]\\n'
        """,
        callset.parent,
    )
    found = set()
    for line in text.splitlines():
        contig, position, ref, alts, allele, *_ = line.split("\t")
        alt = alts.split(",")[int(allele) - 1]
        found.add(site({"contig": contig, "position": position, "ref": ref, "alt": alt}))
    return found


def measure(seed: int, coverage: float, rules: FamilyConfig) -> Counter[tuple[str, str, str]]:
    """(method, part, true, false or missed) to how many, of one seed."""
    cohort, new = new_alleles(seed)
    counts: Counter[tuple[str, str, str]] = Counter()
    with tempfile.TemporaryDirectory() as name:
        callset = call(cohort, seed, coverage, Path(name))
        passed, every = found_by_wgs(callset, cohort, rules)
        found = dict(zip(METHODS, (passed, found_by_bcftools(callset, cohort), every), strict=True))
    for method, sites in found.items():
        for kind, which in (("true", sites & new), ("false", sites - new), ("missed", new - sites)):
            for contig, _, ref, alt in which:
                part = "indels" if len(ref) != len(alt) else "chrX" if contig == X else "SNVs"
                counts[method, part, kind] += 1
    return counts


def default_rules(folder: Path) -> FamilyConfig:
    """The rules that a configuration without a word on families has."""
    path = folder / "config.yaml"
    path.write_text(
        "samples: s.tsv\nunits: u.tsv\nconsents: c.tsv\nresults: results\n"
        "reference: {build: toy, fasta: r.fa}\nngd: {root: ngd, vault: vault}\n"
    )
    return load_config(path).family


def run(seeds: int, coverage: float) -> Counter[tuple[str, str, str]]:
    """Counts over the seeds from 1."""
    with tempfile.TemporaryDirectory() as folder:
        rules = default_rules(Path(folder))
    total: Counter[tuple[str, str, str]] = Counter()
    for seed in range(1, seeds + 1):
        total += measure(seed, coverage, rules)
    return total


def rates(
    counts: Counter[tuple[str, str, str]], method: str, parts: tuple[str, ...]
) -> list[float]:
    """True, false, missed, recall and precision of a method in some parts of the genome."""
    true, false, missed = (
        sum(counts[method, part, kind] for part in parts) for kind in ("true", "false", "missed")
    )
    recall = true / (true + missed) if true + missed else np.nan
    return [true, false, missed, recall, true / (true + false) if true + false else np.nan]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--coverage", type=float, nargs="+", default=[30, 15])
    asked = parser.parse_args()
    print("coverage\tmethod\tpart\ttrue\tfalse\tmissed\trecall\tprecision")
    parts = ("SNVs", "indels", "chrX")
    for coverage in asked.coverage:
        started = time.perf_counter()
        counts = run(asked.seeds, coverage)
        for method in METHODS:
            for name, which in ((("all", parts)), *((part, (part,)) for part in parts)):
                true, false, missed, recall, precision = rates(counts, method, which)
                shares = f"{recall:.3f}\t{precision:.3f}"
                print(f"{coverage:g}\t{method}\t{name}\t{true}\t{false}\t{missed}\t{shares}")
        print(f"# {asked.seeds} seeds in {time.perf_counter() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
