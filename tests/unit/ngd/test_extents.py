"""Where shards have anything: what is left unread has nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from ngd_builders import make_database

from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd import extents
from wgs_pipeline.ngd.contig_calls import ContigCalls
from wgs_pipeline.ngd.intervals import Bases
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.shard import VARIANTS, Analysis
from wgs_pipeline.ngd.shard_writer import write_contigs


@dataclass(frozen=True)
class Genome:
    shard: str


def _calls(contig: str, positions: list[int]) -> pa.Table:
    size = len(positions)
    columns = {
        "contig": [contig] * size, "pos": positions, "ref": ["A"] * size, "alt": ["C"] * size,
        "gt": ["0/1"] * size, "kind": [1] * size, "passed": [True] * size,
    }  # fmt: skip
    missing = {name: pa.nulls(size, pa.int16()) for name in ("dp", "ad_ref", "ad_alt", "gq")}
    return pa.table(columns | missing).select(VARIANTS.names).cast(VARIANTS)


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root.open(make_database(tmp_path))


def _written(root: Root) -> Genome:
    contigs = [
        ContigCalls("chr1", _calls("chr1", [10, 20]), Bases.of([(14, 16), (30, 33)])),
        ContigCalls("chrX", _calls("chrX", [5]), Bases.empty()),
        ContigCalls("chrY", _calls("chrY", []), Bases.of([(3, 4)])),
        ContigCalls("chrM", _calls("chrM", []), Bases.empty()),
    ]
    return Genome(write_contigs(root, contigs, Analysis("XX"), left_aligned=False))


@pytest.mark.parametrize(
    ("contig", "bases"),
    [("chr1", range(9, 33)), ("chrX", [4]), ("chrY", [3]), ("chrM", []), ("chr9", [])],
)
def test_from_the_first_call_or_run_to_the_last(root: Root, contig: str, bases) -> None:
    genome = _written(root)
    found = [at for at in range(60) if extents.present(root, [genome], contig, at, at + 1)]
    assert found == list(bases)
    assert extents.present(root, [genome], contig, 0, 60) == ([genome] if len(bases) else [])


def test_a_changed_extent_is_found(root: Root, monkeypatch) -> None:
    genome = _written(root)
    file = root.shard(genome.shard) / "shard.json"
    value = json.loads(file.read_text())
    value["extents"]["contigs"]["chr1"][1] = 31
    file.write_text(json.dumps(value))
    monkeypatch.setattr(extents, "_KNOWN", {})
    with pytest.raises(NgdError, match=r"shard\.json"):
        extents.present(root, [genome], "chr1", 0, 60)


def test_a_shard_that_does_not_say_is_read(root: Root, monkeypatch) -> None:
    genome = _written(root)
    file = root.shard(genome.shard) / "shard.json"
    value = json.loads(file.read_text())
    del value["extents"]
    file.write_text(json.dumps(value))
    monkeypatch.setattr(extents, "_KNOWN", {})
    assert extents.present(root, [genome], "chrM", 0, 1) == [genome]


def test_few_are_remembered(root: Root, monkeypatch) -> None:
    monkeypatch.setattr(extents, "_KNOWN", {"a": {}, "b": {}})
    monkeypatch.setattr(extents, "_MOST_KNOWN", 2)
    genome = _written(root)
    assert extents.present(root, [genome], "chr1", 0, 60) == [genome]
    assert list(extents._KNOWN) == [genome.shard]
    assert np.array_equal(extents._KNOWN[genome.shard]["chr1"], (9, 33))
