"""Whose genomes an export holds, and under which names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wgs_pipeline.ngd.shard_rows import Shard
from wgs_pipeline.ngd.snapshot import Snapshot
from wgs_pipeline.pseudonyms import genome_names
from wgs_pipeline.vault import Genome, PastExport


@dataclass(frozen=True)
class Cohort:
    """Genomes of an export, in the order of its columns: by name, which is as good as random.

    Attributes:
        table: slot, shard, description (of the shard), karyotype, assay, sample (name of the
            genome) and person (pseudonym).
    """

    table: pa.Table

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @property
    def slots(self) -> frozenset[int]:
        """Slots of the genomes."""
        return frozenset(self.table["slot"].to_pylist())

    @property
    def samples(self) -> list[str]:
        """Names of the genomes."""
        return list(self.table["sample"].to_pylist())

    @property
    def persons(self) -> int:
        """How many persons they are of."""
        return int(pc.count_distinct(self.table["person"]).as_py())

    @property
    def shards(self) -> list[Shard]:
        """Shards of the genomes."""
        rows = self.table.select(["shard", "description"]).to_pylist()
        return [Shard(each["shard"], each["description"]) for each in rows]

    def karyotypes(self) -> tuple[list[str], NDArray[np.int64]]:
        """The distinct karyotypes, and which of them each genome has."""
        encoded = self.table["karyotype"].combine_chunks().dictionary_encode()
        return encoded.dictionary.to_pylist(), np.asarray(encoded.indices).astype(np.int64)


def counted_members(snapshot: Snapshot) -> pa.Table:
    """Members that may be seen and count: slot, shard, description, karyotype, assay."""
    holdings = snapshot.holdings
    members = holdings.roster.table.select(["slot", "karyotype", "assay"])
    for place, name in enumerate(holdings.shards.column_names, start=1):
        members = members.add_column(place, name, holdings.shards[name])
    return members.filter(pa.array(snapshot.visible & holdings.roster.counted))


def all_allowed(snapshot: Snapshot, slots: Set[int]) -> bool:
    """Whether consent allows all of some slots in a snapshot."""
    wanted = np.array(sorted(slots), np.int64)
    inside = wanted < len(snapshot.allowed)
    return bool(inside.all() and snapshot.allowed[wanted].all())


def named_cohort(members: pa.Table, genomes: Sequence[Genome], project_key: bytes) -> Cohort:
    """Give the members their names in a project.

    Args:
        members: As ``counted_members`` gives them.
        genomes: All genomes that the vault knows, by slot.
        project_key: Key of the project.
    """
    mine = members["slot"].to_pylist()
    persons = {each.patient_id for each in _of(genomes, set(mine))}
    rows = (
        (each.slot, each.patient_id, each.sample_id, each.assay)
        for each in genomes
        if each.patient_id in persons
    )
    names = genome_names(project_key, rows)
    table = members.append_column(
        "person", pa.array([names[slot][0] for slot in mine], pa.string())
    )
    table = table.append_column("sample", pa.array([names[slot][1] for slot in mine], pa.string()))
    return Cohort(table.sort_by("sample").combine_chunks())


def persons_gone(
    exports: Iterable[PastExport],
    project: str,
    kind: str,
    slots: Set[int],
    genomes: Sequence[Genome],
) -> int | None:
    """Persons who were in the last export of a project and are not in this one.

    A genome whose person was erased since counts as one person.

    Args:
        exports: All exports before, in order.
        project: Id of the project.
        kind: ``genotypes`` or ``frequencies``.
        slots: Slots of this export.
        genomes: All genomes that the vault knows.

    Returns:
        Their number; None if this is the first.
    """
    before = [each for each in exports if (each.project, each.kind) == (project, kind)]
    if not before:
        return None
    owner: dict[int, str | int] = {each.slot: each.patient_id for each in genomes}
    now = {owner.get(slot, slot) for slot in slots}
    return len({owner.get(slot, slot) for slot in slots_of(before[-1])} - now)


def slots_of(export: PastExport) -> frozenset[int]:
    """Slots of an export before."""
    from pyroaring import BitMap

    return frozenset(BitMap.deserialize(export.slots))


def packed_slots(slots: Iterable[int]) -> bytes:
    """Slots as the vault keeps them."""
    from pyroaring import BitMap

    return bytes(BitMap(slots).serialize())


def _of(genomes: Iterable[Genome], slots: Set[int]) -> list[Genome]:
    return [each for each in genomes if each.slot in slots]
