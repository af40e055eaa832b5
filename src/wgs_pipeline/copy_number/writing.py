"""Copy number as a table of segments, a VCF of what is not as expected, and a track of bins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pysam

from wgs_pipeline.copy_number.calls import Profile, Segment
from wgs_pipeline.copy_number.expected import DIPLOID
from wgs_pipeline.files import replacing, write_text
from wgs_pipeline.reference import open_fasta
from wgs_pipeline.symbolic_vcf import write_symbolic_vcf

COLUMNS = (
    *("contig", "start", "end", "bins", "copies", "copy_number", "expected", "kind", "quality"),
)
_HEAD = (
    '##ALT=<ID=DEL,Description="Fewer copies than expected">',
    '##ALT=<ID=DUP,Description="More copies than expected">',
    '##FILTER=<ID=PASS,Description="All filters passed">',
    '##FILTER=<ID=LowQual,Description="Quality below structural.copy_number.min_quality">',
    '##INFO=<ID=SVTYPE,Number=1,Type=String,Description="DEL or DUP">',
    '##INFO=<ID=END,Number=1,Type=Integer,Description="Last base">',
    '##INFO=<ID=SVLEN,Number=1,Type=Integer,Description="Bases, below 0 where lost">',
    '##INFO=<ID=IMPRECISE,Number=0,Type=Flag,Description="Ends are known to a bin">',
    '##INFO=<ID=BINS,Number=1,Type=Integer,Description="Bins of depth">',
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype, as far as copies tell it">',
    '##FORMAT=<ID=CN,Number=1,Type=Integer,Description="Copies">',
    '##FORMAT=<ID=CNF,Number=1,Type=Float,Description="Copies, median of the bins">',
    '##FORMAT=<ID=CNE,Number=1,Type=Integer,Description="Copies expected by sex and place">',
)


def write_segments(path: Path, segments: Iterable[Segment]) -> None:
    """Write all segments as TSV; starts are 0-based, ends are after the last base."""
    rows = [
        (
            *(each.contig, each.start, each.end, each.bins, f"{each.copies:.3f}"),
            *(each.copy_number, each.expected, each.kind, f"{each.quality:.1f}"),
        )
        for each in segments
    ]
    lines = ["\t".join(map(str, row)) for row in (COLUMNS, *rows)]
    write_text(path, "\n".join(lines) + "\n")


def write_track(path: Path, profile: Profile) -> None:
    """Write the copies of every usable bin as bgzip bedGraph."""
    with replacing(path) as temporary, pysam.BGZFile(str(temporary), "wb") as file:
        for bins, copies in zip(profile.bins, profile.copies, strict=True):
            rows = np.flatnonzero(np.isfinite(copies))
            columns = (bins.starts[rows].tolist(), bins.ends[rows].tolist(), copies[rows].tolist())
            for start, end, value in zip(*columns, strict=True):
                file.write(f"{bins.contig}\t{start}\t{end}\t{value:.3f}\n".encode())


def write_changes(
    path: Path,
    segments: Iterable[Segment],
    *,
    sample: str,
    contigs: Mapping[str, int],
    fasta: Path,
    min_quality: float,
) -> None:
    """Write segments whose copies are not as expected as bgzip VCF.

    Args:
        path: File to write.
        segments: In the order of the reference.
        sample: Its name.
        contigs: Name to length (bp).
        fasta: Indexed reference, for REF.
        min_quality: Below it (Phred) a change does not pass.
    """
    changed = (each for each in segments if each.kind)
    with open_fasta(fasta) as reference:
        rows = (_row(n, each, reference, min_quality) for n, each in enumerate(changed, 1))
        write_symbolic_vcf(path, rows, sample=sample, contigs=contigs, fields=_HEAD)


def _row(
    number: int, segment: Segment, reference: pysam.FastaFile, min_quality: float
) -> list[str]:
    position = max(segment.start, 1)
    base = reference.fetch(segment.contig, position - 1, position).upper()
    length = segment.end - segment.start
    info = f"SVTYPE={segment.kind};END={segment.end};BINS={segment.bins};IMPRECISE"
    cells = [_genotype(segment), segment.copy_number, f"{segment.copies:.3f}", segment.expected]
    return [
        segment.contig,
        str(position),
        f"CN{number:06d}",
        base if base in "ACGT" else "N",
        f"<{segment.kind}>",
        f"{segment.quality:.1f}",
        "PASS" if segment.quality >= min_quality else "LowQual",
        f"{info};SVLEN={-length if segment.kind == 'DEL' else length}",
        "GT:CN:CNF:CNE",
        ":".join(map(str, cells)),
    ]


def _genotype(segment: Segment) -> str:
    """How many chromosome copies have the change; missing where copies alone cannot say."""
    if segment.expected < DIPLOID:
        return "1"
    if segment.copy_number == 0:
        return "1/1"
    return "0/1" if abs(segment.copy_number - segment.expected) == 1 else "./1"
