"""One generation as one purpose may see it: counts without those whose consent forbids it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wgs_pipeline.ngd import tiers
from wgs_pipeline.ngd.generation import SEGMENT, Generation, Member
from wgs_pipeline.ngd.intervals import Positions
from wgs_pipeline.ngd.layout import (
    BIN_BP,
    Root,
    callable_file,
    counts_file,
    open_file,
    segment_file,
)
from wgs_pipeline.ngd.reference import SEX_CHROMOSOMES, Reference

Slots = NDArray[np.uint32]


@dataclass(frozen=True)
class Snapshot:
    """What one query reads.

    Attributes:
        root: The database.
        reference: Its reference.
        generation: The pinned generation.
        planes: Planes that the purpose may open.
        allowed: Slots whose persons' consent allows the purpose now.
    """

    root: Root
    reference: Reference
    generation: Generation
    planes: tuple[str, ...]
    allowed: frozenset[int]
    _cache: dict[str, Any] = field(default_factory=dict, repr=False)

    @cached_property
    def visible(self) -> dict[int, Member]:
        """Members that may be seen, by slot."""
        return {
            each.slot: each
            for each in self.generation.members
            if each.plane in self.planes and not each.retired and each.slot in self.allowed
        }

    @cached_property
    def eligible(self) -> int:
        """Genomes that may be counted: the denominator of the answer."""
        return sum(member.counted for member in self.visible.values())

    def variants(self, contig: str, start: int, end: int) -> pa.Table:
        """Variants at [start, end), 0-based, and their counts; variants that no one carries go.

        Returns:
            pos (1-based), ref, alt, n_het, n_hom, n_hemi, AC, AN; sorted.
        """
        parts = []
        for bin_ in range(start // BIN_BP, (end - 1) // BIN_BP + 1):
            low, high = max(start, bin_ * BIN_BP), min(end, (bin_ + 1) * BIN_BP)
            table = tiers.summed(pa.concat_tables(self._counted(contig, bin_, low, high)))
            carried = sum(np.asarray(table[name]) for name in tiers.COUNTS)
            table = table.filter(pa.array(np.asarray(carried) > 0))
            positions = np.asarray(table["pos"]).astype(np.int64) - 1
            table = table.append_column("AC", pa.array(_allele_count(table)))
            parts.append(table.append_column("AN", pa.array(self.allele_number(contig, positions))))
        return pa.concat_tables(parts)

    def allele_number(self, contig: str, positions: Positions) -> NDArray[np.int32]:
        """AN at ascending 0-based positions: copies of the visible genomes callable there."""
        result = np.zeros(len(positions), np.int32)
        bins = positions // BIN_BP
        for bin_ in np.unique(bins):
            rows = bins == bin_
            at = positions[rows]
            low, high = int(at.min()), int(at.max()) + 1
            for karyotype, depth in self._depths(contig, int(bin_), low, high):
                ploidy = self.reference.ploidy(contig, karyotype, at)
                result[rows] += depth[at - low] * ploidy
        return result

    def carriers(self, contig: str, pos: int, ref: str, alt: str) -> pa.Table:
        """Visible carriers of a variant, counted or not: slot and kind."""
        parts = [tiers.CALLS.empty_table().select(["slot", "kind"])]
        at = (("pos", "=", pos), ("ref", "=", ref), ("alt", "=", alt))
        for plane, segment in self._segments():
            for file in self._bin_files(plane, segment, contig, (pos - 1) // BIN_BP):
                long = tiers.to_long(tiers.read_rows(self.root, file, at))
                parts.append(long.select(["slot", "kind"]))
        for file in self._open_files():
            rows = tiers.read_rows(self.root, file, (("contig", "=", contig), *at))
            parts.append(rows.select(["slot", "kind"]))
        table = pa.concat_tables(parts)
        mine = np.isin(np.asarray(table["slot"]), _slots(self.visible.values()))
        return table.filter(pa.array(mine)).sort_by("slot")

    def _counted(self, contig: str, bin_: int, low: int, high: int) -> list[pa.Table]:
        """Counts of [low, high) of one bin, one table per tier."""
        empty = tiers.CALLS.empty_table()
        parts = [tiers.counted_variants(empty, np.empty(0, np.uint32))]
        at = (("pos", ">", low), ("pos", "<=", high))
        for plane, segment in self._segments():
            hidden = self._hidden(plane, segment)
            for file in self._bin_files(plane, segment, contig, bin_):
                table = tiers.read_rows(self.root, file, at)
                if len(hidden):
                    without = np.concatenate((hidden, self._uncounted))
                    table = tiers.counted_variants(tiers.to_long(table), without)
                parts.append(table.select(["pos", "ref", "alt", *tiers.COUNTS]))
        uncountable = self._uncountable
        for file in self._open_files():
            calls = tiers.read_rows(self.root, file, (("contig", "=", contig), *at))
            parts.append(tiers.counted_variants(calls, uncountable))
        return parts

    def _depths(
        self, contig: str, bin_: int, low: int, high: int
    ) -> Iterable[tuple[str, NDArray[np.int32]]]:
        """Karyotype and genomes callable at each base of [low, high); terms of one sum."""
        by_sex = self.reference.depends_on_sex(contig)
        start = bin_ * BIN_BP
        for plane in self.planes:
            for stratum in SEX_CHROMOSOMES if by_sex else ("all",):
                file = counts_file(plane, stratum, contig, bin_, self._built(plane))
                if file in self.generation.files:
                    counts = tiers.read_counts(self.root, file, low - start, high - start)
                    yield stratum, counts
        for runs, members, sign in self._runs(contig, bin_, low, high):
            for karyotype, slots in _by_stratum(members, by_sex).items():
                yield karyotype, sign * tiers.coverage(runs, low, high, slots)

    def _runs(
        self, contig: str, bin_: int, low: int, high: int
    ) -> Iterable[tuple[pa.Table, list[Member], int]]:
        """Runs to add (open tiers) and to take away (hidden members of the segments)."""
        at = (("start", "<", high), ("end", ">", low))
        for plane, segment in self._segments():
            hidden = set(self._hidden(plane, segment).tolist())
            for file in self._bin_files(plane, segment, contig, bin_) if hidden else ():
                runs = tiers.read_rows(self.root, callable_file(file), at)
                yield runs, [each for each in self.generation.members if each.slot in hidden], -1
        mine = [member for member in self.visible.values() if member.tier != SEGMENT]
        for file in self._open_files():
            runs = tiers.read_rows(self.root, callable_file(file), (("contig", "=", contig), *at))
            yield runs, mine, 1

    def _segments(self) -> list[tuple[str, int]]:
        pairs = {(each.plane, each.segment) for each in self._in_segments()}
        return sorted(pair for pair in pairs if pair[0] in self.planes)

    def _in_segments(self) -> list[Member]:
        return [each for each in self.generation.members if each.tier == SEGMENT]

    def _hidden(self, plane: str, segment: int) -> Slots:
        """Slots of a segment that may not be seen: retired, or consent forbids."""
        return _slots(
            each
            for each in self._in_segments()
            if (each.plane, each.segment) == (plane, segment) and each.slot not in self.visible
        )

    @cached_property
    def _uncounted(self) -> Slots:
        return _slots(each for each in self.generation.members if not each.counted)

    @cached_property
    def _uncountable(self) -> Slots:
        """Members that count nowhere in this answer."""
        return _slots(
            each
            for each in self.generation.members
            if each.slot not in self.visible or not each.counted
        )

    def _built(self, plane: str) -> int:
        """Generation whose compaction wrote a plane's bins."""
        return self._built_by_plane.get(plane, -1)

    @cached_property
    def _built_by_plane(self) -> Mapping[str, int]:
        built = {}
        for file in self.generation.files:
            parts = file.split("/")
            if parts[0] in ("index", "counts") and "bin=" in file:
                built[parts[1]] = int(parts[-1].split(".")[0].removeprefix("gen-"))
        return built

    def _bin_files(self, plane: str, segment: int, contig: str, bin_: int) -> list[str]:
        file = segment_file(plane, segment, contig, bin_, self._built(plane))
        return [file] if file in self.generation.files else []

    def _open_files(self) -> list[str]:
        tiers_ = {
            (each.plane, each.tier)
            for each in self.generation.members
            if each.tier != SEGMENT and each.plane in self.planes
        }
        return [open_file(plane, int(tier)) for plane, tier in sorted(tiers_)]


def _allele_count(table: pa.Table) -> NDArray[np.int32]:
    het, hom, hemi = (np.asarray(table[name]).astype(np.int32) for name in tiers.COUNTS)
    count: NDArray[np.int32] = het + 2 * hom + hemi
    return count


def _by_stratum(members: list[Member], by_sex: bool) -> dict[str, Slots]:
    strata: dict[str, list[Member]] = {}
    for member in members:
        if member.counted:
            strata.setdefault(member.karyotype if by_sex else "all", []).append(member)
    return {name: _slots(each) for name, each in strata.items()}


def _slots(members: Iterable[Member]) -> Slots:
    return np.array(sorted(member.slot for member in members), np.uint32)
