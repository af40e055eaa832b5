"""gVCF inputs: complete, of the sample, and against the reference of this run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from wgs_pipeline.checks import assemblies, intervals
from wgs_pipeline.checks.compression import (
    Compression,
    access_problem,
    compression,
    is_complete_bgzip,
)
from wgs_pipeline.checks.headers import header_problem, vcf_header_lines
from wgs_pipeline.config import ReferenceConfig
from wgs_pipeline.errors import Problem
from wgs_pipeline.identifiers import shown
from wgs_pipeline.sheets import Unit


@dataclass(frozen=True)
class Header:
    """What the head of a VCF says.

    Attributes:
        samples: Names of its samples.
        contigs: Lengths (base pairs) by contig; None where the header gives none.
        is_gvcf: It declares the allele of reference blocks, or their END.
        first_contig: Contig of the first record; None where there is none.
    """

    samples: tuple[str, ...]
    contigs: Mapping[str, int | None]
    is_gvcf: bool
    first_contig: str | None


def check_gvcfs(
    sheet: Path, units: Iterable[Unit], reference: ReferenceConfig, lengths: Mapping[str, int]
) -> list[Problem]:
    """Problems of the gVCF and target files of units; only heads are read.

    Args:
        sheet: The sheet of units, for the messages.
        units: Units of samples that may be analysed; those without gVCF are passed over.
        reference: The reference as configured.
        lengths: Its contigs (base pairs); empty where it could not be read.
    """
    problems: list[Problem] = []
    for unit in units:
        if unit.gvcf is None:
            continue
        problems += _gvcf_problems(sheet, unit, unit.gvcf, reference, lengths)
        if unit.target_bed:
            role = f"target_bed of sample {unit.sample_id}, {unit.target_bed.name},"
            where = str(sheet)
            problems += intervals.check_bed(unit.target_bed, where, unit.line, role, lengths)
    return problems


def vcf_trouble(path: Path) -> str:
    """Why a file is no complete VCF compressed with bgzip; "" where it is one."""
    kind = compression(path)
    if kind is not Compression.BGZIP:
        return "is not compressed" if kind is Compression.PLAIN else "is compressed with gzip"
    if not is_complete_bgzip(path):
        return "is truncated (the end marker of bgzip is missing)"
    return ""


def read_header(path: Path) -> Header:
    """The header and first record of a VCF.

    Raises:
        ValueError: It is no VCF.
        OSError: It cannot be read.
    """
    import pysam

    verbosity = pysam.set_verbosity(0)
    try:
        with pysam.VariantFile(str(path)) as file:
            header = file.header
            first = next(iter(file), None)
            blocks = {"NON_REF", "*"} & set(header.alts) or "END" in header.info
            return Header(
                tuple(header.samples),
                {name: contig.length for name, contig in header.contigs.items()},
                bool(blocks),
                first.contig if first else None,
            )
    finally:
        pysam.set_verbosity(verbosity)


def _gvcf_problems(
    sheet: Path,
    unit: Unit,
    gvcf: Path,
    reference: ReferenceConfig,
    lengths: Mapping[str, int],
) -> Iterator[Problem]:
    role = f"gvcf of sample {unit.sample_id}, {gvcf.name},"

    def problem(found: str, expected: str, remedy: str) -> Problem:
        return Problem(str(sheet), unit.line, f"{role} {found}", expected, remedy)

    missing = access_problem(gvcf, str(sheet), unit.line, role)
    if missing:
        yield missing
        return
    trouble = vcf_trouble(gvcf)
    if trouble:
        remedy = f"Compress it with bgzip, or copy it again: {gvcf}."
        yield problem(trouble, "a complete VCF compressed with bgzip", remedy)
        return
    try:
        header = read_header(gvcf)
        lines = list(vcf_header_lines(gvcf))
    except (OSError, ValueError) as error:
        yield problem(f"cannot be read ({error})", "a VCF", f"Copy the file again: {gvcf}.")
        return
    identifying = header_problem(str(sheet), unit.line, role, lines)
    if identifying:
        yield identifying
    if header.samples != (unit.sample_id,):
        named = ", ".join(map(shown, header.samples[:5])) or "no sample"
        remedy = "Correct the path or the sample_id."
        yield problem(f"is of {named}", f"the gVCF of {unit.sample_id!r} alone", remedy)
    if not header.is_gvcf:
        found = "declares no reference blocks (neither <NON_REF>, <*> nor END)"
        remedy = "Call the sample with reference blocks: without them its examined bases are lost."
        yield problem(found, "a gVCF", remedy)
    if header.first_contig is None:
        yield problem("holds no records", "at least one record", "Copy or call it again.")
    difference = contig_difference(header, reference, lengths) if lengths else ""
    if difference:
        remedy = "Call the sample against this reference, or name the reference of the gVCF."
        yield problem(difference, "the contigs of reference.fasta", remedy)


def contig_difference(
    header: Header, reference: ReferenceConfig, lengths: Mapping[str, int]
) -> str:
    """How the contigs of a gVCF contradict the reference, "" where they do not.

    A header may name more contigs than a reference that is part of an assembly; those they share
    must be of equal length. The reference may also hold the first part of a chromosome, where
    the header gives the whole length that the chromosome has in the configured assembly.
    """
    declared = {name: size for name, size in header.contigs.items() if size is not None}
    found = assemblies.assembly_of(declared)
    own = assemblies.assembly_of(lengths)
    of_build = f" (contigs of {found})" if found and found != own else ""
    shared = [name for name in header.contigs if name in lengths]
    if not shared:
        return f"has contigs {intervals.listed(header.contigs)}, none of the reference{of_build}"
    assembly = assemblies.known_assembly(reference.build)
    for name in shared:
        size = declared.get(name, lengths[name])
        is_part = assembly is not None and (
            size == assemblies.chromosome_length(assembly, name) and lengths[name] < size
        )
        if size != lengths[name] and not is_part:
            sizes = f"{size} bp, the reference has {lengths[name]} bp"
            return f"has contig {name!r} of {sizes}{of_build}"
    if header.first_contig is not None and header.first_contig not in lengths:
        return f"has records on contig {shown(header.first_contig)}, which the reference lacks"
    return ""
