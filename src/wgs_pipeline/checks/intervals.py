"""BED files: that they can be read and lie within the contigs of the reference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from wgs_pipeline.checks.compression import access_problem
from wgs_pipeline.errors import Problem
from wgs_pipeline.identifiers import shown

#: Problems named per file; a file of another kind would give one per line.
_MOST = 5


def check_bed(
    path: Path, where: str, line: int, role: str, lengths: Mapping[str, int]
) -> list[Problem]:
    """Problems of a BED file that ``role`` at ``where``:``line`` names.

    Args:
        path: The BED file: contig, start, end (0-based half-open), tab-separated.
        where: The sheet or configuration that names it.
        line: Its line there; 0 where unknown.
        role: What the file is, for messages.
        lengths: Contigs of the reference (base pairs); empty where it could not be read.
    """
    problem = access_problem(path, where, line, role)
    if problem:
        return [problem]
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (UnicodeDecodeError, OSError):
        remedy = "Name a BED file of plain text."
        return [Problem(where, line, f"{role} is no text", "a BED file", remedy)]
    problems = []
    for number, text in enumerate(lines, 1):
        if not text.strip() or text.startswith(("#", "track", "browser")):
            continue
        found = _line_problem(text.split("\t"), lengths)
        if found:
            expected = f"contig, start and end within {listed(lengths)}"
            remedy = "Correct the line, or name the BED of this reference."
            problems.append(Problem(str(path), number, found, expected, remedy))
        if len(problems) == _MOST:
            break
    return problems


def listed(lengths: Iterable[str]) -> str:
    """The first contigs, for a message."""
    names = list(lengths)
    return ", ".join(names[:6]) + (", …" if len(names) > 6 else "") or "the reference"


def _line_problem(fields: list[str], lengths: Mapping[str, int]) -> str | None:
    if len(fields) < 3 or not (fields[1].isdecimal() and fields[2].isdecimal()):
        return f"{shown(' '.join(fields))} is no interval"
    contig, start, end = fields[0], int(fields[1]), int(fields[2])
    if start >= end:
        return f"interval {contig[:60]}:{start}-{end} is empty"
    if lengths and contig not in lengths:
        return f"contig {shown(contig)} is not in the reference"
    if lengths and end > lengths[contig]:
        return f"interval ends at {end}, after the end of {contig} ({lengths[contig]} bp)"
    return None
