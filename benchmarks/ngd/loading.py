"""Loading a cohort through the library's own steps: shard, registration, commit, compaction."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from benchmarks.ngd.callability import Callability
from benchmarks.ngd.cohort import CONTIG, Cohort
from benchmarks.ngd.genomes import make_batch
from benchmarks.ngd.measure import GENOME_MB, Meter, bytes_below, files_below
from benchmarks.ngd.project import Place, karyotype, patient_id, sample_id

from wgs_pipeline.ngd.commit import commit
from wgs_pipeline.ngd.compact import compact
from wgs_pipeline.ngd.contig_calls import ContigCalls
from wgs_pipeline.ngd.generation import read_generation
from wgs_pipeline.ngd.init import Wanted, initialise
from wgs_pipeline.ngd.intervals import union
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.registration import Identity, loading, register
from wgs_pipeline.ngd.shard import Analysis, read_callable, read_variants
from wgs_pipeline.ngd.shard_writer import write_contigs
from wgs_pipeline.vault import Vault

BATCH = 1_000
#: Shards that are read to learn what reading one costs.
_READ = 500


@dataclass(frozen=True)
class Source:
    """Where genomes come from.

    Attributes:
        folder: Saved cohort.
        persons: How many of its first persons.
        model: Their callable bases.
        seed: Of depths and qualities.
    """

    folder: Path
    persons: int
    model: Callability
    seed: int

    def cohort(self) -> Cohort:
        """The persons' calls."""
        return Cohort.open(self.folder).first(self.persons)

    def batches(self) -> Iterator[tuple[int, int]]:
        """First person and one past the last of each batch."""
        for low in range(0, self.persons, BATCH):
            yield low, min(low + BATCH, self.persons)


def load(place: Place, source: Source, processes: int, every: int) -> dict[str, Any]:
    """Load all persons, and compact after every so many batches and at the end.

    Shards are written and registered by several processes, as on nodes of a cluster; a commit folds
    in whatever is registered by then, also of batches that are not complete yet. Batches that an
    earlier, killed run has loaded are passed over; their seconds are known from
    ``progress.jsonl``.

    Returns:
        Seconds by step and rates.
    """
    done = _progress(place)
    jobs = [(place.root, source, low, high) for low, high in source.batches()]
    root = place.open()
    with (
        ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool,
        Vault(root.vault) as vault,
        place.progress.open("a") as progress,
        closing(pool.map(_write_batch, jobs[len(done) :])) as written,  # no more after an error
    ):
        for number, (genomes, measured) in enumerate(written, start=len(done) + 1):
            meter = Meter()
            for name, wall, cpu in measured:
                meter.add(name, wall, cpu)
            with meter.step("commit"):
                commit(root, vault)
            if number % every == 0 or number == len(jobs):
                with meter.step("compact"):
                    compact(root, vault)
            done.append({"genomes": genomes, "wall": meter.wall, "cpu": meter.cpu})
            progress.write(json.dumps(done[-1]) + "\n")
            progress.flush()
        loaded = read_generation(root, int(vault.require("generation"))).table.num_rows
    if loaded != source.persons:
        raise SystemExit(f"{loaded} genomes are loaded; expected {source.persons}")
    return {"persons": source.persons, "processes": processes, **_rates(done)}


def _progress(place: Place) -> list[dict[str, Any]]:
    """Batches that are loaded, as an earlier run noted them."""
    if not place.progress.exists():
        return []
    return [json.loads(line) for line in place.progress.read_text().splitlines()]


def _rates(batches: list[dict[str, Any]]) -> dict[str, Any]:
    """Seconds per genome of the batches that were measured, and of each compaction."""
    measured = [each for each in batches if each["cpu"]]
    genomes = sum(each["genomes"] for each in measured)
    names = ("shard", "register", "commit", "compact")
    cpu = {name: sum(each["cpu"].get(name, 0.0) for each in measured) / genomes for name in names}
    wall = {name: sum(each["wall"].get(name, 0.0) for each in measured) for name in names}
    loaded = np.cumsum([each["genomes"] for each in batches]).tolist()
    steps = [
        [count, each["cpu"]["compact"]]
        for count, each in zip(loaded, batches, strict=True)
        if "compact" in each["cpu"]
    ]
    return {
        "measured_genomes": genomes,
        "cpu_s_per_genome": cpu | {"all": sum(cpu.values())},
        "wall_s": wall,
        "genomes_per_core_s": 1 / sum(cpu.values()),
        "compactions": steps,
    }


def _write_batch(
    job: tuple[Path, Source, int, int],
) -> tuple[int, list[tuple[str, float, float]]]:
    """Write and register one batch of persons; how many, and what was measured."""
    path, source, low, high = job
    root, meter = Root.open(path), Meter()
    with meter.step("simulate"):
        batch = make_batch(source.cohort(), source.model, low, high, source.seed)
    for person in batch.persons:
        analysis = Analysis(karyotype(person))
        identity = Identity(patient_id(person), sample_id(person))
        with loading(root):  # no one removes the shard before it is registered
            with meter.step("shard"):
                digest = write_contigs(root, [batch.contig(person)], analysis, left_aligned=True)
            with meter.step("register"):
                register(root, digest, analysis, identity)
    measured = [(name, meter.wall[name], meter.cpu[name]) for name in meter.wall]
    return len(batch.persons), measured


