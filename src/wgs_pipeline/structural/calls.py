"""Calls of delly and dysgu, read into one form.

Positions are 0-based; an event covers ``start`` to ``end``, half-open. Both tools write the base
before the event as POS.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pysam

from wgs_pipeline.errors import StructuralError

CALLERS = ("delly", "dysgu")
#: Kinds of events, and what the callers write for them.
KINDS = {"DEL": "DEL", "DUP": "DUP", "INV": "INV", "INS": "INS", "BND": "BND", "TRA": "BND"}
Genotype = tuple[int | None, ...]


@dataclass(frozen=True)
class Call:
    """One event that one caller saw in one sample.

    Attributes:
        caller: One of ``CALLERS``.
        contig: Where it begins.
        start: First base of the event, or base after the insertion point or junction.
        end: After its last base; ``start`` for an insertion, a junction's other side is ``mate``.
        kind: DEL, DUP (tandem), INV, INS or BND (a junction of two places).
        length: Bases lost, gained or turned round; None of a junction, or where not known.
        mate: Contig and 0-based position of the other side of a junction.
        joined: Which ends a junction joins, its own first: 3to5, 5to3, 3to3 or 5to5; else None.
        inserted: Bases of an insertion, where they are known.
        genotype: Alleles, 0 or 1; None where missing.
        genotype_quality: Phred.
        passed: Whether the caller trusts it.
        quality: QUAL, comparable within a caller only.
        pairs: Read pairs that support it.
        split_reads: Split or clipped reads that support it.
        precise: Whether its ends are known to the base (dysgu: its length is).
    """

    caller: str
    contig: str
    start: int
    end: int
    kind: str
    length: int | None
    mate: tuple[str, int] | None
    joined: str | None
    inserted: str | None
    genotype: Genotype
    genotype_quality: int
    passed: bool
    quality: float
    pairs: int
    split_reads: int
    precise: bool

    @property
    def carried(self) -> bool:
        """Whether the genotype has the event."""
        return any(allele for allele in self.genotype)


def read_calls(path: Path, caller: str, sample: str) -> list[Call]:
    """All calls of a caller's VCF or BCF.

    Args:
        path: What the caller wrote.
        caller: One of ``CALLERS``.
        sample: Whose genotypes the file must hold.

    Raises:
        StructuralError: The file is missing, cut off, of another sample or from another tool.
    """
    try:
        _refuse_half_line(path)
        with pysam.VariantFile(str(path), ignore_truncation=False) as file:
            if list(file.header.samples) != [sample]:
                found = ", ".join(file.header.samples) or "no sample"
                raise StructuralError(
                    f"{path}: has the calls of {found}; expected {sample}. The reads name another "
                    "sample (SM): give the alignment of this one"
                )
            return list(_calls(file, caller))
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise StructuralError(
            f"{path}: cannot be read as the calls of {caller} ({error}); expected a complete VCF "
            f"or BCF. {caller} was interrupted, or the disk is full: run it again"
        ) from error


#: Copies that depth shows where both chromosome copies have a tandem duplication.
_BOTH_DUPLICATED = 4


def _by_depth(genotype: Genotype, copies: int | None) -> Genotype:
    """The genotype of a tandem duplication by delly, set right by delly's own copy number.

    Reads over the outer ends look as the reference does, so that delly calls every duplication
    heterozygous (docs/structural.md).
    """
    heterozygous = sorted(genotype, key=str) == [0, 1]
    return (1, 1) if heterozygous and (copies or 0) >= _BOTH_DUPLICATED else genotype


def _refuse_half_line(path: Path) -> None:
    """Raise ValueError where a plain VCF ends within a line; BGZF has an end of its own."""
    with path.open("rb") as file:
        if file.read(2) == b"##":
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                raise ValueError("its last line is cut off")


def _calls(file: pysam.VariantFile, caller: str) -> Iterator[Call]:
    support = {"delly": _delly_support, "dysgu": _dysgu_support}[caller]
    for record in file:
        kind = KINDS.get(_text(record.info.get("SVTYPE")))
        if kind is None:
            continue
        fields = record.samples[0]
        pairs, split_reads = support(fields)
        genotype = tuple(fields["GT"])
        if caller == "delly" and kind == "DUP":
            genotype = _by_depth(genotype, fields["RDCN"])
        end = record.start + 1 if kind in ("INS", "BND") else record.stop
        yield Call(
            caller,
            record.contig,
            record.start + 1,
            end,
            kind,
            _length(record, kind, end),
            _mate(record, caller) if kind == "BND" else None,
            _text(record.info["CT"]) if kind == "BND" else None,
            _inserted(record) if kind == "INS" else None,
            genotype,
            int(fields["GQ"] or 0),
            list(record.filter) in ([], ["PASS"]),
            float(record.qual or 0),
            pairs,
            split_reads,
            _is_precise(record, caller),
        )


def _text(value: Any) -> str:
    return str(value[0] if isinstance(value, tuple) else value)


def _length(record: pysam.VariantRecord, kind: str, end: int) -> int | None:
    if kind == "BND":
        return None
    if kind != "INS":
        return int(end) - int(record.start) - 1
    stated = record.info.get("SVLEN", 0)
    return abs(int(stated[0] if isinstance(stated, tuple) else stated)) or None


def _mate(record: pysam.VariantRecord, caller: str) -> tuple[str, int]:
    position = record.info["POS2" if caller == "delly" else "CHR2_POS"]
    return _text(record.info["CHR2"]), int(_text(position)) - 1


def _inserted(record: pysam.VariantRecord) -> str | None:
    alt = (record.alts or ("",))[0].upper()
    known = len(record.ref or "") == 1 and len(alt) > 1 and set(alt) <= set("ACGTN")
    return alt[1:] if known else None


def _delly_support(fields: pysam.VariantRecordSample) -> tuple[int, int]:
    return int(fields["DV"] or 0), int(fields["RV"] or 0)


def _dysgu_support(fields: pysam.VariantRecordSample) -> tuple[int, int]:
    # SU counts all evidence: clipped reads too, which are all there is of a long insertion.
    pairs = int(fields["PE"] or 0)
    return pairs, max(int(fields["SU"] or 0) - pairs, 0)


def _is_precise(record: pysam.VariantRecord, caller: str) -> bool:
    return "PRECISE" in record.info if caller == "delly" else bool(record.info.get("LPREC", 0))
