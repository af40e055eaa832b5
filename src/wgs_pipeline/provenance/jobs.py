"""What Snakemake keeps of the jobs of a results folder: a record for each file they wrote.

A record is JSON below ``.snakemake/metadata``; its name is the file's path in Base64, cut over
several folders where it is long. Records of temporary files stay when the files go.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Longest part of a record's name: Snakemake cuts by the file system's limit, which is 255.
_PART = 254


@dataclass(frozen=True)
class JobRecord:
    """One job as it ran.

    Attributes:
        rule: Its rule.
        command: Its shell command as it was given to bash.
        started: Seconds of the epoch.
        ended: Seconds of the epoch.
        environment: The conda environment file of the rule, as text, whether it was used or not.
    """

    rule: str
    command: str
    started: float
    ended: float
    environment: str


def read_job(results: Path, output: str) -> JobRecord | None:
    """The job that wrote a file last; None where nothing was kept of it.

    Args:
        results: The results folder.
        output: Path of the file, relative to it, which need not exist any more.
    """
    try:
        text = record_path(results, output).read_text(encoding="utf-8")
        record: dict[str, Any] = json.loads(text)
        if record.get("incomplete") or not record.get("shellcmd"):
            return None
        return JobRecord(
            rule=str(record["rule"]),
            command=str(record["shellcmd"]).strip(),
            started=float(record["starttime"]),
            ended=float(record["endtime"]),
            environment=_text(record.get("conda_env")),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def record_path(results: Path, output: str) -> Path:
    """Where Snakemake keeps the record of a file."""
    name = base64.urlsafe_b64encode(output.encode()).decode()
    parts = [name[start : start + _PART] for start in range(0, len(name), _PART)]
    return results.joinpath(
        ".snakemake", "metadata", *(f"@{part}" for part in parts[:-1]), parts[-1]
    )


def _text(encoded: str | None) -> str:
    """An environment as it was written; "" where there is none."""
    try:
        return base64.b64decode(encoded or "").decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return ""
