"""Read groups: one library on one lane of one flowcell."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from wgs_pipeline.sheets import Unit


def read_group_id(unit: Unit) -> str:
    """ID of a unit's read group: flowcell, lane and library."""
    return f"{unit.flowcell}.{unit.lane}.{unit.library_id}"


def header_line(unit: Unit, platform: str) -> str:
    r"""The ``@RG`` line of a unit, with ``\t`` written out as aligners take it.

    LB is the library, within which duplicates are marked; PU is the flowcell, lane and library
    (SAM specification, section 1.3).
    """
    identity = read_group_id(unit)
    fields = {
        "ID": identity,
        "SM": unit.sample_id,
        "LB": unit.library_id,
        "PL": platform,
        "PU": identity,
    }
    return "@RG" + "".join(rf"\t{key}:{value}" for key, value in fields.items())


def stream_arguments(units: Sequence[Unit]) -> str:
    """Arguments of ``wgs reads stream`` for the lanes of a sample, quoted for the shell."""
    arguments = []
    for unit in units:
        fastqs = (str(unit.fastq_1), str(unit.fastq_2))
        arguments += ["--lane", read_group_id(unit), unit.library_id, *fastqs]
        for fastq, digest in zip(fastqs, (unit.md5_1, unit.md5_2), strict=True):
            if digest:
                arguments += ["--md5", fastq, digest]
    return shlex.join(arguments)


def header_arguments(units: Sequence[Unit], platform: str) -> str:
    r"""Argument of an aligner that puts the read groups in the header, quoted for the shell.

    All lines are in one argument, with ``\n`` written out: of several, minibwa keeps the last.
    """
    lines = r"\n".join(header_line(unit, platform) for unit in units)
    return f"-H {shlex.quote(lines)}"
