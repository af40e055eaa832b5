"""Metrics of the sequenced lanes, from the JSON reports of fastp."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wgs_pipeline.errors import ReadsError
from wgs_pipeline.metrics.catalogue import Finding, ratio


@dataclass(frozen=True)
class LaneStats:
    """What fastp counted on one lane before any filter.

    Attributes:
        bases: Sequenced bases.
        bases_gc: G and C among them.
        bases_adapter: Bases recognised as adapter.
    """

    bases: int
    bases_gc: float
    bases_adapter: int


def read_lane_stats(path: Path) -> LaneStats:
    """Read a fastp report.

    Raises:
        ReadsError: The file cannot be read or is not a fastp report.
    """
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        before = report["summary"]["before_filtering"]
        bases = int(before["total_bases"])
        gc = float(before["gc_content"]) * bases
        adapter = int(report.get("adapter_cutting", {}).get("adapter_trimmed_bases", 0))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReadsError(f"{path}: not a fastp JSON report ({error!r}); run fastp again") from error
    return LaneStats(bases, gc, adapter)


def lane_metrics(lanes: Sequence[LaneStats]) -> dict[str, Finding]:
    """Metrics over all lanes of a sample."""
    bases = sum(each.bases for each in lanes)
    none = "the lanes have no bases"
    return {
        "pct_adapter_bases": ratio(100 * sum(each.bases_adapter for each in lanes), bases, none),
        "gc_content": ratio(sum(each.bases_gc for each in lanes), bases, none),
    }
