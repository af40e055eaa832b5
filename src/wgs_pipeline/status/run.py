"""The state of a run as one document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from wgs_pipeline.project import Project
from wgs_pipeline.report.costs import JobCost, read_costs
from wgs_pipeline.report.results import Results, moment
from wgs_pipeline.report.stages import STAGES, Step, cohort_steps, preparing_steps, sample_stages
from wgs_pipeline.report.states import (
    DONE,
    FAILED,
    NOT_APPLICABLE,
    NOT_REACHED,
    UNFINISHED,
    causes,
    stage_state,
    step_state,
)
from wgs_pipeline.resources.inputs import ProjectInputs
from wgs_pipeline.resources.requests import Requests
from wgs_pipeline.resources.table import WALL, Table
from wgs_pipeline.runlock import is_running
from wgs_pipeline.status.slurm import read_cluster

RUNNING, WAITING, INTERRUPTED = "running", "waiting", "interrupted"
#: States of a run, a stage and a job, in the order in which they are shown.
SHOWN = (DONE, RUNNING, WAITING, FAILED, INTERRUPTED, NOT_APPLICABLE)


def run_status(project: Project, now: datetime) -> dict[str, Any]:
    """How far a run has come.

    Args:
        project: The project; its results may not have begun.
        now: The moment, with time zone.

    Returns:
        ``state`` (not_begun, running, failed, interrupted or complete), ``stages`` (number of
        samples in each state), ``jobs`` (number in each state), ``samples`` (state of each stage),
        ``failures``, ``seconds_left`` (None where it cannot be told) and ``slurm`` (None without).
    """
    results = Results(project.config.results)
    alive = is_running(project.config.results)
    words = {UNFINISHED: RUNNING if alive else INTERRUPTED, NOT_REACHED: WAITING}
    samples = {name: _stages(project, name, results, words) for name in project.analysed}
    steps = list(_steps(project))
    states = {(s.rule, s.key): step_state(s, results) for s, _ in steps}
    jobs = Counter(words.get(state, state) for state in states.values())
    started = results.written_at("config.json")
    rest = [(step, of) for step, of in steps if states[step.rule, step.key] != DONE]
    return {
        "results": str(project.config.results),
        "as_of": moment(now.timestamp()),
        "started_at": started,
        "state": _state(alive, jobs, started),
        "stages": {
            stage: dict(Counter(found[stage] for found in samples.values())) for stage in STAGES
        },
        "jobs": dict(jobs),
        "samples": samples,
        "failures": _failures(project, results, (step for step, _ in rest)),
        "seconds_left": _seconds_left(project, results, rest, started, now) if alive else None,
        "slurm": _slurm(project, started),
    }


def seconds_left(
    done: Iterable[tuple[float, float]], rest_s: float, elapsed_s: float
) -> float | None:
    """How long the rest of a run takes, at the pace so far.

    Args:
        done: Of each job of this run that has ended: core seconds it took, and those expected.
        rest_s: Core seconds expected of all other jobs.
        elapsed_s: Seconds since the run was started.

    Returns:
        Seconds; None where no job has ended yet.
    """
    pairs = list(done)
    taken, expected = (sum(column) for column in zip(*pairs, strict=True)) if pairs else (0, 0)
    if not taken or not expected or elapsed_s <= 0:
        return None
    cores = taken / elapsed_s
    return rest_s * (taken / expected) / cores


def _stages(
    project: Project, sample: str, results: Results, words: Mapping[str, str]
) -> dict[str, str]:
    states = {stage.id: stage_state(stage, results) for stage in sample_stages(project, sample)}
    return {stage: words.get(state, state) for stage, state in states.items()}


def _steps(project: Project) -> Iterator[tuple[Step, dict[str, str]]]:
    """Every job of a run once, with its wildcards."""
    for step in (*preparing_steps(project), *cohort_steps()):
        yield step, {}
    families: set[str] = set()
    for sample in project.analysed:
        family = project.samples[sample].family_id
        for stage in sample_stages(project, sample):
            if stage.id != "callset":
                yield from ((step, _wildcards(step, "sample", sample)) for step in stage.steps)
            elif family not in families:
                families.add(family)
                yield from ((step, _wildcards(step, "family", family)) for step in stage.steps)


def _wildcards(step: Step, kind: str, name: str) -> dict[str, str]:
    rest = step.key.removeprefix(name).removeprefix(".")
    wildcards = {kind: name}
    return wildcards | ({"lane" if step.rule == "screen_lane" else "piece": rest} if rest else {})


def _state(alive: bool, jobs: Mapping[str, int], started: str | None) -> str:
    if alive:
        return RUNNING
    if started is None:
        return "not_begun"
    if jobs.get(FAILED):
        return FAILED
    return INTERRUPTED if jobs.get(WAITING) or jobs.get(INTERRUPTED) else "complete"


def _failures(project: Project, results: Results, steps: Iterable[Step]) -> list[dict[str, Any]]:
    patients = sorted({each.patient_id for each in project.samples.values()}, key=len)[::-1]
    hidden = [name for name in patients if name not in project.samples]
    found = causes(steps, "", results, hidden)
    return [
        {key: value for key, value in cause.as_json().items() if key != "lines"}
        for cause in found
        if cause.state == FAILED
    ]


def _seconds_left(
    project: Project,
    results: Results,
    rest: Sequence[tuple[Step, Mapping[str, str]]],
    started: str | None,
    now: datetime,
) -> float | None:
    if started is None:
        return None
    table, inputs = Requests(project).table, ProjectInputs(project)
    begun = datetime.fromisoformat(started)
    jobs = [job for job in read_costs(results) if job.threads and _ended_since(job, results, begun)]
    threads = {job.rule: job.threads for job in jobs}
    pairs = [
        (job.core_s, _expected(table, inputs, job.rule, job.wildcards, job.threads)) for job in jobs
    ]
    rest_s = sum(
        _expected(table, inputs, step.rule, of, threads.get(step.rule, 1)) for step, of in rest
    )
    left = seconds_left(pairs, rest_s, (now - begun.astimezone(UTC)).total_seconds())
    return None if left is None else round(left, 1)


def _ended_since(job: JobCost, results: Results, begun: datetime) -> bool:
    written = results.written_at(f"benchmarks/{job.rule}/{job.key}.tsv")
    return written is not None and datetime.fromisoformat(written) >= begun


def _expected(
    table: Table, inputs: ProjectInputs, rule: str, wildcards: Mapping[str, str], threads: int
) -> float:
    """Core seconds that a job is expected to take; 0 of a rule that is not in the table."""
    line = table.get((rule, WALL))
    return line.value(WALL, inputs.of_job(wildcards, threads)) * threads if line else 0.0


def _slurm(project: Project, started: str | None) -> dict[str, Any] | None:
    cluster = read_cluster(project.config.results, started)
    return asdict(cluster) if cluster else None
