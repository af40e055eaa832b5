"""Cohorts simulated with msprime: who carries what, columnar from the trees to the calls.

One European-like population. Sizes in diploids, times in generations before now; they are chosen
so that rows per kb at 1,000 and 10,000 persons and non-reference genotypes per genome are near
those of real cohorts (docs/ngd-benchmark.md has both).
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.feather as feather
from benchmarks.ngd.measure import Meter, peak_gb
from benchmarks.ngd.sequence import LETTERS, random_sequence, spell
from numpy.typing import NDArray

from wgs_pipeline.ngd.genotypes import HET, HOM

CONTIG = "chr20"
#: A person's number takes 16 bits while a cohort is made.
MOST_PERSONS = 1 << 16
MUTATION_RATE, RECOMBINATION_RATE = 1.29e-8, 1e-8
GROWTH, GROWTH_SINCE, BEFORE_GROWTH = 0.025, 190, 10_000
#: From when (generations ago) the population had which size, before the growth.
EPOCHS = ((920, 6_000), (2_040, 28_000), (5_920, 20_000))


@dataclass(frozen=True)
class Scenario:
    """What is simulated.

    Attributes:
        persons: How many.
        length: Region in bp.
        seed: Of everything.
        indels: Share of variants that are insertions or deletions.
        private_per_kb: Variants of one person alone, beyond the trees', per kb and genome.
        dropped: Share of genotypes that a caller misses.
        flipped: Share of genotypes that a caller reports as hom for het and the reverse.
    """

    persons: int
    length: int = 1_000_000
    seed: int = 1
    indels: float = 0.16
    private_per_kb: float = 0.001
    dropped: float = 0.001
    flipped: float = 0.001 / 3

    def __post_init__(self) -> None:
        if self.persons > MOST_PERSONS:
            raise SystemExit(f"{self.persons} persons; expected at most {MOST_PERSONS}")


@dataclass(frozen=True)
class Cohort:
    """Calls of all persons, person after person.

    Attributes:
        sequence: Reference of the region as ASCII codes, shape (length,).
        variants: pos (1-based), ref, alt; sorted by these, one row per ALT allele.
        offsets: Person p has the calls ``offsets[p]:offsets[p + 1]``, shape (persons + 1,).
        rows: Row of ``variants`` of each call, ascending within a person, shape (calls,).
        kinds: HET or HOM of each call, shape (calls,).
    """

    sequence: NDArray[np.uint8]
    variants: pa.Table
    offsets: NDArray[np.int64]
    rows: NDArray[np.uint32]
    kinds: NDArray[np.uint8]

    @property
    def persons(self) -> int:
        """How many persons it has."""
        return len(self.offsets) - 1

    @property
    def length(self) -> int:
        """Length of the region in bp."""
        return len(self.sequence)

    def first(self, persons: int) -> Cohort:
        """The first persons alone; what only others carry stays as rows without a call."""
        calls = int(self.offsets[persons])
        return replace(
            self,
            offsets=self.offsets[: persons + 1],
            rows=self.rows[:calls],
            kinds=self.kinds[:calls],
        )

    def save(self, folder: Path) -> None:
        """Write it as files that can be mapped into memory."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("sequence", "offsets", "rows", "kinds"):
            np.save(folder / f"{name}.npy", getattr(self, name))
        feather.write_feather(self.variants, folder / "variants.arrow", compression="uncompressed")

    @classmethod
    def open(cls, folder: Path) -> Cohort:
        """Map the files that ``save`` wrote."""
        names = ("sequence", "offsets", "rows", "kinds")
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in names}
        return cls(variants=feather.read_table(folder / "variants.arrow"), **arrays)


def simulate(scenario: Scenario) -> Cohort:
    """Simulate a cohort; memory grows with its calls (about 30 bytes a call at the peak)."""
    return extract(tree_sequence(scenario), scenario)


def tree_sequence(scenario: Scenario) -> Any:
    """Trees and mutations of all persons and of one more, whose first haplotype is the reference.

    Returns:
        A tskit.TreeSequence.
    """
    import msprime

    demography = msprime.Demography()
    now = BEFORE_GROWTH * np.exp(GROWTH * GROWTH_SINCE)
    demography.add_population(name="P", initial_size=now, growth_rate=GROWTH)
    for time, size in ((GROWTH_SINCE, BEFORE_GROWTH), *EPOCHS):
        demography.add_population_parameters_change(time=time, initial_size=size, growth_rate=0)
    trees = msprime.sim_ancestry(
        {"P": scenario.persons + 1},
        demography=demography,
        sequence_length=scenario.length,
        recombination_rate=RECOMBINATION_RATE,
        random_seed=scenario.seed,
    )
    # Transitions twice as often as all transversions together, as in human genomes.
    model = msprime.HKY(kappa=4.0)
    return msprime.sim_mutations(
        trees, rate=MUTATION_RATE, model=model, random_seed=scenario.seed + 1
    )


