"""What the database must answer, by brute force: plain Python over the records of the gVCFs.

Shares no code with the database. One dictionary entry per base and genome.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

MIN_DP, MIN_GQ = 10, 20
Variant = tuple[str, int, str, str]


def ploidy(contig: str, base: int, sex: str, par: dict[str, list[tuple[int, int]]]) -> int:
    """Copies at a 0-based base."""
    inside = any(low <= base < high for low, high in par.get(contig, []))
    if contig in ("chrM", "MT"):
        return 1
    if contig in ("chrX", "X"):
        return {"female": 2, "male": 2 if inside else 1, "unknown": 0}[sex]
    if contig in ("chrY", "Y"):
        return {"female": 0, "male": 0 if inside else 1, "unknown": 0}[sex]
    return 2


@dataclass
class Genome:
    """Callable bases, and calls that count, of one genome."""

    callable: dict[str, set[int]] = field(default_factory=dict)
    calls: dict[Variant, str] = field(default_factory=dict)


def read_genome(
    lines: list[str],
    sex: str,
    par: dict[str, list[tuple[int, int]]],
    target: dict[str, list[tuple[int, int]]] | None = None,
) -> Genome:
    """Interpret records given as ``chrom pos ref alt filter info format sample``."""
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
        fits = not literal or _fits(alleles, ploidy(contig, start, sex, par))
        for base in range(start, end):
            covers.setdefault((contig, base), []).append(good and fits)
        for index, allele in enumerate(alts, start=1):
            copies = (alleles or []).count(str(index))
            if not re.fullmatch("[A-Za-z]+", allele) or not copies:
                continue
            at, short_ref, short_alt = _shortest(start, ref.upper(), allele.upper())
            fits = _fits(alleles, ploidy(contig, at, sex, par))
            for base in range(at, at + len(short_ref)):
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
        expected = ploidy(contig, pos - 1, sex, par)
        if pos - 1 in genome.callable.get(contig, set()) and expected:
            kind = "hemi" if expected == 1 else "hom" if max(copies) == 2 else "het"
            genome.calls[variant] = kind
    return genome


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


def allele_number(
    genomes: list[tuple[Genome, str]], contig: str, base: int, par: dict[str, list[tuple[int, int]]]
) -> int:
    """AN at a base, over genomes and their sexes."""
    return sum(
        ploidy(contig, base, sex, par)
        for genome, sex in genomes
        if base in genome.callable.get(contig, set())
    )


def counts(genomes: list[tuple[Genome, str]]) -> dict[Variant, tuple[int, int, int]]:
    """n_het, n_hom, n_hemi of every variant that anyone carries."""
    result: dict[Variant, list[int]] = {}
    for genome, _ in genomes:
        for variant, kind in genome.calls.items():
            result.setdefault(variant, [0, 0, 0])[("het", "hom", "hemi").index(kind)] += 1
    return {variant: (each[0], each[1], each[2]) for variant, each in result.items()}
