"""The genotype cells of a block: one FORMAT at a time, as arrays over records and samples."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wgs_pipeline.ngd.callset_source import FIXED, Block, texts
from wgs_pipeline.ngd.genotypes import is_genotype

_COLON = ord(":")
_FLOAT = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$|^[+-]?(?i:nan|inf|infinity)$"


class Malformed(Exception):  # noqa: N818 (becomes a GvcfError with its line)
    """A record of a block that cannot be read; ``row`` is its index in the block."""

    def __init__(self, row: int, found: str, expected: str) -> None:
        super().__init__(found)
        self.row, self.found, self.expected = row, found, expected


@dataclass(frozen=True)
class Cells:
    """Cells of records that share one FORMAT, numbered record by record.

    Attributes:
        block: Where the bytes are.
        keys: The keys of FORMAT.
        rows: The records, index into the block, shape (records,).
        columns: The samples, index into those of the file, shape (samples,).
    """

    block: Block
    keys: tuple[str, ...]
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, int]:
        """Records and samples."""
        return len(self.rows), len(self.columns)

    def genotype_codes(self, known: dict[str, int]) -> NDArray[np.int32]:
        """Index of each cell's GT in ``known``, which gains those not seen before.

        A record without GT says of no sample what it carries: its cells are ``.``.

        Raises:
            Malformed: GT is not the first key, or a value is no genotype.
        """
        if "GT" not in self.keys:
            missing = known.setdefault(".", len(known))
            return np.full(self.shape, missing, np.int32)
        if self.keys[0] != "GT":
            raise Malformed(int(self.rows[0]), "FORMAT with GT after another key", "GT first")
        encoded = self._texts("GT", slice(None)).dictionary_encode()
        indices = np.asarray(encoded.indices)
        own = []
        for code, text in enumerate(encoded.dictionary.to_pylist()):
            if not is_genotype(text):
                row = self.row_of(int(np.argmax(indices == code)))
                raise Malformed(row, "a GT that is no genotype", "such as 0/1, 1|1 or ./.")
            own.append(known.setdefault(text, len(known)))
        codes: NDArray[np.int32] = np.array(own, np.int32)[indices].reshape(self.shape)
        return codes

    def text(self, key: str, cells: NDArray[np.int64] | slice) -> pa.StringArray | None:
        """Values of a key in some cells; null where missing. None if FORMAT lacks the key."""
        if key not in self.keys:
            return None
        values = self._texts(key, cells)
        missing = pc.or_(pc.equal(values, "."), pc.equal(values, ""))
        return pc.if_else(missing, pa.scalar(None, pa.string()), values)

    def numbers(self, key: str) -> NDArray[np.float64]:
        """Values of a key in all cells as numbers; NaN where missing.

        Raises:
            Malformed: A value is no number.
        """
        values = self.text(key, slice(None))
        if values is None:
            return np.full(self.shape, np.nan)
        return as_numbers(values, np.arange(len(values)), self, key).reshape(self.shape)

    def depth(self, least: bool) -> NDArray[np.float64]:
        """DP of all cells, or their MIN_DP where there is one and ``least``; NaN where missing."""
        depth = self.numbers("DP")
        if not least or "MIN_DP" not in self.keys:
            return depth
        lowest = self.numbers("MIN_DP")
        return np.where(np.isnan(lowest), depth, lowest)

    def quality(self) -> NDArray[np.float64]:
        """GQ of all cells, otherwise the second smallest PL; NaN where both are missing."""
        quality = self.numbers("GQ")
        without = np.flatnonzero(np.isnan(quality))
        likelihoods = self.text("PL", without) if len(without) else None
        if likelihoods is not None:
            quality.flat[without] = self._second_smallest(likelihoods, without)
        return quality

    def row_of(self, cell: int) -> int:
        """Record of a cell, index into the block."""
        return int(self.rows[cell // len(self.columns)])

    def _second_smallest(
        self, values: pa.StringArray, cells: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Second smallest of each list of numbers; NaN where one is missing or there is one."""
        lists = pc.split_pattern(pc.fill_null(values, "."), ",")
        offsets = np.asarray(lists.offsets).astype(np.int64)
        owner = np.repeat(np.arange(len(values)), np.diff(offsets))
        flat = pc.if_else(pc.equal(lists.values, "."), pa.scalar(None, pa.string()), lists.values)
        numbers = as_numbers(flat, cells[owner], self, "PL")
        ranked = numbers[np.lexsort((numbers, owner))]
        whole = np.diff(offsets) > 1
        whole[owner[np.isnan(numbers)]] = False
        result = np.full(len(values), np.nan)
        result[whole] = ranked[offsets[:-1][whole] + 1]
        return result

    def _texts(self, key: str, cells: NDArray[np.int64] | slice) -> pa.StringArray:
        """Bytes of a key's value in some cells; empty where it was dropped from the end."""
        starts, ends = self._borders
        starts, ends = starts[cells], ends[cells]
        if len(self.keys) == 1:
            return texts(self.block.data, starts, ends)
        first, fields = self._colons[0][cells], self._colons[1][cells]
        index = self.keys.index(key)
        positions = self._colon_positions
        value_starts, value_ends = starts, ends
        if index:
            before = np.minimum(first + index - 1, len(positions) - 1)
            value_starts = np.where(fields >= index, positions[before] + 1, ends)
        after = np.minimum(first + index, len(positions) - 1)
        value_ends = np.where(fields > index, positions[after], ends)
        return texts(self.block.data, value_starts, value_ends)

    @cached_property
    def _borders(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        chosen = np.ix_(self.rows, len(FIXED) + self.columns)
        return self.block.starts[chosen].ravel(), self.block.ends[chosen].ravel()

    @cached_property
    def _colon_positions(self) -> NDArray[np.int64]:
        # One colon beyond the data, so that there always is a next one.
        found = np.flatnonzero(self.block.data == _COLON)
        return np.append(found, len(self.block.data))

    @cached_property
    def _colons(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Index of the first colon at or after each cell's start, and colons in the cell."""
        starts, ends = self._borders
        first = np.searchsorted(self._colon_positions, starts)
        inside = np.searchsorted(self._colon_positions, ends) - first
        if (inside >= len(self.keys)).any():
            row = self.row_of(int(np.argmax(inside >= len(self.keys))))
            raise Malformed(row, "more sample fields than FORMAT keys", "at most one per key")
        return first, inside


def as_numbers(
    values: pa.StringArray, cell: NDArray[np.int64], cells: Cells, what: str
) -> NDArray[np.float64]:
    """Numbers; NaN where null.

    Args:
        values: The texts.
        cell: Cell that each comes from.
        cells: Where the cells are.
        what: What they are, for the message.

    Raises:
        Malformed: One is no number.
    """
    try:
        numbers = values.cast(pa.float64())
    except pa.ArrowInvalid:
        good = pc.fill_null(pc.match_substring_regex(values, _FLOAT), True)
        row = cells.row_of(int(cell[np.argmin(np.asarray(good))]))
        raise Malformed(row, f"{what} is no number", "a number or '.'") from None
    return np.asarray(numbers.fill_null(np.nan)).astype(np.float64)
