"""From genomes to sites: calls and callable runs of many shards, read back by position.

Shards are person-major and a matrix is site-major. The turn is made contig by contig on disk:
genomes are read one after another, and whenever enough rows have come together they are sorted by
position and written to a file of their own, from which any window can be read without the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from wgs_pipeline.ngd.export_cohort import Cohort
from wgs_pipeline.ngd.intervals import Bases
from wgs_pipeline.ngd.layout import BIN_BP, Root
from wgs_pipeline.ngd.parquet import Condition, read_where
from wgs_pipeline.ngd.shard_rows import read_calls, read_runs

#: Rows that are held in memory before they are written; at most some 60 bytes each.
FLUSH_ROWS = 8_000_000
#: Rows that one window may bring; windows are made so small that they fit.
WINDOW_ROWS = 8_000_000
LEAST_WINDOW_BP = 1_000
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
        schema: Columns of the rows; the first is the position that they are sorted by.
    """

    folder: Path
    schema: pa.Schema
    rows: int = 0
    _held: list[pa.Table] = field(default_factory=list)
    _files: list[Path] = field(default_factory=list)

    def add(self, table: pa.Table) -> None:
        """Take the rows of one more genome."""
        self._held.append(table)
        self.rows += table.num_rows
        if sum(each.num_rows for each in self._held) >= FLUSH_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what is held."""
        held = [each for each in self._held if each.num_rows]
        self._held = []
        if not held:
            return
        path = self.folder / f"{self.schema.names[0]}-{len(self._files)}.parquet"
        table = pa.concat_tables(held).sort_by(self.schema.names[0])
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
        return cls(contig, bases, Sorted(folder, CALLS), Sorted(folder, RUNS))

    @property
    def window_bp(self) -> int:
        """Size of the windows in which it can be read, in bp."""
        covered = max(int((self.bases.ends - self.bases.starts).sum()), 1)
        per_bp = max(self.calls.rows, self.runs.rows) / covered
        return int(min(BIN_BP, max(LEAST_WINDOW_BP, WINDOW_ROWS / max(per_bp, 1e-9))))

    def calls_in(self, low: int, high: int) -> pa.Table:
        """Calls at [low, high), 0-based, sorted by pos, ref, alt and column."""
        table = self.calls.read([("pos", ">", low), ("pos", "<=", high)])
        order = [(name, "ascending") for name in ("pos", "ref", "alt", "column")]
        return table.sort_by(order).combine_chunks()

    def runs_in(self, low: int, high: int) -> pa.Table:
        """Runs that overlap [low, high), not cut to it."""
        return self.runs.read([("start", "<", high), ("end", ">", low)])


def read_genomes(root: Root, cohort: Cohort, rows: ContigRows) -> Iterator[tuple[int, Bases]]:
    """Read the shards of a cohort, one genome at a time, into ``rows``.

    Only what lies between the first and the last wanted base is read.

    Args:
        root: The database.
        cohort: Whose genomes.
        rows: Where their rows go; complete after the last genome.

    Yields:
        Column of the genome, and its callable bases among those wanted.

    Raises:
        NgdError: A shard is missing or damaged.
    """
    low, high = int(rows.bases.starts[0]), int(rows.bases.ends[-1])
    for column, shard in enumerate(cohort.shards):
        calls = read_calls(root, shard, (rows.contig, low, high))
        rows.calls.add(_calls(calls, rows.bases, column))
        table = read_runs(root, shard, rows.contig, low, high)
        starts, ends = (np.asarray(table[name]).astype(np.int64) for name in ("start", "end"))
        runs = Bases(starts, ends).intersect(rows.bases)
        rows.runs.add(_runs(runs, column))
        yield column, runs
    rows.calls.flush()
    rows.runs.flush()


def _calls(variants: pa.Table, bases: Bases, column: int) -> pa.Table:
    inside = bases.contains(np.asarray(variants["pos"]).astype(np.int64) - 1)
    table = variants.filter(pc.and_(variants["passed"], pa.array(inside)))
    at = pa.array(np.full(table.num_rows, column, np.int32))
    return table.append_column("column", at).select(CALLS.names).cast(CALLS)


def _runs(runs: Bases, column: int) -> pa.Table:
    columns = {
        "start": runs.starts.astype(np.int32),
        "end": runs.ends.astype(np.int32),
        "column": np.full(len(runs), column, np.int32),
    }
    return pa.table(columns, schema=RUNS)
