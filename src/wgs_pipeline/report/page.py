"""The run report as one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from wgs_pipeline.metrics.catalogue import DEFINITIONS
from wgs_pipeline.report import wording
from wgs_pipeline.report.plots import Plot, histogram_svg
from wgs_pipeline.report.states import FAILED, LEFT_OUT, NOT_LOADED, UNFINISHED

#: Samples named in a list of things to do before the rest are folded away.
MOST_NAMED = 25


@dataclass(frozen=True)
class Task:
    """Samples with which the same has to be done.

    Attributes:
        title: What is the matter.
        level: Class of its label: fail, hold or warn.
        samples: (place in the document, name, what to do or where it stopped).
    """

    title: str
    level: str
    samples: tuple[tuple[int, str, str], ...]


def render(document: Mapping[str, Any], base: str = "..") -> str:
    """Render a document as HTML.

    Args:
        document: What ``collect`` gives, or the same read from ``run.json``.
        base: The results folder as seen from the page, for its links.
    """
    script = _resource("filter.js")
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode()
    environment = Environment(
        loader=PackageLoader("wgs_pipeline.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": wording.number,
        "quantity": wording.quantity,
        "duration": wording.duration,
        "when": wording.date_and_time,
        "share": wording.share,
        "percent": wording.percent,
        "plain_times": wording.plain_times,
        "samples": wording.samples,
    }
    return environment.get_template("run.html.j2").render(
        document=document,
        style=Markup(_resource("run.css")),  # both are files of this package
        script=Markup(script),
        script_digest=digest,
        base=quote(base),
        headline=_headline(document),
        tasks=_tasks(document),
        outcome=lambda sample: wording.outcome(sample, document["stages"]),
        coverage=wording.coverage,
        situation=_situation,
        plots=_plots,
        definitions=DEFINITIONS,
        title=_title,
        most_named=MOST_NAMED,
    )


def _resource(name: str) -> str:
    folder = resources.files("wgs_pipeline.report") / "templates"
    return (folder / name).read_text(encoding="utf-8")


def _headline(document: Mapping[str, Any]) -> str:
    """The run in one or two sentences."""
    summary, status = document["summary"], document["run"]["status"]
    loaded, analysed, out = summary["loaded"], summary["analysed"], summary["left_out"]
    if analysed and loaded == analysed:
        said = f"All {wording.samples(analysed)} with consent are in the database."
        said = "The one sample with consent is in the database." if analysed == 1 else said
    else:
        said = f"{loaded:,} of {wording.samples(analysed)} with consent are in the database."
    if out:
        was = "was" if out == 1 else "were"
        said += f" {wording.samples(out)} {was} left out for lack of consent."
    if status == FAILED:
        return f"{said} Something failed: see what to do below."
    if status != "complete":
        return f"{said} The run has not come to its end."
    return said


def _tasks(document: Mapping[str, Any]) -> list[Task]:
    """What somebody has to do, the gravest first."""
    groups: dict[tuple[str, str], list[tuple[int, str, str]]] = {}
    for place, sample in enumerate(document["samples"]):
        for title, level, note in _needs(sample, document["stages"]):
            groups.setdefault((title, level), []).append((place, sample["sample"], note))
    order = ("fail", "hold", "warn")
    ranked = sorted(groups.items(), key=lambda item: (order.index(item[0][1]), item[0][0]))
    return [Task(title, level, tuple(named)) for (title, level), named in ranked]


def _needs(sample: Mapping[str, Any], stages: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """(what is the matter, level, what to do) of one sample."""
    needs: list[tuple[str, str, str]] = []
    for cause in sample["causes"]:
        title = f"Failed at {stages[cause['stage']]}"
        if cause["state"] == UNFINISHED:
            title = f"Begun and not ended at {stages[cause['stage']]}"
        level = "fail" if cause["state"] == FAILED else "warn"
        if not any(need[0] == title for need in needs):
            needs.append((title, level, wording.gist(cause)))
    verdict = sample["verdict"]
    if verdict and verdict["verdict"] != "pass":
        level = verdict["verdict"]
        note = ", ".join(_title(reason["metric"]) for reason in verdict["reasons"])
        note = note if level == "warn" else f"{verdict['next_action']} ({note})"
        needs.append((f"QC verdict {level}", level, note))
    elif sample["stages"]["database"] == NOT_LOADED:
        needs.append(("Not loaded", "warn", wording.not_loaded(sample)))
    return needs


def _title(metric: str) -> str:
    return DEFINITIONS[metric].title if metric in DEFINITIONS else metric


def _situation(sample: Mapping[str, Any]) -> str:
    """The word by which the table is filtered."""
    states = sample["stages"].values()
    for state in (LEFT_OUT, FAILED, UNFINISHED, NOT_LOADED):
        if state in states:
            return state
    return "loaded" if sample["database"] else "not_reached"


def _plots(sample: Mapping[str, Any]) -> list[Markup]:
    metrics, histograms = sample["metrics"] or {}, sample["histograms"]
    drawn = []
    if "coverage" in histograms:
        spoken = _spoken(metrics, "Depth of the autosomes", (
            ("mean", "mean_autosome_coverage"), ("median", "median_autosome_coverage"),
            ("at least 15x", "pct_autosomes_15x"),
        ))  # fmt: skip
        mark = _mark(metrics, "mean", "mean_autosome_coverage", "x")
        drawn.append(Plot(histograms["coverage"], "depth (x), share of bases", mark, spoken))
    if "insert_size" in histograms:
        spoken = _spoken(metrics, "Insert size", (
            ("mean", "mean_insert_size"), ("median", "median_insert_size"),
        ))  # fmt: skip
        mark = _mark(metrics, "median", "median_insert_size", " bp")
        drawn.append(
            Plot(histograms["insert_size"], "insert size (bp), share of pairs", mark, spoken)
        )
    return [histogram_svg(plot) for plot in drawn]


def _spoken(metrics: Mapping[str, Any], title: str, named: tuple[tuple[str, str], ...]) -> str:
    said = [f"{words} {wording.quantity(metrics[name])}" for words, name in named]
    return f"{title}: {', '.join(said)}"


def _mark(metrics: Mapping[str, Any], words: str, name: str, unit: str) -> tuple[float, str] | None:
    value = metrics[name]["value"]
    return None if value is None else (value, f"{words} {value:.3g}{unit}")
