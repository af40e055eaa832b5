"""A database and, beside it, a plain model of what it ought to hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import ngd_oracle as oracle
import numpy as np
import pytest
from ngd_builders import Consents, make_database, pass_over_slots, write_gvcf
from ngd_random import CONTIGS, PAR, TARGETS, WINDOWS, gvcf_lines

from wgs_pipeline import ngd
from wgs_pipeline.consent.purposes import Purpose
from wgs_pipeline.errors import ConsentError, NgdError
from wgs_pipeline.ngd.build import build_contig
from wgs_pipeline.ngd.commit import commit
from wgs_pipeline.ngd.compact import compact, plan, publish_plan
from wgs_pipeline.ngd.database import Asker, Database
from wgs_pipeline.ngd.erase import erase
from wgs_pipeline.ngd.layout import SEGMENT_SLOTS, Root
from wgs_pipeline.ngd.load import Request, load, read_target
from wgs_pipeline.ngd.plan import Plan, with_lent_keys
from wgs_pipeline.ngd.registration import Identity, register, register_all
from wgs_pipeline.ngd.shard import Analysis
from wgs_pipeline.ngd.shard_writer import write_shard
from wgs_pipeline.ngd.verify import verify
from wgs_pipeline.vault import Vault

_SEXES = {"XX": "female", "XY": "male", "unknown": "unknown"}
#: What a genome can be: its assay, and whose target it has.
_KINDS = ["wgs", "wgs", "wgs", "exome", "panel", "bare"]
_PURPOSES = (Purpose.CARE, Purpose.QUALITY, Purpose.RESEARCH, Purpose.STATISTICS)


@dataclass
class Analysed:
    """One genome as the model sees it; ``bare`` is a panel whose target no one knows."""

    person: str
    sample: str
    karyotype: str
    kind: str
    lines: list[str] = field(repr=False)
    genome: oracle.Genome = field(repr=False)
    plane: str = ""
    replace: bool = False

    @property
    def assay(self) -> str:
        return "panel" if self.kind == "bare" else self.kind

    def is_analysis_of(self, other: Analysed) -> bool:
        mine, theirs = ((each.person, each.sample, each.assay) for each in (self, other))
        return mine == theirs

    def is_same(self, other: Analysed) -> bool:
        """Whether nothing tells it from another genome, as far as counts can show."""
        return (self.karyotype, self.kind, self.genome) == (
            other.karyotype, other.kind, other.genome
        )  # fmt: skip


class History:
    """Random events in the life of a database, each done to it and to the model."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.rng = Random(seed)
        self.consents = Consents(folder / "consents.tsv")
        self.path = make_database(folder, CONTIGS, PAR)
        self.root = Root.open(self.path)
        self.vault = Vault(self.root.vault)
        if seed % 2:  # genomes of two segments
            pass_over_slots(self.vault, SEGMENT_SLOTS - 3)
        for name, target in TARGETS.items():
            rows = (f"{c}\t{a}\t{b}\n" for c, runs in target.items() for a, b in runs)
            (folder / f"{name}.bed").write_text("".join(rows))
        self.events: dict[str, list[oracle.Event]] = {}
        self.active: list[Analysed] = []
        self.waiting: list[list[Analysed]] = []
        self.samples = 0
        self.told: list[str] = []
        self.plan: Plan | None = None
        self.planned: list[tuple[Analysed, str]] = []
        self.outdated = False
        self.stays_open = self.rng.random() < 0.6
        self.databases: dict[Purpose, Database] = {}

    # --- what can happen

    def step(self) -> None:
        """Something happens."""
        choices = ["new"] * 4 + ["batch"] * 2 + ["compact"] * 2 + ["scattered"] * 3
        if self.active:
            choices += ["refuse", "refuse", "give_back", "give_back", "withdraw", "consent_again"]
            choices += ["replace", "replace", "again", "changed", "twin", "second", "late"]
            choices += ["erase", "erase"]
        name = self.rng.choice(choices)
        self.told.append(name)
        getattr(self, name)()

    def new(self) -> None:
        """A genome of a new person."""
        self.load(self._new_genome())

    def batch(self) -> None:
        """Several genomes, some perhaps replacements, in one commit; perhaps as one group."""
        chosen = []
        for _ in range(self.rng.randint(1, 4)):
            if self.active and self.rng.random() < 0.3:
                replace = self.rng.random() < 0.8
                chosen.append(self.called_anew(self.rng.choice(self.active), replace))
            else:
                chosen.append(self._new_genome())
        if self.rng.random() < 0.3:
            self.wait_together(chosen)
        else:
            for each in chosen:
                self.wait(each)
        if self.rng.random() < 0.7:
            self.commit()

    def commit(self) -> None:
        commit(self.root, self.vault)
        self._folded()

    def compact(self) -> None:
        """Merge the tiers and move planes."""
        done = compact(self.root, self.vault)
        self._moved()
        if done.merged or done.moved or done.retired:
            self.outdated = True

    def scattered(self) -> None:
        """The next step of a compaction in steps; anything may happen between them."""
        if self.plan is None:
            made = plan(self.root, self.vault)
            if made.empty:
                return
            self.plan, self.outdated = made, False
            self.planned = [(each, self._plane(each.person)) for each in self.active]
            return
        plan_, self.plan = self.plan, None
        try:
            parts = [
                build_contig(with_lent_keys(self.root, plan_), plan_, contig) for contig in CONTIGS
            ]
            publish_plan(self.root, self.vault, plan_, parts)
        except NgdError:
            assert self.outdated
            return
        for each, plane in self.planned:
            each.plane = plane

    def erase(self) -> None:
        """A person, perhaps two, of whom nothing is left; others share the rewrite."""
        chosen = self.rng.sample(self.active, min(len(self.active), self.rng.randint(1, 2)))
        self.erase_persons({each.person for each in chosen})

    def erase_persons(self, persons: set[str]) -> None:
        certificate = erase(self.root, self.vault, persons, lambda certificate: None)
        assert certificate is not None
        assert certificate.persons == len(persons)
        self.active = [each for each in self.active if each.person not in persons]
        self.waiting = [
            group for group in self.waiting if not {each.person for each in group} & persons
        ]
        self._moved()  # the rewrite is a compaction
        self.outdated = True

    def refuse(self) -> None:
        self.decide(self.rng.choice(self.active).person, "research", "refused")

    def give_back(self) -> None:
        self.decide(self.rng.choice(self.active).person, "research", "given")

    def withdraw(self) -> None:
        self.decide(self.rng.choice(self.active).person, "analysis", "withdrawn")

    def consent_again(self) -> None:
        self.decide(self.rng.choice(self.active).person, "analysis", "given")

    def late(self) -> None:
        """An event that took effect before others that were written down before it."""
        person = self.rng.choice(self.active).person
        scope, decision = self.rng.choice(
            [("research", "refused"), ("research", "given"), ("analysis", "given")]
        )
        now = self.consents.seconds + 1
        effective = self.rng.randint(max(0, now - 6), now)
        self.decide(person, scope, decision, effective, self.rng.randint(effective, now))

    def replace(self) -> None:
        """A genome called anew; the old calls go."""
        self.load(self.called_anew(self.rng.choice(self.active), replace=True))

    def changed(self) -> None:
        """A genome called anew, without saying that it replaces: refused."""
        self.load(self.called_anew(self.rng.choice(self.active), replace=False))

    def again(self) -> None:
        """The same gVCF once more."""
        self.load(self._copy(self.rng.choice(self.active)))

    def twin(self) -> None:
        """Another person with the very same calls: the shard is shared."""
        twin = self._copy(self.rng.choice(self.active))
        twin.person, twin.sample = self._new_person()
        self.load(twin)

    def second(self) -> None:
        """Another sample, or another assay, of someone who is loaded."""
        mine = self.rng.choice(self.active)
        if self.rng.random() < 0.5:
            self.samples += 1
            lines = self.rng.choice([mine.lines, gvcf_lines(self.rng)])
            self.load(
                self.genome(mine.person, f"S{self.samples}", mine.karyotype, mine.kind, lines)
            )
        else:
            kind = self.rng.choice(_KINDS)
            other = self.genome(mine.person, mine.sample, mine.karyotype, kind, mine.lines)
            other.replace = any(other.is_analysis_of(each) for each in self.active)
            self.load(other)

    # --- what the model makes of it

    def may(self, person: str, purpose: Purpose) -> bool:
        return oracle.permits(self.events.get(person, []), str(purpose))

    def _plane(self, person: str) -> str:
        return "research" if self.may(person, Purpose.RESEARCH) else "care_only"

    def _fold(self, each: Analysed) -> str:
        """What becomes of a registration: loaded, or why not."""
        if not self.may(each.person, Purpose.CARE):
            return "no consent"
        before = [old for old in self.active if old.is_analysis_of(each)]
        if before and before[0].is_same(each):
            return "loaded"
        if before and not each.replace:
            return "another gVCF"
        for old in before:
            self.active.remove(old)
        each.plane = self._plane(each.person)
        self.active.append(each)
        return "loaded"

    def _folded(self) -> None:
        for group in self.waiting:
            before = list(self.active)
            if "another gVCF" in [self._fold(each) for each in group]:
                self.active = before  # all of a group, or none
        self.waiting.clear()

    def _moved(self) -> None:
        for each in self.active:
            each.plane = self._plane(each.person)

    def decide(
        self,
        person: str,
        scope: str,
        decision: str,
        effective: int | None = None,
        recorded: int | None = None,
    ) -> None:
        self.consents.add(person, scope, decision, effective, recorded)
        now = self.consents.seconds
        event = oracle.Event(
            scope,
            decision,
            now if effective is None else effective,
            now if recorded is None else recorded,
        )
        self.events.setdefault(person, []).append(event)

    def _new_person(self) -> tuple[str, str]:
        self.samples += 1
        person = f"person-{self.samples}"
        self.decide(person, "analysis", "given")
        if self.rng.random() < 0.15:
            self.decide(person, "research", "refused")
        return person, f"S{self.samples}"

    def _new_genome(self) -> Analysed:
        person, sample = self._new_person()
        karyotype = self.rng.choice([*oracle.COPIES, "XX", "XX", "XY", "XY", "XY"])
        return self.genome(person, sample, karyotype, self.rng.choice(_KINDS), gvcf_lines(self.rng))

    def called_anew(self, old: Analysed, replace: bool) -> Analysed:
        lines = gvcf_lines(self.rng)
        karyotype = self.rng.choice([old.karyotype, old.karyotype, *oracle.COPIES])
        made = self.genome(old.person, old.sample, karyotype, old.kind, lines)
        made.replace = replace
        return made

    def _copy(self, old: Analysed) -> Analysed:
        return self.genome(old.person, old.sample, old.karyotype, old.kind, old.lines)

    @staticmethod
    def genome(person: str, sample: str, karyotype: str, kind: str, lines: list[str]) -> Analysed:
        target = TARGETS.get(kind)
        genome = oracle.read_genome(lines, karyotype, PAR, target, WINDOWS)
        return Analysed(person, sample, karyotype, kind, lines, genome)

    # --- what is done to the database

    def load(self, each: Analysed) -> None:
        gvcf = write_gvcf(self.folder / f"{each.sample}.g.vcf", each.sample, each.lines, CONTIGS)
        sex = _SEXES.get(each.karyotype, "female")
        stated = None if each.karyotype in _SEXES else each.karyotype
        request = Request(
            each.sample, gvcf, each.person, sex, each.assay, self._bed(each),
            replace=each.replace, karyotype=stated,
        )  # fmt: skip
        if not self.may(each.person, Purpose.CARE):
            with pytest.raises(ConsentError):
                load(self.path, request)
            return
        self._folded()  # a load commits whatever waits
        outcome = self._fold(each)
        if outcome == "another gVCF":
            with pytest.raises(NgdError, match="another gVCF"):
                load(self.path, request)
            return
        load(self.path, request)
        moves = any(self._plane(e.person) < e.plane for e in self.active)  # care_only < research
        if moves and (self.plan is None or self.outdated):
            self._moved()

    def wait(self, each: Analysed) -> None:
        """Leave a genome for the next commit, as a loader on a compute node does."""
        register(self.root, *self._written(each))
        self.waiting.append([each])

    def wait_together(self, group: list[Analysed]) -> None:
        """Leave genomes for the next commit, as the loader of a callset does."""
        register_all(self.root, [self._written(each) for each in group])
        self.waiting.append(group)

    def _written(self, each: Analysed) -> tuple[str, Analysis, Identity]:
        gvcf = write_gvcf(self.folder / f"{each.sample}.g.vcf", each.sample, each.lines, CONTIGS)
        bed = self._bed(each)
        target = read_target(bed, self.root.reference()) if bed else None
        analysis = Analysis(each.karyotype, each.assay, target.digest if target else "")
        digest = write_shard(self.root, gvcf, each.sample, analysis, target)
        return digest, analysis, Identity(each.person, each.sample, each.replace)

    def _bed(self, each: Analysed) -> Path | None:
        return self.folder / f"{each.kind}.bed" if each.kind in TARGETS else None

    # --- whether they agree

    def check(self) -> None:
        """Compare every base of the windows and every variant, for one purpose."""
        self.check_for(self.rng.choice(_PURPOSES))

    def _seen(self, purpose: Purpose) -> list[Analysed]:
        aggregate = purpose in (Purpose.RESEARCH, Purpose.STATISTICS)
        return [
            each
            for each in self.active
            if self.may(each.person, purpose) and not (aggregate and each.plane != "research")
        ]

    def check_for(self, purpose: Purpose, asked: oracle.Intervals = WINDOWS) -> None:
        counted = [(e.genome, e.karyotype) for e in self._seen(purpose) if e.kind != "bare"]
        expected = oracle.counts(counted)
        with (
            self._database(purpose) as database,
            database._snapshot(counts=False) as (snapshot, _),
        ):
            assert snapshot.eligible == len(counted)
            for contig, regions in asked.items():
                for low, high in regions:
                    bases = [
                        base
                        for start, end in WINDOWS[contig]
                        for base in range(max(start, low), min(end, high))
                    ]
                    an = [oracle.allele_number(counted, contig, base, PAR) for base in bases]
                    assert snapshot.allele_number(contig, np.array(bases)).tolist() == an
                    rows = snapshot.variants(contig, low, high).to_pylist()
                    there = {v: n for v, n in expected.items() if v[0] == contig}
                    inside = {v: n for v, n in there.items() if low < v[1] <= high}
                    assert len(rows) == len(inside)
                    number = dict(zip(bases, an, strict=True))
                    for row in rows:
                        n = inside[contig, row["pos"], row["ref"], row["alt"]]
                        assert (row["n_het"], row["n_hom"], row["n_hemi"]) == n
                        count = n[0] + 2 * n[1] + n[2]
                        assert (row["AC"], row["AN"]) == (count, number[row["pos"] - 1])
                        assert count <= row["AN"]

    @contextmanager
    def _database(self, purpose: Purpose) -> Iterator[Database]:
        """A database opened for the question, or one that stays open for all of them."""
        database = self.databases.pop(purpose, None)
        if database is None:
            asker = Asker("tester", None, purpose, None)
            database = Database(self.root, Vault(self.root.vault), asker)
        yield database
        if self.stays_open:
            self.databases[purpose] = database
        else:
            database.close()

    def check_public(self) -> None:
        """The same through the interface that users have: one region, one variant's carriers."""
        seen = self._seen(Purpose.CARE)
        counted = [(each.genome, each.karyotype) for each in seen if each.kind != "bare"]
        contig = self.rng.choice(list(CONTIGS))
        low, high = self.rng.choice(WINDOWS[contig])
        variants = sorted({v for each in seen for v in each.genome.calls})
        with ngd.open(self.path, "care") as database:
            rows = database.region(f"{contig}:{low + 1}-{high}").to_pylist()
            expected = oracle.counts(counted)
            inside = {v: n for v, n in expected.items() if v[0] == contig and low < v[1] <= high}
            assert {
                (row["contig"], row["pos"], row["ref"], row["alt"]): (
                    row["n_het"], row["n_hom"], row["n_hemi"]
                )
                for row in rows
            } == inside  # fmt: skip
            for row in rows:
                an = oracle.allele_number(counted, contig, row["pos"] - 1, PAR)
                assert (row["AN"], row["AF"]) == (an, row["AC"] / an)
            if variants:
                chosen = self.rng.choice(variants)
                name = "-".join(map(str, chosen))
                carriers = database.carriers(name).to_pylist()
                assert sorted(tuple(row.values()) for row in carriers) == sorted(
                    (each.sample, each.assay, each.genome.calls[chosen])
                    for each in seen
                    if chosen in each.genome.calls
                )

    def check_whole(self) -> None:
        """Everything, contigs as a whole, and what ``wgs ngd verify`` finds."""
        for purpose in _PURPOSES:
            self.check_for(purpose)
        whole = {contig: [(0, length)] for contig, length in CONTIGS.items()}
        self.check_for(self.rng.choice(_PURPOSES), whole)
        self.check_public()
        assert verify(self.root, self.vault).problems == ()

    def close(self) -> None:
        for database in self.databases.values():
            database.close()
        self.vault.close()
