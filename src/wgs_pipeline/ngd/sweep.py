"""Dropping old generations that no reader holds, and files that nothing refers to."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from wgs_pipeline.ngd.commit import remove_shard
from wgs_pipeline.ngd.generation import read_generation, unpinned
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.registration import loading, pending

#: Folders whose files a manifest lists.
_DERIVED = ("index", "counts", "generations")
_KNOWN = frozenset({"ngd.json", "reference.json", "CURRENT"})


def orphans(root: Root, numbers: Sequence[int], building: int | None = None) -> list[Path]:
    """Files below ROOT that none of the generations, and no registration, refers to.

    Args:
        root: The database.
        numbers: Generations whose files are in use.
        building: Number of a plan that other processes may be building; its files are in use.
    """
    used: set[str] = {f"generations/{number}/manifest.json" for number in numbers}
    shards: set[str] = set()
    for number in numbers:
        generation = read_generation(root, number, with_bins=False)
        used.update(generation.files)
        shards.update(generation.table["shard"].to_pylist())
    shards |= {registration.shard for _, registration in pending(root)}
    found = [
        path
        for folder in _DERIVED
        for path in (root.path / folder).rglob("*")
        if path.is_file()
        and str(path.relative_to(root.path)) not in used
        and f"gen-{building}." not in path.name
    ]
    for path in _shard_entries(root):
        if path.parent.name.startswith(".tmp-") or path.name not in shards:
            found.append(path)
    found += [each for each in root.path.iterdir() if each.is_file() and each.name not in _KNOWN]
    found += [each for each in root.inbox.glob(".*.tmp")]
    return found


def _shard_entries(root: Root) -> Iterator[Path]:
    """What lies two folders below ``shards``, in order."""
    for folder in sorted((root.path / "shards").glob("*")):
        try:
            yield from sorted(folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            continue  # a loader has just renamed its temporary folder into place


def drop_old(root: Root, number: int) -> Iterator[int]:
    """Drop generations before the current one; gives those that readers hold."""
    for folder in sorted((root.path / "generations").iterdir()):
        if folder.name.isdigit() and int(folder.name) != number:
            with unpinned(root, int(folder.name)) as free:
                if free:
                    (folder / "manifest.json").unlink(missing_ok=True)
                    shutil.rmtree(folder, ignore_errors=True)
                else:
                    yield int(folder.name)


def sweep(root: Root, numbers: Sequence[int], building: int | None = None) -> int:
    """Remove orphans; shards only while no one is loading, who may be about to register one.

    Returns:
        How many were removed.
    """
    swept = 0
    with loading(root, alone=True) as alone:
        for path in orphans(root, numbers, building):
            if path.parts[len(root.path.parts)] in ("shards", "inbox") and not alone:
                continue
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
            with suppress(OSError):  # not empty, or someone is building in it
                path.rmdir()
    return swept
