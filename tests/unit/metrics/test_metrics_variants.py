from pathlib import Path
from typing import Any

import pytest

from wgs_pipeline.errors import GvcfError
from wgs_pipeline.metrics.catalogue import NotApplicable
from wgs_pipeline.metrics.variants import VariantCounts, read_variant_counts, variant_metrics


def test_equal_to_counting_by_eye(golden: Path, expected: dict[str, Any]) -> None:
    metrics = variant_metrics(read_variant_counts(golden / "bcftools_stats.txt"))
    assert metrics == {name: expected[name] for name in metrics}


def test_no_variants_have_no_ratios() -> None:
    metrics = variant_metrics(VariantCounts(0, 0, 0, 0, 0, 0, 0, 0, 0))
    assert metrics["count_snvs"] == 0
    assert metrics["ratio_transitions_transversions"] == NotApplicable("there are no transversions")


def test_two_samples_or_none_are_refused(golden: Path, tmp_path: Path) -> None:
    lines = (golden / "bcftools_stats.txt").read_text().splitlines()
    per_sample = [line for line in lines if line.startswith("PSC\t")]
    path = tmp_path / "stats.txt"
    path.write_text("\n".join([*lines, *per_sample]))
    with pytest.raises(GvcfError, match="PSC lines of 2 samples; expected 1"):
        read_variant_counts(path)
    path.write_text("\n".join(line for line in lines if not line.startswith("PSI\t")))
    with pytest.raises(GvcfError, match="PSI lines of 0 samples"):
        read_variant_counts(path)
