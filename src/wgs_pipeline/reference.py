"""The reference: contigs and their roles, intervals without N.

Intervals are 0-based half-open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import Path

import numpy as np
import pysam

from wgs_pipeline.errors import Problem, ProblemsError, WgsError
from wgs_pipeline.par import USUAL_PAR


class Role(StrEnum):
    """What a contig is, which decides its ploidy."""

    AUTOSOME = "autosome"
    X = "x"
    Y = "y"
    MITOCHONDRION = "mitochondrion"


#: Contig names that the common human references use.
_USUAL_NAMES = {
    "X": Role.X,
    "chrX": Role.X,
    "Y": Role.Y,
    "chrY": Role.Y,
    "M": Role.MITOCHONDRION,
    "MT": Role.MITOCHONDRION,
    "chrM": Role.MITOCHONDRION,
    "chrMT": Role.MITOCHONDRION,
}

_WINDOW = 1 << 24

#: Whether a byte is a base. Other letters (R, Y, M …: GRCh37 and GRCh38 have some) are N to a VCF
#: (specification, section 1.6.1.4), and bcftools calls nothing there.
_IS_BASE = np.zeros(256, np.bool_)
_IS_BASE[list(b"ACGTacgt")] = True


@dataclass(frozen=True, order=True)
class Interval:
    """Part of a contig, 0-based half-open."""

    contig: str
    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start


@dataclass(frozen=True)
class Contig:
    """One sequence of the reference."""

    name: str
    length: int
    role: Role


def contig_role(
    name: str, x: str | None = None, y: str | None = None, mitochondrion: str | None = None
) -> Role:
    """Role of a contig: as configured, otherwise by its usual name, otherwise an autosome."""
    configured = {x: Role.X, y: Role.Y, mitochondrion: Role.MITOCHONDRION}
    return configured.get(name) or _USUAL_NAMES.get(name, Role.AUTOSOME)


def read_contigs(
    fai: Path, x: str | None = None, y: str | None = None, mitochondrion: str | None = None
) -> tuple[Contig, ...]:
    """Contigs of a FASTA index, in its order.

    Raises:
        ProblemsError: The index cannot be read, or has a line that is not name, length, …, or not
            the contig that is named.
    """
    contigs, problems = [], []
    for number, line in enumerate(_lines(fai), start=1):
        fields = line.split("\t")
        if len(fields) < 5 or not _is_number(fields[1]):
            expected = "name, length, offset, bases and width"
            remedy = "Remake the index with samtools faidx."
            problems.append(Problem(str(fai), number, f"{line[:80]!r}", expected, remedy))
            continue
        contigs.append(
            Contig(fields[0], int(fields[1]), contig_role(fields[0], x, y, mitochondrion))
        )
    there = {each.name for each in contigs}
    for named, what in ((x, "X"), (y, "Y"), (mitochondrion, "the mitochondrion")):
        if named and named not in there:
            found = f"no contig {named}, which is to be {what}"
            expected = f"one of {', '.join(sorted(there)[:4])} …"
            problems.append(Problem(str(fai), 0, found, expected, "Correct its name."))
    if problems:
        raise ProblemsError(problems)
    return tuple(contigs)


def read_bed(path: Path) -> tuple[Interval, ...]:
    """Intervals of a BED file, in its order.

    Raises:
        ProblemsError: The file cannot be read, or a line is not contig, start, end.
    """
    intervals, problems = [], []
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip() or line.startswith(("#", "track", "browser")):
            continue
        fields = line.split("\t")
        numeric = len(fields) >= 3 and _is_number(fields[1]) and _is_number(fields[2])
        if not numeric or int(fields[1]) >= int(fields[2]):
            expected = "contig, start and end (0-based half-open), tab-separated"
            problems.append(
                Problem(str(path), number, f"{line[:80]!r}", expected, "Correct the line.")
            )
            continue
        intervals.append(Interval(fields[0], int(fields[1]), int(fields[2])))
    if problems:
        raise ProblemsError(problems)
    return tuple(intervals)


def _lines(path: Path) -> list[str]:
    expected, remedy = "UTF-8 text", "Give the path of a file that can be read."
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        problem = Problem(str(path), 0, error.strerror or str(error), expected, remedy)
        raise ProblemsError([problem]) from error
    except UnicodeDecodeError as error:
        raise ProblemsError([Problem(str(path), 0, "not UTF-8", expected, remedy)]) from error


def _is_number(text: str) -> bool:
    """Whether it is a position or length that a contig may have (VCF: below 2**31)."""
    return text.isascii() and text.isdigit() and len(text) <= 10 and int(text) < 1 << 31


def format_bed(intervals: Iterable[Interval]) -> str:
    """BED text of intervals."""
    return "".join(f"{each.contig}\t{each.start}\t{each.end}\n" for each in intervals)


def open_fasta(fasta: Path) -> pysam.FastaFile:
    """Open an indexed FASTA, plain or bgzip. The index is never made here.

    Raises:
        WgsError: The file or its index is missing or broken.
    """
    for path in (fasta, Path(f"{fasta}.fai")):
        if not path.is_file():
            raise WgsError(
                f"{path}: not found; expected a FASTA with its index. Make it with samtools faidx"
            )
    try:
        return pysam.FastaFile(str(fasta))
    except (OSError, ValueError) as error:
        raise WgsError(
            f"{fasta}: cannot be read ({error}); expected a FASTA with its index. Remake the "
            "index with samtools faidx"
        ) from error


def known_intervals(fasta: Path, window: int = _WINDOW) -> tuple[Interval, ...]:
    """Maximal runs of the reference without N, in its order; every ambiguous base is an N.

    Args:
        fasta: Indexed FASTA, plain or bgzip.
        window: Bases that are looked at together; bounds the memory.

    Raises:
        WgsError: The file or its index is missing or broken.
    """
    intervals = []
    with open_fasta(fasta) as file:
        lengths = dict(zip(file.references, file.lengths, strict=True))
        for contig, length in lengths.items():
            for start in range(0, length, window):
                sequence = file.fetch(contig, start, min(start + window, length))
                intervals += [
                    Interval(contig, start + first, start + last)
                    for first, last in _known_runs(sequence.encode("ascii"))
                ]
    return pad(intervals, 0, lengths)


def _known_runs(sequence: bytes) -> list[tuple[int, int]]:
    bases = np.frombuffer(sequence, np.uint8)
    known = np.concatenate(([False], _IS_BASE[bases], [False]))
    edges = np.flatnonzero(known[1:] != known[:-1]).tolist()
    return list(zip(edges[0::2], edges[1::2], strict=True))


def scatter(intervals: Sequence[Interval], count: int) -> tuple[tuple[Interval, ...], ...]:
    """Split intervals into ``count`` pieces of equal total length, in order.

    The cost of calling grows with the bases that can carry reads, so runs of N cost nothing. A
    piece may begin within an interval; a caller restricted to a piece reports the records that
    start in it, so every record belongs to exactly one piece whatever its REF spans.

    Raises:
        WgsError: There are fewer bases than pieces.
    """
    total = sum(len(each) for each in intervals)
    if not 0 < count <= total:
        raise WgsError(
            f"{total} bases without N cannot be split into {count} pieces; expected at least one "
            "base a piece. Lower calling.scatter_count, or check the reference"
        )
    bounds = [total * piece // count for piece in range(count + 1)]
    starts = np.concatenate(([0], np.cumsum([len(each) for each in intervals])))
    return tuple(
        tuple(
            Interval(
                each.contig,
                each.start + max(low - int(start), 0),
                each.start + min(high - int(start), len(each)),
            )
            for each, start in zip(intervals, starts, strict=False)
            if start < high and start + len(each) > low
        )
        for low, high in pairwise(bounds)
    )


def scatter_at_gaps(intervals: Sequence[Interval], count: int) -> tuple[tuple[Interval, ...], ...]:
    """Split intervals into ``count`` pieces of whole intervals, of nearly equal total length.

    For callers that look beyond any padding: none looks over a run of N. Each border is that of
    the intervals which lies nearest to where `scatter` would cut.

    Raises:
        WgsError: There are fewer intervals than pieces.
    """
    if not 0 < count <= len(intervals):
        raise WgsError(
            f"the reference has {len(intervals)} stretches without N, which cannot be split into "
            f"{count} pieces; this calling engine cuts at runs of N only. Set "
            f"calling.scatter_count to {len(intervals)} or less"
        )
    ends = np.cumsum([len(each) for each in intervals])
    cuts = [0]
    for piece in range(1, count):
        ideal = int(ends[-1]) * piece / count
        nearest = 1 + int(np.abs(ends - ideal).argmin())
        cuts.append(min(max(nearest, cuts[-1] + 1), len(intervals) - (count - piece)))
    cuts.append(len(intervals))
    return tuple(tuple(intervals[start:end]) for start, end in pairwise(cuts))


def pad(
    intervals: Sequence[Interval], padding: int, lengths: Mapping[str, int]
) -> tuple[Interval, ...]:
    """Extend sorted intervals on both sides, within their contigs; join those that then touch.

    Callers look at the neighbourhood of a base (base alignment quality, haplotypes). Called with
    padding and cut back to the piece, a scattered call sees what an unscattered one sees.
    """
    joined: list[Interval] = []
    for each in intervals:
        wide = Interval(
            each.contig,
            max(each.start - padding, 0),
            min(each.end + padding, lengths[each.contig]),
        )
        if joined and joined[-1].contig == wide.contig and wide.start <= joined[-1].end:
            wide = Interval(wide.contig, joined.pop().start, wide.end)
        joined.append(wide)
    return tuple(joined)


def pseudoautosomal(contigs: Sequence[Contig], bed: Path | None = None) -> tuple[Interval, ...]:
    """PAR of a reference: those of a BED, otherwise those of GRCh37 and GRCh38.

    The assembly is told by the length of its X; another reference without a BED has no PAR.

    Raises:
        ProblemsError: The BED is malformed.
    """
    if bed is not None:
        return read_bed(bed)
    lengths = {each.role: each.length for each in contigs if each.role is Role.X}
    known = USUAL_PAR.get(lengths.get(Role.X, 0), {})
    return tuple(
        Interval(contig.name, start, end)
        for contig in contigs
        for start, end in known.get(contig.role, ())
    )


def subtract(whole: Interval, parts: Sequence[Interval]) -> tuple[Interval, ...]:
    """What is left of an interval without the sorted ``parts``, which may reach beyond it."""
    left, start = [], whole.start
    for part in parts:
        if min(part.start, whole.end) > start:
            left.append(Interval(whole.contig, start, min(part.start, whole.end)))
        start = max(start, part.end)
    if start < whole.end:
        left.append(Interval(whole.contig, start, whole.end))
    return tuple(left)
