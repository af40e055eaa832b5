"""Records of a gVCF as arrays: what each covers, whether it passed, and the calls it makes.

The rule, the same for AC and AN. A record passes if FILTER is PASS or missing, its genotype is
complete, its depth is at least ``min_dp`` and its genotype quality at least ``min_gq``:

* depth is MIN_DP (FORMAT, else INFO; bcftools writes INFO/MinDP) for reference blocks, else DP;
  a record without depth does not pass;
* genotype quality is GQ, otherwise the second smallest PL, otherwise depth alone decides;
* a reference block without GT (freebayes) is taken as homozygous reference.

Only what the rule needs is read: the PL of a reference block that has GQ, for one, is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from wgs_pipeline.ngd.called_alleles import Calls, called_alleles
from wgs_pipeline.ngd.genotypes import Genotypes, parse_genotypes
from wgs_pipeline.ngd.gvcf_source import COLUMNS, malformed
from wgs_pipeline.ngd.sample_fields import (
    Malformed,
    SampleColumn,
    SampleFields,
    require,
    second_smallest,
)
from wgs_pipeline.ngd.text_block import (
    Fields,
    Rows,
    TextBlock,
    find_all,
    leading_numbers,
    next_of,
    starts_with,
)

_CHROM, _POS, _REF, _ALT, _FILTER, _INFO, _FORMAT = (
    COLUMNS.index(name) for name in ("CHROM", "POS", "REF", "ALT", "FILTER", "INFO", "FORMAT")
)
_LETTER_BIT = 0x20
_LONGEST = np.iinfo(np.int32).max


@dataclass(frozen=True)
class Rule:
    """When a record passes: least depth in reads, least genotype quality in Phred."""

    min_dp: int
    min_gq: int


@dataclass(frozen=True)
class Records:
    """One block of records.

    Attributes:
        contigs: Names of contigs.
        contig: Index into ``contigs``, shape (records,).
        starts: First base, 0-based, shape (records,).
        ends: One past the last base: of END for a reference block, else of REF.
        passed: Whether each record passes, its ploidy aside, shape (records,).
        genotype: Index into ``genotypes.texts``; -1 where there is no GT, shape (records,).
        literal: Whether an ALT is a sequence, shape (records,).
        based: Whether the record has a REF. Where freebayes comes to the end of a contig it
            writes one block without (REF ``.``), under the name of the next contig: it says
            nothing of any base.
        genotypes: Distinct genotypes of the block.
        calls: The ALT alleles that genotypes name.
    """

    contigs: list[str]
    contig: Rows
    starts: Rows
    ends: Rows
    passed: NDArray[np.bool_]
    genotype: Rows
    literal: NDArray[np.bool_]
    based: NDArray[np.bool_]
    genotypes: Genotypes
    calls: Calls


def parse_records(path: Path, line: int, block: TextBlock, rule: Rule) -> Records:
    """Interpret one block of lines.

    Args:
        path: The gVCF, for messages.
        line: Line number of the first record of the block.
        block: Lines of ``gvcf_source.text_blocks``.
        rule: When a record passes.

    Raises:
        GvcfError: A record is malformed; the message names its line.
    """
    try:
        return _parse(block, rule)
    except Malformed as error:
        raise malformed(path, line + error.row, error.found, error.expected) from None


def _parse(block: TextBlock, rule: Rule) -> Records:
    starts = _positions(block.column(_POS)) - 1
    literal = _has_sequence(block.column(_ALT))
    ref = block.column(_REF)
    based = _has_bases(ref, literal)
    ends = starts + ref.sizes
    info = _Info(block, np.flatnonzero(~literal))
    ends[info.rows] = np.maximum(ends[info.rows], info.stated_ends(starts[info.rows]))
    genotypes, sample = _sample_column(block, literal, info)
    codes, depth, quality = sample.codes, sample.depth, sample.quality
    passed = _is_passed(block.column(_FILTER))
    passed &= (depth >= rule.min_dp) & (np.isnan(quality) | (quality >= rule.min_gq))
    passed &= np.where(codes >= 0, genotypes.complete[codes], ~literal)
    calls = called_alleles(block, sample, genotypes, literal)
    contigs, contig = block.column(_CHROM).dictionary()
    return Records(
        contigs, contig, starts, ends, passed, codes, literal, based, genotypes, calls
    )  # fmt: skip


def _positions(pos: Fields) -> Rows:
    values, good = pos.whole_numbers()
    require(good & (values < _LONGEST), "POS is no position", "a positive whole number")
    require(values > 0, "POS is 0", "a position from 1")
    return values


def _has_sequence(alt: Fields) -> NDArray[np.bool_]:
    """Whether any of the ALT alleles is a sequence."""
    literal = np.zeros(len(alt), np.bool_)
    rest = np.flatnonzero(~alt.equal(b"<NON_REF>"))
    for none in (b".", b"<*>"):  # one of the three is nearly all ALT of a gVCF
        rest = rest[~alt[rest].equal(none)] if len(rest) else rest
    require(alt.sizes > 0, "an empty ALT", "alleles or '.'")
    encoded = alt[rest].strings().dictionary_encode()
    pattern = r"(^|,)[A-Za-z]+(,|$)"
    of_distinct = np.asarray(pc.match_substring_regex(encoded.dictionary, pattern))
    literal[rest] = of_distinct[np.asarray(encoded.indices)]
    return literal


def _has_bases(ref: Fields, literal: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether the records have a REF: all but the blocks whose REF is ``.``.

    Raises:
        Malformed: A REF is anything else than letters.
    """
    base = ref.first_bytes()
    letter = base | _LETTER_BIT
    good = (letter >= ord("a")) & (letter <= ord("z")) & (ref.sizes == 1)
    based = np.ones(len(ref), np.bool_)
    rest = np.flatnonzero(~good)
    if len(rest):
        good[rest] = np.asarray(pc.ascii_is_alpha(ref[rest].strings()))
        based[rest] = literal[rest] | ~ref[rest].equal(b".")
        require(good | ~based, "REF is no sequence", "letters")
    return based


