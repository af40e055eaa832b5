"""The workflow run as a user runs it: one snakemake command on a project directory."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).parents[1]
#: Real reads that may lie beside a checkout; the tests that need them say so and skip.
SHARED_DATA = Path(os.environ.get("WGS_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
BIN = Path(sys.executable).parent
#: What `aligner.name: auto` takes here: as the documentation says it, not as the package does it.
DEFAULT_ALIGNER = (
    "minibwa"
    if shutil.which("minibwa", path=os.pathsep.join([str(BIN), os.environ["PATH"]]))
    else "bwa"
)
#: Seconds after which a run hangs, as one does that opens a pipe nobody writes to.
LONGEST_RUN = 600
SAMPLE_COLUMNS = (
    *("sample_id", "patient_id", "sex", "family_id", "father_id", "mother_id"),
    *("affected", "patient_group", "region", "material"),
)
UNIT_COLUMNS = (
    *("sample_id", "library_id", "flowcell", "lane", "fastq_1", "fastq_2", "md5_1", "md5_2"),
    *("cram", "gvcf", "assay", "target_bed"),
)
CONSENT_COLUMNS = ("patient_id", "scope", "decision", "effective_from", "recorded_at", "source")
#: Switched off where a sample has some lanes only, on a genome of some kb.
THRESHOLDS = dict.fromkeys(
    (
        *("yield_bp_q30", "mean_autosome_coverage", "pct_autosomes_15x"),
        "ratio_heterozygous_homzygous_snv",
    )
)


@dataclass(frozen=True)
class Run:
    """How a command ended and everything it said."""

    code: int
    output: str

    @property
    def jobs(self) -> dict[str, int]:
        """Jobs by rule, as snakemake announces them: one by one, or indented below their group."""
        return dict(Counter(re.findall(r"(?m)^ *(?:local)?rule (\w+):$", self.output)))


@dataclass(frozen=True)
class Project:
    """A project directory and what a run of it writes.

    Attributes:
        folder: Holds config.yaml, the sheets, and below it results, ngd and vault.
        tools: A folder that comes first on PATH: tools that misbehave.
    """

    folder: Path
    tools: Path | None = None

    def __truediv__(self, path: str) -> Path:
        return self.folder / path

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def results(self) -> Path:
        return self.folder / "results"

    @property
    def temporary(self) -> Path:
        """TMPDIR of the runs."""
        return self.folder.with_name(f"{self.folder.name}.tmp")

    def command(self, *arguments: str, profile: str = "local") -> list[str]:
        command = ["snakemake", "--profile", f"profiles/{profile}", "--configfile"]
        return [*command, str(self.config), *arguments]

    def start(
        self, *arguments: str, output: Path, profile: str = "local"
    ) -> subprocess.Popen[bytes]:
        """Start a run in a session of its own, so that it can be killed with all its jobs.

        What it says goes to ``output``. It does not outlive this process.
        """
        command = ["setpriv", "--pdeathsig", "KILL", "--"]
        with output.open("wb") as file:
            return subprocess.Popen(
                [*command, *self.command(*arguments, profile=profile)],
                cwd=REPOSITORY,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def run(self, *arguments: str, profile: str = "local", longest_s: float = LONGEST_RUN) -> Run:
        output = self.folder.with_name(f"{self.folder.name}.txt")
        process = self.start(*arguments, output=output, profile=profile)
        try:
            process.wait(timeout=longest_s)
        except subprocess.TimeoutExpired:
            kill_session(process)
            raise AssertionError(f"the run hangs:\n{output.read_text()[-5000:]}") from None
        return Run(process.returncode, output.read_text())

    def complete(self, *arguments: str) -> Run:
        """A run that must succeed."""
        run = self.run(*arguments)
        assert run.code == 0, run.output[-10_000:]
        return run

    def wgs(self, *arguments: str, check: bool = True) -> str:
        """Standard output of a ``wgs`` command."""
        done = subprocess.run(
            ["wgs", *arguments],
            cwd=REPOSITORY,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout

    def edit_config(self, **keys: object) -> None:
        """Replace top-level keys of config.yaml."""
        values = yaml.safe_load(self.config.read_text())
        self.config.write_text(yaml.safe_dump({**values, **keys}, sort_keys=False))

    def rows(self, sheet: str) -> list[dict[str, str]]:
        with (self / sheet).open(newline="") as file:
            return list(csv.DictReader(file, delimiter="\t"))

    def write_rows(
        self, sheet: str, columns: Iterable[str], rows: Iterable[Mapping[str, str]]
    ) -> None:
        with (self / sheet).open("w", newline="") as file:
            writer = csv.DictWriter(
                file, list(columns), restval="", delimiter="\t", lineterminator="\n"
            )
            writer.writeheader()
            writer.writerows(rows)

    def _environment(self) -> dict[str, str]:
        self.temporary.mkdir(exist_ok=True)
        first = [self.tools] if self.tools else []
        path = os.pathsep.join([*map(str, first), str(BIN), os.environ["PATH"]])
        return {**os.environ, "PATH": path, "TMPDIR": str(self.temporary)}


def kill_session(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to a run and to everything it started, as the end of a batch job does."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.getsid(int(entry.name)) == process.pid:
                    os.kill(int(entry.name), signal.SIGKILL)
            except ProcessLookupError:
                continue
    process.wait()


def make_toy(folder: Path, scale: float, *arguments: str) -> Project:
    """A toy project whose withdrawn patient's reads cannot be read without being noticed."""
    command: list[str | Path] = [BIN / "wgs", "toy", folder, "--scale", str(scale), *arguments]
    subprocess.run(command, check=True, capture_output=True)
    for number, path in enumerate(sorted((folder / "reads").glob("toy_withdrawn*"))):
        path.unlink()
        if number:
            path.write_bytes(b"not reads")
        else:
            os.mkfifo(path)  # whoever opens it waits for ever
    return Project(folder)


