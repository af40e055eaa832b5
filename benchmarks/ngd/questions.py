"""The questions that are timed, drawn at random places of the simulated region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from benchmarks.ngd.cohort import CONTIG, Cohort
from benchmarks.ngd.project import patient_id
from numpy.typing import NDArray

from wgs_pipeline.ngd.genotypes import HOM

GENE_BP, CARRIERS_BP = 50_000, 10_000
LISTED = 1_000
#: A listed rare variant has at most this allele frequency.
_RARE = 0.001


#: Positional and named arguments.
Asked = tuple[list[Any], dict[str, Any]]


@dataclass(frozen=True)
class Question:
    """One kind of question to an open database.

    Attributes:
        name: What is asked.
        method: Method of ``wgs_pipeline.ngd.database.Database``.
        asked: Positional and named arguments, once for each time it is asked.
        mark_ms: Ceiling for the 95 % quantile, warm, at 60,000 genomes.
    """

    name: str
    method: str
    asked: Sequence[Asked]
    mark_ms: float | None = None

    @property
    def asks_for_persons(self) -> bool:
        """Whether only care may ask it."""
        return self.method not in ("variant", "region")


@dataclass(frozen=True)
class Places:
    """Where questions are asked.

    Attributes:
        variants: Names of variants, half of them with AF over 1 %.
        genes: Regions of 50 kb (or the whole, if that is shorter).
        regions: Regions of 10 kb.
        lists: Lists of rare variants that someone carries.
        persons: Identifiers.
    """

    variants: list[str]
    genes: list[str]
    regions: list[str]
    lists: list[list[str]]
    persons: list[str]

    def questions(self) -> list[Question]:
        """All kinds of question."""
        genes: list[Asked] = [([gene], {}) for gene in self.genes]
        of_one = [
            ([person], {"region": gene})
            for person, gene in zip(self.persons, self.genes, strict=True)
        ]
        return [
            Question("variant", "variant", [([each], {}) for each in self.variants], 10),
            Question("50 kb AC, AN, AF", "region", genes, 10),
            Question("10 kb, all carriers", "carriers_in", _alone(self.regions), 50),
            Question("one person's gene", "genome", of_one, 10),
            Question("1,000 rare variants, carriers", "carriers_of", _alone(self.lists), 100),
        ]


def draw_places(cohort: Cohort, times: int, seed: int, within: int | None = None) -> Places:
    """Draw so many places of each kind, from the first bases of the region if ``within`` says."""
    rng = np.random.default_rng(seed)
    length = within or cohort.length
    count = allele_counts(cohort) * (np.asarray(cohort.variants["pos"]) <= length)
    common = np.flatnonzero(count > 0.02 * cohort.persons)
    carried = np.flatnonzero(count > 0)
    half = times // 2
    chosen = np.concatenate((rng.choice(common, half), rng.choice(carried, times - half)))
    rare = np.flatnonzero((count > 0) & (count <= max(1, 2 * _RARE * cohort.persons)))
    size = min(LISTED, len(rare))
    lists = [np.sort(rng.choice(rare, size, replace=False)) for _ in range(max(times // 4, 3))]
    return Places(
        names(cohort, rng.permutation(chosen)),
        _regions(length, GENE_BP, times, rng),
        _regions(length, CARRIERS_BP, times, rng),
        [names(cohort, each) for each in lists],
        [patient_id(int(each)) for each in rng.integers(0, cohort.persons, times)],
    )


def allele_counts(cohort: Cohort) -> NDArray[np.int64]:
    """Copies of each variant of a cohort, whether their positions are callable or not."""
    rows, kinds = np.asarray(cohort.rows), np.asarray(cohort.kinds)
    variants = cohort.variants.num_rows
    counts = np.bincount(rows, minlength=variants)
    return counts + np.bincount(rows[kinds == HOM], minlength=variants)


def names(cohort: Cohort, rows: NDArray[np.int64]) -> list[str]:
    """Variants in the notation chr-pos-ref-alt."""
    chosen = cohort.variants.take(pa.array(rows))
    parts = [chosen["pos"].cast(pa.string()), chosen["ref"], chosen["alt"]]
    joined: list[str] = pc.binary_join_element_wise(CONTIG, *parts, "-").to_pylist()
    return joined


def _regions(length: int, size: int, times: int, rng: np.random.Generator) -> list[str]:
    size = min(size, length)
    starts = rng.integers(0, length - size + 1, times).tolist()
    return [f"{CONTIG}:{start + 1}-{start + size}" for start in starts]


def _alone(values: Sequence[Any]) -> list[tuple[list[Any], dict[str, Any]]]:
    return [([each], {}) for each in values]
