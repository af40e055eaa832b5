"""The genomes of a generation as columns, for questions that concern all of them at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wgs_pipeline.ngd.generation import SEGMENT
from wgs_pipeline.ngd.layout import SEGMENT_SLOTS

Chosen = NDArray[np.bool_]
Slots = NDArray[np.uint32]


@dataclass(frozen=True)
class Roster:
    """Members of a generation, sorted by slot; every array has shape (members,).

    Attributes:
        table: Columns of ``generation.MEMBERS``.
    """

    table: pa.Table

    @cached_property
    def slots(self) -> Slots:
        """Slot of each member, ascending."""
        return np.asarray(self.table["slot"]).astype(np.uint32)

    @cached_property
    def highest(self) -> int:
        """The highest slot; -1 where there is no member."""
        return int(self.slots[-1]) if len(self.slots) else -1

    @cached_property
    def active(self) -> Chosen:
        """Members that were not replaced."""
        return ~np.asarray(self.table["retired"]).astype(np.bool_)

    @cached_property
    def counted(self) -> Chosen:
        """Members whose callable bases are known: whole genomes, and others with a target."""
        whole = pc.equal(self.table["assay"], "wgs")
        return np.asarray(pc.or_(whole, pc.not_equal(self.table["target"], ""))).astype(np.bool_)

    @cached_property
    def in_segment(self) -> Chosen:
        """Members whose bits lie in the big segments; the others' lie in open tiers."""
        return np.asarray(pc.equal(self.table["tier"], SEGMENT)).astype(np.bool_)

    @cached_property
    def karyotypes(self) -> tuple[list[str], NDArray[np.int32]]:
        """Distinct karyotypes, and which of them each member has."""
        return _codes(self.table["karyotype"])

    def in_planes(self, planes: Collection[str]) -> Chosen:
        """Members whose bits lie in one of some planes."""
        names, codes = self._planes
        chosen = np.array([name in planes for name in names], np.bool_)
        found: Chosen = chosen[codes]
        return found

    def segments(self, planes: Collection[str]) -> list[tuple[str, int]]:
        """Plane and number of each segment, in order."""
        names, codes = self._planes
        size = self.highest // SEGMENT_SLOTS + 1
        chosen = self.in_segment & self.in_planes(planes)
        places = codes[chosen] * size + self.slots[chosen] // SEGMENT_SLOTS
        pairs = (divmod(place, size) for place in _distinct(places))
        return sorted((names[code], number) for code, number in pairs)

    def open_tiers(self, planes: Collection[str]) -> list[tuple[str, int]]:
        """Plane and generation of each open tier, in order."""
        names, codes = self._planes
        tiers, of_tier = _codes(self.table["tier"])
        chosen = ~self.in_segment & self.in_planes(planes)
        places = codes[chosen] * len(tiers) + of_tier[chosen]
        pairs = (divmod(place, len(tiers)) for place in _distinct(places))
        return sorted((names[code], int(tiers[tier])) for code, tier in pairs)

    def segment_members(self, plane: str, segment: int) -> Chosen:
        """Members whose bits lie in one segment."""
        here: Chosen = self.slots // SEGMENT_SLOTS == segment
        return self.in_segment & self.in_planes((plane,)) & here

    def by_karyotype(self, chosen: Chosen) -> Iterator[tuple[str, Slots]]:
        """Slots of some members, by karyotype."""
        names, codes = self.karyotypes
        for code in _distinct(codes[chosen]):
            yield names[code], self.slots[chosen & (codes == code)]

    @cached_property
    def _planes(self) -> tuple[list[str], NDArray[np.int32]]:
        return _codes(self.table["plane"])


def slot_mask(slots: Slots, highest: int) -> Chosen:
    """A mask by slot, shape (highest + 1,)."""
    mask = np.zeros(highest + 1, np.bool_)
    mask[slots] = True
    return mask


def segment_mask(slots: Slots) -> Chosen:
    """A mask of the slots of one segment, shape (SEGMENT_SLOTS,)."""
    mask = np.zeros(SEGMENT_SLOTS, np.bool_)
    mask[slots % SEGMENT_SLOTS] = True
    return mask


def _distinct(numbers: NDArray[np.integer[Any]]) -> list[int]:
    """Distinct small numbers, ascending; ``np.unique`` costs a process 50 ms when first used."""
    distinct: list[int] = np.flatnonzero(np.bincount(numbers)).tolist()
    return distinct


def _codes(column: pa.ChunkedArray) -> tuple[list[str], NDArray[np.int32]]:
    encoded = column.combine_chunks().dictionary_encode()
    return encoded.dictionary.to_pylist(), np.asarray(encoded.indices).astype(np.int32)
