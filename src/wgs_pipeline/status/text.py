"""The state of a run as text for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wgs_pipeline.report.stages import STAGES
from wgs_pipeline.report.states import STATES
from wgs_pipeline.report.wording import duration
from wgs_pipeline.status.run import INTERRUPTED, RUNNING, SHOWN, WAITING

_TITLES = {**STATES, RUNNING: "running", WAITING: "waiting", INTERRUPTED: "interrupted"}
#: Failures that are shown one by one.
MOST_FAILURES = 10
_MARKS = {"done": "+", RUNNING: ">", WAITING: ".", "failed": "!", INTERRUPTED: "?"}


def status_text(status: Mapping[str, Any], samples: bool = False) -> str:
    """The status in lines.

    Args:
        status: What ``run_status`` gives.
        samples: Also a line for each sample.
    """
    lines = [_headline(status), "", *_stages(status["stages"])]
    if samples:
        lines += ["", *_samples(status["samples"])]
    jobs = ", ".join(f"{count:,} {_TITLES[name]}" for name, count in _ordered(status["jobs"]))
    lines += ["", f"jobs   {jobs}"]
    if status["slurm"]:
        lines += [f"SLURM  {_slurm(status['slurm'])}"]
    lines += _failures(status["failures"])
    return "\n".join(lines) + "\n"


def _headline(status: Mapping[str, Any]) -> str:
    left = status["seconds_left"]
    words = str(status["state"]).replace("_", " ")
    rest = f", about {duration(left)} left" if left is not None else ""
    since = f", since {status['started_at']}" if status["started_at"] else ""
    return f"{status['results']}: {words}{since}{rest}"


def _stages(stages: Mapping[str, Mapping[str, int]]) -> list[str]:
    shown = [name for name in SHOWN if any(name in counts for counts in stages.values())]
    header = f"{'':10}" + "".join(f"{_TITLES[name]:>16}" for name in shown)
    return [header.rstrip()] + [
        f"{STAGES[stage]:10}" + "".join(f"{counts.get(name, 0) or '-':>16}" for name in shown)
        for stage, counts in stages.items()
    ]


def _samples(samples: Mapping[str, Mapping[str, str]]) -> list[str]:
    width = max((len(name) for name in samples), default=0)
    legend = ", ".join(f"{mark} {_TITLES[name]}" for name, mark in _MARKS.items())
    lines = [f"{'stages: ' + ', '.join(STAGES.values())} ({legend})"]
    for name, states in samples.items():
        marks = " ".join(_MARKS.get(state, " ") for state in states.values())
        lines.append(f"{name:{width}}  {marks}".rstrip())
    return lines


def _ordered(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return [(name, counts[name]) for name in SHOWN if name in counts]


def _slurm(slurm: Mapping[str, Any]) -> str:
    queue = ", ".join(f"{count:,} {name.lower()}" for name, count in sorted(slurm["queue"].items()))
    failed = ", ".join(f"{count:,} {name}" for name, count in sorted(slurm["failed"].items()))
    said = f"; {slurm['said']}" if slurm["said"] else ""
    return (queue or "nothing in the queue") + (f"; ended badly: {failed}" if failed else "") + said


def _failures(failures: list[Mapping[str, Any]]) -> list[str]:
    shown = [
        f"failed {each['rule']}: {each['said'] or each['log']}" for each in failures[:MOST_FAILURES]
    ]
    more = len(failures) - len(shown)
    return ["", *shown, *([f"and {more} more"] if more > 0 else [])] if shown else []
