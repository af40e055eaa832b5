"""The cohort's table: one row a sample, its metrics, verdict and next action."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wgs_pipeline.errors import WgsError
from wgs_pipeline.metrics.catalogue import CATALOGUE, NotApplicable
from wgs_pipeline.metrics.sample import SampleMetrics, read_metrics
from wgs_pipeline.metrics.verdict import read_verdict

#: Columns of ``qc/samples.tsv``.
COLUMNS = (
    *("sample", "verdict", "next_action", "reasons", "stated_sex"),
    *(each.name for each in CATALOGUE),
)


@dataclass(frozen=True)
class CohortRow:
    """One sample: its metrics and its verdict as ``verdict.json`` holds it."""

    metrics: SampleMetrics
    verdict: dict[str, Any]

    @property
    def reasons(self) -> str:
        """The metrics that did not pass, with their levels."""
        return "; ".join(f"{each['level']}: {each['metric']}" for each in self.verdict["reasons"])

    def cells(self) -> list[str]:
        """The row's cells in the order of ``COLUMNS``; not applicable is empty."""
        verdict = self.verdict
        return [
            self.metrics.sample,
            verdict["verdict"],
            verdict["next_action"],
            self.reasons,
            self.metrics.stated_sex,
            *(_cell(self.metrics.findings[each.name]) for each in CATALOGUE),
        ]


def _cell(finding: object) -> str:
    if isinstance(finding, NotApplicable):
        return ""
    return f"{finding:.6g}" if isinstance(finding, float) else str(finding)


def read_cohort(folder: Path, samples: Iterable[str]) -> tuple[CohortRow, ...]:
    """Read ``FOLDER/{sample}/metrics.json`` and ``verdict.json`` of every sample, in order.

    Raises:
        WgsError: A file is missing or of another sample.
    """
    rows = []
    for sample in samples:
        metrics = read_metrics(folder / sample / "metrics.json")
        verdict = read_verdict(folder / sample / "verdict.json")
        for name, found in (("metrics", metrics.sample), ("verdict", verdict["sample"])):
            if found != sample:
                raise WgsError(
                    f"{folder / sample / name}.json: is of sample {found}; expected {sample}"
                )
        rows.append(CohortRow(metrics, verdict))
    return tuple(rows)


def cohort_table(rows: Sequence[CohortRow]) -> str:
    """The table as TSV."""
    lines = ["\t".join(COLUMNS), *("\t".join(row.cells()) for row in rows)]
    return "\n".join(lines) + "\n"
