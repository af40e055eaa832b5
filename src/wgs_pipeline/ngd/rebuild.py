"""The index and the counts against a rebuild from the shards, a stretch of a contig at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from wgs_pipeline.ngd import tiers
from wgs_pipeline.ngd.bins import BIN
from wgs_pipeline.ngd.build import files_of, folder_of, windows
from wgs_pipeline.ngd.derive import derived_bins, derived_counts
from wgs_pipeline.ngd.generation import SEGMENT, Generation
from wgs_pipeline.ngd.layout import (
    PLANES,
    Root,
    callable_file,
    counts_file,
    open_file,
    segment_file,
)
from wgs_pipeline.ngd.open_tier import open_calls, open_runs, stretches
from wgs_pipeline.ngd.plan import Change, changes_of
from wgs_pipeline.ngd.reference import Reference


def contig_problems(root: Root, generation: Generation, contig: str) -> Iterator[str]:
    """What differs from a rebuild on one contig: open tiers, bins and counts of both planes."""
    reference = root.reference()
    for plane in PLANES:
        mine = generation.table.filter(pc.equal(generation.table["plane"], plane))
        for tier in open_tiers(mine):
            members = mine.filter(pc.equal(mine["tier"], tier))
            yield from _open_problems(root, open_file(plane, int(tier)), members, contig)
        merged = changes_of(mine.filter(pc.equal(mine["tier"], SEGMENT)), comes=True)
        yield from _merged_problems(root, reference, generation, plane, contig, merged)


def unknown_files(root: Root, generation: Generation) -> Iterator[str]:
    """Files of the manifest that belong to no contig and no open tier."""
    unknown = set(generation.derived)
    for plane in PLANES:
        for contig in root.reference().contigs:
            unknown.difference_update(files_of(generation, plane, contig).values())
        mine = generation.table.filter(pc.equal(generation.table["plane"], plane))
        for tier in open_tiers(mine):
            name = open_file(plane, int(tier))
            unknown -= {name, callable_file(name)}
    for name in sorted(unknown):
        yield f"{root.path / name}: in the manifest, but no member needs it"


def open_tiers(members: pa.Table) -> list[str]:
    """Open tiers in which members are, oldest first."""
    tiers_ = pc.unique(members["tier"]).to_pylist()
    return sorted((each for each in tiers_ if each != SEGMENT), key=int)


def _open_problems(root: Root, name: str, members: pa.Table, contig: str) -> Iterator[str]:
    genomes = changes_of(members, comes=True)
    differing = set()
    for low, high in stretches(root.reference(), contig, len(genomes)):
        at = ("contig", "=", contig)
        calls = tiers.read_rows(root, name, (at, ("pos", ">", low), ("pos", "<=", high)))
        if not _same(open_calls(root, genomes, contig, low, high), calls):
            differing.add(name)
        file = callable_file(name)
        runs = tiers.read_rows(root, file, (at, ("start", ">=", low), ("start", "<", high)))
        if not _same(open_runs(root, genomes, contig, low, high), runs):
            differing.add(file)
    for file in sorted(differing):
        yield f"{root.path / file}: differs from a rebuild from the shards"


def _merged_problems(
    root: Root,
    reference: Reference,
    generation: Generation,
    plane: str,
    contig: str,
    merged: Sequence[Change],
) -> Iterator[str]:
    unexpected = files_of(generation, plane, contig)

    def problem(expected: pa.Table, name: str) -> Iterator[str]:
        found = unexpected.pop(folder_of(name), None)
        if found is None:
            yield f"{root.path / name}: missing from the manifest"
        elif not _same(expected, tiers.read_rows(root, found)):
            yield f"{root.path / found}: differs from a rebuild from the shards"

    for window in windows(reference, contig):
        for segment in sorted({each.segment for each in merged}):
            mine = [each for each in merged if each.segment == segment]
            for bin_, table in derived_bins(root, contig, window, mine, _nothing, _nowhere):
                name = segment_file(plane, segment, contig, bin_, generation.number)
                yield from problem(table, name)
        for stratum, bin_, counts in derived_counts(root, reference, contig, window, merged):
            name = counts_file(plane, stratum, contig, bin_, generation.number)
            yield from problem(pa.table({"count": counts}), name)
    for name in unexpected.values():
        yield f"{root.path / name}: in the manifest, but no member needs it"


def _nothing(_: int) -> pa.Table:
    return BIN.empty_table()


def _nowhere(bin_: int) -> Path:
    return Path(f"rebuild of bin {bin_}")


def _same(expected: pa.Table, found: pa.Table) -> bool:
    if expected.column_names != found.column_names:
        return False
    same: bool = expected.cast(found.schema).combine_chunks().equals(found.combine_chunks())
    return same
