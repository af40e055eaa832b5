"""A generation as questions use it: checked as it is read, with what is kept between questions."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd.callability import Callability
from wgs_pipeline.ngd.filecache import FileCache
from wgs_pipeline.ngd.generation import (
    MEMBERS,
    Generation,
    of_manifest,
    pinned,
    require_width,
)
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.parquet import damage_named, damaged
from wgs_pipeline.ngd.reference import Reference
from wgs_pipeline.ngd.roster import Roster, Slots
from wgs_pipeline.ngd.shard_rows import Shard
from wgs_pipeline.vault import Vault

#: What says where a genome's shard is: nine tenths of the bytes of all members, and most questions
#: ask for no shard, or for one.
_SHARD = ("shard", "description")
_OTHERS = [name for name in MEMBERS.names if name not in _SHARD]


@dataclass(frozen=True)
class Holdings:
    """A generation and what is kept of it between questions.

    Attributes:
        root: The database.
        reference: Its reference.
        generation: The generation; its table is without the columns of ``shards``.
        files: Its open files.
        callability: Depths of genomes that were left out, or asked about alone.
        members: The file of its members, as its hash says it is.
    """

    root: Root
    reference: Reference
    generation: Generation
    files: FileCache
    callability: Callability
    members: bytes

    @cached_property
    def roster(self) -> Roster:
        """Its members as columns."""
        return Roster(self.generation.table)

    @cached_property
    def shards(self) -> pa.Table:
        """Where the shard of each member is: shard, description; in the order of ``roster``.

        Raises:
            NgdError: The database is damaged.
        """
        return _members(self.root, self.generation.number, self.members, _SHARD)

    def file_in(self, folder: str) -> str | None:
        """The file of a bin's folder, if any: a bin that did not change keeps its older file.

        Found by its place in order: of a whole genome there are tens of thousands.
        """
        first = bisect_left(self._names, f"{folder}/")
        found = self._names[first : first + 1]
        return found[0] if found and found[0].startswith(f"{folder}/") else None

    @cached_property
    def strata(self) -> list[str]:
        """Strata of which there are count arrays."""
        first, last = (bisect_left(self._names, each) for each in ("counts/", "counts0"))
        return sorted({name.split("/", 3)[2] for name in self._names[first:last]})

    @cached_property
    def _names(self) -> list[str]:
        """Files of the generation, in order, as a manifest has them already."""
        return sorted(self.generation.files)

    def footer(self, file: str) -> str | None:
        """Digest of a file's footer, as far as known."""
        return self.generation.footers.get(file)

    def shards_of(self, slots: Slots) -> list[Shard] | None:
        """Shards of some slots, ascending; None where one is not in this generation."""
        roster = self.roster
        places = np.searchsorted(roster.slots, slots)
        if not len(slots):
            return []
        if places[-1] >= len(roster.slots) or (roster.slots[places] != slots).any():
            return None
        rows = self.shards.take(pa.array(places, pa.int64()))
        return [Shard(*each.values()) for each in rows.to_pylist()]

    def shard_of(self, slot: int) -> Shard:
        """Shard of one member."""
        place = int(np.searchsorted(self.roster.slots, slot))
        row = self.shards.slice(place, 1).to_pylist()[0]
        return Shard(*row.values())


class Shelf:
    """The current generation, pinned anew for each question and read anew only if it changed."""

    def __init__(self, root: Root, vault: Vault) -> None:
        self._root, self._vault = root, vault
        self._files = FileCache(root.path)
        self._callability = Callability(root)
        self._kept: Holdings | None = None

    def close(self) -> None:
        """Close all files and forget what was read."""
        self._files.close()
        self._kept = None

    @contextmanager
    def pinned(self) -> Iterator[Holdings]:
        """Hold the current generation: its files stay until this ends.

        Raises:
            NgdError: The database is damaged.
        """
        while True:
            with pinned(self._root) as number:
                holdings = self._holdings(number)
                if holdings is not None:
                    yield holdings
                    return

    def _holdings(self, number: int) -> Holdings | None:
        """A pinned generation; None where another has just become current."""
        if self._kept is None or self._kept.generation.number != number:
            found = _checked(self._root, self._vault, number)
            if found is None:
                return None
            generation, members = found
            self._files.keep_only(generation.files)
            self._kept = Holdings(
                self._root,
                self._root.reference(),
                generation,
                self._files,
                self._callability,
                members,
            )
        return self._kept


def _checked(root: Root, vault: Vault, number: int) -> tuple[Generation, bytes] | None:
    """Read a generation, comparing each file with the hash that stands before it in the chain.

    The vault knows the hash of CURRENT's manifest, the manifest that of all others.

    Returns:
        The generation, and the file of its members, of which more is read when it is asked for;
        None where another generation has just become current.

    Raises:
        NgdError: A file is damaged, or the bins have segments of another width.
    """
    try:
        pointer = json.loads(root.current.read_bytes())
        if pointer["generation"] != number:
            return None
        folder = root.generation(number)
        content = _expected(folder / "manifest.json", pointer["manifest"])
        if vault.get("generation") == str(number) and vault.get("manifest") != pointer["manifest"]:
            raise NgdError(
                f"{root.path}: generation {number} is another one than the vault knows; expected "
                "the two to agree. Restore both from one backup"
            )
        manifest = json.loads(content)
        files: dict[str, str] = manifest["files"]
        for name in ("ngd.json", "reference.json"):
            if name in files:
                _expected(root.path / name, files[name])
        path = _members_file(root, number)
        members = _expected(path, files[path.relative_to(root.path).as_posix()])
        table = _members(root, number, members, _OTHERS)
        generation = of_manifest(manifest, table)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NgdError(
            f"{root.generation(number)}: damaged ({type(error).__name__}); restore it from a backup"
        ) from error
    require_width(root, generation)
    return generation, members


def _members_file(root: Root, number: int) -> Path:
    return root.generation(number) / "members.parquet"


def _members(root: Root, number: int, content: bytes, columns: Sequence[str]) -> pa.Table:
    """Some columns of the members of a generation."""
    with damage_named(_members_file(root, number)):
        with pq.ParquetFile(pa.BufferReader(content)) as file:
            table = file.read(list(columns), use_threads=False)
        return table.select(columns).cast(pa.schema([MEMBERS.field(each) for each in columns]))


def _expected(path: Path, digest: str) -> bytes:
    """Content of a file whose SHA-256 is known."""
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        raise damaged(path)
    return content