def _is_passed(filters: Fields) -> NDArray[np.bool_]:
    texts, codes = filters.dictionary()
    passed: NDArray[np.bool_] = np.array([each in ("PASS", ".") for each in texts], np.bool_)[codes]
    return passed


def _sample_column(
    block: TextBlock, literal: NDArray[np.bool_], info: _Info
) -> tuple[Genotypes, SampleColumn]:
    """Distinct genotypes, and the sample of each record."""
    formats, format_codes = block.column(_FORMAT).dictionary()
    size = len(block)
    depth, quality = np.full(size, np.nan), np.full(size, np.nan)
    likelihoods, allele_depths = (_nothing(block) for _ in range(2))
    texts: dict[str, int] = {}
    codes = np.full(size, -1, np.int64)
    for code, text in enumerate(formats):
        of_format = format_codes == code
        for of_literal in (False, True):
            rows = np.flatnonzero(of_format & (literal == of_literal))
            if not len(rows):
                continue
            fields = SampleFields(block, text.split(":"), rows)
            codes[rows] = fields.genotype_codes(texts)
            quality[rows] = fields.numbers("GQ")
            depth[rows] = fields.numbers("DP") if of_literal else _least_depth(fields, info)
            fields.put_texts("PL", likelihoods.starts, likelihoods.ends)
            if of_literal:
                fields.put_texts("AD", allele_depths.starts, allele_depths.ends)
    without = np.flatnonzero(np.isnan(quality) & (likelihoods.sizes > 0))
    if len(without):
        quality[without] = second_smallest(likelihoods[without], without)
    return parse_genotypes(tuple(texts)), SampleColumn(codes, depth, quality, allele_depths)


def _nothing(block: TextBlock) -> Fields:
    """An empty text for each line."""
    return Fields(block.data, block.ends[-1].copy(), block.ends[-1].copy())


def _least_depth(fields: SampleFields, info: _Info) -> NDArray[np.float64]:
    """Least depth of reference blocks, else their depth; NaN where missing."""
    stated = fields.numbers("MIN_DP") if "MIN_DP" in fields.keys else info.least_depth(fields.rows)
    without = np.isnan(stated)
    return np.where(without, fields.numbers("DP"), stated) if without.any() else stated


