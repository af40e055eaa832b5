"""Parts of genome shards: the calls or callable runs of one person in one region."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.shard import read_callable, read_variants


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
    return read_callable(
        root, shard.digest, contig, start, end, description=shard.description
    ).select(["start", "end"])


def read_calls(root: Root, shard: Shard, region: tuple[str, int, int] | None = None) -> pa.Table:
    """Calls of a shard, or those that start in a region (contig, start, end; 0-based half-open).

    All of them are read by as many threads as Arrow takes.

    Returns:
        Columns of ``shard.VARIANTS``; text as dictionaries.

    Raises:
        NgdError: The shard is missing or damaged.
    """
    return read_variants(
        root,
        shard.digest,
        *(region or ()),
        dictionaries=True,
        description=shard.description,
        threads=pa.cpu_count(),
    )
