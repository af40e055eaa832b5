"""Genotypes of insertions, from the reads over the place.

dysgu finds where something is inserted, but takes many heterozygous insertions for homozygous: of a
long one only clipped reads speak. Where both chromosome copies carry it, no read runs through.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pysam

from wgs_pipeline.errors import StructuralError
from wgs_pipeline.structural.calls import Call

#: Share of reads that run through: by mistake where nobody should, and where one copy is as the
#: reference (that copy gives one read, the other is clipped on both sides of what is inserted).
_THROUGH_BY_MISTAKE, _THROUGH_HETEROZYGOUS = 0.02, 1 / 3
#: Bases between the place and the end of a clipped read, and that a read must run on beyond it.
_NEAR, _BEYOND = 15, 20
#: Least bases of a clip or of an insertion within a read.
_LEAST_CLIP, _LEAST_INSERTION = 10, 20
_FEWEST_READS, _MOST_READS = 4, 1000
_HIGHEST_QUALITY = 99
_UNUSED = pysam.FSECONDARY | pysam.FSUPPLEMENTARY | pysam.FDUP | pysam.FQCFAIL | pysam.FUNMAP


def genotype_insertions(
    calls: Iterable[Call], cram: Path, fasta: Path, min_mapping_quality: int
) -> list[Call]:
    """The calls, those of insertions by dysgu with a genotype from the reads over their place.

    Args:
        calls: Calls of one sample.
        cram: Its indexed alignment.
        fasta: Indexed reference.
        min_mapping_quality: Reads below it (Phred) do not count.

    Returns:
        As many calls, in their order. A place with fewer than four reads keeps its genotype.

    Raises:
        StructuralError: The alignment cannot be read.
    """
    try:
        with pysam.AlignmentFile(str(cram), reference_filename=str(fasta)) as file:
            return [
                _genotyped(call, *_count(file, call, min_mapping_quality))
                if call.kind == "INS" and call.caller == "dysgu"
                else call
                for call in calls
            ]
    except (OSError, ValueError) as error:
        raise StructuralError(
            f"{cram}: cannot be read for the genotypes of insertions ({error}); expected an "
            "alignment with its index. Make it again"
        ) from error


def _count(file: pysam.AlignmentFile, call: Call, min_mapping_quality: int) -> tuple[int, int]:
    """Reads that run through the place, and reads that end or have an insertion there."""
    through = inserted = 0
    window = max(call.start - _BEYOND, 0), call.start + _BEYOND
    for read in file.fetch(call.contig, *window):
        if read.flag & _UNUSED or read.mapping_quality < min_mapping_quality:
            continue
        if _is_inserted(read, call.start):
            inserted += 1
        elif (
            read.reference_start <= call.start - _BEYOND
            and read.reference_end >= call.start + _BEYOND
        ):
            through += 1
        if through + inserted == _MOST_READS:
            break
    return through, inserted


def _is_inserted(read: pysam.AlignedSegment, place: int) -> bool:
    cigar = read.cigartuples
    for (operation, length), end in (
        (cigar[0], read.reference_start),
        (cigar[-1], read.reference_end),
    ):
        if operation == pysam.CSOFT_CLIP and length >= _LEAST_CLIP and abs(end - place) <= _NEAR:
            return True
    return read.reference_start < place < read.reference_end and any(
        operation == pysam.CINS and length >= _LEAST_INSERTION for operation, length in cigar
    )


def _genotyped(call: Call, through: int, inserted: int) -> Call:
    if through + inserted < _FEWEST_READS or not inserted:
        return call
    log_ratio = through * math.log10(_THROUGH_HETEROZYGOUS / _THROUGH_BY_MISTAKE)
    log_ratio += inserted * math.log10((1 - _THROUGH_HETEROZYGOUS) / (1 - _THROUGH_BY_MISTAKE))
    quality = min(round(10 * abs(log_ratio)), _HIGHEST_QUALITY)
    genotype = (0, 1) if log_ratio > 0 else (1, 1)
    return replace(call, genotype=genotype, genotype_quality=quality)
