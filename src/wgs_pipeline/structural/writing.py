"""Merged structural variants as VCF 4.2."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pysam

from wgs_pipeline.copy_number.expected import DIPLOID, ExpectedCopies
from wgs_pipeline.reference import open_fasta
from wgs_pipeline.structural.calls import Call, Genotype
from wgs_pipeline.structural.merging import Event
from wgs_pipeline.symbolic_vcf import write_symbolic_vcf

_KINDS = {
    "DEL": "Deletion",
    "DUP": "Tandem duplication",
    "INV": "Inversion",
    "INS": "Insertion of sequence",
}
_FIELDS = (
    '##FILTER=<ID=PASS,Description="All filters passed">',
    '##FILTER=<ID=LowQual,Description="No caller trusts it">',
    '##FILTER=<ID=LowSupport,Description="Fewer reads than structural.min_support">',
    '##FILTER=<ID=NoCopy,Description="The person has no copy of the place">',
    '##FILTER=<ID=HetHaploid,Description="Seen beside the reference where there is one copy">',
    '##INFO=<ID=SVTYPE,Number=1,Type=String,Description="Kind of event">',
    '##INFO=<ID=END,Number=1,Type=Integer,Description="Last base of the event">',
    '##INFO=<ID=SVLEN,Number=1,Type=Integer,Description="Bases gained; lost below 0; turned">',
    '##INFO=<ID=CALLERS,Number=.,Type=String,Description="Who saw it; the first is written here">',
    '##INFO=<ID=IMPRECISE,Number=0,Type=Flag,Description="Ends are not known to the base">',
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype by the first of CALLERS">',
    '##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Its quality (Phred)">',
    '##FORMAT=<ID=PE,Number=1,Type=Integer,Description="Read pairs that support the event">',
    '##FORMAT=<ID=SR,Number=1,Type=Integer,Description="Split or clipped reads that support it">',
    '##FORMAT=<ID=CG,Number=.,Type=String,Description="Genotype by each of CALLERS">',
)
#: How ends are joined (CT of delly and dysgu) as ALT (VCF specification, section 5.4).
_JUNCTIONS = {
    "3to5": "{base}[{mate}[",
    "5to3": "]{mate}]{base}",
    "3to3": "{base}]{mate}]",
    "5to5": "[{mate}[{base}",
}


@dataclass(frozen=True)
class Bounds:
    """What is written and what passes.

    Attributes:
        min_size: Shorter events (bp) are left out; junctions have no length.
        min_support: Events with fewer supporting reads and pairs do not pass.
    """

    min_size: int
    min_support: int


def write_events(
    path: Path,
    events: Iterable[Event],
    *,
    sample: str,
    contigs: Mapping[str, int],
    fasta: Path,
    expected: ExpectedCopies,
    bounds: Bounds,
) -> int:
    """Write events as bgzip VCF, in the order of the reference.

    Args:
        path: File to write.
        events: Of one sample.
        sample: Its name.
        contigs: Name to length (bp), in the order of the reference.
        fasta: Indexed reference, for REF.
        expected: Copies of each place that the person is expected to have.
        bounds: What is written and what passes.

    Returns:
        How many events were written.
    """
    rank = {contig: number for number, contig in enumerate(contigs)}
    kept = [event for event in events if event.best.contig in rank and _long_enough(event, bounds)]
    kept.sort(key=lambda each: (rank[each.best.contig], each.best.start, each.best.end))
    kinds = (f'##ALT=<ID={kind},Description="{text}">' for kind, text in _KINDS.items())
    with open_fasta(fasta) as reference:
        rows = (
            _row(number, event, reference, expected.at(event.best.contig, event.best.start), bounds)
            for number, event in enumerate(kept, 1)
        )
        write_symbolic_vcf(path, rows, sample=sample, contigs=contigs, fields=[*kinds, *_FIELDS])
    return len(kept)


def _long_enough(event: Event, bounds: Bounds) -> bool:
    length = event.best.length
    return length is None or length >= bounds.min_size


def _row(
    number: int, event: Event, reference: pysam.FastaFile, copies: int, bounds: Bounds
) -> list[str]:
    best = event.best
    position = max(best.start, 1)
    base = reference.fetch(best.contig, position - 1, position).upper()
    return [
        best.contig,
        str(position),
        f"{best.kind}{number:06d}",
        base if base in "ACGT" else "N",
        _alt(event, base),
        ".",
        ";".join(_filters(event, copies, bounds)) or "PASS",
        _info(event, position),
        "GT:GQ:PE:SR:CG",
        _sample(event, copies),
    ]


def _alt(event: Event, base: str) -> str:
    best = event.best
    if best.mate is not None and best.joined is not None:
        mate = f"{best.mate[0]}:{best.mate[1] + 1}"
        return _JUNCTIONS[best.joined].format(base=base, mate=mate)
    if best.kind == "INS" and best.inserted:
        return base + best.inserted
    return f"<{best.kind}>"


def _filters(event: Event, copies: int, bounds: Bounds) -> list[str]:
    best = event.best
    trusted = any(call.passed and call.carried for call in event.calls)
    support = max(call.pairs + call.split_reads for call in event.calls)
    found = {
        "LowQual": not trusted,
        "LowSupport": support < bounds.min_support,
        "NoCopy": copies == 0,
        "HetHaploid": copies == 1 and len(set(best.genotype)) > 1,
    }
    return [name for name, holds in found.items() if holds]


def _info(event: Event, position: int) -> str:
    best = event.best
    parts = [f"SVTYPE={best.kind}"]
    if best.kind != "BND":
        parts.append(f"END={position if best.kind == 'INS' else best.end}")
        if best.length is not None:
            parts.append(f"SVLEN={-best.length if best.kind == 'DEL' else best.length}")
    parts.append(f"CALLERS={','.join(event.callers)}")
    return ";".join(parts if best.precise else [*parts, "IMPRECISE"])


def _sample(event: Event, copies: int) -> str:
    best = event.best
    first = {caller: _first(event, caller) for caller in event.callers}
    every = ",".join(_genotype(call.genotype, DIPLOID) for call in first.values())
    cells = [
        _genotype(best.genotype, copies),
        best.genotype_quality,
        best.pairs,
        best.split_reads,
        every,
    ]
    return ":".join(map(str, cells))


def _first(event: Event, caller: str) -> Call:
    return next(call for call in event.calls if call.caller == caller)


def _genotype(genotype: Genotype, copies: int) -> str:
    """Alleles in order; one where there is one copy, none where there is none."""
    if copies == 0:
        return "."
    cells = sorted("." if allele is None else str(min(allele, 1)) for allele in genotype)
    return cells[-1] if copies == 1 else "/".join(cells)
