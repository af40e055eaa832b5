"""How many of some genomes are callable at each base of a bin, from their shards.

Count arrays hold this for all genomes of a segment. Those who must be left out of an answer, or
the few that it is about, are counted here, and kept for the next question: when one person joins
or leaves the set, only that person's runs are read.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.ngd.layout import BIN_BP, Root
from wgs_pipeline.ngd.roster import Slots
from wgs_pipeline.ngd.shard_rows import Shard, read_runs

#: Arrays that are kept; each has 4 MB.
_KEPT = 48
#: Shards whose runs are held in memory at once.
_BATCH = 256

Depth = NDArray[np.int32]
#: Gives the shards of slots; None where one of them is not known any more.
ShardsOf = Callable[[Slots], list[Shard] | None]


@dataclass(frozen=True)
class _Kept:
    slots: Slots
    depth: Depth


class Callability:
    """Depths of callable genomes by bin, of the sets of genomes that were asked for lately."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()

    def depth(
        self, label: Hashable, contig: str, bin_: int, slots: Slots, shards_of: ShardsOf
    ) -> Depth:
        """Genomes of a set that are callable at each base of a bin, shape (1,000,000,).

        Args:
            label: What the set is for; of each use the last set is kept.
            contig: The contig.
            bin_: Number of the bin.
            slots: The genomes, ascending.
            shards_of: Where their callable bases are.
        """
        key = (label, contig, bin_)
        kept = self._kept.get(key)
        if kept is None or not np.array_equal(kept.slots, slots):
            depth = None if kept is None else self._changed(contig, bin_, kept, slots, shards_of)
            if depth is None:
                depth = self._counted(contig, bin_, shards_of(slots) or [])
            kept = _Kept(slots, depth)
            self._kept[key] = kept
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return kept.depth

    def _changed(
        self, contig: str, bin_: int, kept: _Kept, slots: Slots, shards_of: ShardsOf
    ) -> Depth | None:
        """The kept depth, with those who joined and without those who left; None if not cheaper."""
        joined = np.setdiff1d(slots, kept.slots, assume_unique=True)
        left = np.setdiff1d(kept.slots, slots, assume_unique=True)
        if len(joined) + len(left) >= len(slots):
            return None
        more, fewer = shards_of(joined), shards_of(left)
        if more is None or fewer is None:
            return None
        added, removed = self._counted(contig, bin_, more), self._counted(contig, bin_, fewer)
        return kept.depth + added - removed

    def _counted(self, contig: str, bin_: int, shards: list[Shard]) -> Depth:
        low, high = bin_ * BIN_BP, (bin_ + 1) * BIN_BP
        steps = np.zeros(BIN_BP + 1, np.int64)
        for first in range(0, len(shards), _BATCH):
            tables = [
                read_runs(self._root, shard, contig, low, high)
                for shard in shards[first : first + _BATCH]
            ]
            for name, sign in (("start", 1), ("end", -1)):
                at = np.concatenate([np.asarray(table[name]) for table in tables]) - low
                steps += sign * np.bincount(np.clip(at, 0, BIN_BP), minlength=BIN_BP + 1)
        return np.cumsum(steps[:-1]).astype(np.int32)
