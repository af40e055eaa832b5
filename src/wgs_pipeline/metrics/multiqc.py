"""Our metrics and verdicts as custom content for MultiQC."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wgs_pipeline.metrics.catalogue import DEFINITIONS, NotApplicable
from wgs_pipeline.metrics.cohort import CohortRow

#: Columns of MultiQC's general statistics: (metric, colours).
_GENERAL = (
    ("mean_autosome_coverage", "Blues"),
    ("pct_autosomes_15x", "RdYlGn"),
    ("duplication", "OrRd"),
    ("pct_reads_mapped", "RdYlGn"),
    ("median_insert_size", "Purples"),
    ("inferred_karyotype", "Greys"),
    ("count_snvs", "Greens"),
    ("ratio_transitions_transversions", "Greens"),
    ("ratio_heterozygous_homzygous_snv", "Greens"),
)
#: How a value of each unit is shown: (format, suffix).
_SHOWN = {
    "%": ("{:,.2f}", "%"),
    "x": ("{:,.1f}", "x"),
    "bp": ("{:,.0f}", " bp"),
    "fraction": ("{:,.4f}", ""),
    "alleles": ("{:,.0f}", ""),
    "exons": ("{:,.0f}", ""),
    "Phred": ("{:,.1f}", ""),
    "": ("{:,.3f}", ""),
}
_COLOURS = {
    "pass": [{"s_eq": "pass"}],
    "warn": [{"s_eq": "warn"}],
    "fail": [{"s_eq": "fail"}, {"s_eq": "hold"}],
}


def general_statistics(rows: Sequence[CohortRow]) -> dict[str, Any]:
    """Content of ``wgs_general_mqc.json``: key metrics beside those of the other tools."""
    verdict = {
        "verdict": {
            "title": "Verdict", "description": "Verdict of wgs_pipeline",
            "cond_formatting_rules": _COLOURS, "namespace": "wgs_pipeline",
        }
    }  # fmt: skip
    headers = [
        verdict,
        *(
            {name: {**_column(name), "scale": colours, "namespace": "wgs_pipeline"}}
            for name, colours in _GENERAL
        ),
    ]
    data = {row.metrics.sample: {"verdict": row.verdict["verdict"]} for row in rows}
    for row in rows:
        data[row.metrics.sample] |= _values(row, [name for name, _ in _GENERAL])
    return {
        "id": "wgs_general", "plot_type": "generalstats", "headers": headers, "data": data,
    }  # fmt: skip


def verdict_table(rows: Sequence[CohortRow]) -> dict[str, Any]:
    """Content of ``wgs_verdict_mqc.json``: a table of verdicts, reasons and next actions."""
    return {
        "id": "wgs_verdict",
        "section_name": "Verdict",
        "description": "What to do with each sample, and why. Only pass and warn are loaded.",
        "plot_type": "table",
        "pconfig": {"id": "wgs_verdict_table", "title": "Verdict", "no_violin": True},
        "headers": {
            "verdict": {"title": "Verdict", "cond_formatting_rules": _COLOURS},
            "next_action": {"title": "Next action"},
            "reasons": {"title": "Reasons"},
            "not_judged": {"title": "Not judged"},
        },
        "data": {
            row.metrics.sample: {
                "verdict": row.verdict["verdict"],
                "next_action": row.verdict["next_action"],
                "reasons": row.reasons or "none",
                "not_judged": ", ".join(each["metric"] for each in row.verdict["not_judged"])
                or "none",
            }
            for row in rows
        },
    }


def metrics_table(rows: Sequence[CohortRow]) -> dict[str, Any]:
    """Content of ``wgs_metrics_mqc.json``: every metric of every sample."""
    return {
        "id": "wgs_metrics",
        "section_name": "GA4GH and other metrics",
        "description": "Empty is not applicable, which is not zero.",
        "plot_type": "table",
        "pconfig": {"id": "wgs_metrics_table", "title": "Metrics"},
        "headers": {name: _column(name) for name in DEFINITIONS},
        "data": {row.metrics.sample: _values(row, list(DEFINITIONS)) for row in rows},
    }


def _column(name: str) -> dict[str, Any]:
    definition = DEFINITIONS[name]
    form, suffix = _SHOWN[definition.unit]
    return {
        "title": definition.title,
        "description": definition.description,
        "format": form,
        "suffix": suffix,
    }


def _values(row: CohortRow, names: Sequence[str]) -> dict[str, Any]:
    findings = row.metrics.findings
    return {name: findings[name] for name in names if not isinstance(findings[name], NotApplicable)}
