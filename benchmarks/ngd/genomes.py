"""Simulated persons as the library takes genomes: calls, depths, qualities, callable runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from benchmarks.ngd.callability import Callability
from benchmarks.ngd.cohort import CONTIG, Cohort
from numpy.typing import NDArray

from wgs_pipeline.ngd.contig_calls import ContigCalls
from wgs_pipeline.ngd.genotypes import HOM
from wgs_pipeline.ngd.intervals import Bases
from wgs_pipeline.ngd.shard import VARIANTS

#: Mean depth, its spread between persons, and the size of the negative binomial within one.
DEPTH, DEPTH_SPREAD, DEPTH_SIZE = 33.0, 3.0, 30.0
_MIN_DP, _MIN_GQ, _MOST_GQ = 10, 20, 99
_GENOTYPES = pa.array(["./.", "0/1", "1/1"])


@dataclass(frozen=True)
class Batch:
    """Persons ``low`` to ``high`` of a cohort.

    Attributes:
        low: First person.
        calls: Columns of ``VARIANTS``, person after person.
        offsets: Person ``low + p`` has ``calls[offsets[p]:offsets[p + 1]]``.
        callable: Callable bases of each person.
    """

    low: int
    calls: pa.Table
    offsets: NDArray[np.int64]
    callable: list[Bases]

    @property
    def persons(self) -> range:
        """Their numbers in the cohort."""
        return range(self.low, self.low + len(self.callable))

    def contig(self, person: int) -> ContigCalls:
        """What the library loads of a person."""
        at = person - self.low
        first, last = int(self.offsets[at]), int(self.offsets[at + 1])
        return ContigCalls(CONTIG, self.calls.slice(first, last - first), self.callable[at])


def make_batch(cohort: Cohort, model: Callability, low: int, high: int, seed: int) -> Batch:
    """Calls of some persons; the same arguments give the same batch.

    A call outside the person's callable bases has a genotype quality below the rule's and is not
    passed; all others pass.
    """
    rng = np.random.default_rng((seed, low))
    first, last = int(cohort.offsets[low]), int(cohort.offsets[high])
    offsets = np.asarray(cohort.offsets[low : high + 1]) - first
    rows, kinds = np.asarray(cohort.rows[first:last]), np.asarray(cohort.kinds[first:last])
    bases = model.draw(high - low, int(rng.integers(1 << 62)))
    variants = cohort.variants.take(pa.array(rows))
    starts = np.asarray(variants["pos"]).astype(np.int64) - 1
    passed = np.concatenate(
        [
            each.contains(starts[begin:end])
            for each, begin, end in zip(bases, offsets[:-1], offsets[1:], strict=True)
        ]
    )
    person = np.repeat(np.arange(high - low), np.diff(offsets))
    dp, ad_ref, ad_alt, gq = _depths(person, kinds == HOM, passed, rng)
    columns = {
        "contig": pa.array([CONTIG]).take(pa.array(np.zeros(len(rows), np.int64))),
        **{name: variants[name] for name in ("pos", "ref", "alt")},
        "gt": _GENOTYPES.take(pa.array(kinds)),
        "kind": kinds,
        "passed": passed,
        "dp": dp,
        "ad_ref": ad_ref,
        "ad_alt": ad_alt,
        "gq": gq,
    }
    table = pa.table(columns).cast(VARIANTS).combine_chunks()
    return Batch(low, table, offsets, bases)


def _depths(
    person: NDArray[np.int64],
    hom: NDArray[np.bool_],
    passed: NDArray[np.bool_],
    rng: np.random.Generator,
) -> tuple[NDArray[np.int16], ...]:
    """DP, AD of REF and ALT, and GQ of calls, each of shape (calls,).

    DP is negative binomial around the person's mean. AD of a het is binomial (one half), that of
    a hom has 0.3 % of other reads. GQ is the second smallest PL with 30 a read and 3 a read of
    the other genotypes, at most 99, as GATK gives it.
    """
    means = rng.normal(DEPTH, DEPTH_SPREAD, int(person.max(initial=-1)) + 1)[person]
    dp = rng.negative_binomial(DEPTH_SIZE, DEPTH_SIZE / (DEPTH_SIZE + means))
    dp = np.maximum(dp, _MIN_DP)
    alt = rng.binomial(dp, np.where(hom, 0.997, 0.5))
    less = np.minimum(alt, dp - alt)
    gq = np.where(hom, 3 * dp - 27 * less, 30 * less - 3 * dp)
    gq = np.clip(gq, _MIN_GQ, _MOST_GQ)
    gq = np.where(passed, gq, rng.integers(0, _MIN_GQ, len(gq)))
    return tuple(each.astype(np.int16) for each in (dp, dp - alt, alt, gq))
