"""Where structural variants are not looked for: long runs of N, and what the config names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from wgs_pipeline.reference import (
    Contig,
    Interval,
    pad,
    read_bed,
    read_contigs,
    subtract,
)


def excluded(
    contigs: Sequence[Contig], known: Iterable[Interval], named: Iterable[Interval], min_gap: int
) -> tuple[Interval, ...]:
    """Intervals to exclude, in the order of the reference, which do not touch.

    Args:
        contigs: Of the reference.
        known: Sorted intervals without N; those of a contig that has none may be missing.
        named: Further intervals to exclude; those on other contigs are ignored.
        min_gap: Shorter runs of N (bp) are not excluded: thousands of single ambiguous bases
            would cut the genome into pieces.
    """
    by_contig = {name: list(found) for name, found in groupby(known, lambda each: each.contig)}
    named = list(named)
    found: list[Interval] = []
    for contig in contigs:
        whole = Interval(contig.name, 0, contig.length)
        gaps = subtract(whole, by_contig.get(contig.name, []))
        own = [each for each in named if each.contig == contig.name]
        found += sorted([gap for gap in gaps if len(gap) >= min_gap] + own)
    return pad(found, 0, {contig.name: contig.length for contig in contigs})


def read_excluded(
    fai: Path, regions: Path, named: Path | None, min_gap: int
) -> tuple[Interval, ...]:
    """The same, of an index, a BED of intervals without N and a BED of what is excluded besides.

    Raises:
        ProblemsError: A file cannot be read or is malformed.
    """
    return excluded(read_contigs(fai), read_bed(regions), read_bed(named) if named else (), min_gap)
