"""Structural variants planted in a genome, with their truth as VCF."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from wgs_pipeline.toy.nucleotides import UNKNOWN, Codes, reverse_complement

KINDS = ("DEL", "DUP", "INV", "INS")
#: Size classes, in bp: from the first to below the second.
SIZE_CLASSES = ((50, 300), (300, 1_000), (1_000, 10_000), (10_000, 50_000))
#: Bases without N that an event keeps on both sides.
_FLANK = 1_000
_HOMOZYGOUS_SHARE = 0.3


@dataclass(frozen=True)
class Event:
    """One structural variant, 0-based half-open; of an insertion, ``start`` is ``end``.

    Attributes:
        kind: One of ``KINDS``; a duplication is in tandem, an insertion of new sequence.
        length: Bases deleted, duplicated, inverted or inserted.
        copies: Chromosome copies that carry it, 0 and 1.
        inserted: The new sequence of an insertion, otherwise empty; codes 0-3.
    """

    contig: str
    start: int
    end: int
    kind: str
    length: int
    copies: tuple[int, ...]
    inserted: Codes


def draw_events(
    contigs: Mapping[str, Codes],
    per_class: int,
    rng: np.random.Generator,
    classes: Sequence[tuple[int, int]] = SIZE_CLASSES,
    kinds: Sequence[str] = KINDS,
    gap: int = 3_000,
) -> list[Event]:
    """Draw events of every kind and size class, sizes log-uniform, in an order of their own.

    Args:
        contigs: Codes 0-4 of the reference by contig.
        per_class: Events of each kind and size class; fewer where the contigs are too short.
        rng: Random numbers.
        classes: Lower and upper bound of each class, in bp.
        kinds: What is planted.
        gap: Bases between two events.

    Returns:
        Events by contig and position, which do not overlap and lie clear of N.
    """
    wanted = [
        (kind, int(np.exp(rng.uniform(np.log(low), np.log(high)))))
        for low, high in classes
        for kind in kinds
        for _ in range(per_class)
    ]
    queue = [wanted[i] for i in rng.permutation(len(wanted))]
    events = []
    for contig, codes in contigs.items():
        for start, end in _known_runs(codes):
            at = start + _FLANK
            while queue:
                kind, length = queue[0]
                span = 0 if kind == "INS" else length
                if at + span + _FLANK > end:
                    break
                queue.pop(0)
                events.append(_event(contig, at, span, kind, length, rng))
                at += span + gap
    return events


def _event(
    contig: str, start: int, span: int, kind: str, length: int, rng: np.random.Generator
) -> Event:
    both = rng.random() < _HOMOZYGOUS_SHARE
    copies = (0, 1) if both else (int(rng.integers(2)),)
    inserted = rng.integers(0, 4, length if kind == "INS" else 0).astype(np.uint8)
    return Event(contig, start, start + span, kind, length, copies, inserted)


def _known_runs(codes: Codes) -> list[tuple[int, int]]:
    known = np.concatenate([[False], codes != UNKNOWN, [False]])
    edges = np.flatnonzero(known[1:] != known[:-1]).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def plant(codes: Codes, events: Iterable[Event]) -> Codes:
    """A chromosome copy with the events, which are in order and do not overlap."""
    at, parts = 0, []
    for event in events:
        body = codes[event.start : event.end]
        parts += [codes[at : event.start], *_changed(event, body)]
        at = event.end
    return np.concatenate([*parts, codes[at:]])


def _changed(event: Event, body: Codes) -> tuple[Codes, ...]:
    if event.kind == "DEL":
        return ()
    if event.kind == "DUP":
        return body, body
    return (reverse_complement(body),) if event.kind == "INV" else (event.inserted,)


def truth_vcf(contigs: Mapping[str, int], events: Sequence[Event], sample: str) -> str:
    """The events as VCF with symbolic alleles.

    Args:
        contigs: Length in bp by contig.
        events: In the order of the contigs.
        sample: Name of the genotype column.

    Raises:
        ValueError: The events are not in order.
    """
    rank = {contig: number for number, contig in enumerate(contigs)}
    places = [(rank[event.contig], event.start) for event in events]
    if any(second < first for first, second in pairwise(places)):
        raise ValueError("events are not in the order of the contigs")
    head = [
        "##fileformat=VCFv4.2",
        *(f"##contig=<ID={name},length={length}>" for name, length in contigs.items()),
        *(f'##ALT=<ID={kind},Description="{kind}">' for kind in KINDS),
        '##INFO=<ID=END,Number=1,Type=Integer,Description="Last base">',
        '##INFO=<ID=SVTYPE,Number=1,Type=String,Description="Kind">',
        '##INFO=<ID=SVLEN,Number=1,Type=Integer,Description="Bases gained, or lost below 0">',
        '##FILTER=<ID=PASS,Description="All filters passed">',
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
        "\t".join(
            ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", sample]
        ),
    ]
    return "\n".join([*head, *(_row(number, event) for number, event in enumerate(events))]) + "\n"


def _row(number: int, event: Event) -> str:
    length = -event.length if event.kind == "DEL" else event.length
    # VCF names the base before the event, or the event's own first base where there is none.
    position = max(event.start, 1)
    info = f"END={max(event.end, position)};SVTYPE={event.kind};SVLEN={length}"
    genotype = "1/1" if event.copies == (0, 1) else "0/1"
    cells = [event.contig, position, f"planted{number}", "N", f"<{event.kind}>", ".", "PASS", info]
    return "\t".join(map(str, [*cells, "GT", genotype]))