def extract(trees: Any, scenario: Scenario) -> Cohort:
    """Calls of the persons of a tree sequence, with private variants and genotype errors."""
    rng = np.random.default_rng(scenario.seed)
    sequence = random_sequence(scenario.length, rng)
    starts, alts, persons, kinds, counts = _from_trees(trees, scenario.persons, sequence)
    private = _private(scenario, sequence, starts, rng)
    starts = np.concatenate((starts, private[0]))
    alts = np.concatenate((alts, private[1]))
    persons = np.concatenate((persons, private[2]))
    kinds = np.concatenate((kinds, np.full(len(private[2]), HET, np.uint8)))
    counts = np.concatenate((counts, np.ones(len(private[2]), np.int64)))
    ref, alt = spell(sequence, starts, alts, scenario.indels, rng)
    variants = pa.table({"pos": (starts + 1).astype(np.int32), "ref": ref, "alt": alt})
    variants, place = _sorted(variants)
    rows = np.repeat(place, counts)
    kept = _with_errors(scenario, kinds, rng)
    offsets, rows, kinds = _person_major(persons[kept], rows[kept], kinds[kept], scenario.persons)
    return Cohort(sequence, variants, offsets, rows, kinds)


def _from_trees(
    trees: Any, persons: int, sequence: NDArray[np.uint8]
) -> tuple[
    NDArray[np.int64],
    NDArray[np.uint8],
    NDArray[np.uint16],
    NDArray[np.uint8],
    NDArray[np.int64],
]:
    """Start, ALT base and number of carriers per variant; person and kind per call.

    Sets the reference base of each site. Person p has the haplotypes 2p and 2p + 1.
    """
    starts, alts, counts, carriers, kinds = [], [], [], [], []
    reference = 2 * persons
    for variant in trees.variants():
        haplotypes = variant.genotypes
        ref = int(haplotypes[reference])
        position = int(variant.site.position)
        sequence[position] = ord(variant.alleles[ref])
        differing = np.flatnonzero(haplotypes[:reference] != ref)
        states = haplotypes[differing]
        for state in range(len(variant.alleles)):
            who = differing[states == state] >> 1
            if not len(who):
                continue
            same = np.zeros(len(who), np.bool_)
            same[1:] = who[1:] == who[:-1]  # both haplotypes of one person
            second = np.append(same[1:], False)
            carriers.append(who[~same].astype(np.uint16))
            kinds.append(np.where(second[~same], HOM, HET).astype(np.uint8))
            starts.append(position)
            alts.append(ord(variant.alleles[state]))
            counts.append(len(carriers[-1]))
    return (
        np.array(starts, np.int64),
        np.array(alts, np.uint8),
        np.concatenate([np.empty(0, np.uint16), *carriers]),
        np.concatenate([np.empty(0, np.uint8), *kinds]),
        np.array(counts, np.int64),
    )


def _private(
    scenario: Scenario,
    sequence: NDArray[np.uint8],
    taken: NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.uint16]]:
    """Start, ALT base and person of variants that the trees do not have, at free positions."""
    mean = scenario.private_per_kb * scenario.length / 1e3 * scenario.persons
    free = np.setdiff1d(np.arange(scenario.length), taken)
    starts = rng.choice(free, min(rng.poisson(mean), len(free)), replace=False)
    other = (np.searchsorted(LETTERS, sequence[starts]) + rng.integers(1, 4, len(starts))) % 4
    persons = rng.integers(0, scenario.persons, len(starts)).astype(np.uint16)
    return starts, LETTERS[other], persons


def _sorted(variants: pa.Table) -> tuple[pa.Table, NDArray[np.uint32]]:
    """Variants by pos, ref, alt, and the new row of each."""
    keys = [(name, "ascending") for name in variants.column_names]
    order = np.asarray(pc.sort_indices(variants, sort_keys=keys))
    place = np.empty(len(order), np.uint32)
    place[order] = np.arange(len(order), dtype=np.uint32)
    return variants.take(pa.array(order)).combine_chunks(), place


def _with_errors(
    scenario: Scenario, kinds: NDArray[np.uint8], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Flip some kinds in place, and say which calls are kept."""
    chance = rng.random(len(kinds), np.float32)
    flipped = chance < scenario.flipped
    kinds[flipped] = HET + HOM - kinds[flipped]
    return chance < 1 - scenario.dropped


def _person_major(
    persons: NDArray[np.uint16],
    rows: NDArray[np.uint32],
    kinds: NDArray[np.uint8],
    count: int,
) -> tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.uint8]]:
    """Offsets of persons, and rows and kinds of calls by person, then row."""
    offsets = np.concatenate(([0], np.cumsum(np.bincount(persons, minlength=count))))
    # One integer per call, so that one sort in place does it all.
    key = persons.astype(np.uint64) << np.uint64(40)
    key |= rows.astype(np.uint64) << np.uint64(8)
    key |= kinds
    key.sort()
    ordered = (key >> np.uint64(8)).astype(np.uint32)
    return offsets.astype(np.int64), ordered, (key & np.uint64(0xFF)).astype(np.uint8)


def main() -> None:
    """Simulate a cohort and save it, in a process of its own whose memory ends with it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--persons", type=int, required=True)
    parser.add_argument("--length", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    meter = Meter()
    scenario = Scenario(arguments.persons, arguments.length, arguments.seed)
    with meter.step("simulate"):
        cohort = simulate(scenario)
    cohort.save(arguments.folder)
    said = {
        "step": "simulate",
        "persons": cohort.persons,
        "region_bp": cohort.length,
        "calls": len(cohort.rows),
        "cpu_s": meter.cpu["simulate"],
        "wall_s": meter.wall["simulate"],
        "peak_gb": peak_gb(),
    }
    print(json.dumps(said))


if __name__ == "__main__":
    main()
