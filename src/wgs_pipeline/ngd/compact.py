"""Compaction: merge the open tiers into the segments, move planes, drop what no one needs.

New bin files are built beside the old ones; one flip of CURRENT makes them current. Then old
generations that no reader holds are dropped, and files that nothing refers to are swept.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wgs_pipeline import audit
from wgs_pipeline.consent.register import ConsentRegister
from wgs_pipeline.ngd import tiers
from wgs_pipeline.ngd.commit import plane_of, remove_shard
from wgs_pipeline.ngd.generation import (
    SEGMENT,
    Generation,
    Member,
    member_table,
    publish,
    put_published,
    read_generation,
    unpinned,
    write_generation,
    write_parquet,
)
from wgs_pipeline.ngd.layout import (
    BIN_BP,
    PLANES,
    RESEARCH,
    Root,
    callable_file,
    counts_file,
    segment_file,
)
from wgs_pipeline.ngd.reference import SEX_CHROMOSOMES, Reference
from wgs_pipeline.ngd.registration import loading, pending
from wgs_pipeline.vault import Vault

#: Folders whose files a manifest lists.
_DERIVED = ("index", "counts", "generations")


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


def compact(root: Root, vault: Vault) -> Compaction:
    """Merge, move and drop; does nothing where there is nothing to do.

    Raises:
        NgdError: The database is damaged, or does not belong to this vault.
    """
    with vault.lease():
        publish(root, vault)
        old = read_generation(root, int(vault.require("generation")))
        members = _wanted_members(root, vault, old)
        changed = {each.slot: each for each in members} != {each.slot: each for each in old.members}
        number = old.number
        if changed:
            number = old.number + 1
            files = _build(root, old, members, number)
            next_ = Generation(number, member_table(members), files)
            manifest = write_generation(root, next_, vault.require("manifest"))
            with vault.transaction():
                put_published(vault, number, manifest)
            publish(root, vault)
        kept = tuple(_drop_old(root, number))
        swept = _sweep(root, [number, *kept])
    planes = {each.slot: each.plane for each in members}
    moved = tuple(
        each.slot for each in old.members if planes.get(each.slot, each.plane) != each.plane
    )
    if moved:
        entry = audit.Access("compact", generation=number, persons=len(moved), slots=moved)
        audit.append(root.audit, vault, entry, audit.system_user())
    return Compaction(
        generation=number,
        merged=sum(each.tier != SEGMENT and not each.retired for each in old.members),
        moved=len(moved),
        retired=sum(each.retired for each in old.members),
        swept=swept,
        kept=kept,
    )


def research_refusals(root: Root, vault: Vault) -> bool:
    """Whether someone whose bits lie in the research plane has refused research since."""
    from wgs_pipeline.ngd.generation import pinned

    with pinned(root) as number:
        members = read_generation(root, number).members
    wanted = _planes(root, vault)
    return any(
        each.plane == RESEARCH and wanted.get(each.slot, RESEARCH) != RESEARCH for each in members
    )


def orphans(root: Root, numbers: Sequence[int]) -> list[Path]:
    """Files below ROOT that none of the generations, and no registration, refers to."""
    generations = [read_generation(root, number) for number in numbers]
    used = {file for each in generations for file in each.files}
    used |= {f"generations/{number}/manifest.json" for number in numbers}
    shards = {member.shard for each in generations for member in each.members}
    shards |= {registration.shard for _, registration in pending(root)}
    found = [
        path
        for folder in _DERIVED
        for path in (root.path / folder).rglob("*")
        if path.is_file() and str(path.relative_to(root.path)) not in used
    ]
    for path in sorted((root.path / "shards").glob("*/*")):
        if path.parent.name.startswith(".tmp-") or path.name not in shards:
            found.append(path)
    known = {"ngd.json", "reference.json", "CURRENT"}
    found += [each for each in root.path.iterdir() if each.is_file() and each.name not in known]
    found += [each for each in root.inbox.glob(".*.tmp")]
    return found


def bins_of(reference: Reference, contig: str) -> Iterator[tuple[int, int, int]]:
    """Bin number, first base and one past the last base of each bin of a contig."""
    length = reference.contigs[contig]
    for bin_ in range((length + BIN_BP - 1) // BIN_BP):
        yield bin_, bin_ * BIN_BP, min((bin_ + 1) * BIN_BP, length)


def strata(
    reference: Reference, contig: str, members: Sequence[Member]
) -> Iterator[tuple[str, np.ndarray[tuple[int], np.dtype[np.uint32]]]]:
    """Strata of the count arrays of a contig, and the slots in each."""
    counted = [each for each in members if each.counted]
    by_karyotype = {each.karyotype for each in counted} & SEX_CHROMOSOMES.keys()
    for name in sorted(by_karyotype) if reference.depends_on_sex(contig) else ("all",):
        slots = [each.slot for each in counted if name in ("all", each.karyotype)]
        yield name, np.array(slots, np.uint32)


def _wanted_members(root: Root, vault: Vault, old: Generation) -> list[Member]:
    wanted = _planes(root, vault)
    return [
        replace(each, plane=wanted.get(each.slot, each.plane), tier=SEGMENT)
        for each in old.members
        if not each.retired
    ]


def _planes(root: Root, vault: Vault) -> dict[int, str]:
    register = ConsentRegister.read(root.consents)
    now = datetime.now(UTC)
    return {
        each.slot: plane_of(root, register, each.patient_id, now)
        for each in vault.genomes()
        if each.retired_generation is None
    }


def _build(root: Root, old: Generation, members: Sequence[Member], number: int) -> dict[str, str]:
    """Write the bins of every plane that changes; the others keep their files."""
    files: dict[str, str] = {}
    for plane in PLANES:
        now = [each for each in members if each.plane == plane]
        before = [each for each in old.members if (each.plane, each.tier) == (plane, SEGMENT)]
        if now == before:
            files |= {
                name: digest
                for name, digest in old.derived.items()
                if name.split("/")[1] == plane and "bin=" in name
            }
        elif now:
            files |= _build_plane(root, old, plane, before, now, number)
    return files


def _build_plane(
    root: Root,
    old: Generation,
    plane: str,
    before: Sequence[Member],
    now: Sequence[Member],
    number: int,
) -> dict[str, str]:
    files: dict[str, str] = {}
    staying = {each.slot for each in before} & {each.slot for each in now}
    reference = root.reference()
    for segment in sorted({each.segment for each in now}):
        mine = [each for each in now if each.segment == segment]
        added = [each for each in mine if each.slot not in staying]
        kept = np.array(sorted(staying), np.uint32)
        for contig in reference.contigs:
            new_calls = tiers.calls_of(root, added, contig)
            new_runs = tiers.runs_of(root, added, contig)
            for bin_, low, high in bins_of(reference, contig):
                target = segment_file(plane, segment, contig, bin_, number)
                source = _source(old, plane, segment, contig, bin_)
                calls, runs = _merged(root, source, kept, new_calls, new_runs, low, high)
                files |= _write_bin(root, target, calls, runs, mine)
    for contig in reference.contigs:
        files |= _write_counts(root, plane, contig, reference, now, number, files)
    return files


def _source(old: Generation, plane: str, segment: int, contig: str, bin_: int) -> str | None:
    """The bin file of the old generation."""
    folder = segment_file(plane, segment, contig, bin_, 0).rpartition("/")[0] + "/"
    names = [name for name in old.files if name.startswith(folder) and "callable" not in name]
    return names[0] if names else None


def _merged(
    root: Root,
    source: str | None,
    kept: np.ndarray[tuple[int], np.dtype[np.uint32]],
    new_calls: pa.Table,
    new_runs: pa.Table,
    low: int,
    high: int,
) -> tuple[pa.Table, pa.Table]:
    """Long form of one bin: what stays of the old one, and what is new."""
    in_bin = pc.and_(pc.greater(new_calls["pos"], low), pc.less_equal(new_calls["pos"], high))
    calls = [new_calls.filter(in_bin).drop_columns(["contig"])]
    runs = [tiers.clipped(new_runs, low, high)]
    if source is not None:
        old_calls = tiers.to_long(tiers.read_rows(root, source))
        old_runs = tiers.read_rows(root, callable_file(source))
        for table, parts in ((old_calls, calls), (old_runs, runs)):
            parts.append(table.filter(pa.array(np.isin(np.asarray(table["slot"]), kept))))
    return pa.concat_tables(calls), pa.concat_tables(runs)


def _write_bin(
    root: Root, name: str, calls: pa.Table, runs: pa.Table, members: Sequence[Member]
) -> dict[str, str]:
    if not calls.num_rows and not runs.num_rows:
        return {}
    uncounted = np.array([each.slot for each in members if not each.counted], np.uint32)
    table, runs = tiers.to_bin(calls, uncounted), tiers.sorted_runs(runs)
    return {
        name: write_parquet(root.path / name, table, tiers.BIN_OPTIONS),
        callable_file(name): write_parquet(
            root.path / callable_file(name), runs, tiers.RUNS_OPTIONS | {"use_dictionary": False}
        ),
    }


def _write_counts(
    root: Root,
    plane: str,
    contig: str,
    reference: Reference,
    members: Sequence[Member],
    number: int,
    files: dict[str, str],
) -> dict[str, str]:
    """Count arrays, derived from the runs of the member list just written."""
    written = {}
    segments = sorted({each.segment for each in members})
    for bin_, low, high in bins_of(reference, contig):
        names = [segment_file(plane, segment, contig, bin_, number) for segment in segments]
        parts = [tiers.read_rows(root, callable_file(name)) for name in names if name in files]
        if not parts:
            continue
        runs = pa.concat_tables(parts)
        for stratum, slots in strata(reference, contig, members):
            counts = tiers.coverage(runs, low, high, slots)
            if counts.any():
                name = counts_file(plane, stratum, contig, bin_, number)
                table = pa.table({"count": counts})
                written[name] = write_parquet(root.path / name, table, tiers.COUNT_OPTIONS)
    return written


def _drop_old(root: Root, number: int) -> Iterator[int]:
    """Drop generations before the current one; gives those that readers hold."""
    for folder in sorted((root.path / "generations").iterdir()):
        if folder.name.isdigit() and int(folder.name) != number:
            with unpinned(root, int(folder.name)) as free:
                if free:
                    (folder / "manifest.json").unlink(missing_ok=True)
                    shutil.rmtree(folder, ignore_errors=True)
                else:
                    yield int(folder.name)


def _sweep(root: Root, numbers: Sequence[int]) -> int:
    swept = 0
    with loading(root, alone=True) as alone:
        for path in orphans(root, numbers):
            if path.parts[len(root.path.parts)] in ("shards", "inbox") and not alone:
                continue  # someone may be about to register it
            if path.is_dir():
                remove_shard(path)
            else:
                path.unlink(missing_ok=True)
            swept += 1
        if alone:
            for folder in (root.path / "shards").glob(".tmp-*"):
                shutil.rmtree(folder, ignore_errors=True)
    for folder in (root.path / "index", root.path / "counts"):
        for path in sorted(folder.rglob("*"), reverse=True):
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()
    return swept
