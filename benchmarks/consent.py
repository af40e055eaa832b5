"""Benchmark of the consent register: `make bench-consent`.

Simulated persons (seeded) with five events each, once a million of them and once the 60,000 of the
database with two. Measured are reading from disk with all checks, the decision for everyone and
for one person (the register open; and with nothing open, as a command asks a database), and
beside each, on a part of the same file, what the csv and datetime modules take for the same
decisions without any check.
"""

from __future__ import annotations

import argparse
import csv
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from wgs_pipeline.consent.decisions import decide, decide_many
from wgs_pipeline.consent.purposes import Purpose
from wgs_pipeline.consent.safeguards import read_register
from wgs_pipeline.identifiers import canonical_patient_id
from wgs_pipeline.ngd.eligibility import Eligibility
from wgs_pipeline.ngd.init import Wanted, initialise
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.vault import Genome, Vault

NOW = datetime.now(UTC)
SCOPES = ("analysis", "research", "secondary_findings", "research", "analysis")
#: Ceilings in CPU seconds: a million persons, and one person.
READ_AND_DECIDE_S, ONE_PERSON_S = 10, 0.005


def write_events(path: Path, persons: int, per_person: int) -> list[str]:
    """Write a register; half of the persons have ten digits, half a name."""
    rng = np.random.default_rng(1)
    day, month = rng.integers(61, 89, persons), rng.integers(1, 13, persons)
    ids = [
        f"P{n:07d}"
        if n % 2
        else f"{day[n]:02d}{month[n]:02d}{n // 10_000 % 100:02d}{n % 10_000:04d}"
        for n in range(persons)
    ]
    with path.open("w") as file:
        file.write("patient_id\tscope\tdecision\teffective_from\trecorded_at\tsource\n")
        for scope in SCOPES[:per_person]:
            seconds = rng.integers(0, 15 * 365 * 86_400, persons).astype("timedelta64[s]")
            moments = np.datetime_as_string(np.datetime64("2010-01-01T00:00:00") + seconds)
            words = rng.choice(("given", "refused", "withdrawn"), persons, p=(0.9, 0.07, 0.03))
            file.writelines(
                f"{person}\t{scope}\t{word}\t{at}+01:00\t{at}Z\tform 2025-{number:06d}\n"
                for number, (person, word, at) in enumerate(zip(ids, words, moments, strict=True))
            )
    return ids


def write_optouts(path: Path, persons: int) -> None:
    """Write an opt-out list of people whom the register does not know."""
    lines = (f"6102{n // 10_000:02d}-{n % 10_000:04d};2021-05-31\n" for n in range(persons))
    path.write_text("CPR;Dato\n" + "".join(lines))


def naive(path: Path, events: int, purpose: Purpose) -> dict[str, bool]:
    """Decisions on the first events of a register, by the standard library, unchecked."""
    latest: dict[tuple[str, str], tuple[datetime, datetime, int]] = {}
    rank = {"given": 0, "refused": 1, "withdrawn": 2}
    with path.open(newline="") as file:
        for number, row in enumerate(csv.DictReader(file, delimiter="\t")):
            if number == events:
                break
            effective = datetime.fromisoformat(row["effective_from"])
            recorded = datetime.fromisoformat(row["recorded_at"])
            if effective <= NOW:
                key = row["patient_id"].replace("-", ""), row["scope"]
                event = effective, recorded, rank[row["decision"]]
                latest[key] = max(event, latest.get(key, event))
    given = {key: event[2] == 0 for key, event in latest.items()}
    return {
        person: given.get((person, "analysis"), False) and given.get((person, "research"), True)
        for person, _ in latest
    }


class Clock:
    """CPU and wall seconds of what ran last."""

    cpu = wall = 0.0

    def run(self, work: Callable[[], Any]) -> Any:
        """Run, and take the time."""
        cpu, wall = time.process_time(), time.perf_counter()
        result = work()
        self.cpu, self.wall = time.process_time() - cpu, time.perf_counter() - wall
        return result


def line(name: str, clock: Clock, ceiling: float | None = None) -> bool:
    """Print one figure; whether it is under its ceiling."""
    under = ceiling is None or clock.cpu <= ceiling
    said = "" if ceiling is None else f"  (at most {ceiling:g} s{'' if under else ': MISSED'})"
    print(f"{name:58s} {clock.cpu:8.4f} s CPU {clock.wall:8.4f} s wall{said}")
    return under


