"""Commit: fold all pending registrations into one new generation.

Whoever holds the vault's lease commits for everyone. Killed at any moment, nothing is half
visible, and the next commit completes it.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow as pa

from wgs_pipeline.consent.decisions import decide, may_analyse
from wgs_pipeline.consent.purposes import Purpose
from wgs_pipeline.consent.register import ConsentRegister
from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd import shard
from wgs_pipeline.ngd.consents import read_consents
from wgs_pipeline.ngd.erasure_note import read_note
from wgs_pipeline.ngd.generation import (
    Generation,
    Member,
    member_table,
    publish,
    put_published,
    read_generation,
    write_generation,
)
from wgs_pipeline.ngd.layout import CARE_ONLY, PLANES, RESEARCH, Root
from wgs_pipeline.ngd.open_tier import write_open_tier
from wgs_pipeline.ngd.parquet import read_where
from wgs_pipeline.ngd.registration import Registration, identity_of, loading, pending
from wgs_pipeline.ngd.shard_keys import SEALED, HeldKeys, WaitingKeys
from wgs_pipeline.vault import Genome, Outcome, Vault

#: Why a registration is refused.
_NO_KEY = "its shard is missing its key; load it again"
_NO_CONSENT = "no consent to analysis is in force"
_ERASING = "this person is being erased; load again when that is done"
NOT_ALONE = "another sample of its callset is refused, and they are loaded together"


@dataclass
class _Plan:
    """What one commit is going to do."""

    number: int
    next_slot: int
    added: list[Member] = field(default_factory=list)
    genomes: dict[int, Genome] = field(default_factory=dict)
    retired: list[int] = field(default_factory=list)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    slots_of: dict[str, list[int]] = field(default_factory=dict)
    keys: dict[str, bytes] = field(default_factory=dict)
    erasing: frozenset[str] = frozenset()

    def copy(self) -> _Plan:
        """One that can be changed without changing this one."""
        slots_of = {sample: list(slots) for sample, slots in self.slots_of.items()}
        return _Plan(
            self.number, self.next_slot, list(self.added), dict(self.genomes),
            list(self.retired), dict(self.outcomes), slots_of, dict(self.keys), self.erasing,
        )  # fmt: skip

    @property
    def changes(self) -> bool:
        return bool(self.added)


def plane_of(root: Root, register: ConsentRegister, patient_id: str, now: datetime) -> str:
    """Plane in which a person's bits belong, as of now."""
    default = root.settings.research_default
    allowed = decide(register, patient_id, Purpose.RESEARCH, now, default).allowed
    return RESEARCH if allowed else CARE_ONLY


def commit(root: Root, vault: Vault) -> int:
    """Fold all pending registrations in, and publish the generation that results.

    Returns:
        The generation that is current afterwards.

    Raises:
        NgdError: The database is damaged, or does not belong to this vault.
    """
    with vault.lease():
        publish(root, vault)
        number = int(vault.require("generation"))
        waiting = pending(root)
        fresh = [each for _, each in waiting if vault.outcome(each.id) is None]
        if fresh:
            number = _fold(root, vault, number, fresh)
        known = vault.keys.shard_keys(each.shard for _, each in waiting)
        for path, registration in waiting:
            if registration.shard in known:
                (root.shard(registration.shard) / SEALED).unlink(missing_ok=True)
            path.unlink(missing_ok=True)
        outcomes = [(each.shard, vault.outcome(each.id)) for each in fresh]
        refused = {digest: each.reason for digest, each in outcomes if each and each.slot is None}
        _remove_unused(root, refused)
    return number


def waiting_key(root: Root, vault: Vault, digest: str) -> bytes | None:
    """Key of a shard that waits: sealed beside it, or in the vault where the same calls are loaded.

    None where there is none that opens it.
    """
    folder = root.shard(digest)
    try:
        key = WaitingKeys(root, vault).shard_key(digest)
        if key is not None:
            for name in shard.FILES:
                shard.opens(folder, name, key)
    except NgdError:
        return None
    return key


def _fold(root: Root, vault: Vault, number: int, fresh: list[Registration]) -> int:
    vault.keys.require()
    generation = read_generation(root, number)
    register = read_consents(root, vault)
    plan = _Plan(number + 1, vault.next_slot())
    note = read_note(vault.path)
    plan.erasing = frozenset(note.persons) if note else frozenset()
    for _, registrations in groupby(fresh, key=lambda each: each.group or each.id):
        plan = _place_together(root, vault, register, plan, list(registrations))
    manifest = None
    if plan.changes:
        files = generation.derived | _write_open_tiers(root.unlocked(HeldKeys(plan.keys)), plan)
        next_ = Generation(plan.number, _members_after(generation.table, plan), files)
        manifest = write_generation(root, next_, vault.require("manifest"))
    with vault.transaction():
        for slot in plan.retired:
            if slot not in plan.genomes:
                vault.retire(slot, plan.number)
        for genome in plan.genomes.values():
            vault.add_genome(genome)
        vault.keys.put_shard_keys(
            {each.shard: plan.keys[each.shard] for each in plan.genomes.values()}
        )
        for identifier, outcome in plan.outcomes.items():
            vault.record_outcome(identifier, outcome)
        if manifest is not None:
            put_published(vault, plan.number, manifest)
    publish(root, vault)
    return plan.number if manifest is not None else number


