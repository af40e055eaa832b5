"""Sites at which contamination shows: common SNVs of a population, homozygous SNVs of a gVCF.

Positions are 0-based.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv

from wgs_pipeline.errors import WgsError
from wgs_pipeline.metrics.catalogue import NotApplicable
from wgs_pipeline.metrics.pipes import read_pipe

Longs = NDArray[np.int64]
Floats = NDArray[np.float64]

_BASES = ("A", "C", "G", "T")


@dataclass(frozen=True)
class CommonSnvs:
    """Biallelic SNVs with their frequency, sorted by contig and position.

    Attributes:
        contig: Number of the contig in the reference, shape (sites,).
        position: Position on it.
        reference: Reference allele as a number, A C G T.
        alternate: Alternate allele likewise.
        frequency: Frequency of the alternate allele in the population.
    """

    contig: Longs
    position: Longs
    reference: Longs
    alternate: Longs
    frequency: Floats

    def __len__(self) -> int:
        return len(self.position)

    @classmethod
    def none(cls) -> CommonSnvs:
        """No site."""
        nothing = np.zeros(0, np.int64)
        return cls(nothing, nothing, nothing, nothing, np.zeros(0))


@dataclass(frozen=True)
class HomozygousSnvs:
    """Autosomal SNVs for which a sample is homozygous alternate, with the reads of each allele."""

    contig: Longs
    position: Longs
    alternate: Longs
    reference_reads: Longs
    alternate_reads: Longs


def read_common_snvs(path: Path, contigs: Sequence[str]) -> CommonSnvs:
    """Sites of a VCF with INFO/AF that lie on the contigs; other records are passed over.

    Args:
        path: VCF or BCF, sorted or not; one record an alternate allele.
        contigs: Names of the reference's contigs that are looked at, in its order.

    Raises:
        WgsError: It cannot be read, has no AF or one that is no share, or has no SNV on any of the
            contigs.
    """
    columns = ("contig", "position", "reference", "alternate", "frequency")
    command = ["bcftools", "query", "-f", "%CHROM\\t%POS\\t%REF\\t%ALT\\t%INFO/AF\\n", str(path)]
    table = _table(read_pipe([command]), columns)
    frequency = _floats(table["frequency"])
    numbers = _contig_numbers(table["contig"], contigs)
    reference, alternate = _code(table["reference"]), _code(table["alternate"])
    known = (numbers >= 0) & (reference >= 0) & (alternate >= 0) & np.isfinite(frequency)
    position = table["position"].to_numpy().astype(np.int64) - 1
    if not known.any():
        raise WgsError(
            f"{path}: has no SNV with INFO/AF on the autosomes of the reference "
            f"({', '.join(contigs[:3])} …); give common SNVs of this genome build"
        )
    if (highest := float(frequency[known].max())) > 1:
        raise WgsError(
            f"{path}: an INFO/AF is {highest:g}; expected 0 to 1. Divide percentages by 100"
        )
    order = np.flatnonzero(known)[np.lexsort((position[known], numbers[known]))]
    # Two alternate alleles at one place: neither is biallelic.
    place = numbers[order] << 40 | position[order]
    single = np.ones(len(place), np.bool_)
    same = place[1:] == place[:-1]
    single[1:] &= ~same
    single[:-1] &= ~same
    order = order[single]
    return CommonSnvs(
        numbers[order], position[order], reference[order], alternate[order], frequency[order]
    )


def read_homozygous_snvs(
    gvcf: Path, autosomes: Path, contigs: Sequence[str]
) -> HomozygousSnvs | NotApplicable:
    """Homozygous alternate SNVs of a gVCF of one sample that pass its filter.

    Not applicable where the gVCF has no depths of alleles (FORMAT/AD).

    Args:
        gvcf: The gVCF.
        autosomes: BED of the autosomes without N.
        contigs: Names of the reference's contigs, in its order.

    Raises:
        WgsError: The gVCF cannot be read, or is not of one sample.
    """
    header = read_pipe([["bcftools", "view", "--header-only", str(gvcf)]]).decode()
    samples = header.splitlines()[-1].split("\t")[9:]
    if len(samples) != 1:
        raise WgsError(f"{gvcf}: {len(samples)} samples; expected a gVCF of one sample")
    if "##FORMAT=<ID=AD," not in header:
        return NotApplicable("the gVCF has no depths of alleles (FORMAT/AD)")
    quality = "[%GQ]" if "##FORMAT=<ID=GQ," in header else "."
    columns = ("contig", "position", "reference", "alternate", "depths", "quality")
    table = _table(
        read_pipe(
            [
                ["bcftools", "view", "--apply-filters", "PASS,.", "--targets-file",
                 str(autosomes), "--include", 'GT="AA"', "--output-type", "u", str(gvcf)],
                ["bcftools", "query", "-f",
                 f"%CHROM\\t%POS\\t%REF\\t%ALT\\t[%AD]\\t{quality}\\n"],
            ]
        ),
        columns,
    )  # fmt: skip
    # The alternate allele may be followed by <*> or <NON_REF>, which nobody carries.
    plain = pc.replace_substring_regex(table["alternate"], r"(,(<[^,]*>|\*))+$", "")
    alternate = _code(plain)
    depths = pc.split_pattern(table["depths"], ",")
    two = pc.greater_equal(pc.list_value_length(depths), 2).to_numpy(zero_copy_only=False)
    kept = two & (_code(table["reference"]) >= 0) & (alternate >= 0)
    gq = _floats(table["quality"])
    kept &= ~(gq < _LEAST_GQ)
    numbers = _contig_numbers(table["contig"], contigs)
    kept &= numbers >= 0
    pairs = depths.filter(pa.array(kept))
    reads = [
        np.nan_to_num(_floats(pc.list_element(pairs, place))).astype(np.int64) for place in (0, 1)
    ]
    return HomozygousSnvs(
        numbers[kept],
        table["position"].to_numpy().astype(np.int64)[kept] - 1,
        alternate[kept],
        *reads,
    )


#: As Lu et al. 2023; a gVCF without GQ is taken as it is.
_LEAST_GQ = 20


def reference_frequencies(snvs: HomozygousSnvs, common: CommonSnvs) -> Floats:
    """Frequency of the reference allele at each homozygous SNV; NaN where it is not known."""
    ours = _key(snvs.contig, snvs.position, snvs.alternate)
    theirs = _key(common.contig, common.position, common.alternate)
    order = np.argsort(theirs, kind="stable")
    place = np.minimum(np.searchsorted(theirs[order], ours), max(len(theirs) - 1, 0))
    if not len(theirs):
        return np.full(len(ours), np.nan)
    found = order[place]
    return np.where(theirs[found] == ours, 1 - common.frequency[found], np.nan)


def _key(contig: Longs, position: Longs, alternate: Longs) -> Longs:
    return contig << 40 | position << 2 | alternate


def _table(text: bytes, columns: Sequence[str]) -> Mapping[str, pa.ChunkedArray]:
    types = dict.fromkeys(columns, pa.string()) | {"position": pa.int64()}
    if not text:
        return {name: pa.chunked_array([pa.array([], types[name])]) for name in columns}
    table = csv.read_csv(
        io.BytesIO(text),
        read_options=csv.ReadOptions(column_names=list(columns)),
        parse_options=csv.ParseOptions(delimiter="\t", quote_char=False),
        convert_options=csv.ConvertOptions(column_types=types, strings_can_be_null=False),
    )
    return {name: table[name] for name in columns}


def _code(alleles: pa.ChunkedArray) -> Longs:
    """Number of each allele among A C G T; -1 for anything else."""
    found = pc.fill_null(pc.index_in(pc.utf8_upper(alleles), pa.array(_BASES)), -1)
    return np.asarray(found.to_numpy(), np.int64)


def _contig_numbers(names: pa.ChunkedArray, contigs: Sequence[str]) -> Longs:
    found = pc.fill_null(pc.index_in(names, pa.array(list(contigs), pa.string())), -1)
    return np.asarray(found.to_numpy(), np.int64)


def _floats(texts: pa.ChunkedArray) -> Floats:
    """Numbers; NaN where there is none."""
    numeric = pc.match_substring_regex(texts, r"^[0-9]+([.][0-9]*)?([eE][-+]?[0-9]+)?$")
    return np.asarray(
        pc.cast(pc.if_else(numeric, texts, "nan"), pa.float64()).to_numpy(), np.float64
    )
