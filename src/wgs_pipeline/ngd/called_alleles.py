"""The ALT alleles that the genotypes of a block name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wgs_pipeline.ngd.genotypes import Genotypes
from wgs_pipeline.ngd.gvcf_source import COLUMNS
from wgs_pipeline.ngd.sample_fields import Malformed, SampleColumn, numbers
from wgs_pipeline.ngd.text_block import Fields, Rows, TextBlock

_REF, _ALT = COLUMNS.index("REF"), COLUMNS.index("ALT")
_MISSING_NUMBER = -1
_LARGEST = np.iinfo(np.int16).max


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

    row: Rows
    ref: pa.StringArray
    alt: pa.StringArray
    allele: NDArray[np.int32]
    genotype: Rows
    dp: NDArray[np.int16]
    gq: NDArray[np.int16]
    ad_ref: NDArray[np.int16]
    ad_alt: NDArray[np.int16]


def called_alleles(
    block: TextBlock, sample: SampleColumn, genotypes: Genotypes, literal: NDArray[np.bool_]
) -> Calls:
    """Calls of the records that have a sequence ALT.

    Args:
        block: The lines.
        sample: Their sample column.
        genotypes: Distinct genotypes of the block.
        literal: Which lines have a sequence ALT.

    Raises:
        Malformed: GT names an allele that ALT lacks, ALT is REF, or AD is no number.
    """
    codes = sample.codes
    naming: NDArray[np.bool_] = np.any(genotypes.alleles > 0, axis=1)
    rows = np.flatnonzero(literal & naming[codes])
    alleles = genotypes.alleles[codes[rows]]
    alts, offsets = block.column(_ALT)[rows].split(b",")
    too_high = alleles.max(axis=1, initial=-1) > np.diff(offsets)
    if too_high.any():
        row = int(rows[np.argmax(too_high)])
        raise Malformed(row, "GT names an allele that ALT does not have", "an allele of ALT")
    at, allele = _distinct(alleles)
    alt = alts[offsets[at] + allele - 1].strings()
    sequence = np.asarray(pc.ascii_is_alpha(alt))
    at, allele, alt = at[sequence], allele[sequence], alt.filter(pa.array(sequence))
    of_call = rows[at]
    ref = pc.ascii_upper(block.column(_REF)[of_call].strings())
    alt = pc.ascii_upper(alt)
    same = np.asarray(pc.equal(ref, alt))
    if same.any():
        raise Malformed(int(of_call[np.argmax(same)]), "ALT is the same as REF", "another allele")
    ad_ref, ad_alt = _allele_depths(sample.allele_depths[of_call], of_call, allele)
    return Calls(
        of_call, ref, alt, allele, codes[of_call],
        _small(sample.depth[of_call]), _small(sample.quality[of_call]), ad_ref, ad_alt,
    )  # fmt: skip


def _distinct(alleles: NDArray[np.int32]) -> tuple[Rows, NDArray[np.int32]]:
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
    texts: Fields, rows: Rows, allele: NDArray[np.int32]
) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """Depth of REF and of one ALT from the AD of each call; -1 where missing."""
    depths, offsets = texts.split(b",")
    numbers_of = numbers(depths, np.repeat(rows, np.diff(offsets)), "AD")

    def depth_of(index: NDArray[np.int32] | int) -> NDArray[np.int16]:
        at = offsets[:-1] + index
        there = at < offsets[1:]
        return _small(np.where(there, numbers_of[np.where(there, at, 0)], np.nan))

    return depth_of(0), depth_of(allele)


def _small(numbers: NDArray[np.float64]) -> NDArray[np.int16]:
    floor = np.floor(np.nan_to_num(numbers, nan=_MISSING_NUMBER))
    return np.clip(floor, _MISSING_NUMBER, _LARGEST).astype(np.int16)
