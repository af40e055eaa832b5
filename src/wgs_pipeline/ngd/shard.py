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

import json
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd.layout import Root, sha256_of
from wgs_pipeline.ngd.parquet import read_where

FORMAT = 1
FILES = ("variants.parquet", "callable.parquet")
#: Columns of a shard's calls; pos is 1-based, as in VCF.
VARIANTS = pa.schema(
    [
        ("contig", pa.string()),
        ("pos", pa.int32()),
        ("ref", pa.string()),
        ("alt", pa.string()),
        ("gt", pa.string()),
        ("kind", pa.uint8()),
        ("passed", pa.bool_()),
        ("dp", pa.int16()),
        ("ad_ref", pa.int16()),
        ("ad_alt", pa.int16()),
        ("gq", pa.int16()),
    ]
)
CALLABLE = pa.schema([("contig", pa.string()), ("start", pa.int32()), ("end", pa.int32())])


@dataclass(frozen=True)
class Analysis:
    """How one genome was examined, as far as the database needs it.

    Attributes:
        karyotype: One of ``SEX_CHROMOSOMES``, or ``unknown``.
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
        conditions = () if contig is None else (("contig", "=", contig),)
        return read_where(root.shard(digest) / name, conditions)
    except FileNotFoundError as error:
        raise NgdError(f"{root.shard(digest) / name}: missing; run 'wgs ngd verify'") from error
