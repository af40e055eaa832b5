"""Genomes that wait in open tiers: a compaction reads their calls and runs there.

A tier holds in two sorted files what the shards of its genomes hold in two files each, so that
merging a batch of a thousand opens two files in place of two thousand. Its bytes are checked as
those of a shard are: the footer against the manifest, pages by their own checksums.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wgs_pipeline.ngd.bitmaps import Slots, among
from wgs_pipeline.ngd.generation import SEGMENT, Generation
from wgs_pipeline.ngd.intervals import Positions
from wgs_pipeline.ngd.layout import Root, callable_file, open_file
from wgs_pipeline.ngd.parquet import open_parquet, read_where, row_groups
from wgs_pipeline.ngd.plan import Change

#: Genomes whose calls are merged at once; of more, the bins are held in between.
GENOMES_AT_ONCE = 4_000
#: Of a tier of which few genomes are wanted, the shards of these are read instead.
_LEAST_SHARE = 0.5


@dataclass(frozen=True)
class Tier:
    """Some genomes of one open tier.

    Attributes:
        root: The database.
        name: File of its calls, relative to ROOT.
        footers: Digests of the footers of its two files, as far as known.
        changes: The genomes that are wanted.
    """

    root: Root
    name: str
    footers: tuple[str | None, str | None]
    changes: tuple[Change, ...]

    def calls(self, contig: str, low: int, high: int) -> pa.Table:
        """Passed calls of the genomes at [low, high), 0-based: pos, ref, alt, slot, kind."""
        conditions = (("contig", "=", contig), ("pos", ">", low), ("pos", "<=", high))
        table = read_where(
            self.root.path / self.name,
            conditions,
            ["pos", "ref", "alt", "slot", "kind"],
            self.footers[0],
            ["ref", "alt"],
        )
        return table.filter(pa.array(among(np.asarray(table["slot"]), self.slots)))

    def runs(
        self, contig: str, low: int, high: int
    ) -> Iterator[tuple[Positions, Positions, Slots]]:
        """Starts, ends and slots of the genomes' callable runs that overlap [low, high)."""
        path = self.root.path / callable_file(self.name)
        conditions = (("contig", "=", contig), ("start", "<", high), ("end", ">", low))
        columns = ["start", "end", "slot"]
        with open_parquet(path, self.footers[1]) as file:
            for table in row_groups(path, file, conditions, columns):
                starts, ends, slots = (np.asarray(table[name]) for name in columns)
                wanted = among(slots, self.slots)
                yield (
                    starts[wanted].astype(np.int64),
                    ends[wanted].astype(np.int64),
                    slots[wanted],
                )

    @property
    def slots(self) -> Slots:
        """Slots of the genomes."""
        return np.array([each.slot for each in self.changes], np.uint32)


class Waiting:
    """Which genomes of a plan are read from open tiers, and from which.

    Args:
        root: The database.
        generation: The generation that the plan starts from.
        changes: All genomes that come and go.
    """

    def __init__(self, root: Root, generation: Generation, changes: Sequence[Change]) -> None:
        self._root, self._footers = root, generation.footers
        tier_of, sizes = _open_members(generation)
        wanted: dict[tuple[str, str], list[Change]] = {}
        for each in changes:
            if each.comes and each.slot in tier_of:
                wanted.setdefault((tier_of[each.slot], each.plane), []).append(each)
        self._tiers = {
            each: name
            for (name, _), mine in wanted.items()
            if len(mine) >= _LEAST_SHARE * sizes[name]
            for each in mine
        }

    def split(self, changes: Sequence[Change]) -> tuple[list[Tier], list[Change]]:
        """Tiers from which some of the changes are read, and those for which shards are."""
        by_tier: dict[str, list[Change]] = {}
        rest = []
        for each in changes:
            name = self._tiers.get(each)
            if name is None:
                rest.append(each)
            else:
                by_tier.setdefault(name, []).append(each)
        tiers = [
            Tier(
                self._root,
                name,
                (self._footers.get(name), self._footers.get(callable_file(name))),
                tuple(mine),
            )
            for name, mine in by_tier.items()
        ]
        return tiers, rest


def _open_members(generation: Generation) -> tuple[dict[int, str], dict[str, int]]:
    """File of the open tier of each genome in use that lies in one, and members of each file."""
    table = generation.table.filter(pc.not_equal(generation.table["tier"], SEGMENT))
    columns = (table[name].to_pylist() for name in ("slot", "plane", "tier", "retired"))
    tier_of: dict[int, str] = {}
    sizes: dict[str, int] = {}
    for slot, plane, tier, retired in zip(*columns, strict=True):
        name = open_file(plane, int(tier))
        sizes[name] = sizes.get(name, 0) + 1
        if not retired:
            tier_of[slot] = name
    return tier_of, sizes


def groups_of(tiers: Sequence[Tier]) -> list[list[Tier]]:
    """Tiers in groups of at most ``GENOMES_AT_ONCE`` genomes, or of one larger tier."""
    groups: list[list[Tier]] = []
    room = 0
    for each in tiers:
        size = len(each.changes)
        if size > room:
            groups.append([])
            room = GENOMES_AT_ONCE
        groups[-1].append(each)
        room -= size
    return groups
