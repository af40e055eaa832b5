"""Writing genome shards: a gVCF becomes two Parquet files under the digest of their content."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd.contig_calls import ContigCalls, parse_contigs
from wgs_pipeline.ngd.intervals import Bases
from wgs_pipeline.ngd.layout import Root, sha256_of
from wgs_pipeline.ngd.parquet import footer_digest
from wgs_pipeline.ngd.records import Rule
from wgs_pipeline.ngd.shard import CALLABLE, FILES, FORMAT, VARIANTS, Analysis

_ROW_GROUP = 122_880


@dataclass(frozen=True)
class Target:
    """Bases that an assay aims at, by contig; a contig that is not there has none."""

    bases: dict[str, Bases]

    @property
    def digest(self) -> str:
        """SHA-256 of the intervals, hexadecimal."""
        digest = hashlib.sha256()
        for contig, bases in sorted(self.bases.items()):
            digest.update(f"{contig}\t{len(bases)}\n".encode())
            digest.update(bases.starts.astype("<i8").tobytes() + bases.ends.astype("<i8").tobytes())
        return digest.hexdigest()


def write_shard(
    root: Root,
    gvcf: Path,
    sample_id: str,
    analysis: Analysis,
    target: Target | None = None,
    fasta: Path | None = None,
) -> str:
    """Turn a gVCF into a genome shard; nothing stays behind if that fails.

    Args:
        root: The database.
        gvcf: Single-sample gVCF: plain, gzip or bgzip.
        sample_id: Sample that its header must name.
        analysis: How the genome was examined.
        target: Bases that count, for a targeted assay.
        fasta: Indexed reference for left-alignment; None: variants are only trimmed.

    Returns:
        Digest of the shard, which is also its folder's name.

    Raises:
        GvcfError: The gVCF is malformed, truncated, or of another sample or reference.
    """
    settings = root.settings
    parsed = parse_contigs(
        gvcf,
        sample_id,
        root.reference(),
        analysis.karyotype,
        Rule(settings.min_dp, settings.min_gq),
        None if target is None else target.bases,
        fasta,
    )
    return write_contigs(root, parsed, analysis, left_aligned=fasta is not None)


def write_contigs(
    root: Root, contigs: Iterable[ContigCalls], analysis: Analysis, left_aligned: bool
) -> str:
    """Write a genome shard from Arrow tables; nothing stays behind if that fails.

    Args:
        root: The database.
        contigs: Calls and callable bases, contigs in the order of the reference.
        analysis: How the genome was examined.
        left_aligned: Whether the variants are left-aligned, not only trimmed.

    Returns:
        Digest of the shard, which is also its folder's name.
    """
    made = {
        "format": FORMAT,
        **asdict(analysis),
        "min_dp": root.settings.min_dp,
        "min_gq": root.settings.min_gq,
        "left_aligned": left_aligned,
    }
    folder = root.path / "shards" / f".tmp-{secrets.token_hex(8)}"
    try:
        folder.mkdir(parents=True)
        digest = _write(folder, contigs, made)
        _move(folder, root.shard(digest))
    except OSError as error:
        raise NgdError(f"{root.path}: a shard cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return digest


def _write(folder: Path, contigs: Iterable[ContigCalls], made: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(made, sort_keys=True).encode("utf-8"))
    counts = {"variants": 0, "callable_runs": 0, "callable_bp": 0}
    variants = pq.ParquetWriter(folder / FILES[0], VARIANTS, **_variant_encoding())
    runs = pq.ParquetWriter(folder / FILES[1], CALLABLE, **_callable_encoding())
    with variants, runs:
        for contig in contigs:
            table = contig.variants.cast(VARIANTS)
            bases = contig.callable
            names = pa.array([contig.name]).take(pa.array(np.zeros(len(bases), np.int64)))
            callable_ = pa.table([names, bases.starts, bases.ends], names=CALLABLE.names)
            callable_ = callable_.cast(CALLABLE)
            for part, writer in ((table, variants), (callable_, runs)):
                _digest(digest, contig.name, part)
                if part.num_rows:
                    writer.write_table(part, row_group_size=_ROW_GROUP)
            counts["variants"] += table.num_rows
            counts["callable_runs"] += len(bases)
            counts["callable_bp"] += int((bases.ends - bases.starts).sum())
    for name in FILES:
        _fsync(folder / name)
    description = {
        **made,
        **counts,
        "digest": digest.hexdigest(),
        "files": {name: sha256_of(folder / name) for name in FILES},
        "footers": {name: footer_digest(folder / name) for name in FILES},
    }
    text = json.dumps(description, indent=2) + "\n"
    (folder / "shard.json").write_text(text, encoding="utf-8")
    _fsync(folder / "shard.json")
    _fsync(folder)
    return digest.hexdigest()


def _digest(digest: Any, contig: str, table: pa.Table) -> None:
    """Feed the values of a table, not its encoding, to a digest."""
    digest.update(f"{contig}\t{table.num_rows}\n".encode())
    for name in table.column_names[1:]:
        column = table[name].combine_chunks()
        if pa.types.is_string(column.type):
            column = column.cast(pa.large_string())
            lengths = np.diff(np.frombuffer(column.buffers()[1], np.int64, len(column) + 1))
            digest.update(lengths.astype("<i8").tobytes())
            digest.update("".join(column.to_pylist()).encode("utf-8"))
        else:
            values = np.asarray(column.cast(pa.int64()).fill_null(-1))
            digest.update(values.astype("<i8").tobytes())


def _move(folder: Path, shard: Path) -> None:
    """Rename a complete folder into place; one that is there already is the same."""
    if (shard / "shard.json").exists():
        return
    shard.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.rename(shard)
    except OSError:
        if not (shard / "shard.json").exists():
            raise
    _fsync(shard.parent)


def _variant_encoding() -> dict[str, Any]:
    return {
        "compression": "zstd",
        "compression_level": 3,
        "use_dictionary": ["contig", "ref", "alt", "gt", "kind", "gq"],
        "column_encoding": {
            "pos": "DELTA_BINARY_PACKED",
            "dp": "BYTE_STREAM_SPLIT",
            "ad_ref": "BYTE_STREAM_SPLIT",
            "ad_alt": "BYTE_STREAM_SPLIT",
        },
        "write_page_index": True,
        "write_page_checksum": True,
        "store_schema": True,
    }


def _callable_encoding() -> dict[str, Any]:
    packed = {"start": "DELTA_BINARY_PACKED", "end": "DELTA_BINARY_PACKED"}
    return _variant_encoding() | {"use_dictionary": ["contig"], "column_encoding": packed}


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
