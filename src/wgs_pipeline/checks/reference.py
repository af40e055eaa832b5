"""The reference: FASTA, its contigs, the names and regions that the configuration gives.

An index beside the FASTA is used where it fits; nothing is written beside the user's reference.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from wgs_pipeline.checks import assemblies, intervals
from wgs_pipeline.checks.compression import Compression, access_problem, compression
from wgs_pipeline.config import Config
from wgs_pipeline.errors import Problem

_CHUNK_BYTES = 4 << 20
_WHITESPACE = b"\r\n\t "
#: Sequence that is compared by checksum (base pairs): an assembly shows in any of its contigs.
CHECKSUM_BUDGET_BP = 250_000_000


@dataclass(frozen=True)
class Sequence:
    """One sequence of a FASTA: length in base pairs, MD5 as @SQ M5 where it was asked for."""

    length: int
    md5: str | None = None


class FastaError(Exception):
    """A FASTA cannot be read; the message says what was found."""


def check_reference(config: Config) -> tuple[dict[str, int], list[Problem]]:
    """Contig lengths of the reference (empty where it cannot be read), and its problems."""
    fasta, where = config.reference.fasta, str(config.path)
    line = config.line("reference", "fasta")
    problem = access_problem(fasta, where, line, "reference.fasta")
    if problem:
        return {}, [problem]
    try:
        if compression(fasta) is Compression.GZIP:
            found = f"reference.fasta is compressed with gzip ({fasta})"
            remedy = f"Compress it again: gunzip -c {fasta} | bgzip > NEW.fa.gz."
            return {}, [Problem(where, line, found, "plain FASTA, or bgzip", remedy)]
        lengths = contig_lengths(fasta)
    except (FastaError, OSError) as error:
        remedy = "Copy the reference again, or correct the path."
        found = f"reference.fasta: {error}"
        return {}, [Problem(where, line, found, "FASTA with named sequences", remedy)]
    problems = [
        *_build_problems(config, lengths),
        *_name_problems(config, lengths),
        *_par_problems(config, lengths),
    ]
    return lengths, problems


def contig_lengths(fasta: Path) -> dict[str, int]:
    """Length of each contig in base pairs, by the index beside the FASTA or by reading it.

    Raises:
        FastaError: The file is no FASTA, or its index does not belong to it.
        OSError: It cannot be read.
    """
    index = Path(f"{fasta}.fai")
    if not index.is_file():
        return {name: sequence.length for name, sequence in read_fasta(fasta).items()}
    lengths: dict[str, int] = {}
    offsets: list[tuple[str, int]] = []
    for line in index.read_bytes().decode("utf-8", "replace").splitlines():
        fields = line.split("\t")
        if len(fields) < 5 or not (fields[1].isdecimal() and fields[2].isdecimal()):
            raise FastaError(f"its index {index.name} is damaged; remake it with samtools faidx")
        lengths[fields[0]] = int(fields[1])
        offsets.append((fields[0], int(fields[2])))
    if not lengths or not _index_fits(fasta, offsets):
        raise FastaError(f"its index {index.name} is of another file; remake it (samtools faidx)")
    return lengths


def read_fasta(fasta: Path, md5_of: Collection[str] = ()) -> dict[str, Sequence]:
    """Read a FASTA through: length of every sequence, and MD5 of those in ``md5_of``.

    The MD5 is that of the sequence in upper case without line ends, as in @SQ M5.

    Raises:
        FastaError: The file is no FASTA, truncated, or names a sequence twice.
        OSError: It cannot be read.
    """
    sequences: dict[str, Sequence] = {}
    name, length, digest = "", 0, None
    for header, piece in _pieces(fasta):
        if header is not None:
            if name:
                sequences[name] = Sequence(length, digest.hexdigest() if digest else None)
            name, length = header, 0
            digest = hashlib.md5(usedforsecurity=False) if name in md5_of else None
            if name in sequences:
                raise FastaError(f"it names the sequence {name[:60]!r} twice")
        bases = piece.translate(None, _WHITESPACE)
        length += len(bases)
        if digest:
            digest.update(bases.upper())
    sequences[name] = Sequence(length, digest.hexdigest() if digest else None)
    return sequences


def checksum_problem(fasta: Path, lengths: Mapping[str, int], md5s: Mapping[str, str]) -> str:
    """The first contig whose sequence is not the one of the given MD5, "" where all agree.

    The smallest contigs are compared, up to ``CHECKSUM_BUDGET_BP``; decoding a CRAM compares
    the others.
    """
    chosen: list[str] = []
    spent = 0
    for name in sorted((name for name in md5s if name in lengths), key=lambda name: lengths[name]):
        spent += lengths[name]
        if chosen and spent > CHECKSUM_BUDGET_BP:
            break
        chosen.append(name)
    found = _md5s(fasta, chosen)
    return next((name for name in chosen if found[name] != md5s[name].lower()), "")


def _md5s(fasta: Path, names: Collection[str]) -> dict[str, str]:
    indexed = Path(f"{fasta}.fai").is_file()
    if indexed and (compression(fasta) is Compression.PLAIN or Path(f"{fasta}.gzi").is_file()):
        import pysam

        with pysam.FastaFile(str(fasta)) as file:
            return {
                name: hashlib.md5(
                    file.fetch(name).upper().encode("ascii"), usedforsecurity=False
                ).hexdigest()
                for name in names
            }
    return {name: s.md5 for name, s in read_fasta(fasta, names).items() if s.md5}


def _pieces(fasta: Path) -> Iterator[tuple[str | None, bytes]]:
    """Runs of sequence; with a name where a sequence begins, None where it goes on."""
    started, rest = False, b""
    for chunk in _chunks(fasta):
        text = rest + chunk
        # A header may end in the next chunk, so everything after the last line end waits.
        cut = text.rfind(b"\n") + 1
        text, rest = text[:cut], text[cut:]
        if len(rest) > _CHUNK_BYTES:  # a sequence on one line
            if rest.startswith(b">"):
                raise FastaError("it has a name of more than 4 MB")
            text, rest = text + rest, b""
        if not started and text:
            if not text.startswith(b">"):
                raise FastaError("it does not begin with '>'")
            started = True
        yield from _split(text)
    if rest and not started and not rest.startswith(b">"):
        raise FastaError("it does not begin with '>'")
    yield from _split(rest)


def _split(text: bytes) -> Iterator[tuple[str | None, bytes]]:
    if not text:
        return
    first, *others = (b"\n" + text).split(b"\n>")
    if first:
        yield None, first
    for part in others:
        header, _, sequence = part.partition(b"\n")
        words = header.split()
        if not words:
            raise FastaError("it has a sequence without a name")
        yield words[0].decode("utf-8", "replace"), sequence


def _chunks(fasta: Path) -> Iterator[bytes]:
    plain = compression(fasta) is Compression.PLAIN
    try:
        with cast(BinaryIO, fasta.open("rb") if plain else gzip.open(fasta, "rb")) as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise FastaError(f"its compression is broken ({error})") from error


def _index_fits(fasta: Path, offsets: list[tuple[str, int]]) -> bool:
    """Whether each indexed sequence of a plain FASTA stands where its index says.

    For a compressed one only the first can be seen without decompressing it all.
    """
    plain = compression(fasta) is Compression.PLAIN
    try:
        with cast(BinaryIO, fasta.open("rb") if plain else gzip.open(fasta, "rb")) as file:
            for name, offset in offsets if plain else offsets[:1]:
                start = max(offset - len(name.encode()) - 4096, 0)
                file.seek(start)
                before = file.read(offset - start)
                header = before[before.rfind(b">") + 1 :].split()
                if not before.endswith(b"\n") or not header or header[0] != name.encode():
                    return False
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise FastaError(f"its compression is broken ({error})") from error
    return True


def _build_problems(config: Config, lengths: Mapping[str, int]) -> list[Problem]:
    build = config.reference.build
    stated, found = assemblies.known_assembly(build), assemblies.assembly_of(lengths)
    if stated is None or found is None or stated == found:
        return []
    what = f"reference.build is {build}, but the contigs of reference.fasta are those of {found}"
    remedy = f"Set reference.build to {found}, or name the FASTA of {stated}."
    return [
        Problem(
            str(config.path),
            config.line("reference", "build"),
            what,
            f"the FASTA of {stated}",
            remedy,
        )
    ]


def _name_problems(config: Config, lengths: Mapping[str, int]) -> Iterator[Problem]:
    for key in ("x", "y", "mitochondrion"):
        name = getattr(config.reference, key)
        if name is not None and name not in lengths:
            found = f"reference.{key} is {name!r}, which is no contig of reference.fasta"
            expected = f"one of {intervals.listed(lengths)}"
            remedy = "Correct the name, or leave the key out."
            line = config.line("reference", key)
            yield Problem(str(config.path), line, found, expected, remedy)


def _par_problems(config: Config, lengths: Mapping[str, int]) -> list[Problem]:
    par = config.reference.par_bed
    if par is None:
        return []
    where, line = str(config.path), config.line("reference", "par_bed")
    return intervals.check_bed(par, where, line, "reference.par_bed", lengths)
