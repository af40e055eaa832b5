"""Shards of four callers' gVCFs against bcftools norm, bcftools query and brute force."""

from __future__ import annotations

import gzip
import math
import re
import subprocess
from collections import Counter
from pathlib import Path

import gvcf_shapes as shapes
import ngd_oracle as oracle
import pytest
from ngd_builders import make_database, unlocked

from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.shard import Analysis, read_callable, read_variants
from wgs_pipeline.ngd.shard_writer import write_shard

CASES = [(caller, seed) for caller in shapes.SHAPES for seed in range(4)]
KINDS = {"het": 1, "hom": 2, "hemi": 3}


@pytest.fixture(scope="module")
def fasta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shapes.reference(tmp_path_factory.mktemp("reference"))


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return unlocked(make_database(tmp_path, shapes.CONTIGS))


def _gvcf(folder: Path, fasta: Path, caller: str, seed: int) -> Path:
    path = folder / "s.g.vcf"
    path.write_text(shapes.make(shapes.SHAPES[caller], fasta, seed))
    subprocess.run(["bgzip", str(path)], check=True)
    return path.with_name("s.g.vcf.gz")


@pytest.mark.parametrize(("caller", "seed"), CASES)
@pytest.mark.parametrize("karyotype", ["XX", "XY"])
def test_bases_and_calls_are_those_of_brute_force(
    root: Root, fasta: Path, caller: str, seed: int, karyotype: str
):
    gvcf = _gvcf(root.path.parent, fasta, caller, seed)
    digest = write_shard(root, gvcf, "S", Analysis(karyotype))
    lines = [
        " ".join((chrom, pos, ref, alt, filter_, info, format_, value))
        for chrom, pos, _, ref, alt, _, filter_, info, format_, value in shapes.bcftools(
            "view", "-H", str(gvcf)
        )
    ]
    genome = oracle.read_genome(lines, karyotype, {"chrX": [(0, 20)]})
    bases: dict[str, set[int]] = {}
    for row in read_callable(root, digest).to_pylist():
        bases.setdefault(row["contig"], set()).update(range(row["start"], row["end"]))
    assert bases == genome.callable
    calls = {
        (row["contig"], row["pos"], row["ref"], row["alt"]): row["kind"]
        for row in read_variants(root, digest).to_pylist()
        if row["passed"]
    }
    assert calls == {variant: KINDS[kind] for variant, kind in genome.calls.items()}


@pytest.mark.parametrize(("caller", "seed"), CASES)
def test_variants_are_those_of_bcftools_norm(root: Root, fasta: Path, caller: str, seed: int):
    gvcf = _gvcf(root.path.parent, fasta, caller, seed)
    digest = write_shard(root, gvcf, "S", Analysis("XX"), None, fasta)
    rows = read_variants(root, digest).to_pylist()
    normalised = shapes.bcftools("norm", "-m-any", "-f", str(fasta), str(gvcf))
    expected: dict[tuple[str, int, str, str], list[tuple[str, str]]] = {}
    for chrom, pos, name, ref, alt, _, _, _, _, value in normalised:
        gt = value.split(":")[0]
        if re.fullmatch("[ACGT]+", alt) and "1" in re.split(r"[/|]", gt):
            expected.setdefault((chrom, int(pos), ref, alt), []).append((name, gt))
    found = {(row["contig"], row["pos"], row["ref"], row["alt"]): row for row in rows}
    assert set(found) == set(expected)
    assert len(found) == len(rows)
    assert list(found) == sorted(
        found, key=lambda each: (list(shapes.CONTIGS).index(each[0]), *each[1:])
    )
    fields = _fields(gvcf)
    for variant, records in expected.items():
        row = found[variant]
        assert row["gt"] in [gt for _, gt in records]
        if len(records) == 1:
            assert row["dp"] == fields[records[0][0]]["DP"]
            assert row["gq"] == fields[records[0][0]]["GQ"]
    depths = _allele_depths(gvcf, fasta)
    for variant, records in expected.items():
        if len(records) == 1:
            row = found[variant]
            assert (row["ad_ref"], row["ad_alt"]) == depths[(*variant, records[0][0])]


def _fields(gvcf: Path) -> dict[str, dict[str, int | None]]:
    """DP, and GQ or the second smallest PL, of each record by its ID."""
    found = {}
    for name, format_, value in shapes.bcftools("query", "-f", r"%ID\t%FORMAT\n", str(gvcf)):
        fields = dict(zip(format_.split(":"), value.split(":"), strict=False))
        quality = fields.get("GQ", ".")
        likelihoods = fields.get("PL", ".").split(",")
        if quality == "." and len(likelihoods) > 1 and "." not in likelihoods:
            quality = sorted(likelihoods, key=int)[1]
        depth = fields.get("DP", ".")
        found[name] = {
            "DP": None if depth == "." else int(depth),
            "GQ": None if quality == "." else math.floor(float(quality)),
        }
    return found


def _allele_depths(
    gvcf: Path, fasta: Path
) -> dict[tuple[str, int, str, str, str], tuple[int | None, int | None]]:
    """AD of REF and ALT, split by bcftools norm."""
    found = {}
    for chrom, pos, name, ref, alt, _, _, _, format_, value in shapes.bcftools(
        "norm", "-m-any", "-f", str(fasta), str(gvcf)
    ):
        fields = dict(zip(format_.split(":"), value.split(":"), strict=False))
        depths = [None if each == "." else int(each) for each in fields.get("AD", ".").split(",")]
        depths += [None] * (2 - len(depths))
        found[chrom, int(pos), ref, alt, name] = (depths[0], depths[1])
    return found


def test_the_records_are_of_every_kind(fasta: Path):
    lines = [
        line.split("\t")
        for caller, seed in CASES
        for line in shapes.make(shapes.SHAPES[caller], fasta, seed).splitlines()
        if not line.startswith("#")
    ]
    texts = Counter(re.split(":", line[9])[0] for line in lines if line[8].startswith("GT"))
    assert all(texts[gt] > 2 for gt in shapes.GENOTYPES)
    assert sum("*" in line[4].split(",") for line in lines) > 20
    assert sum(line[8].startswith("GQ") for line in lines) > 50  # blocks without GT
    assert {line[0] for line in lines} == set(shapes.CALLED)
    ends = Counter((line[0], line[1]) for line in lines)
    assert max(ends.values()) > 1  # records at one position


@pytest.mark.parametrize("caller", shapes.SHAPES)
def test_text_in_every_wrapping_is_the_same_shard(root: Root, fasta: Path, caller: str):
    text = shapes.make(shapes.SHAPES[caller], fasta, 9).encode()
    gvcf = root.path.parent / "s.g.vcf"
    gvcf.write_bytes(text)
    expected = write_shard(root, gvcf, "S", Analysis("XX"), None, fasta)
    bgzipped = subprocess.run(["bgzip", "-c", str(gvcf)], capture_output=True, check=True).stdout
    for content in (bgzipped, gzip.compress(text), text.replace(b"\n", b"\r\n")):
        gvcf.write_bytes(content)
        assert write_shard(root, gvcf, "S", Analysis("XX"), None, fasta) == expected
