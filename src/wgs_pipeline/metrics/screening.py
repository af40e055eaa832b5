"""Samples that were stopped before they were called, and whether that still stands."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from wgs_pipeline.metrics.thresholds import Level
from wgs_pipeline.overrides import Override
from wgs_pipeline.project import Project

if TYPE_CHECKING:
    from wgs_pipeline.metrics.verdict import Verdict  # takes long, and the workflow needs it not


def is_worth_calling(judged: Verdict) -> bool:
    """Whether calling can still lead to a genome that is loaded, or help to say whose it is.

    Of a failed alignment nothing is loaded, nor of one that holds reads of two persons. One whose
    sex is not the stated one is called: its genotypes tell with whom it was exchanged.
    """
    in_vain = any(
        reason.level is Level.FAIL
        or (reason.level is Level.HOLD and reason.metric == "lane_concordance")
        for reason in judged.reasons
    )
    return not in_vain


def basis(
    thresholds: Mapping[str, Mapping[str, float] | None], overrides: Sequence[Override]
) -> str:
    """Digest of what a sample is judged by."""
    bounds = {name: dict(each) if each else None for name, each in thresholds.items()}
    signed = sorted(repr(each) for each in overrides)
    text = json.dumps([bounds, signed], sort_keys=True)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def forget_stale_stops(project: Project) -> list[str]:
    """Forget that a sample was stopped, where it is judged by something else now, or none is.

    Its ``proceeds.txt`` goes, so that it is screened anew, and called if it then proceeds. Samples
    that were called are left alone: whatever they are judged by now, their calls stay the same.

    Returns:
        The samples.
    """
    stale = []
    for name in project.analysed:
        folder = project.config.results / "qc" / name
        path = folder / "proceeds.txt"
        with suppress(OSError):
            if path.stat().st_size == 0 and not _stands(project, name, folder):
                path.unlink()
                stale.append(name)
    return stale


def _stands(project: Project, name: str, folder: Path) -> bool:
    return project.config.qc.early_stop and _basis_of(folder) == _present_basis(project, name)


def _basis_of(folder: Path) -> str | None:
    with suppress(OSError, ValueError, KeyError, TypeError):
        return str(json.loads((folder / "screening.json").read_text(encoding="utf-8"))["basis"])
    return None


def _present_basis(project: Project, name: str) -> str:
    bounds = project.config.qc.bounds(project.units[name][0].assay, project.samples[name].material)
    return basis(bounds, [each for each in project.overrides if each.sample_id == name])
