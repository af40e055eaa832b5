"""Small databases of genomes written straight from tables, with what they ought to hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from ngd_builders import Consents, make_database

from wgs_pipeline.ngd.commit import commit
from wgs_pipeline.ngd.contig_calls import ContigCalls
from wgs_pipeline.ngd.generation import Generation, read_generation
from wgs_pipeline.ngd.intervals import Bases
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.registration import Identity, Registration, loading, register
from wgs_pipeline.ngd.shard import VARIANTS, Analysis
from wgs_pipeline.ngd.shard_writer import write_contigs
from wgs_pipeline.vault import Vault

#: Two bins on an autosome, one on X, and a contig that no genome has anything on.
CONTIGS = {"chr1": 1_000_050, "chrX": 60, "chrY": 40, "chr2": 30}
KARYOTYPES = ("XX", "XY", "X0", "unknown")

Call = tuple[str, int, str, str, int]  # contig, pos, ref, alt, kind
Run = tuple[str, int, int]


@dataclass
class Person:
    patient_id: str
    sample_id: str
    karyotype: str
    assay: str = "wgs"
    calls: list[Call] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)

    @classmethod
    def random(cls, number: int, seed: int | None = None) -> Person:
        """Person ``number``; the same seed gives the same calls."""
        randomness = np.random.default_rng(number if seed is None else seed)
        karyotype = KARYOTYPES[int(randomness.integers(4))]
        assay = "panel" if randomness.random() < 0.2 else "wgs"
        person = cls(f"patient-{number:05d}", f"sample-{number:05d}", karyotype, assay)
        for contig, first in (("chr1", 1), ("chr1", 999_990), ("chr1", 1_000_020), ("chrX", 3)):
            for offset in np.flatnonzero(randomness.random(20) < 0.3).tolist():
                pos = first + offset
                alt = ("A", "AT", "C")[int(randomness.integers(3))]
                kind = (
                    3 if (contig, karyotype) == ("chrX", "XY") else int(randomness.integers(1, 3))
                )
                person.calls.append((contig, pos, "G", alt, kind))
            start = first + int(randomness.integers(10))
            person.runs.append((contig, start, start + int(randomness.integers(1, 20))))
        return person

    def contigs(self) -> Iterable[ContigCalls]:
        for contig in CONTIGS:
            calls = sorted(each for each in self.calls if each[0] == contig)
            columns = {
                "contig": [each[0] for each in calls],
                "pos": [each[1] for each in calls],
                "ref": [each[2] for each in calls],
                "alt": [each[3] for each in calls],
                "gt": ["0/1"] * len(calls),
                "kind": [each[4] for each in calls],
                "passed": [True] * len(calls),
            }
            numbers = {name: [30] * len(calls) for name in ("dp", "ad_ref", "ad_alt", "gq")}
            table = pa.table(columns | numbers, schema=VARIANTS)
            runs = [(each[1], each[2]) for each in self.runs if each[0] == contig]
            yield ContigCalls(contig, table, Bases.of(runs))


class Cohort:
    """A database to which persons are added straight away."""

    def __init__(self, folder: Path, **options: object) -> None:
        self.consents = Consents(folder / "consents.tsv")
        self.root = Root.open(make_database(folder, CONTIGS, **options))
        self.vault = Vault(self.root.vault)
        self.persons: list[Person] = []

    def add(self, persons: Iterable[Person], replace: bool = False) -> None:
        """Load persons in one commit."""
        for person in persons:
            if not replace:
                self.consents.add(person.patient_id, "analysis", "given")
            self.register(person, replace)
            self.persons = [p for p in self.persons if p.sample_id != person.sample_id]
            self.persons.append(person)
        commit(self.root, self.vault)

    def register(self, person: Person, replace: bool = False) -> Registration:
        analysis = Analysis(person.karyotype, person.assay)
        identity = Identity(person.patient_id, person.sample_id, replace)
        with loading(self.root):
            digest = write_contigs(self.root, person.contigs(), analysis, left_aligned=False)
            return register(self.root, digest, analysis, identity)

    def generation(self) -> Generation:
        return read_generation(self.root, int(self.vault.require("generation")))

    def slot(self, person: Person) -> int:
        (slot,) = [
            each.slot
            for each in self.vault.genomes_of(person.patient_id)
            if each.retired_generation is None
        ]
        return slot
