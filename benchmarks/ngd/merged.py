"""The same genotypes as one merged VCF, which the peers import.

One cell per person and variant, hom-ref cells with their values too (GT:AD:DP:GQ), as joint
callers write it. Where a person is not callable the genotype is missing, so AC and AN are ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from benchmarks.ngd.cohort import CONTIG
from benchmarks.ngd.genomes import DEPTH, DEPTH_SIZE, make_batch
from benchmarks.ngd.loading import Source
from benchmarks.ngd.project import sample_id
from numpy.typing import NDArray

#: Different hom-ref cells; each cell of the matrix is one of them.
_CELLS = 4_096
_HEADER = """\
##fileformat=VCFv4.2
##FILTER=<ID=PASS,Description="All filters passed">
##contig=<ID={contig},length={length}>
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Reads of each allele">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth">
##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Genotype quality">
"""


@dataclass(frozen=True)
class Slice:
    """The first bases of a cohort's region.

    Attributes:
        calls: Passed calls (row, person, dp, ad_ref, ad_alt, gq, kind), sorted by row, person.
        callable: Whether each person counts at each variant, shape (variants, persons).
        variants: pos, ref, alt of the slice.
        length: In bp.
    """

    calls: pa.Table
    callable: NDArray[np.bool_]
    variants: pa.Table
    length: int


def cut(source: Source, length: int) -> Slice:
    """The calls of all persons in the first bases; the depths that were loaded."""
    cohort = source.cohort()
    positions = np.asarray(cohort.variants["pos"])
    count = int(np.searchsorted(positions, length, side="right"))
    starts = positions[:count].astype(np.int64) - 1
    callable_ = np.empty((count, source.persons), np.bool_)
    tables = []
    for low, high in source.batches():
        batch = make_batch(cohort, source.model, low, high, source.seed)
        for person, bases in zip(batch.persons, batch.callable, strict=True):
            callable_[:, person] = bases.contains(starts)
        persons = np.repeat(np.arange(low, high), np.diff(batch.offsets))
        row = np.asarray(cohort.rows[int(cohort.offsets[low]) : int(cohort.offsets[high])])
        table = batch.calls.select(["dp", "ad_ref", "ad_alt", "gq", "kind", "passed"])
        table = table.append_column("row", pa.array(row)).append_column("person", pa.array(persons))
        inside = pc.and_(table["passed"], pc.less(table["row"], count))
        tables.append(table.filter(inside))
    calls = pa.concat_tables(tables).sort_by([("row", "ascending"), ("person", "ascending")])
    variants = cohort.variants.slice(0, count)
    return Slice(calls.combine_chunks(), callable_, variants, length)


def write_vcf(piece: Slice, path: Path, seed: int) -> None:
    """Write the slice as text, a row at a time; variants that no one carries are left out."""
    rng = np.random.default_rng(seed)
    persons = piece.callable.shape[1]
    rows = np.asarray(piece.calls["row"])
    offsets = np.searchsorted(rows, np.arange(piece.variants.num_rows + 1))
    person = np.asarray(piece.calls["person"])
    carried = np.array(_cells(piece.calls).to_pylist(), object)
    homozygous, missing = _reference_cells(rng)
    names = "\t".join(sample_id(each) for each in range(persons))
    fixed = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT"
    with path.open("w") as file:
        file.write(_HEADER.format(contig=CONTIG, length=piece.length) + f"{fixed}\t{names}\n")
        for row, site in enumerate(_sites(piece.variants)):
            low, high = offsets[row], offsets[row + 1]
            if low == high:
                continue
            cells = homozygous[rng.integers(0, _CELLS, persons)]
            cells[~piece.callable[row]] = missing
            cells[person[low:high]] = carried[low:high]
            file.write(f"{site}\t.\t.\t.\tGT:AD:DP:GQ\t" + "\t".join(cells.tolist()) + "\n")


def _sites(variants: pa.Table) -> Iterator[str]:
    for each in variants.to_pylist():
        yield f"{CONTIG}\t{each['pos']}\t.\t{each['ref']}\t{each['alt']}"


def _cells(calls: pa.Table) -> pa.StringArray:
    genotype = pa.array(["./.", "0/1", "1/1"]).take(calls["kind"].combine_chunks())
    text = {name: calls[name].cast(pa.string()) for name in ("dp", "ad_ref", "ad_alt", "gq")}
    depths = pc.binary_join_element_wise(text["ad_ref"], text["ad_alt"], ",")
    return pc.binary_join_element_wise(genotype, depths, text["dp"], text["gq"], ":")


def _reference_cells(rng: np.random.Generator) -> tuple[NDArray[np.object_], str]:
    dp = np.maximum(
        rng.negative_binomial(DEPTH_SIZE, DEPTH_SIZE / (DEPTH_SIZE + DEPTH), _CELLS), 10
    )
    gq = np.minimum(3 * dp, 99)
    cells = [f"0/0:{d},0:{d}:{g}" for d, g in zip(dp.tolist(), gq.tolist(), strict=True)]
    return np.array(cells, object), "./.:3,0:3:9"
