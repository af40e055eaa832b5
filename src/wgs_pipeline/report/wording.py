"""Numbers, times and states as people read them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from wgs_pipeline.report.states import FAILED, NOT_LOADED, UNFINISHED

#: Stands where there is no value.
NOTHING = "-"


def number(value: float | str | None) -> str:
    """A figure with four significant digits, or all of them left of the point."""
    if value is None:
        return NOTHING
    if isinstance(value, str):
        return value
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def quantity(finding: Mapping[str, Any]) -> str:
    """A metric with its unit; why there is none, where there is none."""
    value, unit = finding["value"], finding["unit"]
    if value is None:
        return str(finding["not_applicable"])
    joint = {"": "", "x": "x", "fraction": ""}.get(unit, f" {unit}")
    return f"{number(value)}{joint}"


def coverage(sample: Mapping[str, Any]) -> str:
    """Mean coverage of a sample, or a dash."""
    finding = (sample["metrics"] or {}).get("mean_autosome_coverage")
    return f"{finding['value']:.1f}x" if finding and finding["value"] is not None else NOTHING


def duration(seconds: float) -> str:
    """A time in its two largest units."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min"


def date_and_time(text: str | None) -> str:
    """An ISO 8601 moment in UTC as 23 Nov 2026, 14:05:09 UTC."""
    if not text:
        return "not known"
    when = datetime.fromisoformat(text)
    return f"{when.day} {when:%b %Y, %H:%M:%S} UTC"


def plain_times(text: str) -> str:
    """``text`` with its ISO 8601 moments as people write them."""
    return re.sub(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}[+-]\d{2}:\d{2}", _plain_time, text)


def _plain_time(match: re.Match[str]) -> str:
    try:
        when = datetime.fromisoformat(match[0])
    except ValueError:
        return match[0]
    return f"{when.day} {when:%b %Y, %H:%M} ({when:%Z})"


def share(value: float | None) -> str:
    """A share of one with four decimals."""
    return NOTHING if value is None else f"{value:.4f}"


def percent(value: float | None) -> str:
    """A share of one in whole percent."""
    return NOTHING if value is None else f"{100 * value:.0f} %"


def samples(count: int) -> str:
    """``count`` samples, in grammar."""
    return f"{count:,} sample" if count == 1 else f"{count:,} samples"


def gist(cause: Mapping[str, Any]) -> str:
    """Where a job stopped and the line of its log that says most.

    That is what ``wgs`` said, else the first line that speaks of an error, else the last line.
    """
    lines: list[str] = cause["lines"]
    if cause["state"] != FAILED or not lines:
        return f"rule {cause['rule']}"
    ours = [cause["said"]] if cause["said"] else []
    errors = [line for line in lines if re.search(r"error|fail|truncated|no space", line, re.I)]
    said = [*ours, *errors, lines[-1]][0]
    return f"rule {cause['rule']}: {said.removeprefix('wgs: ')}"


def outcome(sample: Mapping[str, Any], stages: Mapping[str, str]) -> str:
    """What became of a sample, in a few words."""
    if sample["left_out"]:
        return f"no consent to analysis: {plain_times(sample['left_out'])}"
    for state, words in ((FAILED, "failed at"), (UNFINISHED, "not finished at")):
        at = [stages[name] for name, found in sample["stages"].items() if found == state]
        if at:
            return f"{words} {' and '.join(at)}"
    if sample["stages"]["database"] == NOT_LOADED:
        return not_loaded(sample)
    if sample["database"]:
        care_only = sample["database"].get("plane") == "care_only"
        return "in the database, for care only" if care_only else "in the database"
    return "not in the database yet"


def not_loaded(sample: Mapping[str, Any]) -> str:
    """Why a sample is not in the database, and what to do about it."""
    reason = (sample["database"] or {}).get("reason") or "reason not recorded"
    action = (sample["verdict"] or {}).get("next_action")
    wanted = f"; {action}" if action and action != "load" else ""
    return f"not loaded ({reason}){wanted}"
