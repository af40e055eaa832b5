"""What a compaction will do, decided where the vault is and carried out anywhere.

A plan freezes which genomes come to a segment and which go, by slot. It names no person. New
files bear the plan's own number, which no other plan ever has, so nothing that reads or is
published meanwhile meets them.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wgs_pipeline.consent.decisions import decide_many
from wgs_pipeline.consent.purposes import Purpose
from wgs_pipeline.errors import NgdError
from wgs_pipeline.files import write_json
from wgs_pipeline.ngd import key_loan
from wgs_pipeline.ngd.consents import read_consents
from wgs_pipeline.ngd.generation import MEMBERS, SEGMENT, Generation
from wgs_pipeline.ngd.layout import CARE_ONLY, RESEARCH, SEGMENT_SLOTS, Root
from wgs_pipeline.ngd.shard import Analysis
from wgs_pipeline.vault import Vault

#: A plan that was not published by then is taken for abandoned.
_ABANDONED = timedelta(days=2)


@dataclass(frozen=True)
class Change:
    """A genome that comes to a plane's segment, or goes from it.

    Attributes:
        slot: Its slot.
        shard: Digest of its shard.
        karyotype: Decides its stratum on X and Y.
        counted: Whether it counts in AC and AN.
        plane: The plane.
        comes: Comes, or goes.
    """

    slot: int
    shard: str
    karyotype: str
    counted: bool
    plane: str
    comes: bool

    @property
    def segment(self) -> int:
        """Index segment of its slot."""
        return self.slot // SEGMENT_SLOTS


@dataclass(frozen=True)
class Plan:
    """One compaction.

    Attributes:
        database: Random name of the database.
        number: Names the new files (``gen-<number>``); used once.
        parent: Generation whose bins it starts from.
        segments: Digest of what the segments of that generation hold.
        rebuild: Start from nothing instead: every genome comes.
        segment_slots: Slots per segment of the bins that it makes.
        leaving: Slots that are no members afterwards: replaced, or being erased.
        changes: Genomes that come and go, by plane and slot.
        key: Opens the keys of their shards that are lent to this plan, hexadecimal; empty where
            it is carried out where the vault is.
    """

    database: str
    number: int
    parent: int
    segments: str
    rebuild: bool
    segment_slots: int
    leaving: tuple[int, ...]
    changes: tuple[Change, ...]
    key: str = field(default="", repr=False)

    @property
    def loan(self) -> str:
        """Name of the loan of keys."""
        return f"{key_loan.COMPACTION}-{self.number}"

    @property
    def digest(self) -> str:
        """SHA-256 of the whole plan; its parts name it."""
        return hashlib.sha256(json.dumps(asdict(self)).encode("ascii")).hexdigest()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.changes and not self.leaving

    @property
    def moved(self) -> tuple[int, ...]:
        """Slots that go from one plane to the other."""
        comes = {each.slot for each in self.changes if each.comes}
        gone = {each.slot for each in self.changes if not each.comes}
        return tuple(sorted(comes & gone))


def decide(root: Root, vault: Vault, old: Generation, rebuild: bool = False) -> Plan:
    """What a compaction of a generation has to do now, which may be nothing.

    Args:
        root: The database.
        vault: Knows whose genomes they are, and who is being erased.
        old: The current generation.
        rebuild: Build every bin from the shards, whatever it held.
    """
    table = old.table
    slots = np.asarray(table["slot"])
    leaving = np.asarray(table["retired"]) | np.isin(slots, sorted(vault.erasing()))
    research = np.asarray(pc.equal(table["plane"], RESEARCH))
    merged = np.asarray(pc.equal(table["tier"], SEGMENT))
    wanted = in_research(root, vault, slots, research)
    comes = ~leaving & (~merged | (wanted != research) | rebuild)
    goes = merged & (leaving | (wanted != research)) & (not rebuild)
    changes = [
        *changes_of(table.filter(pa.array(goes)), False, research[goes]),
        *changes_of(table.filter(pa.array(comes)), True, wanted[comes]),
    ]
    return Plan(
        database=root.settings.identity,
        number=_next_number(vault, old.number),
        parent=old.number,
        segments=held_by_segments(old),
        rebuild=rebuild,
        segment_slots=SEGMENT_SLOTS,
        leaving=tuple(slots[leaving].tolist()),
        changes=tuple(sorted(changes, key=lambda each: (each.plane, each.slot, each.comes))),
    )


def changes_of(
    members: pa.Table, comes: bool, research: NDArray[np.bool_] | None = None
) -> list[Change]:
    """Changes by which genomes come, or go.

    Args:
        members: Columns of ``MEMBERS``.
        comes: Come, or go.
        research: Whether each comes to, or goes from, the research plane; default: as it is.
    """
    if research is None:
        research = np.asarray(pc.equal(members["plane"], RESEARCH))
    names = ["slot", "shard", "karyotype", "assay", "target"]
    return [
        Change(
            slot=row["slot"],
            shard=row["shard"],
            karyotype=row["karyotype"],
            counted=Analysis(row["karyotype"], row["assay"], row["target"]).counted,
            plane=RESEARCH if in_research else CARE_ONLY,
            comes=comes,
        )
        for row, in_research in zip(
            members.select(names).to_pylist(), research.tolist(), strict=True
        )
    ]


def members_after(plan: Plan, current: Generation) -> pa.Table:
    """Members once the plan is carried out; those added since it was made stay as they are."""
    slots = np.asarray(current.table["slot"])
    table = current.table.filter(pa.array(~np.isin(slots, plan.leaving)))
    slots = np.asarray(table["slot"])
    comes = {each.slot: each.plane for each in plan.changes if each.comes}
    touched = np.isin(slots, np.fromiter(comes, np.uint32, len(comes)))
    in_research = [slot for slot, plane in comes.items() if plane == RESEARCH]
    planes = pa.array(np.where(np.isin(slots, in_research), RESEARCH, CARE_ONLY))
    new = {"plane": planes, "tier": pa.array([SEGMENT] * len(slots), pa.string())}
    for name, values in new.items():
        column = pc.if_else(pa.array(touched), values, table[name])
        table = table.set_column(table.column_names.index(name), name, column)
    return table.cast(MEMBERS)


def held_by_segments(generation: Generation) -> str:
    """Digest of the bins and count arrays of a generation, and of whose bits they hold."""
    table = generation.table
    merged = np.asarray(pc.equal(table["tier"], SEGMENT))
    research = np.asarray(pc.equal(table["plane"], RESEARCH))
    digest = hashlib.sha256(np.asarray(table["slot"])[merged].astype("<u4").tobytes())
    digest.update(research[merged].tobytes())
    for name, content in sorted(generation.derived.items()):
        if "/bin=" in name:
            digest.update(f"{name} {content}\n".encode())
    return digest.hexdigest()


def write_plan(path: Path, plan: Plan) -> None:
    """Write a plan."""
    write_json(path, asdict(plan))


def read_plan(path: Path, root: Root) -> Plan:
    """Read a plan of this database.

    Raises:
        NgdError: It is none, or of another database.
    """
    try:
        value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        changes = tuple(Change(**each) for each in value.pop("changes"))
        plan = Plan(**value | {"leaving": tuple(value["leaving"]), "changes": changes})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NgdError(
            f"{path}: no plan of a compaction ({type(error).__name__}); expected what "
            "'wgs ngd compact ROOT --plan PLAN' wrote. Make it again"
        ) from error
    if plan.segment_slots != SEGMENT_SLOTS:
        raise NgdError(f"{path}: the plan of another release. Make a new plan")
    if plan.database != root.settings.identity:
        raise NgdError(f"{path}: the plan of another database than {root.path}. Make a new plan")
    if plan.key:
        key_loan.require_private(path)
    return plan


def with_lent_keys(root: Root, plan: Plan) -> Root:
    """The database with the keys that were lent to a plan.

    Raises:
        NgdError: The plan was done, or another one or an erasure took its place.
    """
    if plan.empty:
        return root
    return root.unlocked(key_loan.borrowed(root, plan.loan, plan.key))


def note_plan(vault: Vault, plan: Plan, scattered: bool) -> None:
    """Note in the vault that a plan is under way; an earlier one can no longer be published."""
    note = {"number": plan.number, "made": datetime.now(UTC).isoformat(), "scattered": scattered}
    with vault.transaction():
        vault.put("plan", json.dumps(note))
        vault.put("builds", str(plan.number))


def forget_plan(vault: Vault) -> None:
    """No plan is under way."""
    vault.put("plan", "null")


def noted_plan(vault: Vault) -> int | None:
    """Number of the plan that is under way."""
    note = json.loads(vault.get("plan") or "null")
    return None if note is None else int(note["number"])


def scattered_plan(vault: Vault) -> int | None:
    """Number of the plan that other processes may be building, unless it was abandoned."""
    note = json.loads(vault.get("plan") or "null")
    if note is None or not note["scattered"]:
        return None
    age = datetime.now(UTC) - datetime.fromisoformat(note["made"])
    return int(note["number"]) if age < _ABANDONED else None


def in_research(
    root: Root, vault: Vault, slots: NDArray[np.uint32], before: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Whether slots belong in the research plane, as of now.

    Args:
        root: The database.
        vault: Knows whose they are; a slot that it does not know, or has retired, stays.
        slots: The slots, ascending.
        before: Whether each is in the research plane, shape (slots,).
    """
    register = read_consents(root, vault)
    holders = vault.holders()
    default = root.settings.research_default
    allowed = decide_many(
        register, holders.patient_ids, Purpose.RESEARCH, datetime.now(UTC), default
    )
    asked = (holders.retired < 0) & np.isin(holders.slots, slots)
    wanted = before.copy()
    wanted[np.searchsorted(slots, holders.slots[asked])] = allowed[asked]
    return wanted


def _next_number(vault: Vault, generation: int) -> int:
    return max(generation, int(vault.get("builds") or 0)) + 1
