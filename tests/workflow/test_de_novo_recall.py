"""New alleles of two toy trios, as ``make bench-de-novo`` counts them (15 s a seed)."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def bench(monkeypatch):
    """The benchmark, which is no part of the package."""
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2]))
    from benchmarks import de_novo

    return de_novo


def test_planted_alleles_are_found_and_nothing_else(bench):
    counts = bench.run(2, 30)
    parts = ("SNVs", "indels", "chrX")
    found = {name: bench.rates(counts, name, parts) for name in bench.METHODS}
    print(found)
    true, _, missed, recall, precision = found["wgs"]
    assert true + missed == 2 * 21
    assert recall >= 0.95
    assert precision >= 0.95
    # On chrX of a son bcftools 1.16 scores nothing, which is why the posterior is our own.
    assert bench.rates(counts, "wgs", ("chrX",))[3] == 1.0
    assert bench.rates(counts, "trio-dnm2", ("chrX",))[0] == 0
