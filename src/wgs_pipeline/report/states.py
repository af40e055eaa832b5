"""How far a job and a stage have come, told from the files that they leave behind."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from wgs_pipeline.report.results import Results
from wgs_pipeline.report.stages import Stage, Step

DONE, FAILED, UNFINISHED = "done", "failed", "unfinished"
NOT_REACHED, NOT_APPLICABLE = "not_reached", "not_applicable"
LEFT_OUT, NOT_LOADED = "left_out", "not_loaded"

#: What people call each state.
STATES: dict[str, str] = {
    DONE: "done",
    FAILED: "failed",
    UNFINISHED: "not finished",
    NOT_LOADED: "not loaded",
    NOT_REACHED: "not reached",
    NOT_APPLICABLE: "not applicable",
    LEFT_OUT: "left out",
}


@dataclass(frozen=True)
class Cause:
    """Where something stopped.

    Attributes:
        state: ``failed`` or ``unfinished``.
        stage: Stage of the sample, or "" for a job that serves several.
        rule: Rule of the job.
        log: Its log, relative to the results folder.
        at: When the log was written last.
        lines: Its last lines, without identifiers.
        said: The first error of ``wgs`` in it, or "".
        why: What became of its SLURM job, in a sentence; "" where it had none, or that is not
            known.
        kind: Class of that failure, one of ``slurm.failures.CLASSES``, or "".
        slurm_job: Number of its SLURM job, or "".
    """

    state: str
    stage: str
    rule: str
    log: str
    at: str
    lines: tuple[str, ...]
    said: str
    why: str = ""
    kind: str = ""
    slurm_job: str = ""

    def as_json(self) -> dict[str, Any]:
        """The cause as it stands in the document."""
        return asdict(self) | {"lines": list(self.lines)}


def step_state(step: Step, results: Results) -> str:
    """State of one job.

    A job that left a log but not its outputs failed, unless Snakemake still marks it as begun:
    then it runs, or was killed. One that had ended, and whose outputs went with those of its
    failed group, has yet to be made.
    """
    made = step.replaced_by and results.has(step.replaced_by)
    if made or all(results.has(path) for path in step.outputs):
        return DONE
    if any(results.is_unfinished(path) for path in step.outputs):
        return UNFINISHED
    begun = results.exists(step.log) and step.log not in results.undone
    return FAILED if begun else NOT_REACHED


def stage_state(stage: Stage, results: Results) -> str:
    """State of one stage: the gravest of its jobs', unless all that it makes is there."""
    if not stage.applies:
        return NOT_APPLICABLE
    if all(results.has(path) for path in stage.outputs):
        return DONE
    states = {step_state(step, results) for step in stage.steps}
    return next((each for each in (FAILED, UNFINISHED) if each in states), NOT_REACHED)


def causes(
    steps: Iterable[Step], stage: str, results: Results, patient_ids: Collection[str]
) -> list[Cause]:
    """Why jobs stopped, in their order."""
    found = []
    for step in steps:
        state = step_state(step, results)
        if state in (FAILED, UNFINISHED):
            tail = results.log_tail(step.log, patient_ids)
            job = results.failed_jobs.get(step.log)
            told = (job.cause, job.kind, job.job) if job else ("", "", "")
            found.append(
                Cause(state, stage, step.rule, step.log, tail.at, tail.lines, tail.said, *told)
            )
    return found
