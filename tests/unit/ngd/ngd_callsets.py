"""Tiny callsets for the tests of ``wgs ngd load --callset``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ngd_builders import CONTIGS, Consents, unlocked

from wgs_pipeline.ngd.generation import current_number, read_generation
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.shard import read_callable, read_variants
from wgs_pipeline.vault import Vault

KINDS = {1: "het", 2: "hom", 3: "hemi"}


def write_callset(
    path: Path,
    samples: Sequence[str],
    lines: Iterable[str],
    formats: Sequence[str] = ("GT", "DP", "GQ", "PL", "AD", "MIN_DP"),
    contigs: Mapping[str, int | None] = CONTIGS,
) -> Path:
    """Write records given as ``chrom pos ref alt filter info format cell…``, space-separated."""
    head = ["##fileformat=VCFv4.2"]
    head += [
        f"##contig=<ID={name}" + ("" if size is None else f",length={size}") + ">"
        for name, size in contigs.items()
    ]
    head += [f'##FORMAT=<ID={name},Number=.,Type=String,Description="x, y">' for name in formats]
    head += ['##INFO=<ID=END,Number=1,Type=Integer,Description="End">']
    head += ['##FILTER=<ID=LowQual,Description="Low quality">']
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *samples]
    rows = [line.split(" ") for line in lines]
    body = ["\t".join([*row[:2], ".", *row[2:4], ".", *row[4:]]) for row in rows]
    path.write_text("\n".join([*head, "\t".join(columns), *body]) + "\n")
    return path


def write_sheet(path: Path, sex_of: Mapping[str, str]) -> Path:
    """A sheet of samples; that of person p-S is S."""
    rows = [f"{sample}\tp-{sample}\t{sex}" for sample, sex in sex_of.items()]
    path.write_text("\n".join(["sample_id\tpatient_id\tsex", *rows]) + "\n")
    return path


def give_consent(folder: Path, samples: Iterable[str]) -> Consents:
    """A register in which the persons of the samples consent to analysis."""
    consents = Consents(folder / "consents.tsv")
    for sample in samples:
        consents.add(f"p-{sample}", "analysis", "given")
    return consents


def shards(path: Path) -> dict[str, str]:
    """Sample to the digest of its shard, of what the current generation shows."""
    root = Root.open(path)
    table = read_generation(root, current_number(root)).table
    shown = {row["slot"]: row["shard"] for row in table.to_pylist() if not row["retired"]}
    with Vault(root.vault) as vault:
        sample_of = {each.slot: each.sample_id for each in vault.genomes()}
    return {sample_of[slot]: shard for slot, shard in shown.items()}


def callable_bases(path: Path, shard: str) -> dict[str, set[int]]:
    """Callable 0-based bases of a shard by contig."""
    found: dict[str, set[int]] = {}
    for row in read_callable(unlocked(path), shard).to_pylist():
        found.setdefault(row["contig"], set()).update(range(row["start"], row["end"]))
    return found


def counted_calls(path: Path, shard: str) -> dict[tuple[str, int, str, str], str]:
    """Calls of a shard that count: variant to het, hom or hemi."""
    return {
        (row["contig"], row["pos"], row["ref"], row["alt"]): KINDS[row["kind"]]
        for row in read_variants(unlocked(path), shard).to_pylist()
        if row["passed"]
    }
