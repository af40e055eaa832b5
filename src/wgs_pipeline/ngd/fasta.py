"""The reference sequence: bases, and variants in their left-most spelling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from wgs_pipeline.errors import NgdError

if TYPE_CHECKING:
    import pysam

_GZIP = b"\x1f\x8b"
#: Bases fetched at once while a variant moves to the left.
_WINDOW = 128

#: Gives the bases of a contig from start to end, 0-based half-open, in capitals.
Bases = Callable[[int, int], str]


class Fasta:
    """An indexed FASTA, opened when first asked.

    Args:
        path: Plain or bgzip, with its index beside it.
        contigs: Contigs that it must have: name to length in bp.
    """

    def __init__(self, path: Path, contigs: Mapping[str, int]) -> None:
        self.path, self._contigs = path, contigs

    def bases(self, contig: str, start: int, end: int) -> str:
        """Bases from start to end, 0-based half-open, in capitals.

        Raises:
            NgdError: The file cannot be read, or is of another reference.
        """
        try:
            found: str = self._file.fetch(contig, start, end)
        except (OSError, ValueError, KeyError) as error:
            raise NgdError(f"{self.path}: {contig}:{start + 1}-{end} cannot be read") from error
        return found.upper()

    @cached_property
    def _file(self) -> _Plain | pysam.FastaFile:
        try:
            file = _opened(self.path)
            lengths = dict(zip(file.references, file.lengths, strict=True))
        except (OSError, ValueError) as error:
            raise NgdError(
                f"{self.path}: cannot be read as an indexed FASTA; expected the reference that "
                "'wgs ngd init' was given, and its index beside it. Put it back"
            ) from error
        for name, length in self._contigs.items():
            if lengths.get(name) != length:
                raise NgdError(
                    f"{self.path}: {name} has {lengths.get(name, 'no')} bp; expected {length}, as "
                    "in this database. Put the database's reference back"
                )
        return file


class _Plain:
    """A plain FASTA with its index: what a question needs of it, without importing pysam.

    Args:
        path: The FASTA.

    Raises:
        OSError: It, or its index, cannot be read.
        ValueError: The index is none.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        lines = Path(f"{path}.fai").read_text(encoding="utf-8").splitlines()
        rows = [line.split("\t") for line in lines]
        self._index = {row[0]: tuple(int(each) for each in row[1:5]) for row in rows}
        if any(len(each) != 4 for each in self._index.values()):
            raise ValueError("expected five columns")

    @property
    def references(self) -> list[str]:
        """Names of its contigs."""
        return list(self._index)

    @property
    def lengths(self) -> list[int]:
        """Their lengths in bp."""
        return [length for length, *_ in self._index.values()]

    def fetch(self, contig: str, start: int, end: int) -> str:
        """Bases from start to end, 0-based half-open, cut off at the end of the contig.

        Raises:
            KeyError: There is no such contig.
            ValueError: The file is shorter than its index says.
        """
        length, offset, per_line, bytes_per_line = self._index[contig]
        end = min(end, length)
        if start >= end:
            return ""
        first, last = (
            offset + at // per_line * bytes_per_line + at % per_line for at in (start, end - 1)
        )
        with self._path.open("rb") as file:
            file.seek(first)
            found = b"".join(file.read(last + 1 - first).split())
        if len(found) != end - start:
            raise ValueError("the file is shorter than its index says")
        return found.decode("ascii")


def _opened(path: Path) -> _Plain | pysam.FastaFile:
    """The FASTA by pysam where it is compressed, or has no index yet."""
    with path.open("rb") as file:
        compressed = file.read(2) == _GZIP
    if not compressed and Path(f"{path}.fai").exists():
        return _Plain(path)
    import pysam

    return pysam.FastaFile(str(path))


def left_aligned(start: int, ref: str, alt: str, bases: Bases) -> tuple[int, str, str]:
    """The left-most and shortest spelling of a variant (Tan, Abecasis and Kang 2015).

    Equal last bases go; an allele that gets empty takes the base before; then equal first bases
    go as long as both alleles keep one.

    Args:
        start: 0-based position of the first base of REF.
        ref: REF, at least one base.
        alt: ALT, at least one base.
        bases: The contig.

    Returns:
        The same three, normalised.
    """
    window_start, window = start, ""
    while ref[-1] == alt[-1]:
        if len(ref) == 1 or len(alt) == 1:
            if start == 0:
                break  # the first base of a contig is anchored by the base after it
            if window_start == start:
                window_start = max(start - _WINDOW, 0)
                window = bases(window_start, start)
            start -= 1
            before = window[start - window_start]
            ref, alt = before + ref, before + alt
        ref, alt = ref[:-1], alt[:-1]
    dropped = 0
    while len(ref) - dropped > 1 and len(alt) - dropped > 1 and ref[dropped] == alt[dropped]:
        dropped += 1
    return start + dropped, ref[dropped:], alt[dropped:]
