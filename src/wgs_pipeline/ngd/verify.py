"""Verification: hashes, index and counts against a rebuild, registry against vault, the log."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sized
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wgs_pipeline import audit
from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd import shard
from wgs_pipeline.ngd.commit import waiting_key
from wgs_pipeline.ngd.generation import Generation, pinned, pinned_at, publish, read_generation
from wgs_pipeline.ngd.layout import Root, folder_name, sha256_of
from wgs_pipeline.ngd.plan import scattered_plan
from wgs_pipeline.ngd.rebuild import contig_problems, unknown_files
from wgs_pipeline.ngd.registration import identity_of, pending
from wgs_pipeline.ngd.sweep import orphans
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


def verify(root: Root, vault: Vault, hashes_only: bool = False) -> Report:
    """Verify the current generation; commits and compactions may go on meanwhile.

    Args:
        root: The database.
        vault: Its vault.
        hashes_only: Compare hashes, and registry and log with the vault; rebuild nothing.

    Raises:
        NgdError: The database cannot be opened at all.
    """
    root = root.unlocked(vault.keys)
    with ExitStack() as stack:
        with vault.lease():
            publish(root, vault)
            number = stack.enter_context(pinned(root))
            generation = read_generation(root, number)
            problems = list(_pointer_problems(root, vault, number))
            problems += _vault_problems(root, vault, generation)
            problems += audit.verify(root.audit, vault)
            problems += _inbox_problems(root, vault)
            unused: list[Path] = []
            try:
                unused = [] if problems else _orphans(root, number, scattered_plan(vault))
            except NgdError as error:  # an older generation is damaged
                problems.append(str(error))
        found = list(_file_problems(root, generation, generation.files))
        found += _shard_problems(root, generation)
        if not found:
            found += _older_problems(root, number)
        if not found and not hashes_only and (root.path / "reference.json").exists():
            for contig in root.reference().contigs:
                found += contig_problems(root, generation, contig)
            found += unknown_files(root, generation)
    problems = found + problems
    return _report(generation, generation.files, problems, [] if problems else unused)


def verify_contig(
    root: Root, contig: str, hashes_only: bool = False, generation_number: int | None = None
) -> Report:
    """Verify one contig of a generation; needs no vault, but the keys of its shards.

    Args:
        root: The database, with its keys.
        contig: The contig.
        hashes_only: Compare hashes; rebuild nothing.
        generation_number: The generation; None: the current one.

    Raises:
        NgdError: The database cannot be opened at all, or has no such contig or generation.
    """
    root.reference().length(contig)
    with ExitStack() as stack:
        if generation_number is None:
            number = stack.enter_context(pinned(root))
        else:
            number = generation_number
            stack.enter_context(pinned_at(root, number))
        generation = read_generation(root, number)
        files = [
            name
            for name in generation.files
            if "/bin=" not in name or name.split("/")[3] == folder_name(contig)
        ]
        problems = list(_file_problems(root, generation, files))
        if not problems and not hashes_only:
            problems += contig_problems(root, generation, contig)
    return _report(generation, files, problems, [])


def _report(
    generation: Generation, files: Sized, problems: Iterable[str], unused: Iterable[Path]
) -> Report:
    table = generation.table
    shard_files = 1 + len(shard.FILES)
    return Report(
        generation.number,
        table.num_rows - int(np.asarray(table["retired"]).sum()),
        len(files) + shard_files * table.num_rows,
        tuple(problems),
        tuple(unused),
    )


def _pointer_problems(root: Root, vault: Vault, number: int) -> Iterator[str]:
    manifest = root.generation(number) / "manifest.json"
    if sha256_of(manifest) != vault.require("manifest"):
        yield f"{manifest}: its bytes have changed"
    if root.settings.identity != vault.require("identity"):
        yield f"{root.path / 'ngd.json'}: not the database of this vault"


def _file_problems(root: Root, generation: Generation, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        path = root.path / name
        if not path.exists():
            yield f"{path}: missing"
        elif sha256_of(path) != generation.files[name]:
            yield f"{path}: its bytes have changed"


def _shard_problems(root: Root, generation: Generation) -> Iterator[str]:
    names = generation.table.select(["shard", "description"])
    for row in names.group_by(["shard", "description"]).aggregate([]).to_pylist():
        found = shard.problems(root, row["shard"], row["description"])
        yield from found or shard.key_problems(root, row["shard"])


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


def _vault_problems(root: Root, vault: Vault, generation: Generation) -> Iterator[str]:
    known = {each.slot: each for each in vault.genomes()}
    erasing = set(vault.erasing())
    if erasing:
        yield (
            f"{root.path}: an erasure of {len(erasing)} genomes is not finished; expected none. "
            "Run 'wgs ngd erase' again with the same identifiers"
        )
    columns = generation.table.select(["slot", "shard", "assay", "retired"]).to_pydict()
    active = set()
    for slot, digest, assay, retired in zip(*columns.values(), strict=True):
        if retired or slot in erasing:
            continue
        active.add(slot)
        genome = known.get(slot)
        if genome is None:
            yield f"{root.path}: slot {slot} is not in the vault"
        elif (genome.shard, genome.assay) != (digest, assay):
            yield f"{root.path}: slot {slot} has another shard or assay in the vault"
        elif genome.retired_generation is not None:
            yield f"{root.path}: slot {slot} is retired in the vault"
    for slot, genome in known.items():
        if genome.retired_generation is None and slot not in active:
            yield f"{root.path}: slot {slot} of the vault is not in the database"


def _inbox_problems(root: Root, vault: Vault) -> list[str]:
    """Registrations that cannot be read or opened, or whose shards are damaged."""
    try:
        waiting = pending(root)
    except NgdError as error:
        return [str(error)]
    problems = []
    for path, registration in waiting:
        try:
            identity_of(vault, registration)
        except NgdError as error:
            problems.append(f"{path}: {error}")
        found = shard.problems(root, registration.shard, registration.description)
        problems += found
        if not found and waiting_key(root, vault, registration.shard) is None:
            problems.append(
                f"{root.shard(registration.shard)}: no key opens it; expected one sealed to this "
                "vault. Load the genome again"
            )
    return problems


def _orphans(root: Root, number: int, building: int | None) -> list[Path]:
    """Files that nothing refers to; older generations that still stand are no orphans."""
    numbers = [number]
    for folder in (root.path / "generations").iterdir():
        manifest = folder / "manifest.json"
        if folder.name.isdigit() and int(folder.name) < number and manifest.exists():
            numbers.append(int(folder.name))
    return orphans(root, numbers, building)
