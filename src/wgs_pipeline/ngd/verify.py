"""Verification: hashes, index and counts against a rebuild, registry against vault, the log."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wgs_pipeline import audit
from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd import shard, tiers
from wgs_pipeline.ngd.compact import bins_of, orphans, strata
from wgs_pipeline.ngd.generation import SEGMENT, Generation, Member, publish, read_generation
from wgs_pipeline.ngd.layout import (
    PLANES,
    Root,
    callable_file,
    counts_file,
    open_file,
    segment_file,
    sha256_of,
)
from wgs_pipeline.ngd.reference import Reference
from wgs_pipeline.ngd.registration import pending
from wgs_pipeline.vault import Vault


@dataclass(frozen=True)
class Report:
    """What verification found.

    Attributes:
        generation: The generation that was verified.
        genomes: Its genomes.
        files: Files whose hashes were compared.
        problems: One message per problem; empty if the database is whole.
        orphans: Files that nothing refers to: no problem, swept by the next compaction.
    """

    generation: int
    genomes: int
    files: int
    problems: tuple[str, ...]
    orphans: tuple[Path, ...]


def verify(root: Root, vault: Vault) -> Report:
    """Verify the current generation, while no one commits.

    Raises:
        NgdError: The database cannot be opened at all.
    """
    with vault.lease():
        publish(root, vault)
        number = int(vault.require("generation"))
        generation = read_generation(root, number)
        problems = list(_file_problems(root, vault, generation))
        if not problems:
            problems += _older_problems(root, number)
            problems += _content_problems(root, generation)
        problems += _vault_problems(root, vault, generation)
        problems += audit.verify(root.audit, vault)
        problems += _inbox_problems(root)
        unused = [] if problems else _orphans(root, number)
    active = [each for each in generation.members if not each.retired]
    shard_files = 1 + len(shard.FILES)
    return Report(
        number,
        len(active),
        len(generation.files) + shard_files * len(generation.members),
        tuple(problems),
        tuple(unused),
    )


def _file_problems(root: Root, vault: Vault, generation: Generation) -> Iterator[str]:
    manifest = root.generation(generation.number) / "manifest.json"
    if sha256_of(manifest) != vault.require("manifest"):
        yield f"{manifest}: its bytes have changed"
    if root.settings.identity != vault.require("identity"):
        yield f"{root.path / 'ngd.json'}: not the database of this vault"
    for name, digest in generation.files.items():
        path = root.path / name
        if not path.exists():
            yield f"{path}: missing"
        elif sha256_of(path) != digest:
            yield f"{path}: its bytes have changed"
    for member in generation.members:
        description = root.shard(member.shard) / "shard.json"
        if not description.exists():
            yield f"{description}: missing"
        elif sha256_of(description) != member.description:
            yield f"{description}: its bytes have changed"
        else:
            yield from shard.problems(root, member.shard)


def _older_problems(root: Root, number: int) -> Iterator[str]:
    """Files of the generations before, as far as they still stand."""
    while number > 0:
        manifest = root.generation(number) / "manifest.json"
        parent = json.loads(manifest.read_text(encoding="utf-8"))["parent"]
        number -= 1
        older = root.generation(number) / "manifest.json"
        if not older.exists():
            return
        if sha256_of(older) != parent:
            yield f"{older}: its bytes have changed"
            return
        for name, digest in json.loads(older.read_text(encoding="utf-8"))["files"].items():
            path = root.path / name
            fixed = name not in ("ngd.json", "reference.json")  # these may have changed since
            if fixed and (not path.exists() or sha256_of(path) != digest):
                yield f"{path}: missing, or its bytes have changed"


def _content_problems(root: Root, generation: Generation) -> Iterator[str]:
    if not (root.path / "reference.json").exists():
        return
    reference = root.reference()
    unexpected = {name for name in generation.files if name.startswith(("index/", "counts/"))}
    for plane in PLANES:
        mine = [each for each in generation.members if each.plane == plane]
        for tier in sorted({each.tier for each in mine if each.tier != SEGMENT}):
            name = open_file(plane, int(tier))
            unexpected -= {name, callable_file(name)}
            yield from _open_problems(root, name, [each for each in mine if each.tier == tier])
        merged = [each for each in mine if each.tier == SEGMENT]
        built = _built(generation, plane)
        for contig in reference.contigs if merged else ():
            checked, problems = _contig_problems(root, generation, plane, contig, merged, built)
            unexpected -= checked
            yield from problems
    for name in sorted(unexpected):
        yield f"{root.path / name}: in the manifest, but no member needs it"


def _open_problems(root: Root, name: str, members: Sequence[Member]) -> Iterator[str]:
    calls = tiers.sorted_calls(tiers.calls_of(root, members))
    if not _same(calls, tiers.read_rows(root, name)):
        yield f"{root.path / name}: differs from a rebuild from the shards"
    runs = tiers.sorted_runs(tiers.runs_of(root, members))
    if not _same(runs, tiers.read_rows(root, callable_file(name))):
        yield f"{root.path / callable_file(name)}: differs from a rebuild from the shards"


def _contig_problems(
    root: Root,
    generation: Generation,
    plane: str,
    contig: str,
    members: Sequence[Member],
    built: int,
) -> tuple[set[str], list[str]]:
    """Files of one plane and contig that were checked, and what is wrong with them."""
    reference = root.reference()
    checked: set[str] = set()
    problems: list[str] = []

    def compare(name: str, expected: pa.Table, empty: bool) -> None:
        checked.add(name)
        if name not in generation.files:
            if not empty:
                problems.append(f"{root.path / name}: missing from the manifest")
        elif not _same(expected, tiers.read_rows(root, name)):
            problems.append(f"{root.path / name}: differs from a rebuild from the shards")

    all_runs = tiers.runs_of(root, members, contig)
    for segment in sorted({each.segment for each in members}):
        mine = [each for each in members if each.segment == segment]
        uncounted = np.array([each.slot for each in mine if not each.counted], np.uint32)
        calls = tiers.calls_of(root, mine, contig)
        slots = pa.array([each.slot for each in mine], pa.uint32())
        runs = all_runs.filter(pc.is_in(all_runs["slot"], slots))
        for bin_, low, high in bins_of(reference, contig):
            inside = pc.and_(pc.greater(calls["pos"], low), pc.less_equal(calls["pos"], high))
            table = tiers.to_bin(calls.filter(inside), uncounted)
            in_bin = tiers.sorted_runs(tiers.clipped(runs, low, high))
            name = segment_file(plane, segment, contig, bin_, built)
            empty = not table.num_rows and not in_bin.num_rows
            compare(name, table, empty)
            compare(callable_file(name), in_bin, empty)
    for bin_, low, high in bins_of(reference, contig):
        for name, expected in _expected_counts(plane, reference, contig, members, bin_, built):
            counts = tiers.coverage(all_runs, low, high, expected)
            compare(name, pa.table({"count": counts}), not counts.any())
    return checked, problems


def _expected_counts(
    plane: str,
    reference: Reference,
    contig: str,
    members: Sequence[Member],
    bin_: int,
    built: int,
) -> Iterator[tuple[str, Any]]:
    for stratum, slots in strata(reference, contig, members):
        yield counts_file(plane, stratum, contig, bin_, built), slots


def _vault_problems(root: Root, vault: Vault, generation: Generation) -> Iterator[str]:
    known = {each.slot: each for each in vault.genomes()}
    active = {each.slot: each for each in generation.members if not each.retired}
    for slot, member in active.items():
        genome = known.get(slot)
        if genome is None:
            yield f"{root.path}: slot {slot} is not in the vault"
        elif (genome.shard, genome.assay) != (member.shard, member.assay):
            yield f"{root.path}: slot {slot} has another shard or assay in the vault"
        elif genome.retired_generation is not None:
            yield f"{root.path}: slot {slot} is retired in the vault"
    for slot, genome in known.items():
        if genome.retired_generation is None and slot not in active:
            yield f"{root.path}: slot {slot} of the vault is not in the database"


def _inbox_problems(root: Root) -> list[str]:
    try:
        pending(root)
    except NgdError as error:
        return [str(error)]
    return []


def _orphans(root: Root, number: int) -> list[Path]:
    """Files that nothing refers to; older generations that still stand are no orphans."""
    numbers = [number]
    for folder in (root.path / "generations").iterdir():
        manifest = folder / "manifest.json"
        if folder.name.isdigit() and int(folder.name) < number and manifest.exists():
            numbers.append(int(json.loads(manifest.read_text(encoding="utf-8"))["generation"]))
    return orphans(root, numbers)


def _built(generation: Generation, plane: str) -> int:
    for name in generation.files:
        parts = name.split("/")
        if parts[0] in ("index", "counts") and parts[1] == plane and "bin=" in name:
            return int(parts[-1].split(".")[0].removeprefix("gen-"))
    return -1


def _same(expected: pa.Table, found: pa.Table) -> bool:
    if expected.column_names != found.column_names:
        return False
    same: bool = expected.cast(found.schema).combine_chunks().equals(found.combine_chunks())
    return same
