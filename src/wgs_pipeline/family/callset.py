"""Reading a family's callset as arrays, some records of one contig at a time.

bcftools writes the wanted fields as text, pyarrow splits it into columns, and each distinct
genotype is interpreted once. Depths and likelihoods stay text until some of them are asked for.
Records that a filter marked are left out.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv
import pysam
from numpy.typing import NDArray

from wgs_pipeline.errors import GvcfError
from wgs_pipeline.ngd.genotypes import is_genotype, parse_genotypes

#: Allele indices of a genotype: one that is missing, and padding after a haploid call.
MISSING, PADDING = -1, -2
PASSING = 'FILTER="PASS" || FILTER="."'
_BLOCK_BYTES = 8 << 20
_FIXED = ("CHROM", "POS", "REF", "ALT")
#: FORMAT keys that are read where the header has them.
_KEYS = ("DP", "AD", "PL", "GL")

Alleles = NDArray[np.int8]
Bools = NDArray[np.bool_]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """Some records of one contig.

    Attributes:
        contig: The contig.
        positions: 1-based, as in VCF, shape (records,).
        ref: REF, shape (records,).
        alt: ALT with commas, shape (records,).
        alleles: Allele indices, ``MISSING`` or ``PADDING``, shape (records, samples, 2). A
            genotype of more than two alleles is missing.
        cells: FORMAT key to the texts of each sample, shape (samples,) of (records,).
    """

    contig: str
    positions: Rows
    ref: pa.StringArray
    alt: pa.StringArray
    alleles: Alleles
    cells: Mapping[str, Sequence[pa.StringArray]]

    @property
    def n_alts(self) -> NDArray[np.int64]:
        """ALT alleles of each record, shape (records,)."""
        return np.asarray(pc.count_substring(self.alt, ",")).astype(np.int64) + 1

    @property
    def is_snv(self) -> Bools:
        """Whether REF and every ALT are one base, shape (records,)."""
        single = pc.equal(pc.binary_length(self.ref), 1)
        bases = pc.match_substring_regex(self.alt, "^[ACGTacgt](,[ACGTacgt])*$")
        return np.asarray(pc.and_(single, bases))

    def numbers(self, key: str, sample: int, rows: Rows, width: int) -> NDArray[np.float64]:
        """Values of a FORMAT key of one sample, NaN where missing, shape (rows, width)."""
        found = np.full((len(rows), width), np.nan)
        if key not in self.cells or not len(rows):
            return found
        lists = pc.split_pattern(self.cells[key][sample].take(pa.array(rows)), ",")
        offsets = np.asarray(lists.offsets).astype(np.int64)
        values = pc.if_else(pc.equal(lists.values, "."), "nan", lists.values)
        row = np.repeat(np.arange(len(rows)), np.diff(offsets))
        column = np.arange(len(row)) - offsets[:-1][row]
        kept = column < width
        found[row[kept], column[kept]] = np.asarray(values.cast(pa.float64()))[kept]
        return found


def samples_of(callset: Path) -> tuple[str, ...]:
    """Samples of a callset, in the order of their columns.

    Raises:
        GvcfError: It cannot be read.
    """
    with _opened(callset) as file:
        return tuple(file.header.samples)


def batches(callset: Path, samples: Sequence[str]) -> Iterator[Batch]:
    """Passing records of a callset in its order, with the genotypes of some samples.

    Raises:
        GvcfError: It cannot be read, is damaged, or has a genotype that is none.
    """
    with _opened(callset) as file:
        keys = [key for key in _KEYS if key in file.header.formats]
        if "GT" not in file.header.formats:
            raise GvcfError(f"{callset}: has no genotypes (FORMAT/GT); give a family's callset")
    columns = [*_FIXED, *(f"{key} {name}" for name in samples for key in ("GT", *keys))]
    fields = "".join(f"\\t%{key}" for key in ("GT", *keys))
    command = [
        *("bcftools", "query", "--include", PASSING, "--samples", ",".join(samples)),
        *("--format", f"%CHROM\\t%POS\\t%REF\\t%ALT[{fields}]\\n", str(callset)),
    ]
    for table in _tables(callset, command, columns):
        yield from _by_contig(callset, table, samples, keys)


def _opened(callset: Path) -> pysam.VariantFile:
    before = pysam.set_verbosity(1)  # headers of some callers warrant warnings that help nobody
    try:
        return pysam.VariantFile(str(callset))
    except (OSError, ValueError) as error:
        raise GvcfError(f"{callset}: cannot be read ({error}); give a family's callset") from error
    finally:
        pysam.set_verbosity(before)


def _tables(callset: Path, command: list[str], columns: list[str]) -> Iterator[pa.RecordBatch]:
    with tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said)
        except FileNotFoundError:
            raise GvcfError("bcftools is not installed; install it and run again") from None
        assert process.stdout is not None
        with process:
            try:
                if process.stdout.peek(1):  # type: ignore[attr-defined]
                    yield from pv.open_csv(
                        process.stdout,
                        pv.ReadOptions(column_names=columns, block_size=_BLOCK_BYTES),
                        pv.ParseOptions(delimiter="\t", quote_char=False),
                        pv.ConvertOptions(
                            column_types=dict.fromkeys(columns, pa.string()),
                            strings_can_be_null=False,
                        ),
                    )
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            said.seek(0)
            reason = " ".join(said.read().decode("utf-8", "replace").split()) or "nothing"
            raise GvcfError(f"{callset}: bcftools says {reason}. Make the callset again")


def _by_contig(
    callset: Path, table: pa.RecordBatch, samples: Sequence[str], keys: Sequence[str]
) -> Iterator[Batch]:
    contigs = table["CHROM"].dictionary_encode()
    codes = np.asarray(contigs.indices)
    borders = np.flatnonzero(np.diff(codes, prepend=-1, append=-1))
    for first, last in zip(borders[:-1].tolist(), borders[1:].tolist(), strict=True):
        part = table.slice(first, last - first)
        genotypes = [_alleles(callset, part[f"GT {name}"]) for name in samples]
        yield Batch(
            contigs.dictionary[int(codes[first])].as_py(),
            np.asarray(part["POS"].cast(pa.int64())),
            part["REF"],
            part["ALT"],
            np.stack(genotypes, axis=1),
            {key: [part[f"{key} {name}"] for name in samples] for key in keys},
        )


def _alleles(callset: Path, texts: pa.StringArray) -> Alleles:
    """Allele indices of one sample, shape (records, 2)."""
    encoded = texts.dictionary_encode()
    distinct = encoded.dictionary.to_pylist()
    for text in distinct:
        if not is_genotype(text):
            raise GvcfError(f"{callset}: {text[:40]!r} is no genotype. Make the callset again")
    parsed = parse_genotypes(distinct)
    two = np.full((len(parsed.texts), 2), PADDING, np.int8)
    width = min(parsed.alleles.shape[1], 2)
    two[:, :width] = np.minimum(parsed.alleles[:, :width], 127)
    two[parsed.count > 2] = MISSING
    found: Alleles = two[np.asarray(encoded.indices)]
    return found
