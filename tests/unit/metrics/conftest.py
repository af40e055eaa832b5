import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wgs_pipeline.metrics.catalogue import CATALOGUE, Finding, NotApplicable
from wgs_pipeline.metrics.sample import SampleInputs, SampleMetrics

GOLDEN = Path(__file__).parents[2] / "data" / "metrics"


@pytest.fixture
def golden() -> Path:
    return GOLDEN


@pytest.fixture
def expected() -> dict[str, Any]:
    return json.loads((GOLDEN / "expected.json").read_text(encoding="utf-8"))


@pytest.fixture
def golden_inputs() -> SampleInputs:
    return SampleInputs(
        samtools_stats=GOLDEN / "samtools_stats.txt",
        alignment_tally=GOLDEN / "alignment_tally.json",
        callset_stats=GOLDEN / "bcftools_stats.txt",
    )


@pytest.fixture
def make_metrics() -> Callable[..., SampleMetrics]:
    """Metrics of a good 30x genome of a woman, but for the findings that are given."""

    good: dict[str, Finding] = {
        "yield_bp_q30": 90_000_000_000,
        "yield_bp": 100_000_000_000,
        "pct_reads_mapped": 99.5,
        "median_insert_size": 380.0,
        "duplication": 0.08,
        "chimeras": 0.01,
        "mean_autosome_coverage": 32.0,
        "pct_autosomes_15x": 97.0,
        "inferred_karyotype": "XX",
        "cross_contamination_rate": 0.001,
        "ratio_heterozygous_homzygous_snv": 1.6,
    }

    def make(sex: str = "female", **findings: Finding) -> SampleMetrics:
        given = {**good, **findings}
        absent = NotApplicable("not given")
        return SampleMetrics("S1", sex, {d.name: given.get(d.name, absent) for d in CATALOGUE})

    return make
