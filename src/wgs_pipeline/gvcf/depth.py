"""Bands of depth as mosdepth writes them, made whole at the last base of each contig.

``mosdepth --quantize`` never looks at the last base of a contig, which gets the band of the base
before it (0.3.3; the source of 0.3.10 has it still). A region of one base does tell its depth.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wgs_pipeline.errors import GvcfError
from wgs_pipeline.gvcf.bgzf import check_bgzf_eof, read_lines
from wgs_pipeline.gvcf.columns import INTERVAL, malformed, read_columns

_DEEPEST = str(np.iinfo(np.int64).max)


@dataclass(frozen=True)
class LastBases:
    """Contigs and the depth at their last bases.

    Attributes:
        names: Of the contigs.
        lengths: Bases of each contig, shape (contigs,).
        depths: Reads at the last base of each contig, shape (contigs,).
    """

    names: pa.Array
    lengths: NDArray[np.int64]
    depths: NDArray[np.int64]

    @classmethod
    def read(cls, path: Path) -> LastBases:
        """Read what ``mosdepth --by`` writes of a BED of last bases.

        Raises:
            GvcfError: The file is broken, or has an interval that is not one base.
        """
        columns = {**INTERVAL, "depth": pa.float64()}
        tables = [read_columns(chunk, columns, str(path)) for chunk in read_lines(path)]
        table = pa.concat_tables(
            [pa.schema(list(columns.items())).empty_table(), *tables]
        ).combine_chunks()
        starts, ends = table["start"].to_numpy(), table["end"].to_numpy()
        if (wide := np.flatnonzero(ends - starts != 1)).size:
            row = int(wide[0])
            raise GvcfError(
                f"{path}: has the interval {table['contig'][row]}:{starts[row]}-{ends[row]}; "
                "expected the last base of each contig. Measure the depth again"
            )
        depths = np.rint(table["depth"].to_numpy()).astype(np.int64)
        return cls(pa.array(table["contig"].to_pylist(), pa.string()), ends, depths)

    def length_of(self, contig: str) -> int:
        """Bases of a contig; 0 for one that is not here."""
        found = pc.index(self.names, contig).as_py()
        return int(self.lengths[found]) if found >= 0 else 0


def depth_tables(depth_bed: Path, last_bases: LastBases) -> Iterator[pa.Table]:
    """Bands of depth, a part of the file at a time, right at the last base of each contig too.

    Args:
        depth_bed: Runs of equal depth band, as ``mosdepth --quantize 0:1:…`` writes them.
        last_bases: Depth at the last bases.

    Yields:
        Columns contig, start, end (0-based half-open) and depth, the lower bound of the band, or
        the depth of a last base that is in another band than the base before it.

    Raises:
        GvcfError: The file is broken, or does not cover each contig from end to end.
    """
    check_bgzf_eof(depth_bed)
    walk = _Walk(depth_bed, last_bases)
    for chunk in read_lines(depth_bed):
        table = read_columns(chunk, {**INTERVAL, "band": pa.string()}, str(depth_bed))
        contigs = pc.index_in(table["contig"], last_bases.names).combine_chunks()
        codes = pc.fill_null(contigs, -1).to_numpy().astype(np.int64)
        walk.follow(codes, table)
        try:
            yield _corrected(table, codes, last_bases)
        except pa.ArrowInvalid as error:
            raise malformed(str(depth_bed), error) from error
    walk.arrive()


def _corrected(table: pa.Table, codes: NDArray[np.int64], last_bases: LastBases) -> pa.Table:
    """Lower bounds for bands, and a row of its own for a last base in another band."""
    starts, ends = table["start"].to_numpy(), table["end"].to_numpy()
    bounds = pc.split_pattern(table["band"], ":")
    depths = pc.cast(pc.list_element(bounds, 0), pa.int64()).to_numpy()
    rows = np.flatnonzero(ends == last_bases.lengths[codes])
    above = pc.list_element(bounds.take(pa.array(rows)), 1)
    above = pc.cast(pc.if_else(pc.equal(above, "inf"), _DEEPEST, above), pa.int64()).to_numpy()
    found = last_bases.depths[codes[rows]]
    wrong = (found < depths[rows]) | (found >= above)
    rows, found = rows[wrong], found[wrong]
    last = ends[rows]
    ends = np.insert(np.where(np.isin(np.arange(len(ends)), rows), ends - 1, ends), rows + 1, last)
    starts = np.insert(starts, rows + 1, last - 1)
    whole = starts < ends
    columns = {
        "contig": last_bases.names.take(pa.array(np.insert(codes, rows + 1, codes[rows])[whole])),
        "start": starts[whole],
        "end": ends[whole],
        "depth": np.insert(depths, rows + 1, found)[whole],
    }
    return pa.table(columns)


class _Walk:
    """Sees that bands follow each other, from the first base of each contig to its last."""

    def __init__(self, depth_bed: Path, last_bases: LastBases) -> None:
        self._depth_bed = depth_bed
        self._names = last_bases.names
        self._lengths = np.append(last_bases.lengths, 0)  # the last one: before the first contig
        self._seen = np.zeros(len(last_bases.lengths), np.bool_)
        self._contig, self._end = -1, 0

    def follow(self, codes: NDArray[np.int64], table: pa.Table) -> None:
        """Check the rows of a table; ``codes`` has the number of each row's contig, or -1."""
        if (strange := np.flatnonzero(codes < 0)).size:
            raise self._broken(f"{table['contig'][int(strange[0])]} is no contig of the last bases")
        starts, ends = table["start"].to_numpy(), table["end"].to_numpy()
        contigs = np.concatenate(([self._contig], codes[:-1]))
        before = np.concatenate(([self._end], ends[:-1]))
        same = codes == contigs
        gap = (starts != np.where(same, before, 0)) | (ends <= starts)
        gap |= ~same & (before != self._lengths[contigs])
        if (rows := np.flatnonzero(gap)).size:
            row = int(rows[0])
            raise self._broken(f"no band leads to {table['contig'][row]}:{starts[row] + 1}")
        self._seen[codes] = True
        self._contig, self._end = int(codes[-1]), int(ends[-1])

    def arrive(self) -> None:
        """Check that nothing is missing at the end."""
        missing = np.flatnonzero(~self._seen)
        if missing.size:
            raise self._broken(f"{self._names[int(missing[0])]} is missing")
        if self._end != self._lengths[self._contig]:
            raise self._broken(f"{self._names[self._contig]} ends at {self._end}")

    def _broken(self, what: str) -> GvcfError:
        return GvcfError(
            f"{self._depth_bed}: {what}; expected bands of depth from the first base of each "
            "contig to its last. mosdepth was interrupted, or another reference measured: measure "
            "the depth again"
        )
