"""Answers as TSV, JSON, Parquet or VCF."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from wgs_pipeline.files import replacing, write_text

_VCF_HEADER = """\
##fileformat=VCFv4.2
##FILTER=<ID=PASS,Description="All filters passed">
##FILTER=<ID=NotCallable,Description="Below the database's rule; counts in neither AC nor AN">
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype, of this ALT allele alone">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Read depth">
##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Reads for REF and ALT">
##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Genotype quality">
"""


def write(
    table: pa.Table, format_: str, output: Path | None, contigs: Mapping[str, int] | None = None
) -> None:
    """Write an answer to a file, or to standard output.

    Args:
        table: The answer.
        format_: ``tsv``, ``json``, ``parquet`` or (calls of one genome) ``vcf``.
        output: File; None is standard output.
        contigs: Name to length, for a VCF header.
    """
    if format_ == "parquet":
        _write_parquet(table, output)
        return
    makers = {"tsv": to_tsv, "json": to_json}
    text = to_vcf(table, contigs or {}) if format_ == "vcf" else makers[format_](table)
    if output is None:
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        write_text(output, text)


def to_tsv(table: pa.Table) -> str:
    """Tab-separated text with a header; missing values are empty."""
    columns = [_text(table[name], "") for name in table.column_names]
    return "\t".join(table.column_names) + "\n" + _lines(columns)


def to_json(table: pa.Table) -> str:
    """One object: what the answer states of itself, and its rows."""
    stated: dict[str, Any] = {
        key.decode(): _number(value.decode())
        for key, value in (table.schema.metadata or {}).items()
    }
    return json.dumps(stated | {"rows": table.to_pylist()}, indent=2, allow_nan=False) + "\n"


def to_vcf(calls: pa.Table, contigs: Mapping[str, int]) -> str:
    """Calls of one genome as VCF."""
    sample = calls.schema.metadata[b"sample_id"].decode()
    header = _VCF_HEADER + "".join(
        f"##contig=<ID={name},length={length}>\n" for name, length in contigs.items()
    )
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", sample]
    size = calls.num_rows
    depths = pc.binary_join_element_wise(
        _text(calls["ad_ref"], "."), _text(calls["ad_alt"], "."), ","
    )
    fields = [_text(calls["gt"], "."), _text(calls["dp"], "."), depths, _text(calls["gq"], ".")]
    dots = pa.array(["."] * size, pa.string())
    values = [
        _text(calls["contig"], "."),
        _text(calls["pos"], "."),
        dots,
        _text(calls["ref"], "."),
        _text(calls["alt"], "."),
        dots,
        pc.if_else(calls["passed"], "PASS", "NotCallable"),
        dots,
        pa.array(["GT:DP:AD:GQ"] * size, pa.string()),
        pc.binary_join_element_wise(*fields, ":"),
    ]
    return header + "\t".join(columns) + "\n" + _lines(values)


def _write_parquet(table: pa.Table, output: Path | None) -> None:
    import pyarrow.parquet as pq

    if output is None:
        pq.write_table(table, pa.PythonFile(sys.stdout.buffer, mode="w"))
        return
    with replacing(output) as temporary:
        pq.write_table(table, temporary)


def _lines(columns: list[Any]) -> str:
    if not len(columns[0]):
        return ""
    joined = pc.binary_join_element_wise(*columns, "\t")
    return "\n".join(joined.to_pylist()) + "\n"


def _text(column: Any, missing: str) -> Any:
    return pc.fill_null(pc.cast(column, pa.string()), missing)


def _number(text: str) -> int | str:
    return int(text) if text.isdigit() else text