def measure(folder: Path, persons: int, per_person: int, database: bool) -> bool:
    """One size; whether every figure is under its ceiling."""
    path = folder / f"consents-{persons}.tsv"
    ids = write_events(path, persons, per_person)
    size = path.stat().st_size
    print(f"\n{persons:,} persons, {persons * per_person:,} events, {size / 1e6:.0f} MB")
    clock, good = Clock(), True
    register = clock.run(lambda: read_register(path))
    line("read and check, first", clock)
    read = clock.cpu, clock.wall
    if database:
        for _ in range(9):
            clock.run(lambda: read_register(path))
            read = min(read, (clock.cpu, clock.wall))
        clock.cpu, clock.wall = read
        line("read and check, best of ten", clock)
    asked = pa.array(ids)
    answers = clock.run(lambda: decide_many(register, asked, Purpose.RESEARCH, NOW))
    line(f"decide for {persons:,}", clock)
    clock.cpu, clock.wall = clock.cpu + read[0], clock.wall + read[1]
    good &= line("read, check and decide", clock, None if database else READ_AND_DECIDE_S)
    ours = clock.cpu
    some = ids[:: max(persons // 200, 1)]
    clock.run(lambda: [decide(register, each, Purpose.RESEARCH, NOW) for each in some])
    clock.cpu, clock.wall = clock.cpu / len(some), clock.wall / len(some)
    good &= line("one person, register open", clock, ONE_PERSON_S)
    if database:
        good &= from_disk(folder, path, ids, clock)

    part = min(persons * per_person, 200_000)
    expected = clock.run(lambda: naive(path, part, Purpose.RESEARCH))
    line(f"csv and datetime, {part:,} events, no checks", clock)
    ratio = clock.cpu / part / (ours / (persons * per_person))
    print(f"{'csv and datetime take, per event, times ours':58s} {ratio:8.1f}")
    if part == persons * per_person and [expected[each] for each in ids] != answers.tolist():
        raise SystemExit("csv and datetime decide otherwise")
    optouts = folder / "optouts.csv"
    write_optouts(optouts, 50_000)
    register = clock.run(lambda: read_register(path, optouts))
    line("read and check with an opt-out list of 50,000", clock)
    assert register.n_optouts == 50_000
    return good


def from_disk(folder: Path, path: Path, ids: list[str], clock: Clock) -> bool:
    """One person of a database with so many genomes, with nothing open: as a command asks."""
    root = made_database(folder, path, ids)
    with Vault(root.vault) as vault:
        clock.run(lambda: Eligibility(root, vault, Purpose.RESEARCH).allowed(0))
    line("first question after the register changed", clock)
    taken = []
    for person in ids[:: max(len(ids) // 50, 1)]:
        with Vault(root.vault) as vault:
            clock.run(lambda: asked_of_disk(root, vault, person))  # noqa: B023 (called at once)
        taken.append((clock.cpu, clock.wall))
    clock.cpu, clock.wall = (statistics.median(each) for each in zip(*taken, strict=True))
    return line("one person, nothing open (median of 50)", clock, ONE_PERSON_S)


def asked_of_disk(root: Root, vault: Vault, person: str) -> bool:
    """Whether research may use a person's genomes, from the decisions that the vault keeps."""
    allowed = Eligibility(root, vault, Purpose.RESEARCH).allowed(0)
    return all(allowed[genome.slot] for genome in vault.genomes_of(canonical_patient_id(person)))


def made_database(folder: Path, path: Path, ids: list[str]) -> Root:
    """A database whose vault knows a genome of each person; nothing else of it is asked for."""
    (folder / "r.fai").write_text("chr1\t1000\t6\t60\t61\n")
    initialise(folder / "ngd", Wanted(folder / "vault", path, folder / "r.fai"))
    root = Root.open(folder / "ngd")
    with Vault(root.vault) as vault, vault.transaction():
        for slot, person in enumerate(ids):
            person = canonical_patient_id(person)
            vault.add_genome(Genome(slot, person, f"S{slot}", "wgs", f"{slot:064x}", 0, None))
    return root


def main() -> None:
    """Measure both sizes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=1_000_000, help="of the large register")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        good = measure(Path(folder), 60_000, 2, database=True)
        good &= measure(Path(folder), arguments.persons, 5, database=False)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\npeak memory {peak:,.0f} MB")
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
