"""Records of a gVCF as arrays: what each covers, whether it passed, and the calls it makes.

The rule, the same for AC and AN. A record passes if FILTER is PASS or missing, its genotype is
complete, its depth is at least ``min_dp`` and its genotype quality at least ``min_gq``:

* depth is MIN_DP (FORMAT, else INFO; bcftools writes INFO/MinDP) for reference blocks, else DP;
  a record without depth does not pass;
* genotype quality is GQ, otherwise the second smallest PL, otherwise depth alone decides;
* a reference block without GT (freebayes) is taken as homozygous reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wgs_pipeline.ngd.genotypes import Genotypes, is_genotype, parse_genotypes
from wgs_pipeline.ngd.gvcf_source import malformed

_FLOAT = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$|^[+-]?(?i:nan|inf|infinity)$"
_MISSING_NUMBER = -1
_LARGEST = np.iinfo(np.int16).max


@dataclass(frozen=True)
class Rule:
    """When a record passes: least depth in reads, least genotype quality in Phred."""

    min_dp: int
    min_gq: int


@dataclass(frozen=True)
class Calls:
    """ALT alleles that genotypes name, one row per record and distinct sequence allele.

    Attributes:
        row: Record of each, index into the block's arrays, shape (calls,).
        ref: REF in capitals, shape (calls,).
        alt: ALT in capitals, shape (calls,).
        allele: Index of the ALT allele in its record, shape (calls,).
        genotype: Index into ``Records.genotypes.texts``, shape (calls,).
        dp: Depth; -1 missing, shape (calls,).
        gq: Genotype quality, rounded down; -1 missing, shape (calls,).
        ad_ref: Reads for REF; -1 missing, shape (calls,).
        ad_alt: Reads for this ALT; -1 missing, shape (calls,).
    """

    row: NDArray[np.int64]
    ref: pa.StringArray
    alt: pa.StringArray
    allele: NDArray[np.int32]
    genotype: NDArray[np.int64]
    dp: NDArray[np.int16]
    gq: NDArray[np.int16]
    ad_ref: NDArray[np.int16]
    ad_alt: NDArray[np.int16]


@dataclass(frozen=True)
class Records:
    """One block of records.

    Attributes:
        contig: Contig names, dictionary encoded, shape (records,).
        starts: First base, 0-based, shape (records,).
        ends: One past the last base: of END for a reference block, else of REF.
        passed: Whether each record passes, its ploidy aside, shape (records,).
        genotype: Index into ``genotypes.texts``; -1 where there is no GT, shape (records,).
        literal: Whether an ALT is a sequence, shape (records,).
        based: Whether the record has a REF. Where freebayes comes to the end of a contig it
            writes one block without (REF ``.``), under the name of the next contig: it says
            nothing of any base.
        genotypes: Distinct genotypes of the block.
        calls: One per contained allele.
    """

    contig: pa.DictionaryArray
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    passed: NDArray[np.bool_]
    genotype: NDArray[np.int64]
    literal: NDArray[np.bool_]
    based: NDArray[np.bool_]
    genotypes: Genotypes
    calls: tuple[Calls, ...]


class Malformed(Exception):  # noqa: N818 (becomes a GvcfError with its line)
    """A record of a block that cannot be read; ``row`` is its index in the block."""

    def __init__(self, row: int, found: str, expected: str) -> None:
        super().__init__(found)
        self.row, self.found, self.expected = row, found, expected


def parse_records(path: Path, line: int, batch: pa.RecordBatch, rule: Rule) -> Records:
    """Interpret one block of text columns.

    Args:
        path: The gVCF, for messages.
        line: Line number of the first record of the block.
        batch: Columns of ``gvcf_source.column_blocks``.
        rule: When a record passes.

    Raises:
        GvcfError: A record is malformed; the message names its line.
    """
    try:
        return _parse(batch, rule)
    except Malformed as error:
        raise malformed(path, line + error.row, error.found, error.expected) from None


def _parse(batch: pa.RecordBatch, rule: Rule) -> Records:
    ref, alt = batch["REF"], batch["ALT"]
    literal = _has_sequence(alt)
    based = np.asarray(pc.not_equal(ref, ".")) | literal
    _require(pa.array(~based | np.asarray(pc.ascii_is_alpha(ref))), "REF is no sequence", "letters")
    starts = _ints(batch["POS"]) - 1
    _require(pa.array(starts >= 0), "POS is 0", "a position from 1")
    ends = starts + _ints(pc.binary_length(ref))
    blocks = np.flatnonzero(~literal)
    ends[blocks] = np.maximum(ends[blocks], _stated_ends(batch["INFO"], blocks, starts))
    genotypes, codes, fields = _fields_by_format(batch, literal)
    dp, gq = fields.dp, fields.gq
    passed = np.isin(_codes_of(batch["FILTER"], ("PASS", ".")), (0, 1))
    passed &= (dp >= rule.min_dp) & (np.isnan(gq) | (gq >= rule.min_gq))
    passed &= np.where(codes >= 0, genotypes.complete[codes], ~literal)
    calls = tuple(_calls(batch, group, genotypes, codes, fields) for group in fields.groups)
    contig = batch["CHROM"].dictionary_encode()
    return Records(contig, starts, ends, passed, codes, literal, based, genotypes, calls)


@dataclass(frozen=True)
class _Group:
    """Records with a sequence ALT that share one FORMAT: their rows and AD texts."""

    rows: NDArray[np.int64]
    ad: pa.StringArray | None


@dataclass(frozen=True)
class _Fields:
    dp: NDArray[np.float64]
    gq: NDArray[np.float64]
    groups: tuple[_Group, ...]


def _fields_by_format(
    batch: pa.RecordBatch, literal: NDArray[np.bool_]
) -> tuple[Genotypes, NDArray[np.int64], _Fields]:
    size = batch.num_rows
    formats = batch["FORMAT"].dictionary_encode()
    format_codes = _ints(formats.indices)
    dp, gq = np.full(size, np.nan), np.full(size, np.nan)
    texts: dict[str, int] = {}
    codes = np.full(size, -1, np.int64)
    groups = []
    for code, text in enumerate(formats.dictionary.to_pylist()):
        for of_literal in (False, True):
            rows = np.flatnonzero((format_codes == code) & (literal == of_literal))
            if not len(rows):
                continue
            group = _SampleColumn(text.split(":"), batch["SAMPLE"].take(pa.array(rows)), rows)
            codes[rows] = group.genotype_codes(texts)
            gq[rows] = group.quality()
            dp[rows] = group.depth(None if of_literal else batch["INFO"].take(pa.array(rows)))
            if of_literal:
                groups.append(_Group(rows, group.text("AD")))
    return parse_genotypes(tuple(texts)), codes, _Fields(dp, gq, tuple(groups))


class _SampleColumn:
    """The sample column of records that share one FORMAT."""

    def __init__(self, keys: list[str], values: pa.StringArray, rows: NDArray[np.int64]) -> None:
        self._keys, self._rows = keys, rows
        wanted = [
            keys.index(key) for key in ("GT", "DP", "MIN_DP", "GQ", "PL", "AD") if key in keys
        ]
        colons = _ints(pc.count_substring(values, ":"))
        if (colons >= len(keys)).any():
            row = int(rows[np.argmax(colons >= len(keys))])
            raise Malformed(row, "more sample fields than FORMAT keys", "at most one per key")
        split = pc.split_pattern(values, ":", max_splits=max(wanted, default=0) + 1)
        self._offsets, self._flat = _ints(split.offsets), split.values

    def text(self, key: str) -> pa.StringArray | None:
        """Values of a key; null where missing. None if FORMAT lacks the key."""
        if key not in self._keys:
            return None
        index = self._keys.index(key)
        present = np.diff(self._offsets) > index  # trailing fields may be dropped
        at = pa.array(self._offsets[:-1] + index, mask=~present)
        values = self._flat.take(at)
        return pc.if_else(
            pc.is_in(values, pa.array([".", ""])), pa.scalar(None, pa.string()), values
        )

    def numbers(self, key: str) -> NDArray[np.float64]:
        """Values of a key as numbers; NaN where missing."""
        values = self.text(key)
        if values is None:
            return np.full(len(self._rows), np.nan)
        return _numbers(values, self._rows, key)

    def depth(self, info: pa.StringArray | None) -> NDArray[np.float64]:
        """DP, or the least depth of a reference block if ``info`` is given; NaN where missing."""
        depth = self.numbers("DP")
        if info is None:
            return depth
        if "MIN_DP" in self._keys:
            least = self.numbers("MIN_DP")
        else:
            text = _info_value(info, "(?:MinDP|MIN_DP)")
            least = _numbers(text, self._rows, "INFO/MinDP")
        return np.where(np.isnan(least), depth, least)

    def quality(self) -> NDArray[np.float64]:
        """GQ, otherwise the second smallest PL; NaN where both are missing."""
        quality = self.numbers("GQ")
        likelihoods = self.text("PL")
        without = np.flatnonzero(np.isnan(quality))
        if likelihoods is not None and len(without):
            subset = likelihoods.take(pa.array(without))
            quality[without] = _second_smallest(subset, self._rows[without])
        return quality

    def genotype_codes(self, texts: dict[str, int]) -> NDArray[np.int64]:
        """Index of each GT in ``texts``, which gains those not seen before; -1 without GT."""
        if "GT" not in self._keys:
            return np.full(len(self._rows), -1, np.int64)
        present = np.diff(self._offsets) > self._keys.index("GT")
        values = self._flat.take(
            pa.array(self._offsets[:-1] + self._keys.index("GT"), mask=~present)
        )
        encoded = pc.fill_null(values, "").dictionary_encode()
        own = []
        for code, text in enumerate(encoded.dictionary.to_pylist()):
            if not is_genotype(text):
                row = int(self._rows[np.argmax(_ints(encoded.indices) == code)])
                raise Malformed(row, "a GT that is no genotype", "such as 0/1, 1|1 or ./.")
            own.append(texts.setdefault(text, len(texts)))
        return np.array(own, np.int64)[_ints(encoded.indices)]


def _calls(
    batch: pa.RecordBatch,
    group: _Group,
    genotypes: Genotypes,
    codes: NDArray[np.int64],
    fields: _Fields,
) -> Calls:
    group_codes = codes[group.rows]
    alleles = genotypes.alleles[group_codes]
    alts = pc.split_pattern(batch["ALT"].take(pa.array(group.rows)), ",")
    offsets = _ints(alts.offsets)
    too_high = alleles.max(axis=1, initial=-1) > np.diff(offsets)
    if too_high.any():
        row = int(group.rows[np.argmax(too_high)])
        raise Malformed(row, "GT names an allele that ALT does not have", "an allele of ALT")
    at, allele = _distinct(alleles)
    alt = alts.values.take(pa.array(offsets[at] + allele - 1))
    sequence = np.asarray(pc.ascii_is_alpha(alt))
    at, allele, alt = at[sequence], allele[sequence], alt.filter(pa.array(sequence))
    rows = group.rows[at]
    ref = pc.ascii_upper(batch["REF"].take(pa.array(rows)))
    alt = pc.ascii_upper(alt)
    same = np.asarray(pc.equal(ref, alt))
    if same.any():
        raise Malformed(int(rows[np.argmax(same)]), "ALT is the same as REF", "another allele")
    ad_ref, ad_alt = _allele_depths(group, at, allele)
    return Calls(
        rows, ref, alt, allele, codes[rows],
        _small(fields.dp[rows]), _small(fields.gq[rows]), ad_ref, ad_alt,
    )  # fmt: skip


def _distinct(alleles: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """(row, allele) of each distinct non-reference allele of each row, by row."""
    rows, found = [], []
    for column in range(alleles.shape[1]):
        allele = alleles[:, column]
        new = (allele > 0) & ~(alleles[:, :column] == allele[:, np.newaxis]).any(axis=1)
        rows.append(np.flatnonzero(new))
        found.append(allele[new])
    row = np.concatenate(rows)
    order = np.argsort(row, kind="stable")
    return row[order], np.concatenate(found)[order]


def _allele_depths(
    group: _Group, at: NDArray[np.int64], allele: NDArray[np.int32]
) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    if group.ad is None:
        missing = np.full(len(at), _MISSING_NUMBER, np.int16)
        return missing, missing.copy()
    depths = pc.split_pattern(pc.fill_null(group.ad, "."), ",")
    offsets = _ints(depths.offsets)
    counts = np.diff(offsets)

    def depth_of(index: NDArray[np.int32] | int) -> NDArray[np.int16]:
        missing = counts[at] <= index
        text = depths.values.take(pa.array(offsets[at] + index, mask=missing))
        text = pc.if_else(pc.equal(text, "."), pa.scalar(None, pa.string()), text)
        return _small(_numbers(text, group.rows[at], "AD"))

    return depth_of(0), depth_of(allele)


def _second_smallest(text: pa.StringArray, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    lists = pc.split_pattern(pc.fill_null(text, "."), ",")
    offsets = _ints(lists.offsets)
    owner = np.repeat(np.arange(len(text)), np.diff(offsets))
    flat = pc.if_else(pc.equal(lists.values, "."), pa.scalar(None, pa.string()), lists.values)
    values = _numbers(flat, rows[owner], "PL")
    order = np.lexsort((values, owner))
    result = np.full(len(text), np.nan)
    several = np.diff(offsets) > 1
    # A missing value makes the whole PL missing: NaN sorts last, so ask whether there is any.
    whole = np.ones(len(text), np.bool_)
    whole[owner[np.isnan(values)]] = False
    chosen = several & whole
    result[chosen] = values[order][offsets[:-1][chosen] + 1]
    return result


def _stated_ends(
    info: pa.StringArray, blocks: NDArray[np.int64], starts: NDArray[np.int64]
) -> NDArray[np.int64]:
    """END of reference blocks, 0-based half-open; the start where there is none."""
    if not len(blocks):
        return np.empty(0, np.int64)
    stated = _numbers(_info_value(info.take(pa.array(blocks)), "END"), blocks, "END")
    low = stated < starts[blocks] + 1
    if low.any():
        raise Malformed(int(blocks[np.argmax(low)]), "END lies before POS", "END at or after POS")
    return np.where(np.isnan(stated), starts[blocks], stated).astype(np.int64)


def _info_value(info: pa.StringArray, key: str) -> pa.StringArray:
    """Value of an INFO key; null where it is absent."""
    if pc.all(pc.starts_with(info, f"{key}=")).as_py():  # as GATK and DeepVariant write blocks
        rest = pc.split_pattern(pc.utf8_slice_codeunits(info, len(key) + 1), ";", max_splits=1)
        return pc.list_element(rest, 0)
    found = pc.extract_regex(info, rf"(?:^|;){key}=(?P<value>[^;]*)")
    return pc.struct_field(found, "value")


def _numbers(text: pa.StringArray, rows: NDArray[np.int64], what: str) -> NDArray[np.float64]:
    """Numbers; NaN where null."""
    try:
        numbers = text.cast(pa.float64())
    except pa.ArrowInvalid:
        good = pc.fill_null(pc.match_substring_regex(text, _FLOAT), True)
        row = int(rows[np.argmin(np.asarray(good))])
        raise Malformed(row, f"{what} is no number", "a number or '.'") from None
    return np.asarray(numbers.fill_null(np.nan)).astype(np.float64)


def _small(numbers: NDArray[np.float64]) -> NDArray[np.int16]:
    floor = np.floor(np.nan_to_num(numbers, nan=_MISSING_NUMBER))
    return np.clip(floor, _MISSING_NUMBER, _LARGEST).astype(np.int16)


def _has_sequence(alt: pa.StringArray) -> NDArray[np.bool_]:
    """Whether any of the ALT alleles is a sequence."""
    encoded = alt.dictionary_encode()
    pattern = r"(^|,)[A-Za-z]+(,|$)"
    of_distinct = np.asarray(pc.match_substring_regex(encoded.dictionary, pattern))
    _require(pc.not_equal(alt, ""), "an empty ALT", "alleles or '.'")
    result: NDArray[np.bool_] = of_distinct[_ints(encoded.indices)]
    return result


def _codes_of(text: pa.StringArray, values: Sequence[str]) -> NDArray[np.int64]:
    found = pc.index_in(text, pa.array(list(values)))
    return _ints(found.fill_null(-1))


def _require(good: pa.Array, found: str, expected: str) -> None:
    values = np.asarray(good)
    if not values.all():
        raise Malformed(int(np.argmin(values)), found, expected)


def _ints(values: pa.Array) -> NDArray[np.int64]:
    return np.asarray(values).astype(np.int64)
