"""The runs of a results folder: when each began, and with which versions of everything.

One line of JSON a run in ``provenance/runs.jsonl``, written before its first job. A job belongs to
the last run that began before it.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import wgs_pipeline
from wgs_pipeline.files import make_folder
from wgs_pipeline.project import Project
from wgs_pipeline.report.collect import config_sha256
from wgs_pipeline.report.software import versions

RUNS = Path("provenance/runs.jsonl")
_REPOSITORY = Path(wgs_pipeline.__file__).resolve().parents[2]
_LONGEST_S = 10


def record_run(project: Project, deployment: Sequence[str], now: datetime) -> None:
    """Add a run that begins now.

    Args:
        project: As the run uses it, its aligner decided.
        deployment: How jobs get their tools beside PATH, as Snakemake names it: ``conda``.
        now: With time zone.
    """
    commit, modified = _commit()
    line = {
        "started_at": now.astimezone(UTC).isoformat(timespec="microseconds"),
        "config_sha256": config_sha256(project.config.values),
        "git_commit": commit,
        "git_modified": modified,
        "deployment": sorted(deployment),
        "software": versions(project),
    }
    path = project.config.results / RUNS
    make_folder(path.parent)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, sort_keys=True) + "\n")


def read_runs(results: Path) -> list[dict[str, Any]]:
    """Every run that was recorded, in order; a line that a crash cut off is passed over."""
    try:
        lines = (results / RUNS).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    runs = []
    for line in lines:
        try:
            run = json.loads(line)
            datetime.fromisoformat(run["started_at"])
            runs.append(run)
        except (ValueError, KeyError, TypeError):
            continue
    return runs


def run_of(runs: Sequence[Mapping[str, Any]], started: float) -> int | None:
    """Which run began a job; None where that was before runs were recorded.

    Args:
        runs: In order.
        started: Start of the job, seconds of the epoch.
    """
    before = [
        number
        for number, run in enumerate(runs)
        if datetime.fromisoformat(run["started_at"]).timestamp() <= started
    ]
    return before[-1] if before else None


def _commit() -> tuple[str | None, bool | None]:
    """Commit of the checkout that the package runs from, and whether files of it were changed."""
    if not (_REPOSITORY / ".git").exists():
        return None, None
    commit, status = _git("rev-parse", "HEAD"), _git("status", "--porcelain", "-uno")
    return (commit or "").strip() or None, None if status is None else bool(status.strip())


def _git(*arguments: str) -> str | None:
    command = ["git", "-C", os.fspath(_REPOSITORY), *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=_LONGEST_S
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout
