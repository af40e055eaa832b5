"""Erasure: afterwards nothing below ROOT and in the vault is of the persons, and that is proved.

    begin     a note in the vault says who and what; the vault forgets whose the slots are, so that
              no answer from then on holds them, whatever the consent register says; registrations
              that wait are deleted
    rewrite   segments and counts without them become a new generation (one rewrite for all)
    prove     on the new files, against the old ones, while those and the shards still stand
    delete    keys, shards, old generations, files that nothing refers to
    scan      every byte for their identifiers; the vault's database is written anew
    finish    the access log records slots and certificate; the note goes

The note drives all: killed at any moment, an erasure goes on where it was when it is called
again. The shards stay until the new generation is published and proved, since only they say
which bits and runs to take out. Nobody can ask for them: a shard is found by its slot.

The access log stays as it is: it names slots. Since no one knows any longer whose they were,
``wgs audit show --patient-id`` finds nothing of an erased person; who is to be told what was used
asks before the erasure, or looks up the slots of the certificate in ``wgs audit show --format
json``. With ``on_withdrawal: seal`` withdrawn genomes are kept, and no purpose may read them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from wgs_pipeline import audit
from wgs_pipeline.consent.decisions import may_analyse
from wgs_pipeline.consent.events import Scope
from wgs_pipeline.errors import NgdError
from wgs_pipeline.files import bytes_below, files_below
from wgs_pipeline.identifiers import canonical_patient_id
from wgs_pipeline.ngd import key_loan, shard
from wgs_pipeline.ngd.certificate import Certificate
from wgs_pipeline.ngd.commit import remove_shard
from wgs_pipeline.ngd.compact import build_all, current_generation, flip, plan
from wgs_pipeline.ngd.consents import read_consents
from wgs_pipeline.ngd.erasure_note import Note, read_note, remove_note, write_note
from wgs_pipeline.ngd.generation import Generation, publish, read_generation
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.plan import forget_plan
from wgs_pipeline.ngd.proof import Proof, prove
from wgs_pipeline.ngd.registration import identity_of, pending
from wgs_pipeline.ngd.scan import Needles, Scan, scan_files, unexplained
from wgs_pipeline.ngd.shard_keys import decryption
from wgs_pipeline.ngd.sweep import drop_old, orphans, sweep
from wgs_pipeline.vault import Vault

#: Up to so many bytes of shards, all are read again: for a rebuild, and for every byte of a scan.
_SMALL = 20 << 30
_PAUSE_SECONDS = 0.2


def erase(
    root: Root,
    vault: Vault,
    persons: Iterable[str],
    deliver: Callable[[Certificate], None],
    full_proof: bool = False,
    wait_seconds: float = 600,
    jobs: int = 1,
) -> Certificate | None:
    """Erase persons, or finish an erasure that was begun.

    Args:
        root: The database.
        vault: Its vault.
        persons: Identifiers; nothing need be held of some of them.
        deliver: Called with the certificate before the erasure is taken for done.
        full_proof: Compare with a rebuild and scan every byte, however large the database is.
        wait_seconds: How long to wait for readers of old generations, and for loads under way.
        jobs: Processes that build contigs.

    Returns:
        The certificate; None if nothing is held of any of the persons.

    Raises:
        NgdError: It could not be finished; what was done stays, and the persons stay left out.
    """
    deadline = time.monotonic() + wait_seconds
    root = root.unlocked(vault.keys)
    with vault.compacting():
        note = _begun(root, vault, sorted({canonical_patient_id(each) for each in persons}))
        if note is None:
            return None
        thorough = full_proof or bytes_below(root.path / "shards") <= _SMALL
        note = _rewritten(root, vault, note, jobs)
        note = _proved(root, vault, note, thorough)
        note = _deleted(root, vault, note, deadline)
        scan = _scanned(root, vault, note, thorough, deadline)
        certificate = _certificate(root, vault, note, scan)
        deliver(certificate)
        _finish(root, vault, certificate)
    return certificate


def withdrawn(root: Root, vault: Vault) -> list[str]:
    """Persons of the database who have withdrawn, or refused, analysis.

    Raises:
        NgdError: The policy is to seal, not to erase.
    """
    if root.settings.on_withdrawal != "erase":
        raise NgdError(
            f"{root.path}: on_withdrawal is {root.settings.on_withdrawal}, so whoever withdraws "
            "is kept and sealed; expected erase. Name persons with --patient-id to erase them"
        )
    register = read_consents(root, vault)
    now = datetime.now(UTC)
    persons = sorted(set(vault.holders().patient_ids.to_pylist()))
    return [
        each
        for each in persons
        if not may_analyse(register, each, now).allowed
        and register.latest(each, Scope.ANALYSIS, now) is not None
    ]


def _begun(root: Root, vault: Vault, persons: Sequence[str]) -> Note | None:
    """The note of what is to be erased, written before anything else is done."""
    with vault.lease():
        publish(root, vault)
        before = read_note(vault.path)
        genomes = [each for person in persons for each in vault.genomes_of(person)]
        waiting = [
            (path, identity, registration)
            for path, registration in pending(root)
            if (identity := identity_of(vault, registration)).patient_id in persons
        ]
        held = {each.patient_id for each in genomes} | {each.patient_id for _, each, _ in waiting}
        if before is None and not held:
            return None
        note = before or Note.begin(audit.system_user(), int(vault.require("generation")))
        if held:
            note = note.including(
                held,
                {each.sample_id for each in genomes} | {each.sample_id for _, each, _ in waiting},
                {each.slot for each in genomes},
                {each.shard for each in genomes} | {each.shard for *_, each in waiting},
                len(waiting),
            )
            write_note(vault.path, note)
        with vault.transaction():
            vault.forget(note.slots)
            forget_plan(vault)
        key_loan.end_all(root)
        for path, _, _ in waiting:
            path.unlink(missing_ok=True)
    return note


def _rewritten(root: Root, vault: Vault, note: Note, jobs: int) -> Note:
    """Publish a generation without them, if the current one has them."""
    current = current_generation(root, vault)
    leaving = np.isin(np.asarray(current.table["slot"]), note.slots)
    if leaving.any():
        digests = current.table.filter(leaving)["shard"].to_pylist()
        damaged = any(_unreadable(root, each) for each in digests)
        planned = plan(root, vault, rebuild=damaged, scattered=False)
        note = note.rewriting(current.number)
        write_note(vault.path, note)
        flip(root, vault, planned, build_all(root, planned, jobs))
    return note


def _proved(root: Root, vault: Vault, note: Note, thorough: bool) -> Note:
    if note.proof is not None:
        return note
    new = current_generation(root, vault)
    old = _still_standing(root, note, new)
    proof = prove(root, note.slots, old, new, rebuild=thorough or old is None)
    note = note.proved(proof.as_json(), new.number)
    write_note(vault.path, note)
    return note


def _still_standing(root: Root, note: Note, new: Generation) -> Generation | None:
    """The generation that the rewrite started from, if its files and their shards are there."""
    if note.rewritten_from is None:
        return new  # they were in no generation: nothing changed
    try:
        old = read_generation(root, note.rewritten_from, with_bins=False)
    except FileNotFoundError:
        return None
    digests = set(old.table["shard"].to_pylist())
    there = old.segment_slots == new.segment_slots
    there &= all((root.path / name).exists() for name in old.derived)
    sound = all(not _unreadable(root, each) for each in digests & set(note.shards))
    return old if there and sound else None


def _unreadable(root: Root, digest: str) -> bool:
    return bool(shard.problems(root, digest) or shard.key_problems(root, digest))


def _deleted(root: Root, vault: Vault, note: Note, deadline: float) -> Note:
    """Destroy keys, and remove shards, old generations and whatever else nothing refers to."""
    began: set[Path] | None = None
    while True:
        with vault.lease():
            publish(root, vault)
            number = int(vault.require("generation"))
            in_use = _shards_in_use(root, read_generation(root, number))
            gone = sorted(set(note.shards) - in_use)
            note = _keys_destroyed(vault, note, gone)  # before any file: a copy opens no more
            kept = tuple(drop_old(root, number))
            for digest in gone:
                if not kept:
                    remove_shard(root.shard(digest))
            sweep(root, [number, *kept])
            left = {*orphans(root, [number, *kept]), *(root.path / "shards").glob(".tmp-*")}
        # A load that began later is none of theirs: a commit refuses them until this is done.
        began = left if began is None else began & left
        if not kept and not began:
            break
        if time.monotonic() > deadline:
            what = f"generations {kept} are being read" if kept else "genomes are being loaded"
            raise NgdError(
                f"{root.path}: {what}, so that old files cannot be removed; the erasure is not "
                "finished, and the persons are left out of every answer. Run 'wgs ngd erase' "
                "again when that is done"
            )
        time.sleep(_PAUSE_SECONDS)
    shared = len(set(note.shards) & in_use)
    note = note.deleted(note.keys_destroyed, shared)
    write_note(vault.path, note)
    return note


def _keys_destroyed(vault: Vault, note: Note, shards: Sequence[str]) -> Note:
    """Destroy the keys of shards; the note counts them, and first."""
    held = len(vault.keys.shard_keys(shards))
    if held:
        note = replace(note, keys_destroyed=max(held, note.keys_destroyed))
        write_note(vault.path, note)
        with vault.transaction():
            vault.keys.destroy_shard_keys(shards)
    return note


def _shards_in_use(root: Root, generation: Generation) -> set[str]:
    """Shards of the members, and of registrations that wait."""
    waiting = {registration.shard for _, registration in pending(root)}
    return set(generation.table["shard"].to_pylist()) | waiting


def _scanned(
    root: Root, vault: Vault, note: Note, thorough: bool, deadline: float
) -> dict[str, Any]:
    """Look for the persons in every byte, and write the vault's database anew.

    Raises:
        NgdError: Something of them is still there.
    """
    scan = _looked_through(root, vault, note, thorough, deadline)
    if scan.found:  # perhaps loaded of others meanwhile: once more, while no one commits
        with vault.lease():
            scan = _looked_through(root, vault, note, thorough, deadline)
    if scan.found:
        raise NgdError(
            "\n".join(
                f"{path}: still holds an identifier of an erased person, or the digest of an "
                "erased genome; expected none. Remove it, and run 'wgs ngd erase' again"
                for path in scan.found
            )
        )
    return {
        "files": scan.files,
        "bytes": scan.bytes,
        "columns": scan.columns,
        "footers": scan.footers,
        "short_identifiers": len(Needles.of([*note.persons, *note.samples]).short),
        "words": len(scan.words),
    }


def _looked_through(root: Root, vault: Vault, note: Note, thorough: bool, deadline: float) -> Scan:
    needles = Needles.of([*note.persons, *note.samples])
    # Others may have, or have had, a genome with the very same calls, which is the same shard.
    elsewhere = {each.shard for each in vault.genomes()}
    in_use = _shards_in_use(root, current_generation(root, vault))
    gone = Needles.of(set(note.shards) - in_use - elsewhere)
    needles = Needles(needles.long + gone.long, needles.short)
    paths = files_below(root.path)
    others = {each for each in paths if each.parts[len(root.path.parts)] == "shards"}
    data = {each for each in others if each.suffix == ".parquet"}
    scan = scan_files(
        root.path, paths, needles, set() if thorough else data, partial(_decryption, root)
    )
    _scrub(vault, deadline)
    texts = list(vault.texts())
    for path in sorted(vault.path.iterdir()):
        if path.is_file() and path.name != "erasure.json":
            scan.files += 1
            scan.bytes += path.stat().st_size
            if unexplained(path, needles, texts):
                scan.found.append(path)
    return scan


def _decryption(root: Root, path: Path) -> Any:
    """How Arrow decrypts a file of a shard; None for other files, and without its key."""
    if path.parts[len(root.path.parts)] != "shards" or root.keys is None:
        return None
    key = root.keys.shard_key(path.parent.name)
    return None if key is None else decryption(key, path.name)


def _scrub(vault: Vault, deadline: float) -> None:
    while True:
        try:
            return vault.scrub()
        except NgdError:
            if time.monotonic() > deadline:
                raise
        time.sleep(_PAUSE_SECONDS)


def _certificate(root: Root, vault: Vault, note: Note, scan: dict[str, Any]) -> Certificate:
    in_use = _shards_in_use(root, current_generation(root, vault))
    return Certificate(
        database=root.settings.identity,
        requested_by=note.requested_by,
        requested_at=note.requested_at,
        finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
        persons=len(note.persons),
        slots=note.slots,
        generation_before=note.generation,
        generation_after=note.generation_after or note.generation,
        shards_deleted=tuple(sorted(set(note.shards) - in_use)),
        shards_shared=note.shards_shared,
        keys_destroyed=note.keys_destroyed,
        registrations_deleted=note.registrations,
        proof=note.proof or asdict(Proof()),
        scan=scan,
        exports=tuple(_exports(vault, note.slots)),
    )


def _exports(vault: Vault, slots: Sequence[int]) -> list[dict[str, Any]]:
    """Data sets that left the database with some of the slots."""
    from pyroaring import BitMap

    return [
        {name: getattr(each, name) for name in ("project", "kind", "purpose", "made")}
        for each in vault.exports()
        if BitMap.deserialize(each.slots) & BitMap(slots)
    ]


def _finish(root: Root, vault: Vault, certificate: Certificate) -> None:
    entry = audit.Access(
        "erase",
        reason=f"certificate {certificate.digest}",
        generation=certificate.generation_after,
        persons=certificate.persons,
        slots=certificate.slots,
    )
    audit.append(root.audit, vault, entry, audit.system_user())
    with vault.transaction():
        vault.erasure_done()
    with suppress(FileNotFoundError):
        remove_note(vault.path)