def write_project(
    folder: Path,
    samples: Iterable[Mapping[str, str]],
    units: Iterable[Mapping[str, str]],
    reference: Mapping[str, object],
    **config: object,
) -> Project:
    """A project of samples who all gave consent to analysis; cells not given stay empty."""
    folder.mkdir(parents=True)
    project = Project(folder)
    usual = {"sex": "unknown", "affected": "unknown", "material": "germline"}
    samples = [{**usual, **sample} for sample in samples]
    project.write_rows("samples.tsv", SAMPLE_COLUMNS, samples)
    project.write_rows("units.tsv", UNIT_COLUMNS, units)
    moment = {"effective_from": "2024-01-01T00:00:00Z", "recorded_at": "2024-01-01T00:00:00Z"}
    consent = {"scope": "analysis", "decision": "given", "source": "form", **moment}
    people = dict.fromkeys(sample["patient_id"] for sample in samples)
    consents = [{**consent, "patient_id": person} for person in people]
    project.write_rows("consents.tsv", CONSENT_COLUMNS, consents)
    values = {
        **{"samples": "samples.tsv", "units": "units.tsv", "consents": "consents.tsv"},
        "results": "results",
        "reference": dict(reference),
        "ngd": {"root": "ngd", "vault": "vault"},
        # 5 s of CPU a sample, which the tests of structural variants ask for.
        "structural": {"enabled": False},
        **config,
    }
    project.config.write_text(yaml.safe_dump(values, sort_keys=False))
    return project


#: Stands in a comment and in the free text of the sheets of ``with_civil_numbers``.
PRIVATE_REMARK = "seen on Tuesday by her sister Ingeborg"


def with_civil_numbers(project: Project) -> Project:
    """Give everyone in a toy project an identifier of the shape of a CPR number.

    They are made up: no check digit is right, and no register knows them. The samples have them
    with their hyphen, the consents without.
    """
    samples = project.rows("samples.tsv")
    consents = project.rows("consents.tsv")
    people = {
        row["patient_id"]: f"{n + 11}03{n + 61}-{4007 + 101 * n}" for n, row in enumerate(samples)
    }
    for row in samples:
        row["patient_id"] = people[row["patient_id"]]
    for row in consents:
        row["patient_id"] = people[row["patient_id"]].replace("-", "")
        row["source"] = PRIVATE_REMARK
    project.write_rows("samples.tsv", samples[0], samples)
    project.write_rows("consents.tsv", consents[0], consents)
    with project.config.open("a") as file:
        file.write(f"# {people[next(iter(people))]} {PRIVATE_REMARK}\n")
    return project


def copy_inputs(source: Project, folder: Path) -> Project:
    """The inputs of a project in another folder, with their times; nothing that a run wrote."""
    written = shutil.ignore_patterns("results", "ngd", "vault", "*_withdrawn_*.fastq.gz")
    shutil.copytree(source.folder, folder, ignore=written)
    return Project(folder)


def loaded(project: Project) -> set[str]:
    """Samples whose receipt says that they are in the database."""
    receipts = (json.loads(path.read_text()) for path in project.results.glob("ngd/*.loaded.json"))
    return {receipt["sample"] for receipt in receipts if receipt["loaded"]}


def unfinished(folder: Path) -> list[str]:
    """Files below a folder that are half-written by their name."""
    names = (str(path.relative_to(folder)) for path in folder.rglob("*"))
    return sorted(name for name in names if re.search(r"\.(part|tmp)(\b|##|$)", name))


@dataclass(frozen=True)
class ToyRun:
    """A toy project after a run to the end.

    Attributes:
        project: The project.
        first: What the run said.
        before: What the folder held before it; see ``snapshot``.
        temporary: Names of what it left in TMPDIR. Runs that are killed later leave more there.
    """

    project: Project
    first: Run
    before: Mapping[str, tuple[int, int]]
    temporary: tuple[str, ...]


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of change of every file below a folder."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in folder.rglob("*")
        if not path.is_dir()
    }
