"""The sample column of records that share one FORMAT."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wgs_pipeline.ngd.genotypes import is_genotype
from wgs_pipeline.ngd.gvcf_source import COLUMNS
from wgs_pipeline.ngd.text_block import Fields, Rows, TextBlock, leading_numbers, next_of

_SAMPLE = COLUMNS.index("SAMPLE")
_TEXTS = ("GT", "PL", "AD")
_NUMBERS = ("DP", "MIN_DP", "GQ")
_FLOAT = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$|^[+-]?(?i:nan|inf|infinity)$"


class Malformed(Exception):  # noqa: N818 (becomes a GvcfError with its line)
    """A record of a block that cannot be read; ``row`` is its index in the block."""

    def __init__(self, row: int, found: str, expected: str) -> None:
        super().__init__(found)
        self.row, self.found, self.expected = row, found, expected


def require(good: NDArray[np.bool_], found: str, expected: str) -> None:
    """Raise for the first row of a block that is not as expected.

    Raises:
        Malformed: There is one.
    """
    if not good.all():
        raise Malformed(int(np.argmin(good)), found, expected)


@dataclass(frozen=True)
class SampleColumn:
    """The sample of each record of a block, whatever its FORMAT.

    Attributes:
        codes: Genotype, index into a list of distinct texts; -1 without GT, shape (records,).
        depth: Depth in reads, of a reference block the least; NaN missing, shape (records,).
        quality: GQ, otherwise the second smallest PL; NaN missing, shape (records,).
        allele_depths: AD of records with a sequence ALT; empty where missing, shape (records,).
    """

    codes: Rows
    depth: NDArray[np.float64]
    quality: NDArray[np.float64]
    allele_depths: Fields


class SampleFields:
    """Values of the sample, by FORMAT key.

    Attributes:
        keys: FORMAT of all the records.
        rows: The records, as rows of their block.
    """

    def __init__(self, block: TextBlock, keys: list[str], rows: Rows) -> None:
        self.keys, self.rows = keys, rows
        self._values: dict[str, Fields] = {}
        self._numbers: dict[str, NDArray[np.float64]] = {}
        rest = block.column(_SAMPLE)[rows]
        last = max((at for at, key in enumerate(keys) if key in (*_TEXTS, *_NUMBERS)), default=-1)
        for key in keys[: last + 1]:
            if key in _NUMBERS and key not in self._numbers:
                self._numbers[key], ends = _first_numbers(rest, rows, key)
            else:
                ends = next_of(rest.data, rest.starts, rest.ends, b":")
                self._values.setdefault(key, Fields(rest.data, rest.starts, ends))
            rest = Fields(rest.data, np.minimum(ends + 1, rest.ends), rest.ends)
        self._check_rest(rest, len(keys) - last - 1)

    def _check_rest(self, rest: Fields, most: int) -> None:
        """Refuse more values than keys: what is left has at most this many."""
        rows = np.arange(len(rest))
        if not most:
            rows = np.flatnonzero((rest.sizes > 0) | (rest.data[rest.starts - 1] == ord(":")))
        for _ in range(most):
            ends = next_of(rest.data, rest.starts, rest.ends, b":")
            more = np.flatnonzero(ends < rest.ends)
            rows = rows[more]
            rest = Fields(rest.data, ends[more] + 1, rest.ends[more])
        if len(rows):
            row = int(self.rows[rows[0]])
            raise Malformed(row, "more sample fields than FORMAT keys", "at most one per key")

    def put_texts(self, key: str, starts: Rows, ends: Rows) -> None:
        """Note where PL or AD of these records stands, in arrays of all records of the block."""
        values = self._values.get(key)
        if values is not None:
            starts[self.rows], ends[self.rows] = values.starts, values.ends

    def numbers(self, key: str) -> NDArray[np.float64]:
        """DP, MIN_DP or GQ; NaN where missing."""
        values = self._numbers.get(key)
        return np.full(len(self.rows), np.nan) if values is None else values

    def genotype_codes(self, texts: dict[str, int]) -> Rows:
        """Index of each GT in ``texts``, which gains those not seen before; -1 without GT."""
        values = self._values.get("GT")
        if values is None:
            return np.full(len(self.rows), -1, np.int64)
        distinct, codes = values.dictionary()
        own = []
        for code, text in enumerate(distinct):
            if not is_genotype(text):
                row = int(self.rows[np.argmax(codes == code)])
                raise Malformed(row, "a GT that is no genotype", "such as 0/1, 1|1 or ./.")
            own.append(texts.setdefault(text, len(texts)))
        return np.array(own, np.int64)[codes]


def _first_numbers(fields: Fields, rows: Rows, key: str) -> tuple[NDArray[np.float64], Rows]:
    """First number of each text, up to a colon, and where it ends; NaN where missing."""
    whole, ends = leading_numbers(fields.data, fields.starts)
    after = fields.data[ends]
    good = (ends > fields.starts) & ((after == ord(":")) | (after == ord("\n")))
    result = whole.astype(np.float64)
    if not good.all():
        rest = np.flatnonzero(~good)
        stops = next_of(fields.data, fields.starts[rest], fields.ends[rest], b":")
        ends[rest] = stops
        texts = Fields(fields.data, fields.starts[rest], stops)
        result[rest] = numbers(texts, rows[rest], key)
    return result, ends


def numbers(values: Fields, rows: Rows, what: str) -> NDArray[np.float64]:
    """Numbers; NaN where the text is empty or ``.``.

    Args:
        values: The texts.
        rows: Row of each in its block, for messages.
        what: What they are, for messages.

    Raises:
        Malformed: One is no number.
    """
    whole, good = values.whole_numbers()
    result = whole.astype(np.float64)
    if good.all():
        return result
    rest = np.flatnonzero(~good)
    result[rest] = np.nan
    rest = rest[~values[rest].missing()]
    if len(rest):
        result[rest] = _decimals(values[rest].strings(), rows[rest], what)
    return result


def _decimals(texts: pa.StringArray, rows: Rows, what: str) -> NDArray[np.float64]:
    try:
        return np.asarray(texts.cast(pa.float64()))
    except pa.ArrowInvalid:
        good = np.asarray(pc.match_substring_regex(texts, _FLOAT))
        row = int(rows[np.argmin(good)])
        raise Malformed(row, f"{what} is no number", "a number or '.'") from None


def second_smallest(texts: Fields, rows: Rows) -> NDArray[np.float64]:
    """Second smallest of the numbers in each PL; NaN if there are fewer, or one is missing.

    Raises:
        Malformed: One is no number.
    """
    parts, offsets = texts.split(b",")
    counts = np.diff(offsets)
    values = numbers(parts, np.repeat(rows, counts), "PL")
    result = np.full(len(texts), np.nan)
    for count in np.unique(counts[counts > 1]):
        chosen = np.flatnonzero(counts == count)
        table = values[offsets[chosen][:, np.newaxis] + np.arange(count)]
        second = np.partition(table, 1, axis=1)[:, 1]
        result[chosen] = np.where(np.isnan(table).any(axis=1), np.nan, second)
    return result
