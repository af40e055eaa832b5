"""Run reports (``report/run.json``): what became of each sample, and what computing took."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from wgs_pipeline.errors import WgsError
from wgs_pipeline.identifiers import is_safe_name
from wgs_pipeline.report import FORMAT, VERSION
from wgs_pipeline.report.costs import read_costs
from wgs_pipeline.report.results import Results
from wgs_pipeline.report.states import FAILED


class RunReportError(WgsError):
    """A run report cannot be read."""


@dataclass(frozen=True)
class RunSample:
    """One sample in one run.

    Attributes:
        sample_id: The sample.
        verdict: pass, warn, fail, hold, or None where there is none yet.
        reasons: Metrics that the verdict rests on, or the stage at which it failed.
        failed: Whether a stage failed.
        left_out: Whether it was left out for lack of consent.
        loaded: Whether the run says that it was loaded.
        judged_at: When its verdict was written, if the results folder still tells.
    """

    sample_id: str
    verdict: str | None
    reasons: tuple[str, ...]
    failed: bool
    left_out: bool
    loaded: bool
    judged_at: datetime | None = None


@dataclass(frozen=True)
class Run:
    """One run.

    Attributes:
        started_at: When it was started.
        ended_at: When its report was made; not before its analyses ended.
        samples: Its samples.
        cpu_hours: CPU time of all its jobs, hours.
        gb_hours: Memory times time of all its jobs, GB hours.
        memory_is_bound: Whether ``gb_hours`` is an upper bound (no benchmark files were there).
    """

    started_at: datetime
    ended_at: datetime
    samples: tuple[RunSample, ...]
    cpu_hours: float
    gb_hours: float
    memory_is_bound: bool


def read_runs(paths: Iterable[Path]) -> list[Run]:
    """Read run reports, oldest first; the same report given twice counts once.

    Raises:
        RunReportError: One is missing, no run report, or of another version.
    """
    unique = dict.fromkeys(path.resolve() for path in paths)
    return sorted(
        (read_run(path) for path in unique), key=lambda run: (run.ended_at, run.started_at)
    )


def read_run(path: Path) -> Run:
    """Read one run report, and the benchmark files of its results folder where they are.

    Raises:
        RunReportError: It is missing, no run report, or of another version.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if (document["format"], document["version"]) != (FORMAT, VERSION):
            raise RunReportError(
                f"{path}: format {document['format']!r}, version {document['version']!r}; expected "
                f"{FORMAT!r}, version {VERSION}. Make it again with wgs report run"
            )
        ended = _moment(document["generated_at"])
        started = document["run"]["started_at"]
        results = Results(path.parent.parent) if path.parent.name == "report" else None
        cpu_hours, gb_hours, bound = _computing(results, document)
        return Run(
            started_at=_moment(started) if started else ended,
            ended_at=ended,
            samples=tuple(_sample(each, results) for each in document["samples"]),
            cpu_hours=cpu_hours,
            gb_hours=gb_hours,
            memory_is_bound=bound,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RunReportError(
            f"{path}: is no run report ({type(error).__name__}); expected report/run.json of a "
            "results folder. Make it with wgs report run"
        ) from error


def _sample(entry: dict[str, Any], results: Results | None) -> RunSample:
    verdict, database = entry["verdict"], entry["database"]
    stopped = tuple(
        f"stopped at {each['stage']}" for each in entry["causes"] if each["state"] == FAILED
    )
    reasons = tuple(str(each["metric"]) for each in verdict["reasons"]) if verdict else ()
    written = None
    if results and verdict and is_safe_name(str(entry["sample"])):
        written = results.written_at(f"qc/{entry['sample']}/verdict.json")
    return RunSample(
        sample_id=str(entry["sample"]),
        verdict=str(verdict["verdict"]) if verdict else None,
        reasons=tuple(dict.fromkeys((*reasons, *stopped))),
        failed=FAILED in entry["stages"].values(),
        left_out=bool(entry["left_out"]),
        loaded=bool(database and database["loaded"]),
        judged_at=_moment(written) if written else None,
    )


def _computing(results: Results | None, document: dict[str, Any]) -> tuple[float, float, bool]:
    """CPU hours, GB hours, and whether the latter are an upper bound."""
    jobs = read_costs(results) if results else []
    if jobs:
        cpu_s = sum(job.cpu_s for job in jobs)
        return cpu_s / 3600, sum(job.max_rss_mb * job.wall_s for job in jobs) / 3.6e6, False
    rules = document["rules"]
    mb_s = sum(rule["max_rss_mb"] * rule["wall_s"] for rule in rules)
    return sum(rule["cpu_s"] for rule in rules) / 3600, mb_s / 3.6e6, bool(rules)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
