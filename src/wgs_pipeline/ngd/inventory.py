"""What a database holds, in numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wgs_pipeline.files import bytes_below
from wgs_pipeline.ngd import segments
from wgs_pipeline.ngd.generation import Generation, pinned, read_generation
from wgs_pipeline.ngd.layout import BIN_BP, Root, folder_name
from wgs_pipeline.ngd.parquet import open_parquet, read_where
from wgs_pipeline.ngd.released import Release
from wgs_pipeline.ngd.roster import Roster
from wgs_pipeline.vault import Vault

_VARIANT = list(segments.VARIANT)


def info(root: Root, vault: Vault) -> dict[str, Any]:
    """Genomes, distinct variants, bytes below ROOT, generation, what lies where, the release.

    Raises:
        NgdError: The database is damaged.
    """
    with pinned(root) as number:
        generation = read_generation(root, number)
        roster = Roster(generation.table)
        variants = _distinct_variants(root, generation)
    in_plane = {
        plane: int((roster.active & roster.in_planes((plane,))).sum())
        for plane in ("research", "care_only")
    }
    return {
        "genomes": int(roster.active.sum()),
        "variants": variants,
        "bytes": bytes_below(root.path),
        "generation": number,
        **in_plane,
        "open": int((roster.active & ~roster.in_segment).sum()),
        "release": _release(vault),
    }


def _release(vault: Vault) -> dict[str, Any] | None:
    """The release that research was answered from last; None where there was none."""
    last = vault.last_release()
    if last is None:
        return None
    release = Release.of(last)
    return {
        "number": release.number,
        "persons": len(release.slots),
        "generation": release.generation,
        "made": release.made,
    }


def _distinct_variants(root: Root, generation: Generation) -> int:
    """Distinct variants of all planes and tiers; those of replaced genomes until compaction.

    A variant is read only where several files may hold it.
    """
    files: dict[tuple[str, int], list[str]] = {}
    opened: dict[tuple[str, int], list[pa.Table]] = {}
    for file in generation.files:
        if not file.startswith("index/") or file.endswith(".callable.parquet"):
            continue
        if "/open/" in file:
            for place, table in _by_bin(read_where(root.path / file, (), ["contig", *_VARIANT])):
                opened.setdefault(place, []).append(table)
        else:
            contig, bin_ = file.split("/")[3:5]
            files.setdefault((contig, int(bin_.removeprefix("bin="))), []).append(file)
    total = 0
    for place in {**files, **opened}:
        names = files.get(place, [])
        if len(names) == 1 and place not in opened:
            with open_parquet(root.path / names[0], generation.footers.get(names[0])) as parquet:
                total += parquet.metadata.num_rows
        else:
            tables = [read_where(root.path / name, (), _VARIANT) for name in names]
            together = pa.concat_tables([*tables, *opened.get(place, [])])
            total += together.group_by(_VARIANT).aggregate([]).num_rows
    return total


def _by_bin(rows: pa.Table) -> Iterable[tuple[tuple[str, int], pa.Table]]:
    """Variants of an open tier by folder of their contig, and bin."""
    for contig in rows["contig"].unique().to_pylist():
        of_contig = rows.filter(pc.equal(rows["contig"], contig)).select(_VARIANT)
        bins = (np.asarray(of_contig["pos"]).astype(np.int64) - 1) // BIN_BP
        for bin_ in np.unique(bins).tolist():
            yield (folder_name(contig), bin_), of_contig.filter(pa.array(bins == bin_))
