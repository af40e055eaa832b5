"""What happened to one sample."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any

from wgs_pipeline.errors import WgsError
from wgs_pipeline.metrics.catalogue import finding_json
from wgs_pipeline.metrics.sample import SampleMetrics, read_metrics
from wgs_pipeline.metrics.verdict import read_verdict
from wgs_pipeline.project import Project
from wgs_pipeline.report.disk import sample_disk
from wgs_pipeline.report.histograms import binned
from wgs_pipeline.report.results import Results
from wgs_pipeline.report.stages import STAGES, sample_stages
from wgs_pipeline.report.states import DONE, LEFT_OUT, NOT_LOADED, causes, stage_state

_HISTOGRAMS = {"coverage": ("depth", "bases"), "insert_size": ("insert_size_bp", "pairs")}
_COUNTED = ("tp", "fp", "fn", "recall", "precision", "f1", "genotype_concordance")


def left_out_sample(project: Project, sample: str) -> dict[str, Any]:
    """A sample without consent: nothing of it is looked at."""
    return _entry(project, sample) | {
        "left_out": project.excluded[sample].reason,
        "stages": dict.fromkeys(STAGES, LEFT_OUT),
    }


def analysed_sample(
    project: Project,
    sample: str,
    results: Results,
    patient_ids: Collection[str],
    cost: Mapping[str, float] | None,
) -> dict[str, Any]:
    """An analysed sample: its stages, and whatever is known of it so far."""
    stages = sample_stages(project, sample)
    states = {stage.id: stage_state(stage, results) for stage in stages}
    stopped = [
        cause.as_json()
        for stage in stages
        if states[stage.id] != DONE
        for cause in causes(stage.steps, stage.id, results, patient_ids)
    ]
    receipt = _receipt(results, sample)
    if states["database"] == DONE and not (receipt and receipt["loaded"]):
        states["database"] = NOT_LOADED
    metrics = _metrics(results, sample)
    return _entry(project, sample) | {
        "stages": states,
        "causes": stopped,
        "verdict": _verdict(results, sample),
        "metrics": _findings(metrics),
        "histograms": _histograms(metrics),
        "truth": _truth(results, sample),
        "database": receipt,
        "cost": dict(cost) if cost else None,
        "disk": sample_disk(project, sample, results),
    }


def _entry(project: Project, sample: str) -> dict[str, Any]:
    units = project.units[sample]
    return {
        "sample": sample,
        "family": project.samples[sample].family_id,
        "input": units[0].kind if units else None,
        "left_out": None,
        "stages": {},
        "causes": [],
        "verdict": None,
        "metrics": None,
        "histograms": {},
        "truth": None,
        "database": None,
        "cost": None,
        "disk": None,
    }


def _verdict(results: Results, sample: str) -> dict[str, Any] | None:
    path = f"qc/{sample}/verdict.json"
    if not results.has(path):
        return None
    try:
        verdict = read_verdict(results.folder / path)
        keys = ("verdict", "next_action", "top_up_gb", "reasons", "not_judged")
        signed_off = verdict.get("overrides", [])  # reports of before had none
        return {key: verdict[key] for key in keys} | {"overrides": signed_off}
    except (WgsError, KeyError):
        results.unreadable.append(path)
        return None


def _metrics(results: Results, sample: str) -> SampleMetrics | None:
    path = f"qc/{sample}/metrics.json"
    if not results.has(path):
        return None
    try:
        return read_metrics(results.folder / path)
    except WgsError:
        results.unreadable.append(path)
        return None


def _findings(metrics: SampleMetrics | None) -> dict[str, Any] | None:
    if metrics is None:
        return None
    return {name: finding_json(name, each) for name, each in metrics.findings.items()}


def _histograms(metrics: SampleMetrics | None) -> dict[str, Any]:
    drawn = {}
    for name, (values, counts) in _HISTOGRAMS.items():
        histogram = metrics.histograms.get(name) if metrics else None
        bins = binned(histogram[values], histogram[counts]) if histogram else None
        if bins:
            drawn[name] = asdict(bins) | {"counts": list(bins.counts)}
    return drawn


def _truth(results: Results, sample: str) -> dict[str, Any] | None:
    path = f"qc/{sample}/concordance.json"
    found = results.read_json(path)
    if found is None:
        return None
    try:
        return {kind: {key: found[kind][key] for key in _COUNTED} for kind in ("snv", "indel")}
    except (KeyError, TypeError):
        results.unreadable.append(path)
        return None


def _receipt(results: Results, sample: str) -> dict[str, Any] | None:
    """What the load said; the slot stays out, so that no report ties it to a sample."""
    receipt = results.read_json(f"ngd/{sample}.loaded.json")
    if receipt is None:
        return None
    keys = ("reason", "generation", "plane", "already_loaded")
    return {"loaded": receipt.get("loaded") is True} | {
        key: receipt[key] for key in keys if key in receipt
    }
