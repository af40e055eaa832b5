"""The database that is measured: its register, its reference, its research project."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from benchmarks.ngd.cohort import CONTIG, Cohort
from numpy.typing import NDArray

from wgs_pipeline.audit import system_user
from wgs_pipeline.ngd.init import Wanted, initialise
from wgs_pipeline.ngd.layout import Root

_FIRST = datetime(2020, 1, 1, tzinfo=UTC)
_HEADER = "patient_id\tscope\tdecision\teffective_from\trecorded_at\tsource\n"
_PROJECT = """\
id: bench
title: Benchmark on simulated persons
approval: {{number: SIMULATED, committee: none}}
purpose: Measure the database.
duo: [DUO:0000006]
valid_from: 2020-01-01
valid_to: 2099-12-31
users: [{user}]
minimum_count: 5
data: [frequencies]
"""


def patient_id(person: int) -> str:
    """Identifier of a simulated person; SIM marks it as one."""
    return f"SIM-{person + 1:06d}"


def sample_id(person: int) -> str:
    """Sample of a simulated person."""
    return f"SIMS-{person + 1:06d}"


def karyotype(person: int) -> str:
    """Half are women."""
    return ("XX", "XY")[person % 2]


@dataclass(frozen=True)
class Place:
    """Where one database and what belongs to it lie.

    Attributes:
        folder: Holds the database, its vault and its register.
    """

    folder: Path

    @property
    def root(self) -> Path:
        """The database."""
        return self.folder / "ngd"

    @property
    def vault(self) -> Path:
        """Its vault."""
        return self.folder / "vault"

    @property
    def consents(self) -> Path:
        """Its consent register."""
        return self.folder / "consents.tsv"

    @property
    def project(self) -> Path:
        """The research project that asks."""
        return self.folder / "project.yaml"

    @property
    def loaded(self) -> Path:
        """What loading took, once all is loaded."""
        return self.folder / "loaded.json"

    @property
    def progress(self) -> Path:
        """What loading each batch took, so far."""
        return self.folder / "progress.jsonl"

    def parts(self, shards: bool) -> list[Path]:
        """Files and folders of the database, its vault and its register, shards only if asked."""
        outside = [each for each in self.folder.iterdir() if each != self.root]
        return outside + [each for each in self.root.iterdir() if shards or each.name != "shards"]

    def open(self) -> Root:
        """The database, opened."""
        return Root.open(self.root)


def make_place(folder: Path, cohort: Cohort, refusing: NDArray[np.int64]) -> Place:
    """Register, reference and an empty database.

    Args:
        folder: Where; must not exist.
        cohort: Who will be loaded.
        refusing: Persons who have refused research beforehand.
    """
    folder.mkdir(parents=True)
    place = Place(folder)
    place.project.write_text(_PROJECT.format(user=system_user() or getpass.getuser()))
    rows = [_event(person, "analysis", "given", 0) for person in range(cohort.persons)]
    rows += [_event(person, "research", "refused", 1) for person in refusing.tolist()]
    place.consents.write_text(_HEADER + "".join(rows))
    fasta = folder / "reference.fa"
    write_fasta(fasta, cohort.sequence)
    initialise(place.root, Wanted(place.vault, place.consents, fasta))
    return place


def record_research(place: Place, persons: NDArray[np.int64], decision: str) -> None:
    """Record decisions on research, later than all before; the database is not told."""
    minute = place.consents.read_bytes().count(b"\n")
    rows = [_event(each, "research", decision, minute) for each in persons.tolist()]
    with place.consents.open("a") as file:
        file.write("".join(rows))


def write_fasta(path: Path, sequence: NDArray[np.uint8], contig: str = CONTIG) -> None:
    """A FASTA of one contig on one line, with its index."""
    head = f">{contig}\n".encode()
    path.write_bytes(head + sequence.tobytes() + b"\n")
    size = len(sequence)
    Path(f"{path}.fai").write_text(f"{contig}\t{size}\t{len(head)}\t{size}\t{size + 1}\n")


def _event(person: int, scope: str, decision: str, minute: int) -> str:
    moment = (_FIRST + timedelta(minutes=minute)).isoformat()
    return "\t".join([patient_id(person), scope, decision, moment, moment, "simulated"]) + "\n"
