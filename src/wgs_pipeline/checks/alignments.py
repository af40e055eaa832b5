"""CRAM inputs: complete, of the sample, and aligned to the reference of this run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from wgs_pipeline.checks import assemblies
from wgs_pipeline.checks.compression import access_problem, tail
from wgs_pipeline.checks.headers import header_problem
from wgs_pipeline.checks.intervals import listed
from wgs_pipeline.checks.reference import FastaError, checksum_problem
from wgs_pipeline.engines import ENGINES
from wgs_pipeline.errors import Problem
from wgs_pipeline.identifiers import shown
from wgs_pipeline.sheets import Unit

#: End markers of CRAM 3 and CRAM 2.1 (CRAM specification, "End of file container").
_ENDS = tuple(
    bytes.fromhex(marker)
    for marker in (
        "0f000000ffffffff0fe0454f4600000000010005bdd94f0001000606010001000100ee63014b",
        "0b000000ffffffff0fe0454f4600000000010000010006060100010001000000",
    )
)


def check_alignments(
    sheet: Path, units: Iterable[Unit], fasta: Path, lengths: Mapping[str, int], engine: str
) -> list[Problem]:
    """Problems of the CRAM files of units; only their headers are read.

    Args:
        sheet: The sheet of units, for the messages.
        units: Units of samples that may be analysed; those without CRAM are passed over.
        fasta: The reference.
        lengths: Its contigs (base pairs); empty where it could not be read.
        engine: The calling engine, which has to read them.
    """
    problems: list[Problem] = []
    for unit in units:
        if unit.cram is not None:
            problems += _cram_problems(sheet, unit, unit.cram, fasta, lengths, engine)
    return problems


def _cram_problems(
    sheet: Path,
    unit: Unit,
    cram: Path,
    fasta: Path,
    lengths: Mapping[str, int],
    engine: str,
) -> Iterator[Problem]:
    role = f"cram of sample {unit.sample_id}, {cram.name},"

    def problem(found: str, expected: str, remedy: str) -> Problem:
        return Problem(str(sheet), unit.line, f"{role} {found}", expected, remedy)

    missing = access_problem(cram, str(sheet), unit.line, role)
    if missing:
        yield missing
        return
    with cram.open("rb") as file:
        magic, version = file.read(4), tuple(file.read(2))
    if magic != b"CRAM":
        kind = "BAM or gzip" if magic[:2] == b"\x1f\x8b" else "something else"
        yield problem(f"is {kind}", "CRAM", "Convert it with samtools view --cram.")
        return
    newest = ENGINES[engine].newest_cram
    if version > newest:
        wanted = ".".join(map(str, newest))
        yield problem(
            f"is CRAM {'.'.join(map(str, version))}",
            f"CRAM {wanted} or older, which is what calling.engine {engine} reads",
            f"Convert it with samtools view --output-fmt cram,version={wanted}.",
        )
        return
    if not tail(cram, 40).endswith(_ENDS):
        found = "is truncated (its end marker is missing)"
        yield problem(found, "a complete CRAM", f"Copy the file again: {cram}.")
        return
    try:
        header, text = _header(cram)
    except (OSError, ValueError) as error:
        yield problem(f"cannot be read ({error})", "CRAM", f"Copy the file again: {cram}.")
        return
    identifying = header_problem(str(sheet), unit.line, role, text.splitlines())
    if identifying:
        yield identifying
    yield from _sample_problems(unit, header, problem)
    if lengths:
        yield from _reference_problems(header, fasta, lengths, problem)


def _header(cram: Path) -> tuple[dict[str, Any], str]:
    """The header, taken apart and as text."""
    import pysam

    verbosity = pysam.set_verbosity(0)
    try:
        with pysam.AlignmentFile(str(cram), "rc", check_sq=False) as file:
            return file.header.to_dict(), str(file.header)
    finally:
        pysam.set_verbosity(verbosity)


def _sample_problems(unit: Unit, header: Mapping[str, Any], problem: Any) -> Iterator[Problem]:
    named = sorted({group.get("SM", "") for group in header.get("RG", [])})
    if named != [unit.sample_id]:
        found = f"is of sample {', '.join(map(shown, named))}" if named else "has no read group"
        expected = f"read groups (@RG) with SM {unit.sample_id!r}"
        yield problem(found, expected, "Correct the path or the sample_id.")


def _reference_problems(
    header: Mapping[str, Any], fasta: Path, lengths: Mapping[str, int], problem: Any
) -> Iterator[Problem]:
    aligned = {line["SN"]: int(line["LN"]) for line in header.get("SQ", [])}
    remedy = "Align the reads to this reference, or name the reference of the CRAM."
    expected = "the contigs of reference.fasta"
    difference = contig_difference(aligned, lengths)
    if difference:
        yield problem(difference, expected, remedy)
        return
    md5s = {line["SN"]: line["M5"] for line in header.get("SQ", []) if "M5" in line}
    try:
        wrong = checksum_problem(fasta, lengths, md5s)
    except (FastaError, OSError, ValueError):  # the reference's own check says so
        return
    if wrong:
        found = f"is aligned to another sequence of contig {wrong!r} (its M5 differs)"
        yield problem(found, expected, remedy)


def contig_difference(found: Mapping[str, int], reference: Mapping[str, int]) -> str:
    """How contigs differ from those of the reference, "" where names and lengths are equal."""
    build = assemblies.assembly_of(found)
    of_build = (
        f" (contigs of {build})" if build and build != assemblies.assembly_of(reference) else ""
    )
    for name, length in found.items():
        if name in reference and reference[name] != length:
            sizes = f"{length} bp, the reference has {reference[name]} bp"
            return f"has contig {name!r} of {sizes}{of_build}"
    for one, other, words in (
        (found, reference, "contigs that the reference lacks"),
        (reference, found, "not all contigs of the reference"),
    ):
        missing = [name for name in one if name not in other]
        if missing:
            return f"has {words}: {listed(missing)}{of_build}"
    return ""