def reading(place: Place, length: int) -> float:
    """CPU seconds to read both files of one shard, as a compaction reads them for a window."""
    root, meter = place.open(), Meter()
    with Vault(root.vault) as vault:
        number = int(vault.require("generation"))
        digests = read_generation(root, number).table["shard"].to_pylist()[:_READ]
        root = root.unlocked(vault.keys)
        with meter.step("read"):
            for digest in digests:
                read_variants(root, digest, CONTIG, 0, length, dictionaries=True)
                read_callable(root, digest, CONTIG, 0, length)
    return meter.cpu["read"] / len(digests)


def sizes(place: Place, persons: int, length: int) -> dict[str, Any]:
    """Bytes of a compacted database by part, per genome, and of a whole genome's worth.

    Index and counts grow with the region; members, vault and log do not. Shards are left to
    ``whole_genome``, since most of a small shard is its footers.
    """
    root = place.root
    parts = {
        "shard variants": bytes_below(root / "shards", "variants.parquet"),
        "shard callable": bytes_below(root / "shards", "callable.parquet"),
        "shard.json": bytes_below(root / "shards", "shard.json"),
        "index": bytes_below(root / "index"),
        "counts": bytes_below(root / "counts"),
        "generations": bytes_below(root / "generations"),
        "vault": bytes_below(place.vault),
    }
    factor = GENOME_MB * 1e6 / length
    derived = (parts["index"] + parts["counts"]) / persons * factor
    return {
        "bytes": parts,
        "bytes_per_genome": {name: size / persons for name, size in parts.items()},
        "files": files_below(root),
        "whole_genome": {
            "index_mb": parts["index"] / persons * factor / 1e6,
            "counts_mb": parts["counts"] / persons * factor / 1e6,
            "index_and_counts_mb": derived / 1e6,
        },
    }


def whole_genome(folder: Path, source: Source, count: int) -> tuple[Place, dict[str, Any]]:
    """Load some genomes as large as human ones, made of the slices of many simulated persons.

    Contigs ``chr1`` to ``chr24`` of equal length; slice k is that of another person each time.

    Returns:
        Their database, not compacted, and what was measured.
    """
    cohort = source.cohort()
    tiles = -(-GENOME_MB * 1_000_000 // cohort.length)
    per_contig = -(-tiles // 24)
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed
    folder.mkdir(parents=True)
    place, meter = Place(folder), Meter()
    fai = folder / "reference.fa.fai"
    length = per_contig * cohort.length
    fai.write_text("".join(f"chr{n}\t{length}\t0\t60\t61\n" for n in range(1, 25)))
    head = "patient_id\tscope\tdecision\teffective_from\trecorded_at\tsource\n"
    day = "2024-01-01T00:00:00Z"
    rows = [f"{patient_id(n)}\tanalysis\tgiven\t{day}\t{day}\tsimulated\n" for n in range(count)]
    place.consents.write_text(head + "".join(rows))
    initialise(place.root, Wanted(place.vault, place.consents, fai))
    root, digests, calls = place.open(), [], 0
    for genome in range(count):
        contigs = _tiled(source, cohort, genome, per_contig)
        calls += sum(each.variants.num_rows for each in contigs)
        with meter.step("shard"):
            digests.append(write_contigs(root, contigs, Analysis("XX"), left_aligned=True))
    with meter.step("register and commit"), Vault(root.vault) as vault:
        for genome, digest in enumerate(digests):
            register(root, digest, Analysis("XX"), Identity(patient_id(genome), sample_id(genome)))
        commit(root, vault)
    shards = root.path / "shards"
    return place, {
        "genomes": count,
        "calls_per_genome": calls / count,
        "callable_runs_per_mb": source.model.lengths.runs_per_mb,
        "variants_mb": bytes_below(shards, "variants.parquet") / count / 1e6,
        "callable_mb": bytes_below(shards, "callable.parquet") / count / 1e6,
        "shard_mb": bytes_below(shards) / count / 1e6,
        "cpu_s_per_genome": {name: seconds / count for name, seconds in meter.cpu.items()},
    }


def _tiled(source: Source, cohort: Cohort, genome: int, per_contig: int) -> list[ContigCalls]:
    """One genome, each contig of which is made of slices of the region."""
    first, contigs = genome * 24 * per_contig, []
    for contig in range(24):
        tables, starts, ends, tile = [], [], [], 0
        while tile < per_contig:
            low = (first + contig * per_contig + tile) % cohort.persons
            high = min(low + per_contig - tile, cohort.persons)
            batch = make_batch(cohort, source.model, low, high, source.seed)
            shifts = (tile + np.arange(high - low)) * cohort.length
            place = batch.calls.schema.get_field_index("pos")
            moved = np.asarray(batch.calls["pos"]) + np.repeat(shifts, np.diff(batch.offsets))
            moved = pa.array(moved.astype(np.int32))
            tables.append(batch.calls.set_column(place, "pos", moved))
            for shift, bases in zip(shifts, batch.callable, strict=True):
                starts.append(bases.starts + shift)
                ends.append(bases.ends + shift)
            tile += high - low
        name = f"chr{contig + 1}"
        calls = pa.concat_tables(tables)
        names = pa.array([name]).take(pa.array(np.zeros(calls.num_rows, np.int64)))
        calls = calls.set_column(0, "contig", names).combine_chunks()
        runs = union(np.concatenate(starts), np.concatenate(ends))
        contigs.append(ContigCalls(name, calls, runs))
    return contigs
