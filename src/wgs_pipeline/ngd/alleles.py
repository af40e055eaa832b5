"""Alleles in one spelling: trimmed, and left-aligned where the reference is at hand."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from wgs_pipeline.errors import GvcfError, NgdError


@dataclass(frozen=True)
class Alleles:
    """Biallelic variants of one contig.

    Attributes:
        starts: 0-based position of the first base of REF, shape (variants,).
        ref: REF in capitals, shape (variants,).
        alt: ALT in capitals, shape (variants,).
    """

    starts: NDArray[np.int64]
    ref: pa.StringArray
    alt: pa.StringArray


def normalise(alleles: Alleles, contig: str, length: int, fasta: Path | None) -> Alleles:
    """Trim and left-align variants as ``bcftools norm`` does; only trim without a FASTA.

    Args:
        alleles: Biallelic variants.
        contig: Their contig.
        length: Its length in bp.
        fasta: Indexed reference.

    Raises:
        GvcfError: REF is not what stands in the FASTA.
        NgdError: bcftools cannot be run, or the FASTA has no index.
    """
    sizes = [np.asarray(pc.binary_length(each)) for each in (alleles.ref, alleles.alt)]
    rows = np.flatnonzero((sizes[0] != 1) | (sizes[1] != 1))  # a single-base change is normal
    if not len(rows):
        return alleles
    chosen = Alleles(
        alleles.starts[rows], alleles.ref.take(pa.array(rows)), alleles.alt.take(pa.array(rows))
    )
    changed = _trim(chosen) if fasta is None else _norm(chosen, contig, length, fasta)
    starts = alleles.starts.copy()
    starts[rows] = changed.starts
    mask = np.zeros(len(starts), np.bool_)
    mask[rows] = True
    ref = pc.replace_with_mask(alleles.ref, pa.array(mask), changed.ref)
    return Alleles(starts, ref, pc.replace_with_mask(alleles.alt, pa.array(mask), changed.alt))


def trim(ref: str, alt: str) -> tuple[int, str, str]:
    """Bases dropped at the left, and the shortest REF and ALT of at least one base each."""
    while len(ref) > 1 and len(alt) > 1 and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    dropped = 0
    while len(ref) > 1 and len(alt) > 1 and ref[0] == alt[0]:
        ref, alt, dropped = ref[1:], alt[1:], dropped + 1
    return dropped, ref, alt


def _trim(alleles: Alleles) -> Alleles:
    pairs = pc.binary_join_element_wise(alleles.ref, alleles.alt, ">").dictionary_encode()
    trimmed = [trim(*pair.split(">")) for pair in pairs.dictionary.to_pylist()]
    index = pairs.indices
    dropped = np.array([each[0] for each in trimmed], np.int64)
    return Alleles(
        alleles.starts + dropped[np.asarray(index)],
        pa.array([each[1] for each in trimmed], pa.string()).take(index),
        pa.array([each[2] for each in trimmed], pa.string()).take(index),
    )


def _norm(alleles: Alleles, contig: str, length: int, fasta: Path) -> Alleles:
    size = len(alleles.starts)
    if not Path(f"{fasta}.fai").exists():
        raise NgdError(
            f"{fasta}: no index beside it; expected {fasta.name}.fai. Run samtools faidx"
        )
    table = pc.binary_join_element_wise(
        pa.array([contig] * size),
        pa.array(alleles.starts + 1).cast(pa.string()),
        pa.array(np.arange(size)).cast(pa.string()),
        alleles.ref,
        alleles.alt,
        ".\t.\t.\n",
        "\t",
    )
    header = f"##fileformat=VCFv4.2\n##contig=<ID={contig},length={length}>\n"
    columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    text = header + columns + "".join(table.to_pylist())
    output = _run_norm(text.encode("ascii"), fasta)
    _, _, records = output.partition(b"\tFILTER\tINFO\n")
    names = ["CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"]
    types = {"POS": pa.int64(), "ID": pa.int64(), "REF": pa.string(), "ALT": pa.string()}
    result = pacsv.read_csv(
        pa.BufferReader(records),
        read_options=pacsv.ReadOptions(column_names=names),
        parse_options=pacsv.ParseOptions(delimiter="\t", quote_char=False),
        convert_options=pacsv.ConvertOptions(
            column_types=types, include_columns=list(types), null_values=[]
        ),
    ).sort_by("ID").combine_chunks()  # fmt: skip
    if result.num_rows != size:
        raise NgdError(f"bcftools norm gave {result.num_rows} records; expected {size}")
    columns_of = {name: result[name].combine_chunks() for name in types}
    starts = np.asarray(columns_of["POS"]) - 1
    return Alleles(starts, columns_of["REF"], columns_of["ALT"])


def _run_norm(text: bytes, fasta: Path) -> bytes:
    command = ["bcftools", "norm", "--no-version", "--fasta-ref", str(fasta), "-Ov", "-"]
    try:
        done = subprocess.run(command, input=text, capture_output=True, check=False)
    except FileNotFoundError:
        raise NgdError("bcftools is not installed; it normalises variants. Install it") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise GvcfError(
            f"variants do not fit {fasta}: bcftools norm says {said[-1] if said else 'nothing'!r}. "
            "Give the reference that the gVCF was called against"
        )
    return done.stdout
