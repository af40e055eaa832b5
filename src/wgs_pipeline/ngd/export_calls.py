"""From genomes to sites: calls and callable runs of many shards, read back by position.

Shards are person-major and a matrix is site-major. The turn is made on disk: genomes are read one
after another, and whenever enough rows have come together, those of each contig are sorted by
position and written to a file of their own, from which any window can be read without the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from wgs_pipeline.ngd.export_regions import windows
from wgs_pipeline.ngd.intervals import Bases
from wgs_pipeline.ngd.layout import BIN_BP, folder_name
from wgs_pipeline.ngd.parquet import Condition, read_where

#: Rows that one window may bring, and those of one tile more.
WINDOW_ROWS = 4_000_000
#: Bases in which rows are counted together.
TILE_BP = 4_096
#: Calls of the genomes of an export; ``column`` is the place of the genome in its cohort.
CALLS = pa.schema(
    [
        ("pos", pa.int32()),
        ("ref", pa.string()),
        ("alt", pa.string()),
        ("column", pa.int32()),
        ("kind", pa.uint8()),
        ("gt", pa.string()),
        ("dp", pa.int16()),
        ("gq", pa.int16()),
        ("ad_ref", pa.int16()),
        ("ad_alt", pa.int16()),
    ]
)
RUNS = pa.schema([("start", pa.int32()), ("end", pa.int32()), ("column", pa.int32())])


@dataclass
class Sorted:
    """Rows that come by genome and go by position.

    Attributes:
        folder: Where the files are written.
        name: What they are called.
        schema: Columns of the rows; the first is the position that they are sorted by.
    """

    folder: Path
    name: str
    schema: pa.Schema
    _tiles: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    _held: list[pa.Table] = field(default_factory=list)
    _files: list[Path] = field(default_factory=list)

    def add(self, table: pa.Table) -> None:
        """Take the rows of one more genome; they are held in memory until they are written."""
        if not table.num_rows:
            return
        self._held.append(table)
        count = np.bincount(np.asarray(table[self.schema.names[0]]) // TILE_BP)
        if len(count) > len(self._tiles):
            self._tiles = np.pad(self._tiles, (0, len(count) - len(self._tiles)))
        self._tiles[: len(count)] += count

    def tiles(self, first: int, last: int) -> NDArray[np.int64]:
        """Rows in each of the tiles [first, last)."""
        found = self._tiles[first:last]
        return np.pad(found, (0, last - first - len(found)))

    def flush(self) -> None:
        """Write what is held."""
        if not self._held:
            return
        key = self.schema.names[0]
        path = self.folder / f"{self.name}-{key}-{len(self._files)}.parquet"
        table = pa.concat_tables(self._held).sort_by(key)
        self._held = []
        pq.write_table(table, path, compression="lz4", row_group_size=65_536)
        self._files.append(path)

    def read(self, conditions: list[Condition]) -> pa.Table:
        """Rows that meet the conditions, in no order."""
        found = [read_where(path, conditions) for path in self._files]
        return pa.concat_tables([self.schema.empty_table(), *found]).combine_chunks()

    def clear(self) -> None:
        """Remove the files."""
        for path in self._files:
            path.unlink()
        self._files = []


@dataclass(frozen=True)
class ContigRows:
    """Calls and callable runs of a cohort on one contig.

    Attributes:
        contig: Its name.
        bases: What is exported of it.
        calls: Columns of ``CALLS``.
        runs: Columns of ``RUNS``: 0-based half-open, cut to ``bases``.
    """

    contig: str
    bases: Bases
    calls: Sorted
    runs: Sorted

    @classmethod
    def within(cls, contig: str, bases: Bases, folder: Path) -> ContigRows:
        """None yet; they will be kept in ``folder``."""
        name = folder_name(contig)
        return cls(contig, bases, Sorted(folder, name, CALLS), Sorted(folder, name, RUNS))

    @property
    def span(self) -> tuple[int, int]:
        """First and one past the last base wanted."""
        return int(self.bases.starts[0]), int(self.bases.ends[-1])

    def windows(self) -> Iterator[tuple[int, int]]:
        """Windows over what is wanted, none with more rows than can be held in memory."""
        for low, high in windows(self.bases, BIN_BP):
            first, last = low // TILE_BP, -(-high // TILE_BP)
            most = np.maximum(self.calls.tiles(first, last), self.runs.tiles(first, last))
            part = (np.cumsum(most) - 1) // WINDOW_ROWS
            cuts = (first + 1 + np.flatnonzero(np.diff(part))) * TILE_BP
            borders = [low, *(cut for cut in cuts.tolist() if low < cut < high), high]
            yield from pairwise(borders)

    def calls_in(self, low: int, high: int) -> pa.Table:
        """Calls at [low, high), 0-based, sorted by pos, ref, alt and column."""
        table = self.calls.read([("pos", ">", low), ("pos", "<=", high)])
        order = [(name, "ascending") for name in ("pos", "ref", "alt", "column")]
        return table.sort_by(order).combine_chunks()

    def flush(self) -> None:
        """Write what is held."""
        self.calls.flush()
        self.runs.flush()

    def clear(self) -> None:
        """Remove the files."""
        self.calls.clear()
        self.runs.clear()

    def runs_in(self, low: int, high: int) -> pa.Table:
        """Runs that overlap [low, high), not cut to it."""
        return self.runs.read([("start", "<", high), ("end", ">", low)])
