"""The report as one HTML file that needs nothing else; drawn from the published tables alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from wgs_pipeline import __version__
from wgs_pipeline.governance import ALL, NOT_STATED, charts
from wgs_pipeline.governance.accesses import DECISIONS
from wgs_pipeline.governance.counting import months_between
from wgs_pipeline.governance.honouring import STATES
from wgs_pipeline.governance.lookup import GenomeTable, ticks
from wgs_pipeline.governance.publish import LEFT_OUT, Report
from wgs_pipeline.governance.turnaround import STAGES

WITHHELD = "•"
#: What people call the states of consent.
_STATE_WORDS = {
    "nothing held": "nothing of the person is held",
    "kept out at loading": "kept out of research when loaded",
    "done": "taken out since",
    "waiting": "stored as before, until the next compaction or erasure",
}


def render(report: Report) -> str:
    """Render a report as HTML."""
    environment = Environment(
        loader=PackageLoader("wgs_pipeline.governance"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "figure": figure,
        "percent": percent,
        "days": days,
        "when": _when,
    }
    table = GenomeTable(report.tables["genomes"])
    access = [row for row in report.tables["equal_access"] if row["region"] != ALL]
    shown = [row for row in access if not row["withheld"] and row["index"] is not None]
    axis, whiskers = charts.index_chart(shown)
    return environment.get_template("governance.html.j2").render(
        report=report,
        settings=report.settings,
        table=table,
        tables=report.tables,
        all=ALL,
        mark=WITHHELD,
        style=Markup(_resource("governance.css")),  # a file of this package
        version=__version__,
        progress=_progress(report, table),
        national=charts.monthly(table, ALL, _highest(table, [ALL]), charts.TALL, charts.BY_OUTCOME),
        regional=_regional(table),
        heat=_heat(table),
        access=access,
        total_access=next((r for r in report.tables["equal_access"] if r["region"] == ALL), None),
        axis=axis,
        whiskers={each.region: each for each in whiskers},
        tiles=_tiles(report, access),
        spread=_spread(shown),
        turnaround=_turnaround(report),
        yields=_yields(table),
        footprint=_footprint(report),
        consent=_consent(report),
        state_words=_STATE_WORDS,
        left_out=next(r for r in report.tables["consent"] if r["decision"] == LEFT_OUT),
        questions=_questions(report),
    )


def figure(value: float | None) -> str:
    """A number with separators; the mark where it is withheld."""
    if value is None:
        return WITHHELD
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def percent(value: float | None, digits: int = 1) -> str:
    """A share in per cent."""
    return WITHHELD if value is None else f"{100 * value:.{digits}f} %"


def days(value: float | None) -> str:
    """A duration in days."""
    return WITHHELD if value is None else f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def _when(moment: datetime) -> str:
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"


def _resource(name: str) -> str:
    folder = resources.files("wgs_pipeline.governance") / "templates"
    return (folder / name).read_text(encoding="utf-8")


def _progress(report: Report, table: GenomeTable) -> dict[str, Any]:
    """Loaded against the target, and where an even pace would be now; shares of the target."""
    settings, loaded = report.settings, table.get("loaded")
    pace = None
    if settings.first_month and settings.last_month:
        months = len(months_between(settings.first_month, settings.last_month))
        now = f"{report.generated_at:%Y-%m}"
        gone = len(months_between(settings.first_month, now)) if now >= settings.first_month else 0
        pace = min(1.0, gone / months)
    share = None if loaded is None else loaded / settings.target
    return {"loaded": loaded, "share": share, "pace": pace}


def _highest(table: GenomeTable, regions: Sequence[str]) -> float:
    counts = [table.get("sequenced", month, region) for month in table.months for region in regions]
    return max([10, *(count for count in counts if count is not None)])


def _regional(table: GenomeTable) -> list[dict[str, Any]]:
    """Small multiples on one scale."""
    highest = _highest(table, table.regions)
    return [
        {
            "region": region,
            "total": table.get("sequenced", region=region),
            "chart": charts.monthly(table, region, highest, charts.SHORT, charts.UNDIVIDED),
        }
        for region in table.regions
    ]


def _heat(table: GenomeTable) -> list[dict[str, Any]]:
    """Sequenced genomes by group and region, with the depth of their colour from 0 to 6."""
    counts = [
        [table.get("sequenced", region=region, group=group) for region in table.regions]
        for group in table.groups
    ]
    most = max([1, *(count for row in counts for count in row if count)])
    return [
        {
            "group": group,
            "cells": [
                (count, 0 if not count else 1 + int(5 * (count / most) ** 0.5)) for count in row
            ],
            "total": table.get("sequenced", group=group),
        }
        for group, row in zip(table.groups, counts, strict=True)
    ]


def _tiles(report: Report, access: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The regions of the schematic map that have an index or a place, with their shade."""
    rows = {row["region"]: row for row in access}
    places = dict(report.settings.tiles)
    below = max([row for _, row in places.values()], default=-1) + 1
    strays = [name for name in rows if name not in places and name != NOT_STATED]
    places |= {name: (place, below) for place, name in enumerate(strays)}
    tiles = [
        {"region": name, "column": column, "row": row, **_tile(rows.get(name))}
        for name, (column, row) in places.items()
        if name in rows
    ]
    return {
        "tiles": tiles,
        "columns": max([tile["column"] for tile in tiles], default=0) + 1,
        "rows": max([tile["row"] for tile in tiles], default=0) + 1,
    }


