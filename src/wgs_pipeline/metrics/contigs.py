"""Contigs as quality metrics see them: which are autosomes, and where X and Y are haploid in men.

Intervals are 0-based half-open.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum

from wgs_pipeline.errors import WgsError
from wgs_pipeline.reference import Contig, Interval, Role, subtract

_NUMBERED = re.compile(r"(chr)?\d+")


class Part(StrEnum):
    """The part of the genome that an interval lies in."""

    AUTOSOME = "autosome"
    X = "x"
    Y = "y"
    PAR = "par"
    MITOCHONDRION = "mitochondrion"
    OTHER = "other"


_PARTS = {Role.X: Part.X, Role.Y: Part.Y, Role.MITOCHONDRION: Part.MITOCHONDRION}


def contig_parts(contigs: Sequence[Contig]) -> dict[str, Part]:
    """Part of the genome that each contig is.

    Where the reference has numbered contigs (1, chr20), only these are autosomes, and unplaced
    contigs, decoys, alternative haplotypes and HLA are other. Where it has none (a reference of
    windows, a toy), every contig that is not X, Y or mitochondrial is an autosome.
    """
    numbered = any(_NUMBERED.fullmatch(each.name) for each in contigs)
    parts = {}
    for contig in contigs:
        if contig.role in _PARTS:
            parts[contig.name] = _PARTS[contig.role]
        elif numbered and not _NUMBERED.fullmatch(contig.name):
            parts[contig.name] = Part.OTHER
        else:
            parts[contig.name] = Part.AUTOSOME
    return parts


def autosome_names(contigs: Sequence[Contig]) -> list[str]:
    """Names of all contigs; those that are no autosome are empty, which no file has.

    So the place of a name stays the contig's number.
    """
    parts = contig_parts(contigs)
    return [each.name if parts[each.name] is Part.AUTOSOME else "" for each in contigs]


def measured_intervals(
    known: Iterable[Interval], parts: dict[str, Part], par: Sequence[Interval]
) -> tuple[Interval, ...]:
    """Intervals over which depth is measured: without N, and cut where PAR begins and ends.

    Args:
        known: Runs of the reference without N.
        parts: Part of the genome that each contig is.
        par: Pseudoautosomal regions on X and Y.
    """
    pieces: list[Interval] = []
    for whole in known:
        inside = [
            Interval(each.contig, max(each.start, whole.start), min(each.end, whole.end))
            for each in sorted(par)
            if each.contig == whole.contig
            and parts[whole.contig] in (Part.X, Part.Y)
            and max(each.start, whole.start) < min(each.end, whole.end)
        ]
        outside = subtract(whole, inside)
        pieces += sorted((*inside, *outside))
    return tuple(pieces)


def interval_part(interval: Interval, parts: dict[str, Part], par: Sequence[Interval]) -> Part:
    """Part of the genome that an interval lies in; a contig that is not listed is other.

    Raises:
        WgsError: The interval lies partly inside PAR.
    """
    part = parts.get(interval.contig, Part.OTHER)
    if part not in (Part.X, Part.Y):
        return part
    for each in par:
        if each.contig != interval.contig:
            continue
        if each.start <= interval.start and interval.end <= each.end:
            return Part.PAR
        if each.start < interval.end and interval.start < each.end:
            raise WgsError(
                f"interval {interval.contig}:{interval.start + 1}-{interval.end} of the regions "
                "lies partly inside PAR; expected intervals cut there. Make the BED with wgs qc "
                "regions and the same --par-bed"
            )
    return part
