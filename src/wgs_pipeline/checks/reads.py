"""The first reads of every FASTQ: gzip, records, mates, platform, the same reads twice."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from wgs_pipeline.checks.compression import (
    Compression,
    access_problem,
    compression,
    is_complete_bgzip,
)
from wgs_pipeline.checks.headers import identifying_read
from wgs_pipeline.errors import Problem
from wgs_pipeline.identifiers import shown
from wgs_pipeline.sheets import Unit

#: Reads looked at per file.
HEAD_READS = 1000
_LONGEST_LINE = 1 << 20

#: Read names by platform (PL of the SAM specification); names from archives tell none.
_NAME_SHAPES = {
    "ILLUMINA": re.compile(
        rb"[^:\s]+:\d+:[^:\s]+:\d+:\d+:\d+:\d+(:[ACGTN+r]+)?|[^:\s]+:\d+:\d+:\d+:\d+(#\S*)?"
    ),
    "DNBSEQ": re.compile(rb"[A-Z]+\d{6,}L\d+C\d{3}R\d{3}_?\d+"),
    "PACBIO": re.compile(rb"m\d+[A-Za-z]?_\d+_\d+(_\w+)*/\d+/\S+"),
    "ONT": re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    "IONTORRENT": re.compile(rb"[A-Z0-9]{5}:\d+:\d+"),
}
_SHORT_PAIRED = ("ILLUMINA", "ELEMENT", "DNBSEQ")


class FastqError(Exception):
    """A FASTQ cannot be read; the message says what was found."""


@dataclass(frozen=True)
class Head:
    """The first reads of a FASTQ.

    Attributes:
        names: Names of the reads, without comment and mate number.
        mates: Mate numbers (1, 2) that the reads state.
        digest: Digest of all that was looked at.
        is_whole: The file ended within the head.
        identifying: 1-based number of the first read whose name or comment holds what looks like
            a civil registration number; 0: none does.
    """

    names: tuple[bytes, ...]
    mates: frozenset[int]
    digest: str
    is_whole: bool
    identifying: int = 0


def check_reads(sheet: Path, units: Iterable[Unit], platform: str) -> list[Problem]:
    """Problems of the FASTQ files of units; only their first reads are read.

    Args:
        sheet: The sheet of units, for the messages.
        units: Units of samples that may be analysed; those without FASTQ are passed over.
        platform: ``aligner.platform``.
    """
    problems: list[Problem] = []
    heads: list[tuple[Unit, str, Head]] = []
    for unit in units:
        if unit.kind != "fastq":
            continue
        pair = [_head(sheet, unit, column, problems) for column in ("fastq_1", "fastq_2")]
        heads += [(unit, f"fastq_{n}", head) for n, head in enumerate(pair, 1) if head]
        if pair[0] and pair[1]:
            problems += _mate_problems(sheet, unit, pair[0], pair[1])
    problems += _platform_problems(sheet, heads, platform)
    problems += _copy_problems(sheet, heads)
    return problems


def read_head(path: Path) -> Head:
    """The first reads of a FASTQ, plain or gzip.

    Raises:
        FastqError: The file is truncated, malformed, or holds no reads.
        OSError: It cannot be read.
    """
    names: list[bytes] = []
    headers: list[bytes] = []
    mates: set[int] = set()
    digest = hashlib.sha256()
    kind = compression(path)
    if kind is Compression.PLAIN and path.name.endswith((".gz", ".bgz")):
        raise FastqError("is not compressed, as its name says")
    if kind is Compression.BGZIP and not is_complete_bgzip(path):
        raise FastqError("is truncated (the end marker of bgzip is missing)")
    is_whole = True
    for record in _records(path, kind):
        if len(names) == HEAD_READS:
            is_whole = False
            break
        name, mate = _name(record[0])
        names.append(name)
        headers.append(record[0])
        mates |= {mate} if mate else set()
        digest.update(b"\n".join(record))
    if not names:
        raise FastqError("holds no reads")
    identifying = identifying_read(headers)
    return Head(tuple(names), frozenset(mates), digest.hexdigest(), is_whole, identifying)


def platform_of(names: Iterable[bytes]) -> str | None:
    """The platform that read names show, None where they show none or several."""
    shown_by = {
        next((p for p, shape in _NAME_SHAPES.items() if shape.fullmatch(name)), None)
        for name in names
    }
    return shown_by.pop() if len(shown_by) == 1 else None


def _head(sheet: Path, unit: Unit, column: str, problems: list[Problem]) -> Head | None:
    path: Path = getattr(unit, column)
    role = f"{column} of sample {unit.sample_id}, {path.name},"
    problem = access_problem(path, str(sheet), unit.line, role)
    if problem is None:
        try:
            head = read_head(path)
            problems += _identity_problems(sheet, unit, role, head)
            return head
        except FastqError as error:
            found = f"{role} {error}"
        except OSError as error:
            found = f"{role} cannot be read ({error.strerror or error})"
        expected = "complete FASTQ with at least one read"
        remedy = f"Copy the file again from the sequencer: {path}."
        problem = Problem(str(sheet), unit.line, found, expected, remedy)
    problems.append(problem)
    return None


def _identity_problems(sheet: Path, unit: Unit, role: str, head: Head) -> Iterator[Problem]:
    if head.identifying:
        found = f"{role} names read {head.identifying} with what looks like a civil registration "
        remedy = "Have the sequencing centre name the reads without it."
        expected = "read names that name no person"
        yield Problem(str(sheet), unit.line, f"{found}number", expected, remedy)


def _records(path: Path, kind: Compression) -> Iterator[list[bytes]]:
    opener = open if kind is Compression.PLAIN else gzip.open
    try:
        with cast(BinaryIO, opener(path, "rb")) as file:
            for number in itertools.count():
                record = [file.readline(_LONGEST_LINE) for _ in range(4)]
                if not record[0]:
                    return
                yield _checked(record, 4 * number + 1)
    except EOFError as error:
        raise FastqError("is truncated (the gzip stream ends too early)") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise FastqError(f"is damaged ({error})") from error


def _checked(record: list[bytes], line: int) -> list[bytes]:
    """The four lines of a record without their line ends."""
    for offset, text in enumerate(record):
        if not text:
            raise FastqError(f"is truncated (it ends within the record of line {line})")
        if len(text) == _LONGEST_LINE:
            raise FastqError(f"has a line of more than {_LONGEST_LINE:,} bytes ({line + offset})")
    head, sequence, plus, quality = (text.rstrip(b"\r\n") for text in record)
    for offset, text, mark in ((0, head, b"@"), (2, plus, b"+")):
        if not text.startswith(mark):
            raise FastqError(
                f"is no FASTQ (line {line + offset} does not begin with {mark.decode()!r})"
            )
    if len(sequence) != len(quality):
        at = f"line {line + 3}"
        raise FastqError(
            f"is damaged or truncated ({len(quality)} qualities for {len(sequence)} bases, {at})"
        )
    return [head, sequence, plus, quality]


def _name(header: bytes) -> tuple[bytes, int | None]:
    """Name of a read and the mate number it states: ``name/1`` or ``name 1:N:0:…``."""
    name, _, comment = header[1:].replace(b"\t", b" ").partition(b" ")
    if name[-2:] in (b"/1", b"/2"):
        return name[:-2], int(name[-1:])
    stated = re.match(rb"([12]):[YN]:", comment)
    return name, int(stated.group(1)) if stated else None


def _mate_problems(sheet: Path, unit: Unit, first: Head, second: Head) -> Iterator[Problem]:
    def problem(found: str, expected: str, remedy: str) -> Problem:
        text = f"FASTQ of sample {unit.sample_id}: {found}"
        return Problem(str(sheet), unit.line, text, expected, remedy)

    same_lane = "Put the two files of one lane in one row."
    for number, (one, two) in enumerate(zip(first.names, second.names, strict=False), 1):
        if one != two:
            names = [shown(name.decode("utf-8", "replace")) for name in (one, two)]
            found = f"read {number} is {names[0]} in fastq_1 and {names[1]} in fastq_2"
            yield problem(found, "the same names in the same order", same_lane)
            return
    counts = len(first.names), len(second.names)
    if counts[0] != counts[1] and (first.is_whole or second.is_whole):
        shorter = "fastq_1" if counts[0] < counts[1] else "fastq_2"
        found = f"{shorter} ends after {min(counts)} reads, the other has more"
        yield problem(found, "equally many reads", "Copy both files again from the sequencer.")
    if first.mates == {2} or second.mates == {1}:
        found = "fastq_1 holds second reads or fastq_2 first reads"
        yield problem(found, "first reads in fastq_1", "Exchange or correct the two files.")


def _platform_problems(
    sheet: Path, heads: Iterable[tuple[Unit, str, Head]], configured: str
) -> Iterator[Problem]:
    first: dict[str, tuple[str, int]] = {}
    for unit, column, head in heads:
        platform = platform_of(head.names)
        if platform is None:
            continue
        other, line = first.setdefault(unit.sample_id, (platform, unit.line))
        where, at = str(sheet), unit.line
        if other != platform:
            found = (
                f"{column} of sample {unit.sample_id} has read names of {platform}, the reads "
                f"of line {line} those of {other}"
            )
            remedy = "Give the reads of the other platform a sample_id of their own."
            yield Problem(where, at, found, "one platform per sample", remedy)
        elif platform not in _SHORT_PAIRED:
            found = f"{column} of sample {unit.sample_id} has read names of {platform}"
            remedy = "Align them elsewhere and give the CRAM."
            yield Problem(where, at, found, "paired short reads", remedy)
        elif (platform == "DNBSEQ") != (configured == "DNBSEQ"):
            found = f"{column} of sample {unit.sample_id} has read names of {platform}"
            expected = f"reads of aligner.platform, {configured}"
            yield Problem(where, at, found, expected, "Correct aligner.platform in the config.")


def _copy_problems(sheet: Path, heads: Iterable[tuple[Unit, str, Head]]) -> Iterator[Problem]:
    """Files that are one file under two names, or copies of each other."""
    first: dict[tuple[int, str], tuple[int, str]] = {}
    for unit, column, head in heads:
        path: Path = getattr(unit, column)
        key = path.stat().st_size, head.digest
        line, where = first.setdefault(key, (unit.line, column))
        if (line, where) != (unit.line, column):
            found = f"{column} of sample {unit.sample_id} holds the same reads as {where} of line "
            remedy = "Correct the path: the same reads would be counted twice."
            expected = "each read once"
            yield Problem(str(sheet), unit.line, f"{found}{line}", expected, remedy)
