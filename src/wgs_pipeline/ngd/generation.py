"""Generations: what the database holds at one moment, and the pointer that readers follow.

A generation is its members and a manifest with the SHA-256 of every file it uses. The vault's
transaction decides that a generation exists; then CURRENT is replaced. A process killed between
the two is completed by the next writer.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from wgs_pipeline.errors import NgdError
from wgs_pipeline.files import replacing, write_json
from wgs_pipeline.ngd.home import require_home
from wgs_pipeline.ngd.layout import SEGMENT_SLOTS, Root, sha256_of
from wgs_pipeline.ngd.parquet import footer_digest, read_where
from wgs_pipeline.ngd.shard import Analysis
from wgs_pipeline.vault import Vault

#: Tier of members whose bits lie in the big segments; others name the file of their open tier.
SEGMENT = "segment"
#: Slots per segment where a manifest does not say it.
_FIRST_SEGMENT_SLOTS = 65_536


@dataclass(frozen=True, order=True)
class Member:
    """One genome of a generation.

    Attributes:
        slot: Its number, never reused.
        shard: Digest of its shard.
        description: SHA-256 of its shard.json.
        karyotype: One of ``SEX_CHROMOSOMES``, or ``unknown``.
        assay: ``wgs``, ``exome``, ….
        target: Digest of its target; empty without one.
        plane: Where its bits lie: ``research`` or ``care_only``.
        added: Generation in which it got its slot.
        tier: ``segment``, or the generation of the open tier that holds its bits.
        retired: Replaced: its bits are still in its tier and count nowhere.
    """

    slot: int
    shard: str
    description: str
    karyotype: str
    assay: str
    target: str
    plane: str
    added: int
    tier: str
    retired: bool

    @property
    def counted(self) -> bool:
        """Whether it counts in AC and AN."""
        return Analysis(self.karyotype, self.assay, self.target).counted

    @property
    def segment(self) -> int:
        """Index segment of its slot."""
        return self.slot // SEGMENT_SLOTS


#: Columns of a generation's members, sorted by slot.
MEMBERS = pa.schema(
    [
        ("slot", pa.uint32()),
        ("shard", pa.string()),
        ("description", pa.string()),
        ("karyotype", pa.string()),
        ("assay", pa.string()),
        ("target", pa.string()),
        ("plane", pa.string()),
        ("added", pa.int32()),
        ("tier", pa.string()),
        ("retired", pa.bool_()),
    ]
)


def member_table(members: Iterable[Member]) -> pa.Table:
    """Columns of ``MEMBERS`` of some genomes, sorted by slot."""
    rows = [asdict(member) for member in sorted(members)]
    columns = {each.name: [row[each.name] for row in rows] for each in fields(Member)}
    return pa.table(columns, schema=MEMBERS)


@dataclass(frozen=True)
class Generation:
    """One generation.

    Attributes:
        number: Its number.
        table: Its genomes, columns of ``MEMBERS``, sorted by slot.
        files: Every file that it uses but those of shards: path relative to ROOT to SHA-256.
        footers: Parquet file of ``files`` to the digest of its footer, as far as known.
        segment_slots: Slots per segment of its bins.
    """

    number: int
    table: pa.Table
    files: Mapping[str, str]
    footers: Mapping[str, str] = field(default_factory=dict)
    segment_slots: int = SEGMENT_SLOTS

    @cached_property
    def members(self) -> tuple[Member, ...]:
        """Its genomes, by slot; slow for many, who should use ``table``."""
        return tuple(Member(**row) for row in self.table.to_pylist())

    @property
    def derived(self) -> dict[str, str]:
        """Its files of index and counts."""
        return {
            name: digest
            for name, digest in self.files.items()
            if name.startswith(("index/", "counts/"))
        }


def member_at(generation: Generation, slot: int) -> Member | None:
    """The genome of a slot, without making all the others."""
    slots = np.asarray(generation.table["slot"])
    at = int(np.searchsorted(slots, slot))
    if at == len(slots) or slots[at] != slot:
        return None
    return Member(**generation.table.slice(at, 1).to_pylist()[0])


def read_generation(root: Root, number: int, with_bins: bool = True) -> Generation:
    """Read one generation.

    Args:
        root: The database.
        number: Its number.
        with_bins: Bins of another width of segment are refused, since they would be misread; False
            where only members and names of files are asked for.

    Raises:
        FileNotFoundError: It was dropped.
        NgdError: It is damaged, or its bins have another width.
    """
    folder = root.generation(number)
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        table = read_where(folder / "members.parquet").select(MEMBERS.names).cast(MEMBERS)
        generation = of_manifest(manifest, table)
    except FileNotFoundError:
        raise
    except (ValueError, KeyError, TypeError, OSError) as error:  # ArrowInvalid is a ValueError
        raise NgdError(
            f"{folder}: damaged ({type(error).__name__}); restore it from a backup"
        ) from error
    if with_bins:
        require_width(root, generation)
    return generation


def of_manifest(manifest: Mapping[str, Any], table: pa.Table) -> Generation:
    """A generation from its manifest and its members."""
    return Generation(
        number=manifest["generation"],
        table=table,
        files=manifest["files"],
        footers=manifest.get("footers", {}),
        segment_slots=manifest.get("segment_slots", _FIRST_SEGMENT_SLOTS),
    )


def require_width(root: Root, generation: Generation) -> None:
    """Refuse bins whose segments have another width than those that are read and written here.

    Raises:
        NgdError: They have.
    """
    bins = any("/segment=" in name for name in generation.files)
    if bins and generation.segment_slots != SEGMENT_SLOTS:
        raise NgdError(
            f"{root.path}: the index of generation {generation.number} has segments of "
            f"{generation.segment_slots:,} slots, as another release made it; expected "
            f"{SEGMENT_SLOTS:,}. Build it anew from the shards with 'wgs ngd compact "
            f"{root.path} --rebuild'"
        )


def current_number(root: Root) -> int:
    """Number of the generation that readers use.

    Raises:
        NgdError: CURRENT is missing or damaged.
    """
    return int(_pointer(root)["generation"])


@contextmanager
def pinned(root: Root) -> Iterator[int]:
    """Hold the current generation: its files stay until this ends.

    Raises:
        NgdError: CURRENT is missing or damaged.
    """
    while True:
        number = current_number(root)
        manifest = root.generation(number) / "manifest.json"
        try:
            descriptor = os.open(manifest, os.O_RDONLY)
        except FileNotFoundError:
            if current_number(root) == number:
                raise NgdError(f"{manifest}: missing; restore it from a backup") from None
            continue  # a compaction dropped it between the two lines above
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            if not manifest.exists():
                continue
            yield number
            return
        finally:
            os.close(descriptor)


@contextmanager
def pinned_at(root: Root, number: int) -> Iterator[None]:
    """Hold a certain generation: its files stay until this ends.

    Raises:
        NgdError: It was dropped.
    """
    manifest = root.generation(number) / "manifest.json"
    try:
        descriptor = os.open(manifest, os.O_RDONLY)
    except FileNotFoundError:
        raise NgdError(_dropped(root, number)) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        if not manifest.exists():
            raise NgdError(_dropped(root, number))
        yield
    finally:
        os.close(descriptor)


@contextmanager
def unpinned(root: Root, number: int) -> Iterator[bool]:
    """Ask, without waiting, that no reader holds a generation, and keep new ones away.

    Yields:
        Whether it may be dropped. Its manifest must be the first file to go.
    """
    try:
        descriptor = os.open(root.generation(number) / "manifest.json", os.O_RDONLY)
    except FileNotFoundError:
        yield True
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        free = True
    except BlockingIOError:
        free = False
    try:
        yield free
    finally:
        os.close(descriptor)


def write_generation(root: Root, generation: Generation, parent: str | None) -> str:
    """Write members and manifest; no reader sees them yet.

    Args:
        root: The database.
        generation: What it holds; hashes of members.parquet and of the settings are added.
        parent: SHA-256 of the manifest of the generation before; None for the first.

    Returns:
        SHA-256 of the manifest.
    """
    folder = root.generation(generation.number)
    write_parquet(folder / "members.parquet", generation.table, {"compression": "zstd"})
    own = [folder / "members.parquet", root.path / "ngd.json", root.path / "reference.json"]
    files = dict(generation.files)
    files |= {str(path.relative_to(root.path)): sha256_of(path) for path in own if path.exists()}
    manifest = {
        "generation": generation.number,
        "parent": parent,
        "genomes": generation.table.num_rows - int(np.asarray(generation.table["retired"]).sum()),
        "segment_slots": SEGMENT_SLOTS,
        "files": dict(sorted(files.items())),
        "footers": _footers(root, generation.number, files),
    }
    write_json(folder / "manifest.json", manifest)
    return sha256_of(folder / "manifest.json")


def publish(root: Root, vault: Vault) -> None:
    """Point CURRENT at the generation that the vault says is the last.

    Raises:
        NgdError: Database and vault do not belong together.
    """
    require_home(root, vault)
    number, digest = int(vault.require("generation")), vault.require("manifest")
    found = _pointer(root) if root.current.exists() else {"generation": number - 1}
    if found == {"generation": number, "manifest": digest}:
        return
    manifest = root.generation(number) / "manifest.json"
    is_next = found["generation"] == number - 1
    if not is_next or not manifest.exists() or sha256_of(manifest) != digest:
        raise NgdError(
            f"{root.path}: database at generation {found['generation']}, vault at {number}; "
            "expected the two to agree. Restore both from one backup"
        )
    write_json(root.current, {"generation": number, "manifest": digest})


def put_published(vault: Vault, number: int, manifest: str) -> None:
    """Say in the vault (inside its transaction) which generation is the last."""
    vault.put("generation", str(number))
    vault.put("manifest", manifest)


def write_parquet(path: Path, table: pa.Table, options: dict[str, Any]) -> str:
    """Write a Parquet file, all or nothing.

    Returns:
        Its SHA-256.
    """
    with replacing(path) as temporary:
        pq.write_table(table, temporary, write_page_checksum=True, **options)
        return sha256_of(temporary)


def _footers(root: Root, number: int, files: Mapping[str, str]) -> dict[str, str]:
    """Digests of the footers of a generation's Parquet files, those of unchanged ones as before."""
    try:
        before = json.loads((root.generation(number - 1) / "manifest.json").read_bytes())
    except (OSError, ValueError):
        before = {}
    known = before.get("footers", {})
    unchanged = {name for name in known if before["files"].get(name) == files.get(name)}
    return {
        name: known[name] if name in unchanged else footer_digest(root.path / name)
        for name in sorted(files)
        if name.endswith(".parquet")
    }


def _dropped(root: Root, number: int) -> str:
    return (
        f"{root.path}: generation {number} was dropped; expected the one that the plan starts "
        "from. Make a new plan with 'wgs ngd compact ROOT --plan PLAN'"
    )


def _pointer(root: Root) -> dict[str, Any]:
    try:
        value = json.loads(root.current.read_text(encoding="utf-8"))
        return {"generation": int(value["generation"]), "manifest": str(value["manifest"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NgdError(
            f"{root.current}: missing or damaged; expected the number of a generation. "
            "Restore it from a backup"
        ) from error
