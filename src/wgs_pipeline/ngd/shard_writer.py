"""Writing genome shards: a gVCF becomes two encrypted files under the digest of their content."""

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
import pyarrow.compute as pc
import pyarrow.parquet as pq

from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd.contig_calls import ContigCalls, parse_contigs
from wgs_pipeline.ngd.extents import entry
from wgs_pipeline.ngd.intervals import Bases
from wgs_pipeline.ngd.layout import Root, sha256_of
from wgs_pipeline.ngd.parquet import footer_digest
from wgs_pipeline.ngd.records import Rule
from wgs_pipeline.ngd.shard import FILES, FORMAT, VARIANTS, Analysis
from wgs_pipeline.ngd.shard_columns import (
    CALLS_PER_GROUP,
    STORED_CALLABLE,
    STORED_VARIANTS,
    RowGroups,
    pack_runs,
    pack_variants,
)
from wgs_pipeline.ngd.shard_keys import SEALED, encryption, new_key, write_sealed

#: Others may come in between, but not that often.
_ATTEMPTS = 5
_ENCODING = {
    "compression": "zstd",
    "compression_level": 3,
    "write_statistics": False,  # the footer's own entry says what each row group holds
    "write_page_checksum": True,
    "store_schema": False,
}
_VARIANT_ENCODING = _ENCODING | {
    "use_dictionary": ["contig", "allele", "gt", "kind"],
    "column_encoding": {"pos": "DELTA_BINARY_PACKED"}
    | dict.fromkeys(("dp", "ad_ref", "ad_other", "gq"), "BYTE_STREAM_SPLIT"),
}
_CALLABLE_ENCODING = _ENCODING | {
    "compression_level": 1,  # smaller than 3, which sees repeats in what has none
    "use_dictionary": False,
    "column_encoding": dict.fromkeys(STORED_CALLABLE.names, "BYTE_STREAM_SPLIT"),
}


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
        key = new_key()
        digest = _write(folder, contigs, made, key)
        write_sealed(folder, root.settings.public_key, digest, key)
        _fsync(folder / SEALED)
        _fsync(folder)
        _move(folder, root.shard(digest))
    except OSError as error:
        raise NgdError(f"{root.path}: a shard cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return digest


def _write(folder: Path, contigs: Iterable[ContigCalls], made: dict[str, Any], key: bytes) -> str:
    digest = hashlib.sha256(json.dumps(made, sort_keys=True).encode("utf-8"))
    counts = {"variants": 0, "callable_runs": 0, "callable_bp": 0}
    variants, runs = (
        pq.ParquetWriter(
            folder / name, schema, **options, encryption_properties=encryption(key, name)
        )
        for name, schema, options in (
            (FILES[0], STORED_VARIANTS, _VARIANT_ENCODING),
            (FILES[1], STORED_CALLABLE, _CALLABLE_ENCODING),
        )
    )
    call_groups, run_groups = RowGroups(), RowGroups()
    extents: dict[str, tuple[int, int]] = {}
    with variants, runs:
        for contig in contigs:
            calls, bases = contig.variants.cast(VARIANTS), contig.callable
            _digest(digest, contig.name, calls, bases)
            for low in range(0, calls.num_rows, CALLS_PER_GROUP):
                part = calls.slice(low, CALLS_PER_GROUP)
                pos = part["pos"]
                call_groups.add(contig.name, len(part), pos[0].as_py(), pos[-1].as_py())
                variants.write_table(pack_variants(part))
            for part in pack_runs(bases, run_groups, contig.name):
                runs.write_table(part)
            if calls.num_rows or len(bases):
                extents[contig.name] = _extent(calls, bases)
            counts["variants"] += calls.num_rows
            counts["callable_runs"] += len(bases)
            counts["callable_bp"] += int((bases.ends - bases.starts).sum())
        variants.add_key_value_metadata(call_groups.metadata())
        runs.add_key_value_metadata(run_groups.metadata())
    for name in FILES:
        _fsync(folder / name)
    description = {
        **made,
        **counts,
        "digest": digest.hexdigest(),
        "files": {name: sha256_of(folder / name) for name in FILES},
        "footers": {name: footer_digest(folder / name) for name in FILES},
        "extents": entry(extents),
    }
    text = json.dumps(description, indent=2) + "\n"
    (folder / "shard.json").write_text(text, encoding="utf-8")
    _fsync(folder / "shard.json")
    return digest.hexdigest()


def _extent(calls: pa.Table, bases: Bases) -> tuple[int, int]:
    """First base at which there is a call or a run, and one past the last, 0-based."""
    starts = [*bases.starts[:1].tolist(), *(pos - 1 for pos in calls["pos"][:1].to_pylist())]
    ends = [*bases.ends[-1:].tolist(), *calls["pos"][-1:].to_pylist()]
    return min(starts), max(ends)


def _digest(digest: Any, contig: str, calls: pa.Table, bases: Bases) -> None:
    """Feed the values of a contig, not their encoding, to a digest."""
    digest.update(f"{contig}\t{calls.num_rows}\n".encode())
    for name in calls.column_names[1:]:
        column = calls[name].combine_chunks()
        if pa.types.is_string(column.type):
            digest.update(np.asarray(pc.binary_length(column)).astype("<i4").tobytes())
            digest.update(_characters(column))
        else:
            values = np.asarray(column.cast(pa.int32()).fill_null(-1))
            digest.update(values.astype("<i4").tobytes())
    digest.update(f"{contig}\t{len(bases)}\n".encode())
    for positions in (bases.starts, bases.ends):
        digest.update(positions.astype("<i4").tobytes())


def _characters(column: pa.StringArray) -> memoryview:
    """The texts of a column, one after another."""
    _, offsets, data = column.buffers()
    if not len(column) or data is None:
        return memoryview(b"")
    positions = np.frombuffer(offsets, np.int32)
    return memoryview(data)[positions[column.offset] : positions[column.offset + len(column)]]


def _move(folder: Path, shard: Path) -> None:
    """Rename a complete folder into place; one that is there already is the same."""
    for attempt in range(1, _ATTEMPTS + 1):
        if (shard / "shard.json").exists():
            return
        shard.parent.mkdir(parents=True, exist_ok=True)
        try:
            folder.rename(shard)
        except OSError:  # another writer was first, or the empty parent was just swept
            if attempt == _ATTEMPTS and not (shard / "shard.json").exists():
                raise
            if shard.is_dir() and not (shard / "shard.json").exists():
                shard.rename(folder.with_name(f".tmp-{secrets.token_hex(8)}"))  # half a shard
        else:
            _fsync(shard.parent)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
