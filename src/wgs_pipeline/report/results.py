"""What lies in a results folder: files, logs, and what was begun and not ended."""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from wgs_pipeline.identifiers import without_cpr
from wgs_pipeline.slurm.failures import Failure

#: Lines of a log that are shown, and characters of a line.
TAIL_LINES, TAIL_WIDTH = 20, 500
_WITHHELD = "[withheld]"
_TAIL_BYTES = 64_000


@dataclass(frozen=True)
class LogTail:
    """The end of a log.

    Attributes:
        at: When it was written last.
        lines: Its last lines.
        said: The first error of ``wgs`` in it, which tools that go on may push out of the last
            lines; "" where there is none.
    """

    at: str
    lines: tuple[str, ...]
    said: str


class Results:
    """A results folder as it is now. Paths are relative to it.

    Attributes:
        folder: The folder.
        unreadable: What ``read_json`` could not read so far.
        failed_jobs: The log of a rule to the SLURM job in which it failed.
        undone: Logs of rules that ended and whose outputs were removed with those of their group.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.unreadable: list[str] = []
        self.failed_jobs: Mapping[str, Failure] = {}
        self.undone: frozenset[str] = frozenset()
        self._listings: dict[str, frozenset[str]] = {}
        self._unfinished = _unfinished(folder)

    def exists(self, path: str) -> bool:
        """Whether a file is there, finished or not."""
        parent, _, name = path.rpartition("/")
        return name in self.names(parent)

    def has(self, path: str) -> bool:
        """Whether a file is there and what wrote it came to its end."""
        return self.exists(path) and path not in self._unfinished

    def is_unfinished(self, path: str) -> bool:
        """Whether a job that writes this file has begun and not ended."""
        return path in self._unfinished

    def names(self, folder: str) -> frozenset[str]:
        """Names in a folder below; empty where there is none."""
        if folder not in self._listings:
            try:
                found = (self.folder / folder).iterdir()
                self._listings[folder] = frozenset(path.name for path in found)
            except OSError:
                self._listings[folder] = frozenset()
        return self._listings[folder]

    def read_json(self, path: str) -> dict[str, Any] | None:
        """A finished JSON object; None where it is missing, or cannot be read (which is noted)."""
        if not self.has(path):
            return None
        try:
            document = json.loads((self.folder / path).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            self.unreadable.append(path)
            return None
        return document

    def written_at(self, path: str) -> str | None:
        """When a file was written last, ISO 8601 in UTC."""
        try:
            return moment((self.folder / path).stat().st_mtime)
        except OSError:
            return None

    def log_tail(self, path: str, patient_ids: Collection[str]) -> LogTail:
        """The last lines of a log, without anything that may identify a person."""
        try:
            with (self.folder / path).open("rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
                text = file.read().decode("utf-8", "replace")
        except OSError:
            text = ""
        lines = readable_lines(withheld(text, patient_ids))
        said = next((line for line in lines if line.startswith("wgs: ")), "")
        return LogTail(self.written_at(path) or "", tuple(lines[-TAIL_LINES:]), said)


def readable_lines(text: str) -> list[str]:
    """The lines that say something; of a line that was overwritten, its last state."""
    lines = []
    for line in text.split("\n"):
        shown = "".join(c if c.isprintable() else " " for c in line.rstrip().split("\r")[-1])
        if shown.strip():
            lines.append(shown if len(shown) <= TAIL_WIDTH else shown[:TAIL_WIDTH] + "…")
    return lines


def withheld(text: str, patient_ids: Collection[str]) -> str:
    """``text`` without the given identifiers and without what has the shape of a CPR number."""
    for identifier in patient_ids:
        if identifier in text:
            spelled = re.escape(identifier)
            text = re.sub(rf"(?<![A-Za-z0-9]){spelled}(?![A-Za-z0-9])", _WITHHELD, text)
    return without_cpr(text)


def moment(seconds: float) -> str:
    """Seconds of the epoch as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _unfinished(folder: Path) -> frozenset[str]:
    """Outputs of jobs that began and did not end, as Snakemake marks them.

    A marker is a file below ``.snakemake/incomplete`` whose name is the output's path in Base64,
    cut over several folders where it is long.
    """
    return frozenset(_decoded(folder / ".snakemake" / "incomplete"))


def _decoded(folder: Path) -> Iterator[str]:
    for parent, _, names in os.walk(folder):
        above = Path(parent).relative_to(folder).parts
        prefix = "".join(part.removeprefix("@") for part in above)
        for name in names:
            try:
                yield base64.urlsafe_b64decode(prefix + name).decode("utf-8")
            except (binascii.Error, UnicodeDecodeError):
                continue
