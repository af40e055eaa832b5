"""Regions and variants as people write them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd.reference import Reference


@dataclass(frozen=True)
class Region:
    """Part of a contig, 0-based half-open."""

    contig: str
    start: int
    end: int


@dataclass(frozen=True)
class Variant:
    """One biallelic variant; ``pos`` is 1-based, as in VCF."""

    contig: str
    pos: int
    ref: str
    alt: str


def parse_region(text: str, reference: Reference) -> Region:
    """A region such as ``chr20:100-200`` (1-based, both ends included), ``chr20:100`` or a contig.

    Raises:
        NgdError: It is no region of the reference.
    """
    if text in reference.contigs:
        return Region(text, 0, reference.contigs[text])
    found = re.fullmatch(r"(.+):([0-9,]{1,13})(?:-([0-9,]{1,13}))?", text)
    if not found:
        contig = text.partition(":")[0]
        reference.length(contig)
        raise NgdError(f"{text[:80]!r} is no region; expected CONTIG:START-END, 1-based")
    start, end = (int(each.replace(",", "")) for each in (found[2], found[3] or found[2]))
    length = reference.length(found[1])
    if not 1 <= start <= end <= length:
        raise NgdError(
            f"{text[:80]!r} is no region; expected 1 <= START <= END <= {length} on {found[1]}"
        )
    return Region(found[1], start - 1, end)


def parse_variant(text: str, reference: Reference) -> Variant:
    """A variant such as ``chr20-123-A-T``.

    Raises:
        NgdError: It is no variant of the reference.
    """
    found = re.fullmatch(r"(.+)-([0-9]{1,10})-([A-Za-z]+)-([A-Za-z]+)", text)
    if not found or found[3].upper() == found[4].upper():
        raise NgdError(
            f"{text[:80]!r} is no variant; expected CONTIG-POS-REF-ALT, as chr20-123-A-T"
        )
    variant = Variant(found[1], int(found[2]), found[3].upper(), found[4].upper())
    length = reference.length(variant.contig)
    if not 1 <= variant.pos <= length - len(variant.ref) + 1:
        raise NgdError(f"{text[:80]!r} lies outside {variant.contig} of {length} bp")
    return variant
