"""Records of a callset as arrays: what each covers, for whom it passed, and who carries what.

The rule is that of gVCF records, with one difference: where the header of the callset declares no
depth (neither DP nor MIN_DP), the genotype itself decides, as genotype quality always does where
it is missing. A record is a statement about the bases of its REF only; a reference block (no
other ALT than ``.``, ``<*>`` and ``<NON_REF>``) about those up to END.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wgs_pipeline.errors import GvcfError
from wgs_pipeline.ngd.callset_cells import Cells, Malformed, as_numbers
from wgs_pipeline.ngd.callset_source import Block, CallsetHeader, malformed_record
from wgs_pipeline.ngd.genotypes import Genotypes, parse_genotypes
from wgs_pipeline.ngd.records import Rule
from wgs_pipeline.ngd.reference import Reference

_MISSING_NUMBER = -1
_DEPTHS = frozenset({"DP", "MIN_DP"})
_LARGEST = np.iinfo(np.int16).max
#: One genotype that names an ALT allele: index of the allele among those of the contig, index of
#: the genotype's text; DP, GQ and reads for REF and ALT, -1 where missing.
CALL = np.dtype(
    [
        ("allele", np.int32),
        ("code", np.int32),
        ("dp", np.int16),
        ("gq", np.int16),
        ("ad_ref", np.int16),
        ("ad_alt", np.int16),
    ]
)


@dataclass(frozen=True)
class Records:
    """Some records of one contig; alleles are numbered record by record.

    Attributes:
        contig: The contig.
        line: Line number of the first record.
        starts: First base of REF, 0-based, shape (records,).
        ends: One past the last base of REF, or of a reference block, shape (records,).
        filtered: Whether FILTER keeps a record from passing for anyone, shape (records,).
        allele_record: Record of each ALT allele, shape (alleles,).
        allele_number: Which ALT allele of its record it is, from 1, shape (alleles,).
        sequence: Whether the allele is a sequence, shape (alleles,).
        ref: REF of each allele's record in capitals, shape (alleles,).
        alt: The allele in capitals, shape (alleles,).
        failed_record: Record that did not pass for a sample, filtered ones aside, shape (failed,).
        failed_sample: That sample, shape (failed,).
        calls: Genotypes that name a sequence allele, type ``CALL``, shape (calls,).
        call_sample: Sample of each call, shape (calls,).
    """

    contig: str
    line: int
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    filtered: NDArray[np.bool_]
    allele_record: NDArray[np.int64]
    allele_number: NDArray[np.int32]
    sequence: NDArray[np.bool_]
    ref: pa.StringArray
    alt: pa.StringArray
    failed_record: NDArray[np.int32]
    failed_sample: NDArray[np.int32]
    calls: NDArray[np.void]
    call_sample: NDArray[np.int32]

    def shared(self) -> Records:
        """What concerns everyone: the same without what single samples have."""
        none = np.empty(0, np.int32)
        return replace(
            self, failed_record=none, failed_sample=none,
            calls=np.empty(0, CALL), call_sample=none,
        )  # fmt: skip


class RecordParser:
    """Turns blocks into records, and numbers the distinct genotypes of the file.

    Attributes:
        texts: Genotypes seen so far: text to code.
    """

    def __init__(
        self,
        path: Path,
        header: CallsetHeader,
        reference: Reference,
        karyotypes: list[str],
        used: NDArray[np.int64],
        rule: Rule,
    ) -> None:
        """Prepare to read a callset.

        Args:
            path: The callset, for messages.
            header: Its header.
            reference: Reference of the database.
            karyotypes: Karyotype of each sample that is loaded.
            used: Column of each of them among the samples of the file, ascending.
            rule: When a genotype passes.
        """
        self.texts: dict[str, int] = {}
        self._path, self._reference, self._used = path, reference, used
        self._karyotypes = {
            name: np.flatnonzero([each == name for each in karyotypes]) for name in set(karyotypes)
        }
        self._rule, self._formats = rule, header.formats
        self._asks_depth = bool(_DEPTHS & header.formats)
        self._has_depth = False

    def parse(self, block: Block) -> Iterator[Records]:
        """The records of a block, one contig at a time.

        Raises:
            GvcfError: A record is malformed; the message names its line.
        """
        contigs = block.column("CHROM").dictionary_encode()
        codes = np.asarray(contigs.indices)
        borders = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
        for low, high in pairwise(borders):
            contig = contigs.dictionary[int(codes[low])].as_py()
            rows = slice(low, high)
            part = Block(block.line + low, block.data, block.starts[rows], block.ends[rows])
            try:
                yield self._records(contig, part)
            except Malformed as error:
                line = part.line + error.row
                raise malformed_record(self._path, line, error.found, error.expected) from None

    def check(self) -> None:
        """After the last block: the header declares a depth only if some record has one.

        Raises:
            GvcfError: It declares one that no record has, so that nothing could pass.
        """
        if self._asks_depth and not self._has_depth:
            raise GvcfError(
                f"{self._path}: the header declares DP, but no record has it, so nothing passes; "
                "expected one or the other. Drop the declaration with bcftools annotate "
                "--remove FORMAT/DP: then the genotype alone decides"
            )

    def _records(self, contig: str, block: Block) -> Records:
        length = self._reference.contigs.get(contig)
        if length is None:
            raise Malformed(0, f"contig {contig}", "a contig of the database's reference")
        ref = pc.ascii_upper(block.column("REF"))
        _require(pc.ascii_is_alpha(ref), "REF is no sequence", "letters")
        starts = _positions(block.column("POS")) - 1
        ends = starts + np.asarray(pc.binary_length(ref)).astype(np.int64)
        alleles = _Alleles.of(block.column("ALT"), ref)
        ends = np.maximum(ends, _block_ends(block, alleles.blocks, starts))
        _require(pa.array(ends <= length), "a record beyond its contig", f"within {length} bp")
        filters = block.column("FILTER")
        filtered = ~np.asarray(pc.is_in(filters, pa.array(["PASS", "."])))
        passed = np.empty((len(starts), len(self._used)), np.bool_)
        parts = [np.empty(0, CALL)]
        samples = [np.empty(0, np.int32)]
        for cells in self._by_format(block, alleles.literal):
            calls, sample = self._group(contig, cells, alleles, starts, passed)
            parts.append(calls)
            samples.append(sample)
        failed = np.argwhere(~passed & ~filtered[:, np.newaxis]).astype(np.int32)
        return Records(
            contig, block.line, starts, ends, filtered,
            alleles.record, alleles.number, alleles.sequence, alleles.ref, alleles.alt,
            failed[:, 0], failed[:, 1],
            np.concatenate(parts), np.concatenate(samples),
        )  # fmt: skip

    def _by_format(self, block: Block, literal: NDArray[np.bool_]) -> Iterator[Cells]:
        """The cells of records of one FORMAT, those with a sequence ALT apart."""
        formats = block.column("FORMAT").dictionary_encode()
        codes = np.asarray(formats.indices)
        for code, text in enumerate(formats.dictionary.to_pylist()):
            keys = tuple(text.split(":"))
            for of_literal in (False, True):
                rows = np.flatnonzero((codes == code) & (literal == of_literal))
                if len(rows):
                    self._check_declared(keys, int(rows[0]))
                    yield Cells(block, keys, rows, self._used)

    def _check_declared(self, keys: tuple[str, ...], row: int) -> None:
        """The header decides whether depth is asked for, so it must be right about depth."""
        for key in _DEPTHS & set(keys):
            self._has_depth = True
            if key not in self._formats:
                raise Malformed(row, f"FORMAT {key}, which the header lacks", "declared keys")

    def _group(
        self,
        contig: str,
        cells: Cells,
        alleles: _Alleles,
        starts: NDArray[np.int64],
        passed: NDArray[np.bool_],
    ) -> tuple[NDArray[np.void], NDArray[np.int32]]:
        """Set ``passed`` of the records of one FORMAT; give their calls and whose they are."""
        codes = cells.genotype_codes(self.texts)
        genotypes = parse_genotypes(tuple(self.texts))
        highest = genotypes.alleles.max(axis=1)[codes].max(axis=1)
        too_high = highest > alleles.count[cells.rows]
        if too_high.any():
            row = int(cells.rows[np.argmax(too_high)])
            raise Malformed(row, "GT names an allele that ALT does not have", "an allele of ALT")
        literal = bool(alleles.literal[cells.rows[0]])
        depth = cells.depth(not literal) if self._asks_depth else None
        quality = cells.quality() if {"GQ", "PL"} & set(cells.keys) else None
        good = genotypes.complete[codes]
        if depth is not None:
            good &= depth >= self._rule.min_dp  # NaN, a missing depth, is not
        if quality is not None:
            good &= np.isnan(quality) | (quality >= self._rule.min_gq)
        for karyotype, columns in self._karyotypes.items() if literal else ():
            ploidy = self._reference.ploidy(contig, karyotype, starts[cells.rows])
            good[:, columns] &= _fits(genotypes, codes[:, columns], ploidy)
        passed[cells.rows] = good
        at, allele = _carried(genotypes, codes, alleles.first[cells.rows])
        kept = alleles.sequence[allele]
        at, allele = at[kept], allele[kept]
        calls = np.zeros(len(at), CALL)
        calls["allele"], calls["code"] = allele, codes.ravel()[at]
        for name, values in (("dp", depth), ("gq", quality)):
            calls[name] = _MISSING_NUMBER if values is None else _small(values.ravel()[at])
        calls["ad_ref"], calls["ad_alt"] = _allele_depths(cells, at, alleles.number[allele])
        return calls, (at % len(self._used)).astype(np.int32)


@dataclass(frozen=True)
class _Alleles:
    """ALT alleles of a block of records; see ``Records``.

    Attributes:
        first: Index of each record's first ALT allele, shape (records,).
        count: ALT alleles of each record; ``.`` is none, shape (records,).
        literal: Whether an ALT of the record is a sequence, shape (records,).
        blocks: Whether the record is a reference block, shape (records,).
    """

    record: NDArray[np.int64]
    number: NDArray[np.int32]
    sequence: NDArray[np.bool_]
    ref: pa.StringArray
    alt: pa.StringArray
    first: NDArray[np.int64]
    count: NDArray[np.int64]
    literal: NDArray[np.bool_]
    blocks: NDArray[np.bool_]

    @classmethod
    def of(cls, alts: pa.StringArray, ref: pa.StringArray) -> _Alleles:
        lists = pc.split_pattern(alts, ",")
        offsets = np.asarray(lists.offsets).astype(np.int64)
        record = np.repeat(np.arange(len(alts)), np.diff(offsets))
        alt = pc.ascii_upper(lists.values)
        own_ref = ref.take(pa.array(record))
        _require(pc.not_equal(alts, ""), "an empty ALT", "alleles or '.'")
        sequence = np.asarray(pc.ascii_is_alpha(alt))
        same = np.asarray(pc.equal(alt, own_ref))
        if same.any():
            at = int(record[np.argmax(same)])
            raise Malformed(at, "ALT is the same as REF", "another allele")
        literal = np.logical_or.reduceat(sequence, offsets[:-1])
        of_block = np.asarray(pc.is_in(alt, pa.array([".", "<*>", "<NON_REF>"])))
        return cls(
            record, (np.arange(len(alt)) - offsets[:-1][record] + 1).astype(np.int32),
            sequence, own_ref, alt, offsets[:-1],
            np.diff(offsets) - np.asarray(pc.equal(alts, ".")), literal,
            np.logical_and.reduceat(of_block, offsets[:-1]),
        )  # fmt: skip


def _fits(
    genotypes: Genotypes, codes: NDArray[np.int32], ploidy: NDArray[np.int8]
) -> NDArray[np.bool_]:
    """Which cells can be counted; ploidy by record, shape (records, samples)."""
    distinct = np.arange(len(genotypes.texts))
    fitting = np.empty(codes.shape, np.bool_)
    for copies in np.unique(ploidy):
        rows = ploidy == copies
        of_distinct = genotypes.fits(distinct, np.full(len(distinct), copies, np.int8))
        fitting[rows] = of_distinct[codes[rows]]
    return fitting


def _carried(
    genotypes: Genotypes, codes: NDArray[np.int32], first: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(cell, allele) of each distinct ALT allele of each cell, by cell."""
    named = [np.unique(row[row > 0]) for row in genotypes.alleles]
    count = np.array([len(each) for each in named])
    cells = np.flatnonzero(count[codes].ravel() > 0)
    own = codes.ravel()[cells]
    listed = np.concatenate(named).astype(np.int64)
    offsets = np.concatenate(([0], np.cumsum(count)))[:-1]
    copies = count[own]
    at = np.repeat(cells, copies)
    nth = np.arange(len(at)) - np.repeat(np.cumsum(copies) - copies, copies)
    allele = listed[np.repeat(offsets[own], copies) + nth]
    return at, first[at // codes.shape[1]] + allele - 1


def _allele_depths(
    cells: Cells, cell: NDArray[np.int64], number: NDArray[np.int32]
) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    text = cells.text("AD", cell)
    if text is None:
        missing = np.full(len(cell), _MISSING_NUMBER, np.int16)
        return missing, missing.copy()
    depths = pc.split_pattern(pc.fill_null(text, "."), ",")
    offsets = np.asarray(depths.offsets).astype(np.int64)

    def depth_of(index: NDArray[np.int32] | int) -> NDArray[np.int16]:
        missing = np.diff(offsets) <= index
        own = depths.values.take(pa.array(offsets[:-1] + index, mask=missing))
        own = pc.if_else(pc.equal(own, "."), pa.scalar(None, pa.string()), own)
        return _small(as_numbers(own, cell, cells, "AD"))

    return depth_of(0), depth_of(number)


def _block_ends(
    block: Block, blocks: NDArray[np.bool_], starts: NDArray[np.int64]
) -> NDArray[np.int64]:
    """END of reference blocks, 0-based half-open; the start where there is none."""
    if not blocks.any():
        return starts
    found = pc.extract_regex(block.column("INFO"), r"(?:^|;)END=(?P<value>[0-9]{1,10})(?:;|$)")
    stated = np.asarray(pc.fill_null(pc.struct_field(found, "value"), "0").cast(pa.int64()))
    return np.where(blocks, np.maximum(stated, starts), starts)


def _positions(text: pa.StringArray) -> NDArray[np.int64]:
    good = pc.match_substring_regex(text, "^0*[1-9][0-9]{0,9}$")
    _require(good, "POS is no position", "a whole number from 1")
    return np.asarray(text.cast(pa.int64()))


def _small(numbers: NDArray[np.float64]) -> NDArray[np.int16]:
    floor = np.floor(np.nan_to_num(numbers, nan=_MISSING_NUMBER))
    return np.clip(floor, _MISSING_NUMBER, _LARGEST).astype(np.int16)


def _require(good: pa.Array, found: str, expected: str) -> None:
    values = np.asarray(good)
    if not values.all():
        raise Malformed(int(np.argmin(values)), found, expected)
