"""Open Parquet files of a database, and what was read of them lately.

Files below ``index`` and ``counts`` never change, so what was read once stays true for as long as
a generation names the file. Footers are checked against the digest that the manifest gives before
anything in them is believed; pages carry checksums of their own.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd.parquet import Condition, conditions_met, damage_named, open_parquet

#: Files that are held open at most.
_HANDLES = 128
#: Bytes of columns that are kept in memory at most.
_BYTES = 256 << 20


@dataclass(frozen=True)
class OpenFile:
    """An open Parquet file."""

    path: Path
    parquet: pq.ParquetFile

    @cached_property
    def rows(self) -> list[int]:
        """Rows of each row group."""
        metadata = self.parquet.metadata
        return [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]

    @cached_property
    def columns(self) -> dict[str, int]:
        """Column name to its place."""
        return {name: place for place, name in enumerate(self.parquet.schema_arrow.names)}

    @cached_property
    def _bounds(self) -> dict[str, list[tuple[Any, Any] | None]]:
        return {}

    def bounds(self, column: str) -> list[tuple[Any, Any] | None]:
        """Least and greatest value of a column in each row group; None where unknown."""
        if column not in self._bounds:
            metadata, place = self.parquet.metadata, self.columns[column]
            found: list[tuple[Any, Any] | None] = []
            for group in range(metadata.num_row_groups):
                statistics = metadata.row_group(group).column(place).statistics
                known = statistics is not None and statistics.has_min_max
                found.append((statistics.min, statistics.max) if known else None)
            self._bounds[column] = found
        return self._bounds[column]

    def groups(self, conditions: Sequence[Condition]) -> list[int]:
        """Row groups that may hold rows that meet the conditions."""
        return [
            group
            for group in range(len(self.rows))
            if all(
                _possible(self.bounds(name)[group], sign, value) for name, sign, value in conditions
            )
        ]


class FileCache:
    """Open files and decoded columns of a database, the least recently used ones dropped first.

    Args:
        folder: ROOT.
        handles: Files held open at most.
        bytes_: Bytes of columns kept at most.
    """

    def __init__(self, folder: Path, handles: int = _HANDLES, bytes_: int = _BYTES) -> None:
        self._folder, self._most_handles, self._most_bytes = folder, handles, bytes_
        self._files: OrderedDict[str, OpenFile] = OrderedDict()
        self._columns: OrderedDict[tuple[str, int, str], pa.Array] = OrderedDict()
        self._bytes = 0

    def close(self) -> None:
        """Close all files and forget what was read."""
        self.keep_only(())

    def keep_only(self, files: Collection[str]) -> None:
        """Forget every file that is not among those given."""
        for name in [each for each in self._files if each not in files]:
            self._files.pop(name).parquet.close()
        for key in [each for each in self._columns if each[0] not in files]:
            self._bytes -= self._columns.pop(key).nbytes

    def file(self, name: str, footer: str | None = None) -> OpenFile:
        """An open file.

        Args:
            name: Path relative to ROOT.
            footer: Digest of its footer, as the manifest says.

        Raises:
            NgdError: The file is missing or damaged.
        """
        found = self._files.get(name)
        if found is not None:
            self._files.move_to_end(name)
            return found
        path = self._folder / name
        try:
            found = OpenFile(path, open_parquet(path, footer))
        except FileNotFoundError as error:  # it is pinned, so no compaction has dropped it
            raise NgdError(f"{path}: missing; run 'wgs ngd verify'") from error
        self._files[name] = found
        while len(self._files) > self._most_handles:
            self._files.popitem(last=False)[1].parquet.close()
        return found

    def group(
        self, name: str, group: int, columns: Sequence[str], footer: str | None = None
    ) -> pa.Table:
        """Columns of one row group.

        Raises:
            NgdError: The file is missing or damaged.
        """
        missing = [each for each in columns if (name, group, each) not in self._columns]
        read: dict[str, pa.Array] = {}
        if missing:
            file = self.file(name, footer)
            with damage_named(file.path):
                table = file.parquet.read_row_group(group, missing, use_threads=False)
            read = {each: _one_chunk(table[each]) for each in missing}
        arrays = {}
        for each in columns:
            key = (name, group, each)
            arrays[each] = read[each] if each in read else self._columns[key]
            if each not in read:
                self._columns.move_to_end(key)
        for each, array in read.items():
            self._keep((name, group, each), array)
        return pa.table(arrays)

    def where(
        self,
        name: str,
        conditions: Sequence[Condition],
        columns: Sequence[str],
        footer: str | None = None,
    ) -> pa.Table:
        """Columns of the rows of a file that meet all conditions, in the file's order.

        Raises:
            NgdError: The file is missing or damaged.
        """
        file = self.file(name, footer)
        with damage_named(file.path):
            groups = file.groups(conditions)
        parts = []
        for group in groups:
            unsure = [
                (each, sign, value)
                for each, sign, value in conditions
                if not _certain(file.bounds(each)[group], sign, value)
            ]
            asked = dict.fromkeys((*columns, *(each for each, _, _ in unsure)))
            table = self.group(name, group, list(asked), footer)
            parts.append(conditions_met(table, unsure).select(list(columns)))
        if not parts:
            return file.parquet.schema_arrow.empty_table().select(list(columns))
        return pa.concat_tables(parts)

    def _keep(self, key: tuple[str, int, str], array: pa.Array) -> None:
        size = array.nbytes
        if size > self._most_bytes // 4:
            return  # one column must not drive all others out
        self._columns[key] = array
        self._bytes += size
        while self._bytes > self._most_bytes:
            _, dropped = self._columns.popitem(last=False)
            self._bytes -= dropped.nbytes


def slice_of(positions: NDArray[np.int32], low: int, high: int) -> slice:
    """Rows of ascending 1-based positions that lie in [low, high), 0-based."""
    first, last = np.searchsorted(positions, [low + 1, high + 1])
    return slice(int(first), int(last))


def _possible(bounds: tuple[Any, Any] | None, sign: str, value: Any) -> bool:
    if bounds is None:
        return True
    low, high = bounds
    if sign in ("=", "<", "<=") and low > value:
        return False
    return not (sign in ("=", ">", ">=") and high < value)


def _certain(bounds: tuple[Any, Any] | None, sign: str, value: Any) -> bool:
    """Whether all rows of a row group meet a condition, such as that on a contig that it is of."""
    if bounds is None:
        return False
    low, high = bounds
    met = {
        "=": low == high == value,
        "<": high < value,
        "<=": high <= value,
        ">": low > value,
        ">=": low >= value,
    }
    return bool(met[sign])


def _one_chunk(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
