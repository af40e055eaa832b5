"""Eight loaders at once on one database, and two other commands, killed at random and begun again.

Nothing is lost, doubled or half visible. ``NGD_KILLS`` sets how many are killed before the end is
looked at (``make test-kill KILLS=1000``).
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from ngd_nursery import Nursery

from wgs_pipeline import ngd
from wgs_pipeline.ngd.commit import commit
from wgs_pipeline.ngd.erase import erase
from wgs_pipeline.ngd.generation import read_generation
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.verify import verify
from wgs_pipeline.vault import Vault

KILLS = int(os.environ.get("NGD_KILLS", "200"))
#: Loaders at once, each of another sample, and other commands beside them.
LOADERS, BESIDE = 8, 2
SAMPLES = [f"S{number}" for number in range(12)]
#: A gVCF, and the same sample called anew.
VERSIONS = ("A", "B")
SITES = range(20, 2001, 20)
CONTIGS = {"chr1": 5000, "chr2": 100}
HEADER = "##fileformat=VCFv4.2\n" + "".join(
    f"##contig=<ID={name},length={length}>\n" for name, length in CONTIGS.items()
)
COLUMNS = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"]
RUN = "from wgs_pipeline.cli import main; main()"
KILLED = -9
LOADS = ["load"] * 4 + ["replace"] * 5
OTHERS = ["compact", "step", "step", "erase"]
KINDS = {*LOADS, *OTHERS}


def _alt(sample: str, version: str, pos: int) -> str:
    """Which of two alleles a sample carries at a site."""
    return "CG"[(pos // 20 * (3 + VERSIONS.index(version)) // 2 + int(sample[1:])) % 2]


def _gvcf(folder: Path, sample: str, version: str) -> Path:
    text = HEADER + "\t".join([*COLUMNS, sample]) + "\n"
    for pos in SITES:
        alt = _alt(sample, version, pos)
        text += f"chr1\t{pos - 19}\t.\tA\t<*>\t.\t.\tEND={pos - 1}\tGT:GQ:MIN_DP\t0/0:50:30\n"
        depth = 30 + int(sample[1:])  # no two samples have quite the same calls
        text += f"chr1\t{pos}\t.\tA\t{alt},<*>\t.\t.\t.\tGT:DP:GQ\t0/1:{depth}:50\n"
    text += "chr1\t3000\t.\tAAA\tA,<*>\t.\t.\t.\tGT:DP:GQ\t0/1:30:50\n"  # moved to 2990 by bcftools
    path = folder / f"{sample}.{version}.g.vcf"
    path.write_text(text)
    return path


@dataclass
class Project:
    """A database, and what each sample may be seen as now: a version, or None."""

    folder: Path
    root: Path
    possible: dict[str, set[str | None]] = field(default_factory=dict)

    def loading(self, sample: str, version: str, replace: bool) -> list[object]:
        arguments: list[object] = ["ngd", "load", self.root, "--sample", sample]
        arguments += ["--gvcf", self.folder / f"{sample}.{version}.g.vcf"]
        arguments += ["--patient-id", f"person-{sample}", "--sex", "female"]
        return [*arguments, "--replace"] if replace else arguments

    def run(self, *arguments: object) -> str:
        """Run a command that must succeed; gives what it said."""
        done = subprocess.run(
            [sys.executable, "-c", RUN, *map(str, arguments)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stderr

    def visible(self) -> dict[str, str | None]:
        """Version of each sample in vault and generation, which must agree, after a commit."""
        opened = Root.open(self.root)
        with Vault(opened.vault) as vault:
            erase(opened, vault, (), lambda certificate: None)  # finishes what was begun
            number = commit(opened, vault)
            kept = [each for each in vault.genomes() if each.retired_generation is None]
        members = [each for each in read_generation(opened, number).members if not each.retired]
        assert {each.slot: each.shard for each in members} == {e.slot: e.shard for e in kept}
        assert not Counter(each.sample_id for each in kept) - Counter(SAMPLES)
        found: dict[str, str | None] = dict.fromkeys(SAMPLES)
        with ngd.open(self.root, "care") as database:
            for each in kept:
                calls = database.genome(f"person-{each.sample_id}").to_pylist()
                bases = {row["pos"]: row["alt"] for row in calls if row["ref"] == "A"}
                found[each.sample_id] = next(
                    version
                    for version in VERSIONS
                    if bases == {pos: _alt(each.sample_id, version, pos) for pos in SITES}
                )
        return found

    def check(self) -> None:
        """Nothing lost, doubled or half visible; counts as by hand; every hash."""
        found = self.visible()
        for sample, version in found.items():
            assert version in self.possible[sample], sample
            self.possible[sample] = {version}
        self.check_counts(found)
        opened = Root.open(self.root)
        with Vault(opened.vault) as vault:
            report = verify(opened, vault)
        assert report.problems == ()

    def check_counts(self, versions: dict[str, str | None]) -> None:
        """AC and AN of every allele of every site."""
        loaded = [(sample, version) for sample, version in versions.items() if version]
        expected = Counter((pos, _alt(*each, pos)) for each in loaded for pos in SITES)
        with ngd.open(self.root, "care") as database:
            table = database.region("chr1:1-2000")
            assert int(table.schema.metadata[b"eligible"]) == len(loaded)
        rows = table.to_pylist()
        assert {(row["pos"], row["alt"]): row["AC"] for row in rows} == expected
        assert len(rows) == len(expected)
        assert {row["AN"] for row in rows} <= {2 * len(loaded)}


def _project(folder: Path) -> Project:
    register = ["patient_id\tscope\tdecision\teffective_from\trecorded_at\tsource"]
    moment = "2024-01-01T00:00:00+01:00"
    for sample in SAMPLES:
        register.append(f"person-{sample}\tanalysis\tgiven\t{moment}\t{moment}\tform")
        for version in VERSIONS:
            _gvcf(folder, sample, version)
    (folder / "consents.tsv").write_text("\n".join(register) + "\n")
    sequence = f"{'A' * 2989}C{'A' * 2010}"
    (folder / "reference.fa").write_text(f">chr1\n{sequence}\n>chr2\n{'A' * 100}\n")
    (folder / "reference.fa.fai").write_text(
        "chr1\t5000\t6\t5000\t5001\nchr2\t100\t5013\t100\t101\n"
    )
    project = Project(folder, folder / "ngd", {sample: {None} for sample in SAMPLES})
    project.run(
        "ngd", "init", project.root, "--vault", folder / "vault",
        "--consents", folder / "consents.tsv", "--reference", folder / "reference.fa",
    )  # fmt: skip
    return project


@dataclass
class Job:
    """A command that runs, and when it is to be killed."""

    kind: str
    sample: str
    version: str
    deadline: float


class Work:
    """Random commands, eight of them loaders, of which many are killed.

    One at a time per sample, and one at a time of a compaction in steps: plan, two contigs,
    publish.
    """

    def __init__(self, project: Project, nursery: Nursery, seed: int) -> None:
        self.project, self.nursery = project, nursery
        self.rng = random.Random(seed)
        self.jobs: dict[int, Job] = {}
        self.kills: Counter[str] = Counter()
        self.done: Counter[str] = Counter()
        self.steps: list[list[object]] = []
        self.plans = 0
        self.outdated = False

    def until(self, kills: int) -> None:
        """Keep all busy until that many have been killed; then wait for the others."""
        while sum(self.kills.values()) < kills:
            for kinds, most in ((LOADS, LOADERS), (OTHERS, BESIDE)):
                for _ in range(most - sum(job.kind in kinds for job in self.jobs.values())):
                    self._start(kinds)
            time.sleep(0.005)
            for pid, job in list(self.jobs.items()):
                if self.nursery.has_ended(pid) or time.monotonic() > job.deadline:
                    self._end(pid)
        for job in self.jobs.values():
            job.deadline = float("inf")
        for pid in list(self.jobs):
            self._end(pid)

    def _start(self, kinds: list[str]) -> None:
        deadline = time.monotonic() + self.rng.uniform(0.0, 0.8)
        if self.rng.random() < 0.3:
            deadline = float("inf")
        kind = self.rng.choice(kinds)
        if self.rng.random() < 0.2:  # a slow machine kills some kinds seldom
            kind = min(sorted(set(kinds)), key=self.kills.__getitem__)
        if kind in ("step", "erase") and kind in {job.kind for job in self.jobs.values()}:
            kind = "compact"
        sample = ""
        self.outdated = self.outdated or kind in ("compact", "erase")
        if kind == "compact":
            arguments: list[object] = ["ngd", "compact", self.project.root]
        elif kind == "step":
            arguments = self._step()
        else:
            sample = self.rng.choice(
                sorted(set(SAMPLES) - {job.sample for job in self.jobs.values()})
            )
            arguments = ["ngd", "erase", self.project.root, "--wait", 1]
            arguments += ["--patient-id", f"person-{sample}"]
        version = self.rng.choice(VERSIONS)
        if kind in ("load", "replace"):
            arguments = self.project.loading(sample, version, kind == "replace")
        self.jobs[self.nursery.start(*arguments)] = Job(kind, sample, version, deadline)

    def _step(self) -> list[object]:
        """The first step of a compaction that is not done."""
        if not self.steps:
            self.plans += 1
            self.outdated = False
            plan = self.project.folder / f"plan-{self.plans}.json"
            parts = [plan.with_suffix(f".{contig}") for contig in CONTIGS]
            with_plan: list[object] = ["ngd", "compact", self.project.root, "--plan", plan]
            self.steps = [with_plan]
            for contig, part in zip(CONTIGS, parts, strict=True):
                self.steps.append([*with_plan, "--contig", contig, "--part", part])
            self.steps.append([*with_plan, "--publish", *parts])
        return self.steps[0]

    def _end(self, pid: int) -> None:
        job = self.jobs.pop(pid)
        if time.monotonic() > job.deadline and not self.nursery.has_ended(pid):
            self.nursery.kill(pid)
        code, said = self.nursery.wait(pid)
        assert code in (0, 1, KILLED), said
        (self.kills if code == KILLED else self.done)[job.kind] += 1
        if job.kind == "compact":
            assert code != 1, said
        elif job.kind == "step":
            # A newer compaction, or an erasure, removes files of an older one while it is built.
            assert code != 1 or "plan" in said or self.outdated, said
            if code != KILLED:
                self.steps = self.steps[1:] if code == 0 else []
        elif job.kind == "erase":
            self._erased(job, code, said)
        else:
            self._loaded(job, code, said)

    def _erased(self, job: Job, code: int, said: str) -> None:
        possible = self.project.possible
        if code == KILLED:
            possible[job.sample] = possible[job.sample] | {None}
        else:
            assert code == 0 or "the erasure is not finished" in said, said
            possible[job.sample] = {None}

    def _loaded(self, job: Job, code: int, said: str) -> None:
        possible = self.project.possible[job.sample]
        if code == 0:
            possible = {job.version}
        elif code == 1 and "erase" in said:
            assert None in possible, said
            possible = {None}
        elif code == 1:
            assert job.kind == "load"
            assert "another gVCF" in said, said
            possible = possible - {None, job.version}
            assert possible, said
        elif job.kind == "replace" or None in possible:
            possible = possible | {job.version}
        self.project.possible[job.sample] = possible


def test_killed_processes_leave_every_genome_exactly_once(tmp_path: Path) -> None:
    project = _project(tmp_path)
    with Nursery(tmp_path / "said") as nursery:
        reader = nursery.start("read", project.root, tmp_path / "stop")
        work = Work(project, nursery, 20)
        for part in (1, 2, 3, 4):
            work.until(KILLS * part // 4)
            project.check()
        _settle(project, nursery)
        (tmp_path / "stop").touch()
        code, said = nursery.wait(reader)
    assert code == 0, said
    assert sum(work.kills.values()) >= KILLS
    if KILLS >= 200:
        assert min(work.kills[kind] for kind in KINDS) > 2
    project.run("ngd", "compact", project.root)
    assert "nothing refers" not in project.run("ngd", "verify", project.root)
    assert not [path for path in project.root.rglob("*") if ".tmp" in path.name]
    project.check()


def _settle(project: Project, nursery: Nursery) -> None:
    """Without kills: twice is once, another gVCF is refused, and replaces where it is said to."""

    def loaded(sample: str, version: str, replace: bool) -> tuple[int, str]:
        return nursery.wait(nursery.start(*project.loading(sample, version, replace)))

    versions = project.visible()
    for number, sample in enumerate(SAMPLES):
        target, other = VERSIONS[number % 2], VERSIONS[(number + 1) % 2]
        assert loaded(sample, target, replace=True)[0] == 0
        versions[sample] = target
        if number < 3:
            project.check_counts(versions)
            code, said = loaded(sample, target, replace=False)
            assert (code, "loaded already" in said) == (0, True), said
            code, said = loaded(sample, other, replace=False)
            assert (code, "another gVCF" in said) == (1, True), said
            project.check_counts(versions)
    project.check_counts(versions)
    project.possible = {sample: {version} for sample, version in versions.items()}
    assert project.visible() == versions
