"""Calls against truth by the haplotypes that they spell, whatever the records look like.

The comparison of RTG vcfeval (Cleary et al. 2015), for small clusters of variants: of the variants
of truth and of query near one another, the largest subsets are sought that spell the same two
haplotypes, phases being free. Those are true; what is left of the query is false, of the truth
missed. It shares no code with the package.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

#: Bases of a haplotype so far, and where on the reference they end.
Spelt = tuple[str, int]
#: Variants nearer than this (bp) are looked at together.
NEAR = 30
#: Larger clusters (variants of one side) are compared allele by allele.
LARGEST = 9


@dataclass(frozen=True, order=True)
class Variant:
    """An allele that a person carries, trimmed; 0-based.

    Attributes:
        start: First base that it replaces.
        ref: What it replaces; empty where it is inserted.
        alt: What stands there; empty where it is deleted.
        copies: 1 or 2.
    """

    start: int
    ref: str
    alt: str
    copies: int

    @property
    def end(self) -> int:
        """One past the last base that it replaces."""
        return self.start + len(self.ref)

    @property
    def kind(self) -> str:
        """``snv`` or ``indel``."""
        return "snv" if len(self.ref) == len(self.alt) == 1 else "indel"


def trim(start: int, ref: str, alt: str, copies: int) -> tuple[Variant, ...]:
    """An allele without what REF and ALT share; one of equal lengths as SNVs."""
    while ref and alt and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    while ref and alt and ref[0] == alt[0]:
        start, ref, alt = start + 1, ref[1:], alt[1:]
    if len(ref) != len(alt):
        return (Variant(start, ref, alt, copies),)
    return tuple(
        Variant(start + at, one, other, copies)
        for at, (one, other) in enumerate(zip(ref, alt, strict=True))
        if one != other
    )


def reach(variant: Variant, sequence: str) -> int:
    """End of the stretch along which an indel may be shifted to the right."""
    moved, end = variant.ref or variant.alt, variant.end
    if variant.kind == "snv" or (variant.ref and variant.alt):
        return end
    at = 0
    while end < len(sequence) and sequence[end] == moved[at % len(moved)]:
        end, at = end + 1, at + 1
    return end


def clusters(
    truth: Sequence[Variant], query: Sequence[Variant], sequence: str
) -> Iterator[tuple[list[Variant], list[Variant]]]:
    """Variants of truth and query that may spell the same, apart from all others."""
    tagged = sorted([(each, 0) for each in truth] + [(each, 1) for each in query])
    sides: tuple[list[Variant], list[Variant]] = ([], [])
    end = -1
    for variant, side in tagged:
        if end >= 0 and variant.start > end + NEAR:
            yield sides
            sides, end = ([], []), -1
        sides[side].append(variant)
        end = max(end, reach(variant, sequence))
    if end >= 0:
        yield sides


@dataclass
class Matched:
    """What was found: variants of truth and query that agree, and clusters too large to search."""

    truth: set[Variant] = field(default_factory=set)
    query: set[Variant] = field(default_factory=set)
    too_large: int = 0


def match(
    truth: Sequence[Variant], query: Sequence[Variant], sequence: str, diploid: bool = True
) -> Matched:
    """Variants of one contig that spell the same haplotypes.

    Args:
        truth: Variants of truth.
        query: Variants of query.
        sequence: The contig.
        diploid: Whether genotypes count; otherwise each variant stands on one haplotype.
    """
    found = Matched()
    for one, other in clusters(truth, query, sequence):
        if not one or not other:
            continue
        if max(len(one), len(other)) > LARGEST:
            same = {(v.start, v.ref, v.alt) for v in one} & {(v.start, v.ref, v.alt) for v in other}
            if diploid:
                both = set(one) & set(other)
                same = {(v.start, v.ref, v.alt) for v in both}
            found.truth |= {v for v in one if (v.start, v.ref, v.alt) in same}
            found.query |= {v for v in other if (v.start, v.ref, v.alt) in same}
            found.too_large += 1
            continue
        kept = _largest_equal(one, other, sequence, diploid)
        found.truth |= kept[0]
        found.query |= kept[1]
    return found


def _largest_equal(
    one: list[Variant], other: list[Variant], sequence: str, diploid: bool
) -> tuple[frozenset[Variant], frozenset[Variant]]:
    low = min(v.start for v in [*one, *other])
    high = max(v.end for v in [*one, *other])
    high = max([high, *(reach(v, sequence) for v in [*one, *other])])
    spelled = [_spelled(side, sequence, low, high, diploid) for side in (one, other)]
    common = spelled[0].keys() & spelled[1].keys()
    best = max(common, key=lambda pair: len(spelled[0][pair]) + len(spelled[1][pair]))
    return spelled[0][best], spelled[1][best]


Pair = tuple[str, str]


def _spelled(
    variants: list[Variant], sequence: str, low: int, high: int, diploid: bool
) -> dict[Pair, frozenset[Variant]]:
    """Every pair of haplotypes that subsets spell, with the largest subset that does."""
    # State: text and end of each haplotype so far.
    states: dict[tuple[str, int, str, int], frozenset[Variant]] = {("", low, "", low): frozenset()}
    for variant in variants:
        more = dict(states)
        for (text, end, second, second_end), used in states.items():
            first_too = (_extend(text, end, variant, sequence), (second, second_end))
            second_too = ((text, end), _extend(second, second_end, variant, sequence))
            options: list[tuple[Spelt | None, Spelt | None]]
            if not diploid:
                options = [first_too]
            elif variant.copies > 1:
                options = [(first_too[0], second_too[1])]
            else:
                options = [first_too, second_too]
            for left, right in options:
                if left is None or right is None:
                    continue
                state = (*left, *right)
                if len(used) + 1 > len(more.get(state, ())):
                    more[state] = used | {variant}
        states = more
    done: dict[Pair, frozenset[Variant]] = {}
    for (text, end, second, second_end), used in states.items():
        texts = (text + sequence[end:high], second + sequence[second_end:high])
        pair = (min(texts), max(texts)) if diploid else (texts[0], "")
        if pair not in done or len(used) > len(done[pair]):
            done[pair] = used
    return done


def _extend(text: str, end: int, variant: Variant, sequence: str) -> Spelt | None:
    if variant.start < end:
        return None
    return text + sequence[end : variant.start] + variant.alt, variant.end


@dataclass(frozen=True)
class Score:
    """Counts of one kind of variant inside the confident regions.

    Attributes:
        found: Variants of truth that the query has, with their genotype.
        missed: Variants of truth that it has not.
        false: Variants of the query that the truth has not.
        true: Variants of the query that the truth has.
        alleles: Variants of truth that the query has, whatever the genotype.
    """

    found: int
    missed: int
    true: int
    false: int
    alleles: int

    def __add__(self, other: Score) -> Score:
        return Score(
            self.found + other.found, self.missed + other.missed, self.true + other.true,
            self.false + other.false, self.alleles + other.alleles,
        )  # fmt: skip

    @property
    def recall(self) -> float:
        """Share of truth that was found, with its genotype."""
        return self.found / max(self.found + self.missed, 1)

    @property
    def precision(self) -> float:
        """Share of the query that is true."""
        return self.true / max(self.true + self.false, 1)

    @property
    def f1(self) -> float:
        """Harmonic mean of recall and precision."""
        both = self.recall + self.precision
        return 2 * self.recall * self.precision / both if both else 0.0


def score(
    truth: Sequence[Variant],
    query: Sequence[Variant],
    sequence: str,
    confident: Iterable[tuple[int, int]],
) -> dict[str, Score]:
    """Scores of SNVs and indels of one contig; variants outside may match but do not count."""
    regions = list(confident)
    genotypes = match(truth, query, sequence)
    alleles = match(truth, query, sequence, diploid=False)

    def inside(variant: Variant) -> bool:
        return any(start <= variant.start < end for start, end in regions)

    scores = {}
    for kind in ("snv", "indel"):
        own = [v for v in truth if v.kind == kind and inside(v)]
        called = [v for v in query if v.kind == kind and inside(v)]
        found = sum(v in genotypes.truth for v in own)
        true = sum(v in genotypes.query for v in called)
        either = sum(v in genotypes.truth or v in alleles.truth for v in own)
        scores[kind] = Score(found, len(own) - found, true, len(called) - true, either)
    return scores