def _tile(row: Mapping[str, Any] | None) -> dict[str, Any]:
    if row is None or row["index"] is None:
        return {"index": None, "shade": "none"}
    difference = row["index"] - 1
    if charts.side(row["index_low"], row["index_high"]) == "around":
        return {"index": row["index"], "shade": "even"}
    strength = 2 if abs(difference) >= 0.15 else 1
    return {"index": row["index"], "shade": f"{'more' if difference > 0 else 'less'}{strength}"}


def _spread(shown: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The regions with the lowest and the highest index, where their intervals do not meet."""
    ranked = sorted(shown, key=lambda row: row["index"])
    if not ranked or ranked[0]["index_high"] >= ranked[-1]["index_low"] or not ranked[0]["index"]:
        return None
    return {"low": ranked[0], "high": ranked[-1]}


def _turnaround(report: Report) -> dict[str, Any]:
    """Stages of all, and the whole way by region, on one axis of days."""
    rows = report.tables["turnaround"]
    whole = list(STAGES)[-1]
    stages = [row for row in rows if row["region"] == ALL]
    regions = [row for row in rows if row["stage"] == whole and row["region"] != ALL]
    longest = max([1.0, *(row["p90_days"] or row["p50_days"] or 0 for row in stages + regions)])
    grid = ticks(longest, 6)
    return {
        "stages": stages,
        "regions": [row for row in regions if row["region"] != NOT_STATED or row["genomes"]],
        "whole": next(row for row in stages if row["stage"] == whole),
        "grid": grid,
        "known": any(row["p50_days"] is not None for row in stages),
    }


def _yields(table: GenomeTable) -> list[dict[str, Any]]:
    return [{"region": region, "share": table.qc_yield(region)} for region in (*table.regions, ALL)]


def _footprint(report: Report) -> dict[str, Any]:
    rows = report.tables["footprint"]
    months = [row for row in rows if row["month"] != ALL]
    most = {
        key: max([0.0, *(row[key] for row in months if row[key] is not None)])
        for key in ("core_hours", "cost", "co2e_g")
    }
    return {
        "all": next((row for row in rows if row["month"] == ALL), None),
        "months": months,
        "most": most,
    }


def _consent(report: Report) -> list[dict[str, Any]]:
    """Decisions with their states, as shares of the shown persons."""
    found = []
    for speed in report.tables["consent_speed"]:
        rows = [r for r in report.tables["consent"] if r["decision"] == speed["decision"]]
        states = {row["state"]: row["persons"] for row in rows}
        known = sum(states[state] or 0 for state in STATES)
        found.append({"speed": speed, "total": states[ALL], "states": [
            {"state": state, "persons": states[state],
             "share": (states[state] or 0) / known if known else 0.0}
            for state in STATES
        ]})  # fmt: skip
    return found


def _questions(report: Report) -> dict[str, Any]:
    """Questions by purpose and decision, the most frequent purpose first."""
    by_purpose: dict[str, Counter[str]] = {}
    for row in report.tables["accesses"]:
        by_purpose.setdefault(row["purpose"], Counter())[row["decision"]] += row["questions"]
    ranked = sorted(by_purpose.items(), key=lambda item: (-item[1].total(), item[0]))
    total: Counter[str] = Counter()
    for _, counts in ranked:
        total += counts
    return {
        "purposes": [
            {"purpose": purpose, "total": counts.total(), **{d: counts[d] for d in DECISIONS}}
            for purpose, counts in ranked
        ],
        "most": max([1, *(counts.total() for counts in by_purpose.values())]),
        "total": {"total": total.total(), **{decision: total[decision] for decision in DECISIONS}},
    }
