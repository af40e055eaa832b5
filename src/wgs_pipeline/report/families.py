"""Families with a child: whether their genomes fit, and where the tables are.

Counts that a laboratory judges a family's data by, and no finding: what a person's genome says of
disease or of the parents' kinship stays in the family's own tables.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from wgs_pipeline.report.results import Results


def analysed_families(names: Iterable[str], results: Results) -> list[dict[str, Any]]:
    """Per family with a child: ``family``, ``kind``, ``folder`` and, by child, ``children``."""
    found = []
    for name in names:
        summary = results.read_json(f"family/{name}/summary.json")
        if summary and summary.get("children"):
            children = [_child(each) for each in summary["children"]]
            folder = f"family/{name}"
            found.append(
                {"family": name, "kind": summary["kind"], "folder": folder, "children": children}
            )
    return found


def _child(summary: dict[str, Any]) -> dict[str, Any]:
    counts, new = summary["mendelian"], summary["de_novo"]
    judged = counts["judged"]
    return {
        "child": summary["child"],
        "absent": summary["absent"],
        "judged": judged,
        "errors": counts["errors"],
        "error_rate": counts["errors"] / judged if judged else None,
        "de_novo": new["passed"] if new else None,
    }
