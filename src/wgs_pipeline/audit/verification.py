"""Proving that an access log is whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from wgs_pipeline.audit.head import Head, held, read_head
from wgs_pipeline.audit.lines import log_key, parsed, problem_of
from wgs_pipeline.audit.reading import day_files
from wgs_pipeline.vault import Vault

_NAME = re.compile(r"log-\d{4}-\d{2}-\d{2}\.jsonl")


def verify(folder: Path, vault: Vault) -> list[str]:
    """Problems of a log: any change, gap, insertion, change of order or truncation.

    Returns:
        One message per problem, naming file and line; empty if the log is whole. Reading stops
        at the first line that does not fit, since nothing after it can be judged.
    """
    with held(vault, exclusive=False) as descriptor:
        head = read_head(vault, descriptor)
        problems = [
            f"{path}: does not belong to the log"
            for path in sorted(folder.glob("*"))
            if not _NAME.fullmatch(path.name)
        ]
        seen, key = Head(), log_key(vault)
        for path in day_files(folder):
            seen, problem = _read(path, replace(seen, file=path.name, size=0), key)
            if problem:
                return [*problems, problem]
    return [*problems, *_end_problems(folder, seen, head)]


def _read(path: Path, seen: Head, key: bytes) -> tuple[Head, str | None]:
    """How far the file of one day continues the chain, and what is wrong there."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            problem = problem_of(line, seen.next_place(), key)
            if problem:
                return seen, f"{path}:{number}: {problem}{_gap(line, seen, number)}"
            seen = seen.after(line)
    return seen, None


def _gap(line: bytes, seen: Head, number: int) -> str:
    """What a gap before the first line of a day's file means."""
    entry = parsed(line)
    seq = entry["seq"] if number == 1 and entry else 0
    if isinstance(seq, int) and seq > seen.seq + 1:
        return f"; lines {seen.seq + 1} to {seq - 1}, of the days before, are gone"
    return ""


def _end_problems(folder: Path, seen: Head, head: Head) -> Iterator[str]:
    # Lines after the head carry the vault's code: their writer was killed before it noted them.
    if seen.seq > head.seq or (seen.seq, seen.hash) == (head.seq, head.hash):
        return
    said = ", the last of which is another" if seen.seq == head.seq else ""
    if not seen.seq:
        said = "; the log is missing"
    place = folder / (seen.file or head.file)
    yield f"{place}: ends with line {seen.seq}; the vault knows of {head.seq} lines{said}"
