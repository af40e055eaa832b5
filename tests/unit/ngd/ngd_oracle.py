"""What the database must answer, by brute force: plain Python over the records of the gVCFs.

Shares no code with the database. One dictionary entry per base and genome.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

MIN_DP, MIN_GQ = 10, 20
Variant = tuple[str, int, str, str]
#: Contig to its (start, end) intervals, 0-based half-open.
Intervals = Mapping[str, Sequence[tuple[int, int]]]

#: Countable copies by karyotype: on X, in the PAR of X, on Y. Written out by hand: where a person
#: has three copies nothing can be counted, and the PAR of Y is called on X.
COPIES = {
    "XX": (2, 2, 0),
    "XY": (1, 2, 1),
    "X0": (1, 1, 0),
    "XXY": (2, 0, 1),
    "XYY": (1, 0, 2),
    "XXX": (0, 0, 0),
    "unknown": (0, 0, 0),
}


def ploidy(contig: str, base: int, karyotype: str, par: Intervals) -> int:
    """Countable copies at a 0-based base."""
    inside = any(low <= base < high for low, high in par.get(contig, []))
    if contig in ("chrM", "MT"):
        return 1
    on_x, in_par, on_y = COPIES[karyotype]
    if contig in ("chrX", "X"):
        return in_par if inside else on_x
    if contig in ("chrY", "Y"):
        return 0 if inside else on_y
    return 2


@dataclass
class Genome:
    """Callable bases, and calls that count, of one genome."""

    callable: dict[str, set[int]] = field(default_factory=dict)
    calls: dict[Variant, str] = field(default_factory=dict)


def read_genome(
    lines: list[str],
    karyotype: str,
    par: Intervals,
    target: Intervals | None = None,
    windows: Intervals | None = None,
) -> Genome:
    """Interpret records given as ``chrom pos ref alt filter info format sample``.

    Args:
        lines: The records.
        karyotype: One of ``COPIES``.
        par: Pseudoautosomal regions.
        target: Bases that the assay aims at; None: all.
        windows: Bases that matter; None: all. All variants must lie there.
    """
    covers: dict[tuple[str, int], list[bool]] = {}
    found: dict[Variant, list[int]] = {}
    for line in lines:
        contig, pos, ref, alt, filter_, info, format_, value = line.split(" ")
        start = int(pos) - 1
        fields = dict(zip(format_.split(":"), value.split(":"), strict=False))
        alts = alt.split(",")
        literal = any(re.fullmatch("[A-Za-z]+", each) for each in alts)
        good = _passes(fields, info, filter_, literal)
        alleles = re.split(r"[/|]", fields["GT"]) if "GT" in fields else None
        end = start + len(ref)
        if not literal and (stated := re.search(r"(?:^|;)END=([0-9]+)", info)):
            end = max(end, int(stated[1]))
        fits = not literal or _fits(alleles, ploidy(contig, start, karyotype, par))
        for base in _bases(contig, start, end, windows):
            covers.setdefault((contig, base), []).append(good and fits)
        for index, allele in enumerate(alts, start=1):
            copies = (alleles or []).count(str(index))
            if not re.fullmatch("[A-Za-z]+", allele) or not copies:
                continue
            at, short_ref, short_alt = _shortest(start, ref.upper(), allele.upper())
            fits = _fits(alleles, ploidy(contig, at, karyotype, par))
            for base in _bases(contig, at, at + len(short_ref), windows):
                covers.setdefault((contig, base), []).append(good and fits)
            if fits:
                found.setdefault((contig, at + 1, short_ref, short_alt), []).append(copies)
    genome = Genome()
    for (contig, base), passed in covers.items():
        aimed = target is None or any(a <= base < b for a, b in target.get(contig, []))
        if all(passed) and aimed:
            genome.callable.setdefault(contig, set()).add(base)
    for variant, copies in found.items():
        contig, pos = variant[:2]
        expected = ploidy(contig, pos - 1, karyotype, par)
        if pos - 1 in genome.callable.get(contig, set()) and expected:
            kind = "hemi" if expected == 1 else "hom" if max(copies) == 2 else "het"
            genome.calls[variant] = kind
    return genome


def _bases(contig: str, start: int, end: int, windows: Intervals | None) -> Iterator[int]:
    for low, high in [(start, end)] if windows is None else windows[contig]:
        yield from range(max(start, low), min(end, high))


def _passes(fields: dict[str, str], info: str, filter_: str, literal: bool) -> bool:
    if filter_ not in ("PASS", "."):
        return False
    depth = fields.get("DP", ".")
    if not literal:
        stated = re.search(r"(?:^|;)(?:MinDP|MIN_DP)=([^;]+)", info)
        least = fields.get("MIN_DP") if "MIN_DP" in fields else stated[1] if stated else "."
        depth = least if least and least != "." else depth
    if depth == "." or float(depth) < MIN_DP:
        return False
    quality = fields.get("GQ", ".")
    if quality == "." and fields.get("PL", ".") != ".":
        likelihoods = fields["PL"].split(",")
        if len(likelihoods) > 1 and "." not in likelihoods:
            quality = sorted(likelihoods, key=float)[1]
    if quality != "." and float(quality) < MIN_GQ:
        return False
    if "GT" not in fields:
        return not literal
    return "." not in fields["GT"]


def _fits(alleles: list[str] | None, expected: int) -> bool:
    if alleles is None or "." in alleles:
        return False
    if set(alleles) == {"0"}:
        return True
    if expected == 2:
        return len(alleles) == 2
    return expected == 1 and len(set(alleles)) == 1


def _shortest(start: int, ref: str, alt: str) -> tuple[int, str, str]:
    while min(len(ref), len(alt)) > 1 and ref.endswith(alt[-1]):
        ref, alt = ref[:-1], alt[:-1]
    while min(len(ref), len(alt)) > 1 and ref[0] == alt[0]:
        start, ref, alt = start + 1, ref[1:], alt[1:]
    return start, ref, alt


def allele_number(genomes: list[tuple[Genome, str]], contig: str, base: int, par: Intervals) -> int:
    """AN at a base, over genomes and their karyotypes."""
    return sum(
        ploidy(contig, base, karyotype, par)
        for genome, karyotype in genomes
        if base in genome.callable.get(contig, set())
    )


def counts(genomes: list[tuple[Genome, str]]) -> dict[Variant, tuple[int, int, int]]:
    """n_het, n_hom, n_hemi of every variant that anyone carries."""
    result: dict[Variant, list[int]] = {}
    for genome, _ in genomes:
        for variant, kind in genome.calls.items():
            result.setdefault(variant, [0, 0, 0])[("het", "hom", "hemi").index(kind)] += 1
    return {variant: (each[0], each[1], each[2]) for variant, each in result.items()}


@dataclass(frozen=True)
class Event:
    """An event of the consent register; moments in seconds."""

    scope: str
    decision: str
    effective: int
    recorded: int


def permits(events: Sequence[Event], purpose: str) -> bool:
    """Whether one person's events permit a purpose.

    Of each scope the event with the latest ``effective`` decides, of several the last recorded,
    of several of those one that forbids. Research is allowed without an event of its own.
    """

    def says(scope: str) -> str | None:
        mine = [each for each in events if each.scope == scope]
        ranked = sorted(mine, key=lambda e: (e.effective, e.recorded, e.decision != "given"))
        return ranked[-1].decision if ranked else None

    if says("analysis") != "given":
        return False
    return purpose in ("care", "quality") or says("research") in (None, "given")
