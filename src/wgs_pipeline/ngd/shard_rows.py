"""Parts of genome shards: the calls or callable runs of one person in one region."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.parquet import Condition, read_where


@dataclass(frozen=True)
class Shard:
    """A shard as the members of a generation name it.

    Attributes:
        digest: Digest of its content, the name of its folder.
        description: SHA-256 of its shard.json.
    """

    digest: str
    description: str


def read_runs(root: Root, shard: Shard, contig: str, start: int, end: int) -> pa.Table:
    """Callable runs that overlap [start, end), 0-based half-open: start and end, unclipped.

    Raises:
        NgdError: The shard is missing or damaged.
    """
    overlap: tuple[Condition, ...] = (
        ("contig", "=", contig), ("start", "<", end), ("end", ">", start)
    )  # fmt: skip
    return _read(root, shard, "callable.parquet", overlap, ("start", "end"))


def read_calls(root: Root, shard: Shard, region: tuple[str, int, int] | None = None) -> pa.Table:
    """Calls of a shard, or those that start in a region (contig, start, end; 0-based half-open).

    Returns:
        Columns of ``shard.VARIANTS``; text as dictionaries.

    Raises:
        NgdError: The shard is missing or damaged.
    """
    inside: tuple[Condition, ...] = ()
    if region is not None:
        contig, start, end = region
        inside = (("contig", "=", contig), ("pos", ">", start), ("pos", "<=", end))
    return _read(root, shard, "variants.parquet", inside, None)


def _read(
    root: Root,
    shard: Shard,
    name: str,
    conditions: Sequence[Condition],
    columns: Sequence[str] | None,
) -> pa.Table:
    folder = root.shard(shard.digest)
    try:
        content = (folder / "shard.json").read_bytes()
        if hashlib.sha256(content).hexdigest() != shard.description:
            raise NgdError(f"{folder / 'shard.json'}: damaged; run 'wgs ngd verify'")
        footer = json.loads(content).get("footers", {}).get(name)
        text = ("contig", "ref", "alt", "gt") if columns is None else ("contig",)
        return read_where(folder / name, conditions, columns, footer, text)
    except FileNotFoundError as error:
        raise NgdError(f"{folder / name}: missing; run 'wgs ngd verify'") from error