class _Info:
    """INFO of the reference blocks among some lines."""

    def __init__(self, block: TextBlock, rows: Rows) -> None:
        self.rows = rows
        self._fields = block.column(_INFO)[rows]
        self._after_end = self._fields.starts

    def stated_ends(self, starts: Rows) -> Rows:
        """END of each block, 0-based half-open; its start where there is none.

        Raises:
            Malformed: END is no number, or lies before POS.
        """
        stated, after = self._values((b"END=",), self._fields.starts, None)
        next_key = (stated >= 0) & (after < self._fields.ends)  # where bcftools writes MinDP
        self._after_end = np.where(next_key, after + 1, self._fields.starts)
        low = (stated >= 0) & (stated < starts + 1)
        if low.any():
            row = int(self.rows[np.argmax(low)])
            raise Malformed(row, "END lies before POS", "END at or after POS")
        return np.where(stated < 0, starts, stated)

    def least_depth(self, rows: Rows) -> NDArray[np.float64]:
        """MinDP or MIN_DP of some of the blocks, given as rows of the lines; NaN where absent."""
        at = np.searchsorted(self.rows, rows)
        stated, _ = self._values((b"MinDP=", b"MIN_DP="), self._after_end[at], at)
        return np.where(stated < 0, np.nan, stated)

    def _values(self, keys: tuple[bytes, ...], guess: Rows, at: Rows | None) -> tuple[Rows, Rows]:
        """Whole numbers after a key, and where each ends; -1 where the key is absent or ``.``.

        Args:
            keys: Spellings of the key, with the equals sign.
            guess: Where the key is looked for first: where INFO or one of its keys begins.
            at: Which of the blocks; None: all of them.
        """
        fields = self._fields if at is None else self._fields[at]
        found = np.full(len(fields), -1, np.int64)  # where the value stands
        for key in keys:
            here = starts_with(fields.data, guess, key)
            np.copyto(found, guess + len(key), where=here)
            if here.all():
                break
        rest = np.flatnonzero(found < 0)
        if len(rest):
            found[rest] = _search(fields[rest], keys)
            found = np.where(found < 0, fields.starts, found)  # where no number stands
        numbers, ends = leading_numbers(fields.data, found)
        good = (ends > found) & _ends_value(fields.data, ends)
        if not good.all():
            absent = found == fields.starts
            missing = (fields.data[found] == ord(".")) & _ends_value(fields.data, found + 1)
            bad = ~(good | missing | absent)
            if bad.any():
                row = int(np.argmax(bad))
                name = "END" if keys[0] == b"END=" else "INFO/MinDP"
                block_row = int(self.rows[row if at is None else at[row]])
                raise Malformed(block_row, f"{name} is no number", "a whole number")
            good &= ~absent
            numbers[~good] = -1
        return numbers, ends


def _ends_value(data: NDArray[np.uint8], positions: Rows) -> NDArray[np.bool_]:
    """Whether a value of INFO ends at each position."""
    after = data[positions]
    ended: NDArray[np.bool_] = (after == ord("\t")) | (after == ord(";"))
    return ended


def _search(fields: Fields, keys: tuple[bytes, ...]) -> Rows:
    """Where the value of the first of the keys in each INFO stands; -1 without."""
    second = next_of(fields.data, fields.starts, fields.ends, b";") + 1
    more = second < fields.ends
    result = np.full(len(fields), -1, np.int64)
    for key in keys:
        here = more & starts_with(fields.data, second, key)  # as freebayes writes END
        result[here] = second[here] + len(key)
    for key in keys:
        here = starts_with(fields.data, fields.starts, key)
        result[here] = fields.starts[here] + len(key)
    rest = np.flatnonzero(more & (result < 0))
    if len(rest):
        result[rest] = _search_anywhere(fields[rest], keys)
    return result


def _search_anywhere(fields: Fields, keys: tuple[bytes, ...]) -> Rows:
    text, offsets = fields.joined()
    result = np.full(len(fields), -1, np.int64)
    first = np.full(len(fields), len(text))
    for key in keys:
        hits = find_all(text, b";" + key)
        owner, index = np.unique(
            np.searchsorted(offsets, hits, side="right") - 1, return_index=True
        )
        hits = hits[index]
        nearer = hits < first[owner]
        owner, hits = owner[nearer], hits[nearer]
        first[owner] = hits
        result[owner] = hits - offsets[owner] + fields.starts[owner] + 1 + len(key)
    return result
