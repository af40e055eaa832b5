"""The text of a genotype matrix against a loop over its cells."""

from __future__ import annotations

from random import Random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wgs_pipeline.ngd import genotype_matrix
from wgs_pipeline.ngd.export_calls import CALLS, RUNS
from wgs_pipeline.ngd.export_cohort import Cohort
from wgs_pipeline.ngd.genotype_matrix import Matrix, record_leads, sites_of
from wgs_pipeline.ngd.reference import Reference

REFERENCE = Reference.build({"chrX": 200}, {"chrX": ((0, 60),)})
_TEXTS = {2: ("0/0", "./."), 1: ("0", "."), 0: (".", ".")}


def _cohort(karyotypes: list[str]) -> Cohort:
    return Cohort(pa.table({"karyotype": pa.array(karyotypes, pa.string())}))


def _calls(rows: list[dict]) -> pa.Table:
    table = pa.Table.from_pylist(rows, schema=CALLS)
    return table.sort_by([(name, "ascending") for name in ("pos", "ref", "alt", "column")])


def _copies(karyotype: str, base: int) -> int:
    if karyotype == "XX":
        return 2
    return 0 if karyotype != "XY" else 2 if base < 60 else 1


def _random(rng: Random) -> tuple[list[str], list[dict], list[dict]]:
    karyotypes = [rng.choice(["XX", "XY", "unknown"]) for _ in range(rng.randint(1, 9))]
    runs = []
    for column in range(len(karyotypes)):
        at = rng.randint(0, 20)
        while at < 190:
            end = at + rng.randint(1, 60)
            runs.append({"start": at, "end": end, "column": column})
            at = end + rng.randint(1, 30)
    calls = []
    for pos in sorted(rng.sample(range(1, 190), rng.randint(0, 12))):
        for alt in rng.sample(["C", "G", "TT"], rng.randint(1, 2)):
            for column, karyotype in enumerate(karyotypes):
                copies = _copies(karyotype, pos - 1)
                if copies and rng.random() < 0.4:
                    kind = 3 if copies == 1 else rng.choice([1, 2])
                    number = [rng.choice([None, 0, 7, 123, 32_767]) for _ in range(4)]
                    fields = dict(zip(("dp", "gq", "ad_ref", "ad_alt"), number, strict=True))
                    calls.append(
                        {"pos": pos, "ref": "A", "alt": alt, "column": column, "kind": kind,
                         "gt": "x", **fields}
                    )  # fmt: skip
    return karyotypes, runs, calls


def _expected(karyotypes: list[str], runs: list[dict], calls: list[dict]) -> list[str]:
    lines = []
    for pos, alt in sorted({(each["pos"], each["alt"]) for each in calls}):
        line = ["chrX", str(pos), ".", "A", alt, ".", "PASS", "I", "GT:DP:GQ:AD"]
        carried = {
            each["column"]: each for each in calls if (each["pos"], each["alt"]) == (pos, alt)
        }
        for column, karyotype in enumerate(karyotypes):
            called = any(
                each["start"] < pos <= each["end"] for each in runs if each["column"] == column
            )
            cell = _TEXTS[_copies(karyotype, pos - 1)][0 if called else 1]
            if column in carried:
                call = carried[column]
                dp, gq, ref, alt_reads = (
                    "." if call[name] is None else str(call[name])
                    for name in ("dp", "gq", "ad_ref", "ad_alt")
                )
                genotype = {1: "0/1", 2: "1/1", 3: "1"}[call["kind"]]
                cell = f"{genotype}:{dp}:{gq}:{ref},{alt_reads}"
            line.append(cell)
        lines.append("\t".join(line))
    return lines


def _text(matrix: Matrix) -> tuple[str, list[int]]:
    text, number = b"", []
    for rows, callable_ in matrix.blocks():
        table = matrix.sites.table.slice(rows.start, rows.stop - rows.start)
        leads = record_leads("chrX", table, pa.array(["I"] * table.num_rows, pa.string()))
        text += matrix.text(rows, callable_, leads)
        number += matrix.allele_number(rows, callable_).tolist()
    return text.decode(), number


@settings(derandomize=True, deadline=None, max_examples=150)
@given(st.integers(0, 10**9), st.sampled_from([1, 7, 20, 10_000]))
def test_every_cell_is_as_a_loop_over_cells_would_write_it(seed: int, cells: int):
    karyotypes, runs, calls = _random(Random(seed))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(genotype_matrix, "BLOCK_CELLS", cells)
        sites = sites_of(_calls(calls))
        matrix = Matrix.of(
            sites, pa.Table.from_pylist(runs, schema=RUNS), "chrX", _cohort(karyotypes), REFERENCE
        )
        text, number = _text(matrix)
    expected = _expected(karyotypes, runs, calls)
    assert text.splitlines()[1:] == expected
    for line, count in zip(expected, number, strict=True):
        column, pos = line.split("\t"), int(line.split("\t")[1])
        copies = [_copies(each, pos - 1) for each in karyotypes]
        called = [
            any(run["start"] < pos <= run["end"] for run in runs if run["column"] == at)
            for at in range(len(column) - 9)
        ]
        assert count == sum(np.array(copies) * np.array(called))