def _place_together(
    root: Root, vault: Vault, register: ConsentRegister, plan: _Plan, group: list[Registration]
) -> _Plan:
    """The plan with a group of registrations: all of those whose persons consent, or none."""
    after = plan.copy() if group[0].group else plan
    outcomes = {each.id: _place(root, vault, register, after, each) for each in group}
    refused = [each for each in outcomes.values() if each.slot is None]
    if group[0].group and any(each.reason != _NO_CONSENT for each in refused):
        after = plan
        for identifier, outcome in outcomes.items():
            if outcome.slot is not None:
                outcomes[identifier] = Outcome("refused", None, None, NOT_ALONE)
    after.outcomes.update(outcomes)
    return after


def _place(
    root: Root, vault: Vault, register: ConsentRegister, plan: _Plan, registration: Registration
) -> Outcome:
    """Decide what becomes of one registration, and enter it in the plan."""
    try:
        identity = identity_of(vault, registration)
    except NgdError as error:
        return Outcome("refused", None, None, str(error))
    patient, sample, assay = identity.patient_id, identity.sample_id, registration.analysis.assay
    now = datetime.now(UTC)
    if not may_analyse(register, patient, now).allowed:
        return Outcome("refused", None, None, _NO_CONSENT)
    if patient in plan.erasing:
        return Outcome("refused", None, None, _ERASING)
    if shard.problems(root, registration.shard, registration.description):
        return Outcome("refused", None, None, "its shard is missing or damaged; load it again")
    key = waiting_key(root, vault, registration.shard)
    if key is None:
        return Outcome("refused", None, None, _NO_KEY)
    owner = next(
        (each.patient_id for each in _planned(plan, sample)), vault.owner_of(sample) or patient
    )
    if owner != patient:
        return Outcome("refused", None, None, "this sample_id is loaded for another person")
    before = next(
        (each for each in _planned(plan, sample) if each.assay == assay),
        vault.active(patient, sample, assay),
    )
    if before is not None and before.slot not in plan.retired:
        if before.shard == registration.shard:
            return Outcome("already_loaded", before.slot, before.added_generation)
        if not identity.replace:
            reason = (
                "another gVCF of this sample and assay is loaded; to replace it, repeat this wgs "
                "ngd load with --replace"
            )
            return Outcome("refused", None, None, reason)
        _retire(plan, before)
    plan.keys[registration.shard] = key
    _add(plan, registration, patient, sample, plane_of(root, register, patient, now))
    outcome = "loaded" if before is None else "replaced"
    return Outcome(outcome, plan.next_slot - 1, plan.number)


def _planned(plan: _Plan, sample_id: str) -> list[Genome]:
    genomes = (plan.genomes[slot] for slot in plan.slots_of.get(sample_id, ()))
    return [each for each in genomes if each.retired_generation is None]


def _retire(plan: _Plan, genome: Genome) -> None:
    plan.retired.append(genome.slot)
    if genome.slot in plan.genomes:  # added by this very commit: it never becomes visible
        plan.genomes[genome.slot] = replace(genome, retired_generation=plan.number)
        plan.added = [each for each in plan.added if each.slot != genome.slot]


def _add(plan: _Plan, registration: Registration, patient: str, sample: str, plane: str) -> None:
    analysis = registration.analysis
    member = Member(
        slot=plan.next_slot,
        shard=registration.shard,
        description=registration.description,
        karyotype=analysis.karyotype,
        assay=analysis.assay,
        target=analysis.target,
        plane=plane,
        added=plan.number,
        tier=str(plan.number),
        retired=False,
    )
    plan.added.append(member)
    plan.genomes[member.slot] = Genome(
        member.slot, patient, sample, analysis.assay, registration.shard, plan.number, None
    )
    plan.slots_of.setdefault(sample, []).append(member.slot)
    plan.next_slot += 1


def _members_after(members: pa.Table, plan: _Plan) -> pa.Table:
    """Members with those that are added, and with those retired that are replaced."""
    retired = np.asarray(members["retired"]) | np.isin(np.asarray(members["slot"]), plan.retired)
    at = members.column_names.index("retired")
    members = members.set_column(at, "retired", pa.array(retired))
    return pa.concat_tables([members, member_table(plan.added)]).combine_chunks()


def _write_open_tiers(root: Root, plan: _Plan) -> dict[str, str]:
    files: dict[str, str] = {}
    for plane in PLANES:
        members = [each for each in plan.added if each.plane == plane]
        if members:
            files |= write_open_tier(root, plane, plan.number, members)
    return files


def _remove_unused(root: Root, refused: Mapping[str, str]) -> None:
    """Remove shards of refused registrations, unless someone may be about to use them.

    That of a person who is being erased goes at once, and so does one that no key opens: another
    load of the same calls, if there is one, finds that it is missing and writes it again.

    Args:
        root: The database.
        refused: Digests of shards, and why they were refused.
    """
    if not refused:
        return
    used = _in_standing_generations(root)
    with loading(root, alone=True) as alone:
        used |= {each.shard for _, each in pending(root)}
        for digest, reason in refused.items():
            if digest not in used and (alone or reason in (_ERASING, _NO_KEY)):
                remove_shard(root.shard(digest))


def _in_standing_generations(root: Root) -> set[str]:
    """Shards of all generations that stand, which readers and builders may hold."""
    used: set[str] = set()
    for folder in (root.path / "generations").iterdir():
        if (folder / "manifest.json").exists():
            members = read_where(folder / "members.parquet", columns=["shard"])
            used.update(members["shard"].to_pylist())
    return used


def remove_shard(folder: Path) -> None:
    """Remove a shard: first from its place, at once, so that half a shard never stands there."""
    (folder / SEALED).unlink(missing_ok=True)
    gone = folder.parent.parent / f".tmp-{secrets.token_hex(8)}"
    with suppress(FileNotFoundError):
        folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)
    with suppress(OSError):  # others are there, or just come
        folder.parent.rmdir()
