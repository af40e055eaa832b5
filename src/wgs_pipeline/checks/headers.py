"""Civil registration numbers in what tools hand on: headers of CRAM and VCF, names of reads.

Such text is copied into every file that is made of the input, where nobody looks for a person. A
number of ten digits is looked at with what it counts: lengths of contigs and seconds since 1970
are no persons, and neither are the places on a flowcell that instruments put into read names.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from wgs_pipeline.errors import Problem
from wgs_pipeline.identifiers import has_cpr_shape, without_cpr

#: Amounts in headers: ``length=`` and ``Epoch=`` (GATK) of VCF, ``LN:`` and ``PI:`` of SAM.
_AMOUNT = re.compile(r"\b(?:length=|Epoch=\"?|(?<=\t)(?:LN|PI):)[0-9]+\b")
#: The part of a DNBSEQ read name that counts columns, rows and reads: C001R0120000123.
_DNBSEQ_PLACE = re.compile(rb"(?<=L[0-9])C[0-9]{3}R[0-9]{3}_?[0-9]+")
#: Nobody's VCF header is longer; a file that is none may have no end of lines.
_LONGEST_LINE = 1 << 24


def identifying_line(lines: Iterable[str]) -> int:
    """1-based number of the first header line with a civil registration number; 0: there is none.

    Args:
        lines: Lines of a SAM or VCF header.
    """
    for number, line in enumerate(lines, 1):
        if has_cpr_shape(line) and has_cpr_shape(_AMOUNT.sub(" ", line)):
            return number
    return 0


def identifying_read(names: Iterable[bytes]) -> int:
    """1-based number of the first read whose name or comment holds such a number; 0: none does.

    Args:
        names: First lines of FASTQ records.
    """
    for number, name in enumerate(names, 1):
        text = name.decode("utf-8", "replace")
        if has_cpr_shape(text) and has_cpr_shape(
            _DNBSEQ_PLACE.sub(b" ", name).decode("utf-8", "replace")
        ):
            return number
    return 0


def vcf_header_lines(path: Path) -> Iterator[str]:
    """The header of a VCF that is plain, gzip or bgzip, as it stands there.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        is_gzip = file.read(2) == b"\x1f\x8b"
    try:
        with gzip.open(path, "rb") if is_gzip else path.open("rb") as file:
            while (line := file.readline(_LONGEST_LINE)).startswith(b"#"):
                yield line.decode("utf-8", "replace")
    except (EOFError, zlib.error) as error:
        raise OSError(str(error)) from error


def header_problem(where: str, line: int, role: str, lines: Sequence[str]) -> Problem | None:
    """The problem of a header that holds such a number, None where it holds none.

    Args:
        where: The sheet or configuration that names the file.
        line: Its line there.
        role: What the file is, for messages.
        lines: The header.
    """
    number = identifying_line(lines)
    if not number:
        return None
    kind = without_cpr(lines[number - 1]).split("\t")[0].split("=")[0].strip()[:24]
    place = f"line {number} of its header ({kind})"
    return Problem(
        where,
        line,
        f"{role} holds what looks like a civil registration number in {place}",
        "a header that names no person",
        "Write its header anew (samtools reheader, bcftools reheader).",
    )
