"""One generation as one purpose may see it: counts without those whose consent forbids it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wgs_pipeline.ngd import masks, segments, tiers
from wgs_pipeline.ngd.filecache import slice_of
from wgs_pipeline.ngd.generation import Generation
from wgs_pipeline.ngd.holdings import Holdings
from wgs_pipeline.ngd.intervals import Positions
from wgs_pipeline.ngd.layout import (
    BIN_BP,
    callable_file,
    counts_file,
    open_file,
    segment_file,
)
from wgs_pipeline.ngd.reference import Reference
from wgs_pipeline.ngd.roster import Chosen, Slots, segment_mask, slot_mask

_LONG = [*segments.VARIANT, "slot", "kind"]
_CARRIED = [*segments.VARIANT, *tiers.KINDS]


@dataclass(frozen=True)
class _Shown:
    """Who of a segment is shown.

    Attributes:
        carrying: Mask of those who are, by slot of the segment.
        counting: Mask of those of them who count.
        whole: Whether all who count are, so that the counts of the index are theirs.
    """

    carrying: masks.Mask
    counting: masks.Mask
    whole: bool


@dataclass(frozen=True)
class Snapshot:
    """What one query reads.

    Attributes:
        holdings: The pinned generation.
        planes: Planes that the purpose may open.
        allowed: Which slots may be used now, shape (slots ever given,).
        cohort: Slots that the question is about; None: all.
    """

    holdings: Holdings
    planes: tuple[str, ...]
    allowed: Chosen = field(repr=False)
    cohort: Slots | None = field(default=None, repr=False)

    @property
    def reference(self) -> Reference:
        """The reference of the database."""
        return self.holdings.reference

    @property
    def generation(self) -> Generation:
        """The pinned generation."""
        return self.holdings.generation

    @cached_property
    def visible(self) -> Chosen:
        """Members that may be seen, by place in the roster."""
        roster = self.holdings.roster
        size = max(roster.highest + 1, len(self.allowed))
        allowed = np.zeros(size, np.bool_)
        allowed[: len(self.allowed)] = self.allowed
        if self.cohort is not None:
            allowed &= slot_mask(self.cohort, size - 1)
        return roster.in_planes(self.planes) & roster.active & allowed[roster.slots]

    @cached_property
    def visible_slots(self) -> Slots:
        """Slots of those members, ascending."""
        return self._slots_of(self.visible)

    @cached_property
    def eligible(self) -> int:
        """Genomes that may be counted: the denominator of the answer."""
        return int((self.visible & self.holdings.roster.counted).sum())

    def variants(self, contig: str, start: int, end: int, copies: bool = False) -> pa.Table:
        """Variants at [start, end), 0-based, and their counts; variants that no one carries go.

        Args:
            contig: The contig.
            start: First base.
            end: Base after the last.
            copies: How many genomes are callable, too.

        Returns:
            pos (1-based), ref, alt, n_het, n_hom, n_hemi, AC, AN; sorted. With ``copies`` also
            one_copy and two_copies, as ``callable_genomes`` gives them.
        """
        parts = []
        for bin_, low, high in _bins(start, end):
            table = segments.summed(self._counted(contig, bin_, low, high))
            het, hom, hemi = (np.asarray(table[name]) for name in tiers.COUNTS)
            carried = (het + hom + hemi) > 0
            if not carried.all():
                table = table.filter(pa.array(carried))
                het, hom, hemi = het[carried], hom[carried], hemi[carried]
            positions = np.asarray(table["pos"]).astype(np.int64) - 1
            table = table.append_column("AC", segments.numbers(het + 2 * hom + hemi))
            one, two = self.callable_genomes(contig, positions)
            table = table.append_column("AN", segments.numbers(one + 2 * two))
            if copies:
                table = table.append_column("one_copy", segments.numbers(one))
                table = table.append_column("two_copies", segments.numbers(two))
            parts.append(table)
        return pa.concat_tables(parts)

    def allele_number(self, contig: str, positions: Positions) -> NDArray[np.int32]:
        """AN at ascending 0-based positions: copies of the visible genomes callable there."""
        one, two = self.callable_genomes(contig, positions)
        return one + 2 * two

    def callable_genomes(
        self, contig: str, positions: Positions
    ) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Visible genomes callable at ascending 0-based positions that count there.

        Returns:
            Those of which one copy is expected, and those of which two are, each of shape
            (positions,).
        """
        one, two = (np.zeros(len(positions), np.int32) for _ in range(2))
        bins = positions // BIN_BP
        for bin_ in range(bins[0], bins[-1] + 1) if len(bins) else ():
            rows = slice(*np.searchsorted(bins, [bin_, bin_ + 1]).tolist())
            if rows.start == rows.stop:
                continue
            at = positions[rows]
            for karyotype, depth in self._depths(contig, bin_, at):
                ploidy = self.reference.ploidy(contig, karyotype, at)
                one[rows] += depth * (ploidy == 1)
                two[rows] += depth * (ploidy == 2)
        return one, two

    def calls(self, contig: str, start: int, end: int) -> pa.Table:
        """Visible carriers, counted or not, of the variants at [start, end), 0-based.

        Returns:
            Columns of ``segments.CALLS``, sorted by pos, ref, alt.
        """
        parts = []
        for bin_, low, high in _bins(start, end):
            found: list[segments.Calls] = []
            for name, shown in self._segment_files(contig, bin_):
                for rows in self._bin_rows(name, low, high, _CARRIED):
                    found += segments.calls_of_bin(rows, shown.carrying)
            for rows in self._open_rows(contig, low, high):
                found += segments.calls_of_rows(rows, self._visible_by_slot)
            parts.append(segments.joined(found))
        return _concatenated(parts)

    def calls_of(self, contig: str, keys: Collection[segments.Key]) -> pa.Table:
        """Visible carriers of some variants of a contig: columns of ``segments.CALLS``."""
        by_bin: dict[int, set[segments.Key]] = {}
        for key in keys:
            by_bin.setdefault((key[0] - 1) // BIN_BP, set()).add(key)
        parts = []
        for bin_, wanted in sorted(by_bin.items()):
            positions = np.unique([pos for pos, _, _ in wanted]).astype(np.int32)
            low, high = int(positions[0]) - 1, int(positions[-1])
            found = []
            for name, shown in self._segment_files(contig, bin_):
                groups = self._bin_rows(name, low, high, _CARRIED, positions)
                mine = [segments.matching(rows, positions, wanted) for rows in groups]
                if mine:
                    found += segments.calls_of_bin(pa.concat_tables(mine), shown.carrying)
            for rows in self._open_rows(contig, low, high):
                mine = segments.matching(rows, positions, wanted)
                found += segments.calls_of_rows(mine, self._visible_by_slot)
            parts.append(segments.joined(found))
        return _concatenated(parts)

    def _counted(self, contig: str, bin_: int, low: int, high: int) -> list[pa.Table]:
        """Counts of [low, high) of one bin, one table per tier; each sorted, no variant twice."""
        tables = []
        for name, shown in self._segment_files(contig, bin_):
            parts = [segments.COUNTED.empty_table()]
            if shown.whole:
                parts += self._bin_rows(name, low, high, segments.COUNTED.names)
            else:
                rows = self._bin_rows(name, low, high, _CARRIED)
                parts += [segments.masked(each, shown.counting) for each in rows]
            tables.append(pa.concat_tables(parts))
        not_counted = self._slots_of(~(self.visible & self.holdings.roster.counted))
        for rows in self._open_rows(contig, low, high):
            tables.append(tiers.counted_variants(rows, not_counted))
        return tables

    def _depths(
        self, contig: str, bin_: int, positions: Positions
    ) -> Iterator[tuple[str, NDArray[np.int32]]]:
        """Karyotype and genomes callable at each position of one bin; terms of one sum."""
        roster = self.holdings.roster
        members = roster.in_segment & roster.in_planes(self.planes) & roster.counted
        shown, hidden = members & self.visible, members & ~self.visible
        offsets = positions - bin_ * BIN_BP
        direct = self.cohort is not None and int(shown.sum()) <= int(hidden.sum())
        if not direct:
            yield from self._count_arrays(contig, bin_, offsets)
        label = (self.cohort is not None, direct)
        for stratum, slots in self._strata_of(contig, shown if direct else hidden):
            depth = self.holdings.callability.depth(
                (*label, stratum), contig, bin_, slots, self.holdings.shards_of
            )
            yield stratum, depth[offsets] if direct else -depth[offsets]
        waiting = ~roster.in_segment & roster.counted & self.visible
        if waiting.any():
            yield from self._open_depths(contig, positions, waiting)

    def _count_arrays(
        self, contig: str, bin_: int, offsets: Positions
    ) -> Iterator[tuple[str, NDArray[np.int32]]]:
        for plane in self.planes:
            for stratum in self.holdings.strata:
                folder = counts_file(plane, stratum, contig, bin_, 0).rpartition("/")[0]
                name = self.holdings.file_in(folder)
                if name is not None:
                    yield stratum, self._counts_at(name, offsets)

    def _counts_at(self, name: str, offsets: Positions) -> NDArray[np.int32]:
        """Values of a count array at ascending offsets from the start of its bin."""
        files, footer = self.holdings.files, self.holdings.footer(name)
        ends = np.cumsum(files.file(name, footer).rows)
        result = np.zeros(len(offsets), np.int32)
        for group, end in enumerate(ends.tolist()):
            first = int(ends[group - 1]) if group else 0
            rows = slice(*np.searchsorted(offsets, [first, end]).tolist())
            if rows.start == rows.stop:
                continue
            values = files.group(name, group, ["count"], footer)["count"].chunk(0)
            result[rows] = np.asarray(values)[offsets[rows] - first]
        return result

    def _open_depths(
        self, contig: str, positions: Positions, waiting: Chosen
    ) -> Iterator[tuple[str, NDArray[np.int32]]]:
        low, high = int(positions[0]), int(positions[-1]) + 1
        at = (("contig", "=", contig), ("start", "<", high), ("end", ">", low))
        strata = list(self._strata_of(contig, waiting))
        for name in self._open_files:
            file = callable_file(name)
            runs = self.holdings.files.where(
                file, at, ["start", "end", "slot"], self.holdings.footer(file)
            )
            for stratum, slots in strata:
                yield stratum, tiers.coverage(runs, low, high, slots)[positions - low]

    def _strata_of(self, contig: str, members: Chosen) -> Iterator[tuple[str, Slots]]:
        """Slots of some members by the stratum that they are counted in on a contig."""
        roster = self.holdings.roster
        if self.reference.depends_on_sex(contig):
            yield from roster.by_karyotype(members)
        elif members.any():
            yield "all", roster.slots[members]

    def _segment_files(self, contig: str, bin_: int) -> Iterator[tuple[str, _Shown]]:
        """Files of a bin, and who of the segment is shown."""
        for (plane, segment), shown in self._shown.items():
            folder = segment_file(plane, segment, contig, bin_, 0).rpartition("/")[0]
            name = self.holdings.file_in(folder)
            if name is not None:
                yield name, shown

    @cached_property
    def _shown(self) -> Mapping[tuple[str, int], _Shown]:
        """Plane and number of each segment, and who of it is shown."""
        roster = self.holdings.roster
        result = {}
        for plane, segment in roster.segments(self.planes):
            members = roster.segment_members(plane, segment)
            carrying = segment_mask(self._slots_of(members & self.visible))
            counting = segment_mask(self._slots_of(members & self.visible & roster.counted))
            whole = not (members & roster.counted & ~self.visible).any()
            result[plane, segment] = _Shown(carrying, counting, whole)
        return result

    @cached_property
    def _visible_by_slot(self) -> Chosen:
        return slot_mask(self.visible_slots, self.holdings.roster.highest)

    def _bin_rows(
        self,
        name: str,
        low: int,
        high: int,
        columns: list[str],
        positions: NDArray[np.int32] | None = None,
    ) -> Iterator[pa.Table]:
        """Rows of a bin file that lie in [low, high), of row groups that hold such a position."""
        files, footer = self.holdings.files, self.holdings.footer(name)
        file = files.file(name, footer)
        for group in file.groups((("pos", ">", low), ("pos", "<=", high))):
            bounds = file.bounds("pos")[group]
            if positions is not None and bounds is not None:
                first, last = np.searchsorted(positions, [bounds[0], bounds[1] + 1])
                if first == last:
                    continue
            table = files.group(name, group, columns, footer)
            rows = slice_of(np.asarray(table["pos"].chunk(0)), low, high)
            if rows.start < rows.stop:
                yield table.slice(rows.start, rows.stop - rows.start)

    def _open_rows(self, contig: str, low: int, high: int) -> Iterator[pa.Table]:
        at = (("contig", "=", contig), ("pos", ">", low), ("pos", "<=", high))
        for name in self._open_files:
            footer = self.holdings.footer(name)
            rows = self.holdings.files.where(name, at, _LONG, footer)
            if rows.num_rows:
                yield rows

    @cached_property
    def _open_files(self) -> list[str]:
        roster = self.holdings.roster
        return [open_file(plane, tier) for plane, tier in roster.open_tiers(self.planes)]

    def _slots_of(self, members: Chosen) -> Slots:
        return self.holdings.roster.slots[members]


def _bins(start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Bins that overlap [start, end), and the part of that range in each."""
    for bin_ in range(start // BIN_BP, (end - 1) // BIN_BP + 1):
        yield bin_, max(start, bin_ * BIN_BP), min(end, (bin_ + 1) * BIN_BP)


def _concatenated(parts: list[pa.Table]) -> pa.Table:
    """Calls of several bins as one table; their dictionaries are made one."""
    if len(parts) == 1:
        return parts[0]
    return pa.concat_tables(parts or [segments.CALLS.empty_table()]).unify_dictionaries()
