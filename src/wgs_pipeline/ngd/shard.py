"""The genome shard: one analysis of one person, two immutable Parquet files and their hashes.

variants.parquet   contig, pos (1-based, as in VCF), ref, alt, gt, kind (0 none, 1 het, 2 hom,
                   3 hemi), passed, dp, ad_ref, ad_alt, gq; sorted by contig, pos, ref, alt
callable.parquet   contig, start, end (0-based half-open)
shard.json         what made it, and the SHA-256 of both files

The folder's name is the digest of the content, so that the same calls are the same shard whatever
wrote the bytes. A base is callable if at least one record covers it and every record that covers
it passed; a variant's normalised REF covers too. A call counts if its position is callable.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd.contig_calls import VARIANTS, ContigCalls, parse_contigs
from wgs_pipeline.ngd.intervals import Bases
from wgs_pipeline.ngd.layout import Root, sha256_of
from wgs_pipeline.ngd.records import Rule

FORMAT = 1
FILES = ("variants.parquet", "callable.parquet")
CALLABLE = pa.schema([("contig", pa.string()), ("start", pa.int32()), ("end", pa.int32())])
_ROW_GROUP = 122_880


@dataclass(frozen=True)
class Analysis:
    """How one genome was examined, as far as the database needs it.

    Attributes:
        karyotype: ``XX``, ``XY`` or ``unknown``.
        assay: ``wgs``, ``exome``, ….
        target: Digest of the target intervals; empty without a target.
    """

    karyotype: str
    assay: str = "wgs"
    target: str = ""

    @property
    def counted(self) -> bool:
        """Whether its callable bases are known: whole genomes, and others with a target."""
        return self.assay == "wgs" or bool(self.target)


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
    made = {
        "format": FORMAT,
        **asdict(analysis),
        "min_dp": settings.min_dp,
        "min_gq": settings.min_gq,
        "left_aligned": fasta is not None,
    }
    folder = root.path / "shards" / f".tmp-{secrets.token_hex(8)}"
    try:
        folder.mkdir(parents=True)
        digest = _write(folder, parsed, made)
        _move(folder, root.shard(digest))
    except OSError as error:
        raise NgdError(f"{root.path}: a shard cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return digest


def read_variants(root: Root, digest: str, contig: str | None = None) -> pa.Table:
    """Calls of a shard (of one contig), columns of ``VARIANTS``."""
    return _read(root, digest, FILES[0], contig)


def read_callable(root: Root, digest: str, contig: str | None = None) -> pa.Table:
    """Callable runs of a shard (of one contig), columns of ``CALLABLE``."""
    return _read(root, digest, FILES[1], contig)


def read_description(root: Root, digest: str) -> dict[str, Any]:
    """``shard.json`` of a shard."""
    file = root.shard(digest) / "shard.json"
    try:
        value: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NgdError(f"{file}: cannot be read; run 'wgs ngd verify'") from error
    return value


def problems(root: Root, digest: str) -> list[str]:
    """What is wrong with the files of a shard; empty if they are as written."""
    folder = root.shard(digest)
    try:
        files = read_description(root, digest)["files"]
        found = {name: sha256_of(folder / name) for name in FILES}
    except (NgdError, OSError, KeyError, TypeError) as error:
        return [f"{folder}: cannot be read ({error})"]
    return [
        f"{folder / name}: its bytes have changed" for name in FILES if found[name] != files[name]
    ]


def _read(root: Root, digest: str, name: str, contig: str | None) -> pa.Table:
    try:
        return pq.read_table(
            root.shard(digest) / name,
            filters=None if contig is None else [("contig", "=", contig)],
            partitioning=None,
            page_checksum_verification=True,
        )
    except (OSError, pa.ArrowInvalid) as error:
        raise NgdError(
            f"{root.shard(digest) / name}: missing or damaged; run 'wgs ngd verify'"
        ) from error


def _write(folder: Path, contigs: Iterator[ContigCalls], made: dict[str, Any]) -> str:
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
