"""What a shard gives back: the same values, of the whole or of any part of it."""

from __future__ import annotations

import contextlib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ngd_builders import make_database, unlocked

from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd import shard, shard_columns, shard_writer
from wgs_pipeline.ngd.contig_calls import ContigCalls
from wgs_pipeline.ngd.intervals import Bases
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.shard import (
    CALLABLE,
    VARIANTS,
    Analysis,
    problems,
    read_callable,
    read_variants,
)

ANALYSIS = Analysis("XX")
DEPTHS = st.one_of(st.none(), st.sampled_from([0, 7, 31, 32_767]))
CALLS = st.fixed_dictionaries(
    {
        "pos": st.integers(1, 400),
        "ref": st.sampled_from(["A", "C", "AC", "TTTTG"]),
        "alt": st.sampled_from(["G", "T", "GTG"]),
        "gt": st.sampled_from(["0/1", "1/0", "1|1", "1/1", "1", "./1", "1/.", "1/1/0", "0|1"]),
        "kind": st.integers(0, 3),
        "passed": st.booleans(),
        "dp": DEPTHS,
        "ad_ref": DEPTHS,
        "ad_alt": DEPTHS,
        "gq": DEPTHS,
    }
)
RUNS = st.lists(st.tuples(st.integers(0, 400), st.integers(1, 60)), max_size=30)


@st.composite
def genomes(draw: st.DrawFn) -> list[ContigCalls]:
    result = []
    for name in draw(st.lists(st.sampled_from(["1", "2", "X"]), unique=True)):
        calls = sorted(draw(st.lists(CALLS, max_size=25)), key=lambda call: call["pos"])
        rows = [{"contig": name, **call} for call in calls]
        bases = Bases.of((start, start + size) for start, size in draw(RUNS))
        result.append(ContigCalls(name, pa.Table.from_pylist(rows, VARIANTS), bases))
    return result


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Root:
    return unlocked(make_database(tmp_path_factory.mktemp("shards")))


@pytest.fixture(autouse=True)
def small_row_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_writer, "CALLS_PER_GROUP", 4)
    monkeypatch.setattr(shard_columns, "RUNS_PER_GROUP", 3)
    monkeypatch.setattr(shard, "_LEAST_GROUPS", 1)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(genome=genomes(), start=st.integers(-5, 420), end=st.integers(-5, 470))
def test_every_part_is_that_part_of_the_whole(
    root: Root, genome: list[ContigCalls], start: int, end: int
):
    digest = shard_writer.write_contigs(root, genome, ANALYSIS, True)
    calls = [row for each in genome for row in each.variants.to_pylist()]
    runs = [
        {"contig": each.name, "start": first, "end": last}
        for each in genome
        for first, last in zip(each.callable.starts, each.callable.ends, strict=True)
    ]
    variants, callable_ = read_variants(root, digest), read_callable(root, digest)
    assert (variants.schema, callable_.schema) == (VARIANTS, CALLABLE)
    assert (variants.to_pylist(), callable_.to_pylist()) == (calls, runs)
    shared = read_variants(root, digest, dictionaries=True, threads=3)
    assert (shared.column_names, shared.to_pylist()) == (VARIANTS.names, calls)
    for contig in ("1", "2", "X", "other"):
        own = [row for row in calls if row["contig"] == contig]
        assert read_variants(root, digest, contig).to_pylist() == own
        inside = [row for row in own if start <= row["pos"] - 1 < end]
        assert read_variants(root, digest, contig, start, end).to_pylist() == inside
        assert read_variants(root, digest, contig, start).to_pylist() == [
            row for row in own if start <= row["pos"] - 1
        ]
        texts = read_variants(root, digest, contig, start, end, dictionaries=True)
        assert texts.to_pylist() == inside
        some = read_variants(root, digest, contig, start, end, columns=["alt", "ad_alt", "kind"])
        assert some.to_pylist() == [
            {name: row[name] for name in ("alt", "ad_alt", "kind")} for row in inside
        ]
        own = [row for row in runs if row["contig"] == contig]
        assert read_callable(root, digest, contig).to_pylist() == own
        if start < end:
            overlapping = [row for row in own if row["end"] > start and row["start"] < end]
            assert read_callable(root, digest, contig, start, end).to_pylist() == overlapping


def test_the_digest_is_of_the_values_and_not_of_the_row_groups(
    root: Root, monkeypatch: pytest.MonkeyPatch
):
    rows = [
        {
            "contig": "1", "pos": at, "ref": "A", "alt": "G", "gt": "0/1", "kind": 1,
            "passed": True, "dp": 30, "ad_ref": 15, "ad_alt": 15, "gq": 50,
        }
        for at in range(1, 30)
    ]  # fmt: skip
    starts = np.arange(0, 60, 3)

    def write(rows: list[dict]) -> str:
        calls = pa.Table.from_pylist(rows, VARIANTS)
        contigs = [ContigCalls("1", calls, Bases(starts, starts + 2))]
        return shard_writer.write_contigs(root, contigs, ANALYSIS, True)

    digest = write(rows)
    monkeypatch.setattr(shard_writer, "CALLS_PER_GROUP", 7)
    assert write(rows) == digest
    for name, other in (("pos", 30), ("alt", "T"), ("gt", "1/0"), ("passed", False), ("gq", None)):
        assert write([*rows[:-1], rows[-1] | {name: other}]) != digest


def test_a_part_without_its_contig_is_a_mistake(root: Root):
    with pytest.raises(ValueError, match="needs the contig"):
        read_variants(root, "0" * 64, None, 1, 2)


@pytest.mark.parametrize("name", ["variants.parquet", "callable.parquet", "shard.json"])
def test_any_byte_that_changed_is_found_by_reading_or_by_verifying(root: Root, name: str):
    calls = pa.Table.from_pylist(
        [
            {
                "contig": "1", "pos": 4, "ref": "A", "alt": "G", "gt": "0/1", "kind": 1,
                "passed": True, "dp": 30, "ad_ref": 15, "ad_alt": 15, "gq": 50,
            }
        ],
        VARIANTS,
    )  # fmt: skip
    bases = Bases.of([(0, 9), (12, 40)])
    digest = shard_writer.write_contigs(root, [ContigCalls("1", calls, bases)], ANALYSIS, True)
    file = root.shard(digest) / name
    whole = file.read_bytes()
    good = (read_variants(root, digest), read_callable(root, digest))
    try:
        for at in range(0, len(whole), 7):
            file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            if name != "shard.json":
                assert problems(root, digest)
            with contextlib.suppress(NgdError):
                assert (read_variants(root, digest), read_callable(root, digest)) == good
    finally:
        file.write_bytes(whole)
