"""What a database holds, in numbers."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from wgs_pipeline.ngd import tiers
from wgs_pipeline.ngd.generation import pinned, read_generation
from wgs_pipeline.ngd.layout import Root


def info(root: Root) -> dict[str, Any]:
    """Genomes, distinct variants, bytes below ROOT, generation, and what lies where.

    Raises:
        NgdError: The database is damaged.
    """
    with pinned(root) as number:
        generation = read_generation(root, number)
        active = [each for each in generation.members if not each.retired]
        variants = _distinct_variants(root, list(generation.files))
    return {
        "genomes": len(active),
        "variants": variants,
        "bytes": sum(path.stat().st_size for path in root.path.rglob("*") if path.is_file()),
        "generation": number,
        "research": sum(each.plane == "research" for each in active),
        "care_only": sum(each.plane == "care_only" for each in active),
        "open": sum(each.tier != "segment" for each in active),
    }


def _distinct_variants(root: Root, files: list[str]) -> int:
    """Distinct variants of all planes and tiers; those of replaced genomes until compaction."""
    by_bin: dict[str, list[pa.Table]] = {}
    for file in files:
        if not file.startswith("index/") or file.endswith(".callable.parquet"):
            continue
        columns = ["pos", "ref", "alt"]
        if "/open/" in file:
            table = tiers.read_rows(root, file)
            for contig in table["contig"].unique().to_pylist():
                rows = table.filter(pc.equal(table["contig"], contig))
                by_bin.setdefault(contig, []).append(rows.select(columns))
        else:
            contig = _contig_of(file)
            by_bin.setdefault(contig, []).append(tiers.read_rows(root, file).select(columns))
    return sum(
        pa.concat_tables(tables).group_by(["pos", "ref", "alt"]).aggregate([]).num_rows
        for tables in by_bin.values()
    )


def _contig_of(file: str) -> str:
    from urllib.parse import unquote

    return unquote(file.split("/")[3])
