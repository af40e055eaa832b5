"""The run report as data: one document of a results folder, whatever state that is in."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from wgs_pipeline.aligners import resolve
from wgs_pipeline.metrics.thresholds import Level
from wgs_pipeline.project import Project
from wgs_pipeline.report import FORMAT, VERSION
from wgs_pipeline.report.cluster import cluster_failures
from wgs_pipeline.report.costs import read_costs, rule_costs, sample_costs, use_of
from wgs_pipeline.report.families import analysed_families
from wgs_pipeline.report.holdings import holdings
from wgs_pipeline.report.ledger import ledger
from wgs_pipeline.report.results import Results, moment
from wgs_pipeline.report.samples import analysed_sample, left_out_sample
from wgs_pipeline.report.software import versions
from wgs_pipeline.report.stages import STAGES, cohort_steps, preparing_steps, sample_stages
from wgs_pipeline.report.states import (
    DONE,
    FAILED,
    NOT_APPLICABLE,
    NOT_LOADED,
    STATES,
    UNFINISHED,
    causes,
    step_state,
)

COMPLETE, INCOMPLETE = "complete", "incomplete"

#: Other reports, by what they are called in the document.
PAGES = {
    "cohort": "report/cohort.html",
    "multiqc": "qc/multiqc.html",
    "samples": "qc/samples.tsv",
}


def collect(project: Project, now: datetime) -> dict[str, Any]:
    """The document that ``report/run.json`` holds.

    Args:
        project: The project; its results may be half-made, or not begun.
        now: When the report is made, with time zone.
    """
    results = Results(project.config.results)
    patient_ids = patient_ids_of(project)
    cluster = cluster_failures(results, patient_ids)
    results.failed_jobs, results.undone = cluster.by_log, cluster.undone
    owners = _owners(project)
    costs = read_costs(results)
    by_sample = sample_costs(costs, owners)
    samples = [
        left_out_sample(project, name)
        if name in project.excluded
        else analysed_sample(project, name, results, patient_ids, by_sample.get(name))
        for name in project.samples
    ]
    disk = {each["sample"]: each["disk"] for each in samples if each["disk"]}
    entries = ledger(costs, project.analysed, project.families, owners, disk, project.config.costs)
    shared = [*preparing_steps(project), *cohort_steps()]
    stopped = [cause.as_json() for cause in causes(shared, "", results, patient_ids)]
    return {
        "format": FORMAT,
        "version": VERSION,
        "generated_at": moment(now.timestamp()),
        "project": _project(project),
        "run": {
            "status": _status(samples, stopped),
            "started_at": results.written_at("config.json"),
            "ended_at": moment(now.timestamp()),
            "cpu_s": round(sum(cost.cpu_s for cost in costs), 2),
            "wall_s": round(sum(cost.wall_s for cost in costs), 2),
            **use_of(costs),
        },
        "software": versions(project),
        "stages": STAGES,
        "states": STATES,
        "summary": _summary(samples),
        "samples": samples,
        "families": analysed_families(project.families, results),
        "shared": {
            "steps": {f"{step.rule}/{step.key}": step_state(step, results) for step in shared},
            "causes": stopped,
        },
        "slurm": cluster.as_json(),
        "rules": rule_costs(costs, _rule_order(project), owners),
        "costs": {
            "currency": project.config.costs.currency,
            "samples": [asdict(entry) for entry in entries],
        },
        "database": holdings(project.config.ngd.root),
        "pages": {name: path for name, path in PAGES.items() if results.has(path)},
        "unreadable": results.unreadable,
    }


def config_sha256(values: Mapping[str, Any]) -> str:
    """SHA-256 of the configuration as it is used: defaults filled in, keys sorted, no spaces."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _project(project: Project) -> dict[str, Any]:
    config = project.config
    return {
        "name": _name(config.results),
        "config_sha256": config_sha256(config.values),
        "reference_build": config.reference.build,
        "aligner": resolve(config).name,
        "calling_engine": config.calling.engine,
        "consent_as_of": moment(project.as_of.timestamp()),
    }


def _name(results: Path) -> str:
    return results.parent.name if results.name == "results" else results.name


def patient_ids_of(project: Project) -> list[str]:
    """Identifiers to keep out of logs, the longest first, as one may begin with another."""
    identifiers = {sample.patient_id for sample in project.samples.values()}
    return sorted(identifiers - set(project.samples), key=lambda each: (-len(each), each))


def _owners(project: Project) -> dict[tuple[str, str], str]:
    """Jobs of one sample: (rule, key) to the sample; those of a family belong to none."""
    return {
        (step.rule, step.key): sample
        for sample in project.analysed
        for stage in sample_stages(project, sample)
        if stage.id != "callset"
        for step in stage.steps
    }


def _rule_order(project: Project) -> list[str]:
    steps = list(preparing_steps(project))
    for sample in project.analysed:
        steps += [step for stage in sample_stages(project, sample) for step in stage.steps]
    return list(dict.fromkeys(step.rule for step in steps))


def _status(samples: Sequence[Mapping[str, Any]], shared: Sequence[Mapping[str, Any]]) -> str:
    states = {state for each in samples if not each["left_out"] for state in _states(each)}
    states |= {cause["state"] for cause in shared}
    if FAILED in states:
        return FAILED
    return COMPLETE if states <= {DONE, NOT_APPLICABLE, NOT_LOADED} else INCOMPLETE


def _states(sample: Mapping[str, Any]) -> list[str]:
    return list(sample["stages"].values())


def _summary(samples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Numbers of samples."""
    analysed = [each for each in samples if not each["left_out"]]
    verdicts = Counter(each["verdict"]["verdict"] for each in analysed if each["verdict"])
    return {
        "samples": len(samples),
        "analysed": len(analysed),
        "left_out": len(samples) - len(analysed),
        "verdicts": {level.value: verdicts[level.value] for level in Level},
        "without_verdict": len(analysed) - sum(verdicts.values()),
        "loaded": sum(bool(each["database"] and each["database"]["loaded"]) for each in analysed),
        "failed": sum(FAILED in _states(each) for each in analysed),
        "unfinished": sum(UNFINISHED in _states(each) for each in analysed),
    }
