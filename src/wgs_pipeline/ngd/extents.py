"""Where a shard has anything at all, so that shards are not read where they have nothing.

A panel, an exome or a callset of one region leaves most of a genome empty: to look for its calls
in every stretch of every contig would take longer than all the rest. ``shard.json`` holds the
extent by contig, with a digest of its own, since a wrong one would hide calls unnoticed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeVar

from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.parquet import damaged

#: Contig to the first base with anything and one past the last, 0-based.
Extents = Mapping[str, tuple[int, int]]

#: Extents by the digest of the shard, under which content never changes; a few kB each.
_KNOWN: dict[str, Extents | None] = {}
_MOST_KNOWN = 16_384


class _HasShard(Protocol):
    @property
    def shard(self) -> str: ...


_Genome = TypeVar("_Genome", bound=_HasShard)


def entry(extents: Extents) -> dict[str, Any]:
    """What ``shard.json`` holds of the extents."""
    contigs = {name: list(bounds) for name, bounds in extents.items()}
    return {"contigs": contigs, "sha256": _digest(contigs)}


def present(
    root: Root, genomes: Iterable[_Genome], contig: str, low: int, high: int
) -> list[_Genome]:
    """Those of some genomes whose shards may have something at [low, high), 0-based.

    Raises:
        NgdError: The description of a shard is missing or damaged.
    """
    return [each for each in genomes if _reaches(root, each.shard, contig, low, high)]


def _reaches(root: Root, digest: str, contig: str, low: int, high: int) -> bool:
    try:
        extents = _KNOWN[digest]
    except KeyError:
        extents = _read(root, digest)
        if len(_KNOWN) >= _MOST_KNOWN:
            _KNOWN.clear()
        _KNOWN[digest] = extents
    if extents is None:
        return True
    first, end = extents.get(contig, (0, 0))
    return first < high and end > low


def _read(root: Root, digest: str) -> Extents | None:
    """Extents of a shard; None where its description does not say."""
    file = root.shard(digest) / "shard.json"
    try:
        found = json.loads(file.read_bytes()).get("extents")
        if found is None:
            return None
        if _digest(found["contigs"]) != found["sha256"]:
            raise damaged(file)
        return {name: (first, end) for name, (first, end) in found["contigs"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise damaged(file) from error


def _digest(contigs: Mapping[str, list[int]]) -> str:
    return hashlib.sha256(json.dumps(contigs, sort_keys=True).encode("utf-8")).hexdigest()
