"""The benchmark from simulation to tables; each size in a folder of its own, removed afterwards."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.ngd import erasure, loading, merged, peers, queries, questions, tiledb_peer
from benchmarks.ngd.callability import BCFTOOLS, GATK, Callability, Lengths, measured
from benchmarks.ngd.cohort import CONTIG, Cohort
from benchmarks.ngd.loading import BATCH, Source
from benchmarks.ngd.measure import bytes_below, cpu_seconds
from benchmarks.ngd.project import Place, make_place
from benchmarks.ngd.questions import allele_counts, draw_places
from numpy.typing import NDArray

from wgs_pipeline.vault import Vault

Row = dict[str, Any]
REPOSITORY = Path(__file__).resolve().parents[2]
#: A real gVCF; where it is not there, what was measured on it is used.
REAL_GATK = (
    REPOSITORY.parent / "shared/data/gvcf-na12878-chr20/NA12878.b37.chr20.60001-999989.g.vcf.gz"
)
#: Cells (persons times variants) of the slice that peers are given, at most.
MOST_CELLS = 80_000_000
#: Share of the persons that refuse research, before loading and again after compaction.
REFUSING = 0.05


@dataclass(frozen=True)
class Wanted:
    """What is measured.

    Attributes:
        persons: Cohort sizes; the largest is simulated, the others are its first persons.
        region_bp: Length of the region.
        callable: Whose callable runs: ``bcftools`` or ``gatk``.
        workdir: Scratch folder.
        processes: That write shards.
        compact_every: Batches of 1,000 between two compactions.
        times: How often each question is asked.
        peers: Largest cohort that peers are given.
        peer_bp: How much of the region peers are given, at most; see ``MOST_CELLS``.
        seed: Of everything.
        keep: Whether databases stay.
        questions_only: Ask databases that an earlier run kept; load, compare and erase nothing.
    """

    persons: tuple[int, ...]
    region_bp: int
    callable: str
    workdir: Path
    processes: int
    compact_every: int
    times: int
    peers: int
    peer_bp: int
    seed: int
    keep: bool
    questions_only: bool = False


def run(wanted: Wanted) -> Iterator[Row]:
    """Measure everything; rows as they come."""
    started = time.perf_counter()
    before = _spent_before(wanted)
    yield {
        "step": "machine",
        "python": platform.python_version(),
        "system": platform.platform(),
        "region_bp": wanted.region_bp,
        "seed": wanted.seed,
    }
    folder = wanted.workdir / "cohort"
    kinds = {"bcftools": BCFTOOLS, "gatk": _gatk()}
    chosen = kinds.pop(wanted.callable)
    if wanted.questions_only:
        yield from _kept(folder, chosen, wanted)
        return
    yield _simulate(folder, wanted)
    for persons in sorted(wanted.persons):
        yield from _one_size(_source(folder, persons, chosen, wanted), wanted)
    for other in (chosen, *kinds.values()):
        source = _source(folder, max(wanted.persons), other, wanted)
        yield from _whole_genomes(source, wanted, count=2 if other is chosen else 1)
    for other in kinds.values():
        source = _source(folder, min(*wanted.persons, BATCH), other, wanted)
        place = _place(source, wanted)
        yield from _load(place, source, wanted)
        _remove(place.folder, wanted)
    _remove(folder, wanted)
    yield {
        "step": "total",
        "cpu_s": cpu_seconds(),
        "cpu_s_before": before,
        "wall_s": time.perf_counter() - started,
    }


def _one_size(source: Source, wanted: Wanted) -> Iterator[Row]:
    """Load one cohort, ask, compare, erase."""
    cohort = source.cohort()
    yield _described(cohort, source)
    place = _place(source, wanted)
    loaded = list(_load(place, source, wanted))
    yield from loaded
    queries.publish_release(place)
    refusing = _refusing_later(source, wanted)
    yield from _asked(place, source, refusing, wanted)
    if source.persons <= wanted.peers:
        cpu = source.persons / loaded[0]["genomes_per_core_s"]
        yield _compared(place, source, wanted, refusing, cpu)
    for row in erasure.measure(place, cohort.length):
        yield {"step": "erase", "persons": source.persons, **row}
    yield {"step": "disk", "persons": source.persons, "bytes": bytes_below(wanted.workdir)}
    _remove(place.folder, wanted)


def _asked(
    place: Place, source: Source, refusing: NDArray[np.int64], wanted: Wanted
) -> Iterator[Row]:
    """All questions to one database that is loaded and has a release."""
    places = draw_places(source.cohort(), wanted.times, wanted.seed)
    asked = places.questions()
    for ask in (
        lambda: queries.warm(place, asked, "care", "everyone"),
        lambda: queries.warm(place, asked, "research", "5 % standing refusals", mark_ms=30),
        lambda: queries.masked(place, asked, refusing),
        lambda: queries.shell(place, places.variants),
        lambda: queries.cold(place, asked),
    ):
        yield from (_query(row, source.persons) for row in ask())


def _kept(folder: Path, lengths: Lengths, wanted: Wanted) -> Iterator[Row]:
    """All questions to what an earlier run kept; a whole genome too, if that is there."""
    for persons in sorted(wanted.persons):
        source = _source(folder, persons, lengths, wanted)
        place = Place(_folder(source, wanted))
        if not place.loaded.exists():
            raise SystemExit(f"{place.folder}: no loaded database; run with --keep before")
        queries.publish_release(place)
        yield from _asked(place, source, _refusing_later(source, wanted), wanted)
    whole = Place(wanted.workdir / f"whole-{lengths.name}")
    if whole.consents.exists():
        with Vault(whole.vault) as vault:
            count = len(vault.genomes())
        for row in queries.whole_genome(whole, count, wanted.times):
            yield _query(row, max(wanted.persons))


def _spent_before(wanted: Wanted) -> float:
    """CPU seconds in which an earlier, killed run loaded what is kept."""
    spent = 0.0
    for persons in wanted.persons:
        progress = Place(wanted.workdir / f"{persons}-{wanted.callable}").progress
        if progress.exists():
            rows = [json.loads(line) for line in progress.read_text().splitlines()]
            spent += sum(sum(row["cpu"].values()) for row in rows)
    return spent


def _simulate(folder: Path, wanted: Wanted) -> Row:
    if folder.exists():
        return {"step": "simulate", "reused": str(folder)}
    command = [sys.executable, "-m", "benchmarks.ngd.cohort", str(folder)]
    command += ["--persons", str(max(wanted.persons)), "--length", str(wanted.region_bp)]
    command += ["--seed", str(wanted.seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=REPOSITORY)
    row: Row = json.loads(done.stdout)
    return row


def _gatk() -> Lengths:
    return measured(REAL_GATK, "gatk") if REAL_GATK.exists() else GATK


def _source(folder: Path, persons: int, lengths: Lengths, wanted: Wanted) -> Source:
    model = Callability.build(wanted.region_bp, lengths, wanted.seed)
    return Source(folder, persons, model, wanted.seed)


def _place(source: Source, wanted: Wanted) -> Place:
    """An empty database with its register, or what an earlier run kept."""
    kept = Place(_folder(source, wanted))
    if kept.folder.exists():
        return kept
    return make_place(kept.folder, source.cohort(), _refusing(source, wanted))


def _refusing(source: Source, wanted: Wanted) -> NDArray[np.int64]:
    """Persons who have refused research before they are loaded."""
    rng = np.random.default_rng((wanted.seed, 1))
    return rng.choice(source.persons, int(source.persons * REFUSING), replace=False)


def _refusing_later(source: Source, wanted: Wanted) -> NDArray[np.int64]:
    """As many persons more, who refuse research after they are loaded."""
    standing = _refusing(source, wanted)
    others = np.setdiff1d(np.arange(source.persons), standing)
    rng = np.random.default_rng((wanted.seed, 2))
    return rng.choice(others, len(standing), replace=False)


def _folder(source: Source, wanted: Wanted) -> Path:
    return wanted.workdir / f"{source.persons}-{source.model.lengths.name}"


def _described(cohort: Cohort, source: Source) -> Row:
    counts = allele_counts(cohort)
    carried, kb = int((counts > 0).sum()), cohort.length / 1e3
    drawn = source.model.draw(min(source.persons, 200), source.seed)
    return {
        "step": "cohort",
        "persons": cohort.persons,
        "region_bp": cohort.length,
        "calls": len(cohort.rows),
        "rows_per_kb": carried / kb,
        "calls_per_kb": len(cohort.rows) / kb / cohort.persons,
        "singletons": float((counts == 1).sum() / carried),
        "common_per_kb": float((counts > 0.02 * cohort.persons).sum() / kb),
        "callable": source.model.lengths.name,
        "runs_per_mb": source.model.runs_per_mb(drawn),
    }


def _load(place: Place, source: Source, wanted: Wanted) -> Iterator[Row]:
    named = {
        "persons": source.persons,
        "callable": source.model.lengths.name,
        "region_bp": wanted.region_bp,
        "batch": BATCH,
        "compact_every": wanted.compact_every,
    }
    if place.loaded.exists():
        loaded = json.loads(place.loaded.read_text())
    else:
        loaded = loading.load(place, source, wanted.processes, wanted.compact_every)
        place.loaded.write_text(json.dumps(loaded))
    read = loading.reading(place, wanted.region_bp)
    yield {"step": "load", **named, **loaded, "read_cpu_s_per_shard": read}
    yield {"step": "sizes", **named, **loading.sizes(place, source.persons, wanted.region_bp)}


def _whole_genomes(source: Source, wanted: Wanted, count: int) -> Iterator[Row]:
    folder = wanted.workdir / f"whole-{source.model.lengths.name}"
    place, row = loading.whole_genome(folder, source, count)
    yield {"step": "whole genome", "callable": source.model.lengths.name, **row}
    if source.model.lengths.name == wanted.callable:
        for each in queries.whole_genome(place, count, wanted.times):
            yield _query(each, source.persons)
    _remove(folder, wanted)


def _compared(
    place: Place, source: Source, wanted: Wanted, refusing: NDArray[np.int64], load_cpu_s: float
) -> Row:
    """The same questions to the peers, about the first bases of the region."""
    folder = wanted.workdir / "peers"
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed
    folder.mkdir()
    cohort = source.cohort()
    length = _peer_length(cohort, wanted)
    places = draw_places(cohort, peers.TIMES, wanted.seed + 1, length)
    piece = merged.cut(source, length)
    merged.write_vcf(piece, folder / "merged.vcf", wanted.seed)
    calls, without = piece.calls.num_rows, refusing.tolist()
    del piece
    made = [
        peers.bcftools(folder / "merged.vcf", folder, places, without),
        peers.vcf_zarr(folder / "merged.bcf", folder, places, without),
        peers.vcztools(folder / "merged.vcz", places),
    ]
    rows = [_peer(each, calls) for each in made]
    rows.append(_peer(*tiledb_peer.tiledb(source, folder, places, length)))
    ours = _ours(place, source, places, refusing)
    ours["calls_per_s"] = len(cohort.rows) / load_cpu_s
    equal = peers.equal_counts(folder / "merged.bcf", place, f"{CONTIG}:1-{length}")
    _remove(folder, wanted)
    return {
        "step": "peers",
        "persons": source.persons,
        "length": length,
        "calls": calls,
        "variants": equal[1],
        "equal": equal[0],
        "peers": [ours, *rows],
    }


def _peer_length(cohort: Cohort, wanted: Wanted) -> int:
    """Bases of the slice that peers are given: fewer of a large cohort, in whole kb."""
    variants = int((allele_counts(cohort) > 0).sum())
    most = MOST_CELLS * cohort.length / (cohort.persons * max(variants, 1))
    return int(min(wanted.peer_bp, cohort.length, max(most // 1_000, 1) * 1_000))


def _ours(
    place: Place, source: Source, places: questions.Places, refusing: NDArray[np.int64]
) -> Row:
    answers = {}
    asked = places.questions()
    for row in queries.warm(place, asked, "care", "everyone"):
        answers[row["question"]] = row
    for row in queries.masked(place, asked[1:2], refusing):
        answers[row["question"] + " without 5 %"] = row
    stored = loading.sizes(place, source.persons, source.cohort().length)["bytes"]
    calls = len(source.cohort().rows)
    return {
        "name": "ours: index and counts (shards)",
        "bytes_per_call": (stored["index"] + stored["counts"]) / calls,
        "shard_bytes_per_call": (stored["shard variants"] + stored["shard callable"]) / calls,
        "answers": answers,
    }


def _peer(peer: peers.Peer, calls: int) -> Row:
    return {
        **asdict(peer),
        "bytes_per_call": peer.bytes / calls,
        "calls_per_s": calls / peer.import_cpu_s if peer.import_cpu_s else 0.0,
    }


def _query(row: Row, persons: int) -> Row:
    named = {"step": "query", "persons": persons, "about": row.pop("state")}
    return named | row


def _remove(folder: Path, wanted: Wanted) -> None:
    if not wanted.keep:
        shutil.rmtree(folder)
