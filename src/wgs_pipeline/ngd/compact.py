"""Compaction: merge the open tiers into the segments, move planes, drop what no one needs.

Three steps: ``plan`` (where the vault is) freezes what is to be done; ``build.build_contig``
(anywhere, one contig) writes new bins beside the old ones; ``publish_plan`` (where the vault is)
makes them current by one flip of CURRENT. Then old generations that no reader holds are dropped,
and files that nothing refers to are swept. ``compact`` does all three.

Genomes may be committed between planning and publishing: they stay in their open tiers until the
next compaction. A genome that was replaced meanwhile stays retired, and a person whose consent
changed meanwhile is left out of every answer by the register until the next compaction moves the
bits. Two plans never overlap: only the last one made can be published, and only onto the bins
that it started from.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wgs_pipeline import audit
from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd import key_loan
from wgs_pipeline.ngd.build import Part, build_contig
from wgs_pipeline.ngd.generation import (
    SEGMENT,
    Generation,
    pinned,
    publish,
    put_published,
    read_generation,
    write_generation,
)
from wgs_pipeline.ngd.layout import RESEARCH, Root, callable_file, open_file
from wgs_pipeline.ngd.plan import (
    Change,
    Plan,
    decide,
    forget_plan,
    held_by_segments,
    in_research,
    members_after,
    note_plan,
    noted_plan,
    scattered_plan,
)
from wgs_pipeline.ngd.shard_keys import HeldKeys
from wgs_pipeline.ngd.sweep import drop_old, sweep
from wgs_pipeline.ngd.waiting import Waiting
from wgs_pipeline.vault import Vault


@dataclass(frozen=True)
class Compaction:
    """What a compaction did.

    Attributes:
        generation: The generation that is current afterwards.
        merged: Genomes taken from open tiers.
        moved: Genomes moved from one plane to the other.
        retired: Replaced genomes whose bits are gone.
        swept: Files removed that nothing referred to.
        kept: Old generations kept because readers hold them.
    """

    generation: int
    merged: int
    moved: int
    retired: int
    swept: int
    kept: tuple[int, ...]


#: A compaction that found nothing to do; the generation is the current one.
_NOTHING = Compaction(0, 0, 0, 0, 0, ())


def compact(root: Root, vault: Vault, rebuild: bool = False, jobs: int = 1) -> Compaction:
    """Merge, move and drop; does nothing where there is nothing to do.

    Args:
        root: The database.
        vault: Its vault.
        rebuild: Build every bin from the shards, whatever it held.
        jobs: Processes that build contigs.

    Raises:
        NgdError: The database is damaged, or does not belong to this vault.
    """
    root = root.unlocked(vault.keys)
    with vault.compacting():
        planned = plan(root, vault, rebuild, scattered=False)
        if planned.empty:
            return _tidied(root, vault, _NOTHING)
        parts = build_all(root, planned, jobs)
        done = flip(root, vault, planned, parts)
        return _tidied(root, vault, done)


def plan(root: Root, vault: Vault, rebuild: bool = False, scattered: bool = True) -> Plan:
    """Freeze what a compaction has to do, which may be nothing.

    Args:
        root: The database.
        vault: Its vault.
        rebuild: Build every bin from the shards, whatever it held.
        scattered: Other processes will build it, so its files are not to be swept. Waits for a
            compaction or an erasure under way, whose own plan would be void otherwise.

    Raises:
        NgdError: The database is damaged, or does not belong to this vault.
    """
    with vault.compacting() if scattered else nullcontext(), vault.lease():
        publish(root, vault)
        generation = current_generation(root, vault, with_bins=not rebuild)
        planned = decide(root, vault, generation, rebuild)
        if planned.empty:
            return planned
        key_loan.end_all(root, key_loan.COMPACTION)  # of plans whose place this one takes
        note_plan(vault, planned, scattered)
        if not scattered:
            return planned
        read: Sequence[Change] = planned.changes
        if not rebuild:  # what waits in open tiers is read there, and its keys stay here
            _, read = Waiting(root, generation, planned.changes).split(planned.changes)
        shards = (each.shard for each in read)
        return replace(planned, key=key_loan.lend(root.unlocked(vault.keys), planned.loan, shards))


def build_all(root: Root, planned: Plan, jobs: int = 1) -> list[Part]:
    """Build all contigs of a plan; the database has its keys."""
    contigs = list(root.reference().contigs)
    if jobs == 1 or len(contigs) == 1:
        return [build_contig(root, planned, contig) for contig in contigs]
    if root.keys is not None:
        keys = root.keys.shard_keys(each.shard for each in planned.changes)
        root = root.unlocked(HeldKeys(keys))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        return list(
            pool.map(build_contig, [root] * len(contigs), [planned] * len(contigs), contigs)
        )


def publish_plan(root: Root, vault: Vault, planned: Plan, parts: Sequence[Part]) -> Compaction:
    """Make what was built current, and tidy up.

    Raises:
        NgdError: Parts are missing or of another plan, or the plan is out of date.
    """
    with vault.compacting():
        done = _NOTHING if planned.empty else flip(root, vault, planned, parts)
        return _tidied(root, vault, done)


def flip(root: Root, vault: Vault, planned: Plan, parts: Sequence[Part]) -> Compaction:
    """Make what was built current; the files of before stay.

    Raises:
        NgdError: Parts are missing or of another plan, or the plan is out of date.
    """
    _check_parts(root, planned, parts)
    with vault.lease():
        publish(root, vault)
        current = current_generation(root, vault, with_bins=not planned.rebuild)
        if noted_plan(vault) != planned.number or held_by_segments(current) != planned.segments:
            raise NgdError(
                f"{root.path}: the plan is out of date, since another compaction, or an erasure, "
                "was begun after it. Make a new plan with 'wgs ngd compact ROOT --plan PLAN'"
            )
        _check_files(root, parts)
        number = current.number + 1
        table = members_after(planned, current)
        gone = {name for part in parts for name in part.gone}
        files = {name: digest for name, digest in current.derived.items() if name not in gone}
        for part in parts:
            files |= part.files
        after = Generation(number, table, _without_empty_tiers(files, table))
        manifest = write_generation(root, after, vault.require("manifest"))
        with vault.transaction():
            put_published(vault, number, manifest)
            forget_plan(vault)
        key_loan.end(root, planned.loan)
        publish(root, vault)
    if planned.moved:
        entry = audit.Access(
            "compact", generation=number, persons=len(planned.moved), slots=planned.moved
        )
        audit.append(root.audit, vault, entry, audit.system_user())
    return _summary(planned, current, number)


def current_generation(root: Root, vault: Vault, with_bins: bool = True) -> Generation:
    """The generation that the vault says is the last; see ``read_generation``."""
    return read_generation(root, int(vault.require("generation")), with_bins)


def research_refusals(root: Root, vault: Vault) -> bool:
    """Whether a compaction should move someone who has refused research since the last one.

    Not while another compaction is under way: the register leaves the person out of every
    research answer until the next one.
    """
    with vault.compacting(wait=False) as free:
        if not free or scattered_plan(vault) is not None:
            return False
    with pinned(root) as number:
        table = read_generation(root, number).table
    slots = np.asarray(table["slot"])[np.asarray(pc.equal(table["plane"], RESEARCH))]
    return not in_research(root, vault, slots, np.ones(len(slots), np.bool_)).all()


def _check_parts(root: Root, planned: Plan, parts: Sequence[Part]) -> None:
    for part in parts:
        if part.plan != planned.digest:
            raise NgdError(
                f"{root.path}: the part of contig {part.contig} was built for another plan. "
                "Build it again for this one"
            )
    built = {part.contig for part in parts}
    missing = [contig for contig in root.reference().contigs if contig not in built]
    if missing:
        raise NgdError(
            f"{root.path}: {len(missing)} contigs are not built ({', '.join(missing[:5])}); "
            "expected a part of each. Build them with 'wgs ngd compact ROOT --plan PLAN --contig'"
        )


def _check_files(root: Root, parts: Sequence[Part]) -> None:
    for part in parts:
        for name in part.files:
            if not (root.path / name).exists():
                raise NgdError(f"{root.path / name}: missing; build contig {part.contig} again")


def _without_empty_tiers(files: dict[str, str], table: pa.Table) -> dict[str, str]:
    """Files without those of open tiers that no member is left in."""
    rows = table.filter(pc.not_equal(table["tier"], SEGMENT)).select(["plane", "tier"])
    left = set()
    for row in rows.group_by(["plane", "tier"]).aggregate([]).to_pylist():
        name = open_file(row["plane"], int(row["tier"]))
        left |= {name, callable_file(name)}
    return {name: digest for name, digest in files.items() if "/open/" not in name or name in left}


def _summary(planned: Plan, before: Generation, number: int) -> Compaction:
    comes = [each.slot for each in planned.changes if each.comes]
    was_open = np.asarray(pc.not_equal(before.table["tier"], SEGMENT))
    open_slots = np.asarray(before.table["slot"])[was_open]
    return Compaction(
        generation=number,
        merged=int(np.isin(comes, open_slots).sum()),
        moved=len(planned.moved),
        retired=len(planned.leaving),
        swept=0,
        kept=(),
    )


def _tidied(root: Root, vault: Vault, done: Compaction) -> Compaction:
    """Drop and sweep, while no one commits; keys of shards that are gone go too.

    A genome in use keeps its key though its shard cannot be seen: a disk may just not be there.
    """
    with vault.lease():
        publish(root, vault)
        number = int(vault.require("generation"))
        kept = tuple(drop_old(root, number))
        swept = sweep(root, [number, *kept], scattered_plan(vault))
        key_loan.end_expired(root)
        used = {
            shard
            for each in (number, *kept)
            for shard in read_generation(root, each, with_bins=False).table["shard"].to_pylist()
        }
        held = (each for each in vault.keys.kept_shards() if each not in used)
        gone = [each for each in held if not root.shard(each).exists()]
        with vault.transaction():
            vault.keys.destroy_shard_keys(gone)
    return Compaction(done.generation or number, done.merged, done.moved, done.retired, swept, kept)
