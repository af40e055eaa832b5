"""Time, CPU and memory of a run, from the benchmark files of its jobs.

What a job reserved (threads, memory) stands in them where ``benchmark-extended`` is set, as every
shipped profile does. CPU is what the kernel counted (``wgs_pipeline.jobusage``); where that is not
known, what Snakemake saw when it looked.
"""

from __future__ import annotations

import ast
import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wgs_pipeline.jobusage import Usage, usage_file
from wgs_pipeline.report.results import Results

#: Benchmark files round to hundredths of a second.
_SAME_S = 0.02


@dataclass(frozen=True)
class JobCost:
    """What one job took.

    Attributes:
        rule: Its rule.
        key: Its wildcards, joined by dots.
        wall_s: Seconds from start to end.
        cpu_s: Seconds of CPU, of all its processes.
        max_rss_mb: Most memory at once, as far as it is known: the most of all its processes
            together that Snakemake saw, or of the largest as the kernel counted, if that is more.
        threads: Cores that it had; 0 where its file does not say.
        requested_mb: Memory that it had; 0 where its file does not say.
        wildcards: What it is of; empty where its file does not say.
        counted: Whether the kernel counted its CPU to its end.
    """

    rule: str
    key: str
    wall_s: float
    cpu_s: float
    max_rss_mb: float
    threads: int = 0
    requested_mb: float = 0.0
    wildcards: Mapping[str, str] = field(default_factory=dict)
    counted: bool = False

    @property
    def core_s(self) -> float:
        """Seconds of cores that were reserved; used, where its file does not say."""
        return self.wall_s * self.threads if self.threads else self.cpu_s

    @property
    def mb_s(self) -> float:
        """Memory times time that was reserved; used, where its file does not say."""
        return self.wall_s * (self.requested_mb or self.max_rss_mb)


def read_costs(results: Results) -> list[JobCost]:
    """The cost of every job that has a benchmark file."""
    costs = []
    for rule in sorted(results.names("benchmarks")):
        for name in sorted(results.names(f"benchmarks/{rule}")):
            if name.endswith(".tsv"):
                cost = _read(results, rule, name.removesuffix(".tsv"))
                costs += [cost] if cost else []
    return costs


def rule_costs(
    costs: Sequence[JobCost], order: Sequence[str], owners: Mapping[tuple[str, str], str]
) -> list[dict[str, Any]]:
    """What each rule took, in the order of the workflow.

    Args:
        costs: Every job's.
        order: Rules in the order of the workflow; others follow by name.
        owners: (rule, key) of a job to the sample it is of.
    """
    by_rule: dict[str, list[JobCost]] = {}
    for cost in costs:
        by_rule.setdefault(cost.rule, []).append(cost)
    places = {rule: place for place, rule in enumerate(order)}
    ordered = sorted(by_rule, key=lambda rule: (places.get(rule, len(places)), rule))
    return [_rule_cost(rule, by_rule[rule], owners) for rule in ordered]


def sample_costs(
    costs: Iterable[JobCost], owners: Mapping[tuple[str, str], str]
) -> dict[str, dict[str, float]]:
    """``wall_s`` and ``cpu_s`` of each sample's own jobs."""
    totals: dict[str, dict[str, float]] = {}
    for cost in costs:
        sample = owners.get((cost.rule, cost.key))
        if sample is not None:
            total = totals.setdefault(sample, {"wall_s": 0.0, "cpu_s": 0.0})
            total["wall_s"] += cost.wall_s
            total["cpu_s"] += cost.cpu_s
    return {sample: _rounded(total) for sample, total in totals.items()}


def use_of(jobs: Iterable[JobCost]) -> dict[str, float | None]:
    """How much of what jobs reserved they used; None where no file says what that was.

    ``core_s``: seconds of cores reserved. ``cpu_efficiency``: share of them in which a core
    computed. ``requested_mb``: most memory reserved. ``memory_use``: the highest share of its
    memory that a job used.
    """
    known = [job for job in jobs if job.threads and (job.cpu_s or job.counted)]
    core_s = sum(job.core_s for job in known)
    asked = [job for job in known if job.requested_mb]
    return {
        "core_s": round(core_s, 2) if known else None,
        "cpu_efficiency": round(sum(j.cpu_s for j in known) / core_s, 3) if core_s else None,
        "requested_mb": max((job.requested_mb for job in asked), default=None),
        "memory_use": max((round(j.max_rss_mb / j.requested_mb, 3) for j in asked), default=None),
    }


def _rule_cost(
    rule: str, jobs: Sequence[JobCost], owners: Mapping[tuple[str, str], str]
) -> dict[str, Any]:
    samples = sample_costs(jobs, owners)
    longest = max(jobs, key=lambda job: job.wall_s)
    most = max(samples, key=lambda name: samples[name]["wall_s"]) if samples else None
    totals = {
        "wall_s": sum(job.wall_s for job in jobs),
        "cpu_s": sum(job.cpu_s for job in jobs),
        "max_rss_mb": max(job.max_rss_mb for job in jobs),
    }
    return {
        "rule": rule,
        "jobs": len(jobs),
        "counted_jobs": sum(job.counted for job in jobs),
        **_rounded(totals),
        **use_of(jobs),
        "longest_job": {"job": longest.key, "wall_s": longest.wall_s},
        "per_sample_max": {"sample": most, **samples[most]} if most is not None else None,
    }


def _read(results: Results, rule: str, key: str) -> JobCost | None:
    path = f"benchmarks/{rule}/{key}.tsv"
    try:
        with (results.folder / path).open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            row = list(rows)[-1]
    except (OSError, ValueError, IndexError, csv.Error):
        results.unreadable.append(path)
        return None
    wall, cpu, memory = (_number(row.get(name)) for name in ("s", "cpu_time", "max_rss"))
    resources, wildcards = _mapping(row.get("resources")), _mapping(row.get("wildcards"))
    usage = _usage(results, path, wall)
    if usage is not None:
        cpu, memory = usage.cpu_s, max(memory, usage.max_rss_mb or 0.0)
    return JobCost(
        rule=rule,
        key=key,
        wall_s=wall,
        cpu_s=cpu,
        max_rss_mb=memory,
        threads=int(_number(row.get("threads"))),
        requested_mb=_number(str(resources.get("mem_mb", ""))),
        wildcards={name: str(value) for name, value in wildcards.items()},
        counted=usage is not None,
    )


def _usage(results: Results, benchmark: str, wall_s: float) -> Usage | None:
    """What the kernel counted for the job of a benchmark file; None where nothing says so."""
    path = usage_file(benchmark)
    document = results.read_json(path) if results.exists(path) else None
    if document is None:
        return None
    try:
        usage = Usage.read(document)
    except (KeyError, TypeError, ValueError):
        results.unreadable.append(path)
        return None
    # Of another attempt, it says nothing of this one.
    return usage if abs(usage.wall_s - wall_s) < _SAME_S else None


def _mapping(text: str | None) -> Mapping[str, Any]:
    """A mapping that Snakemake wrote as Python spells it; empty where there is none."""
    try:
        value = ast.literal_eval(text or "{}")
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return {}
    return value if isinstance(value, dict) else {}


def _number(text: str | None) -> float:
    """A figure; what a job was too short to be measured for counts as nothing."""
    try:
        value = float(text or "")
    except ValueError:
        return 0.0
    return value if math.isfinite(value) else 0.0


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 2) for name, value in values.items()}
