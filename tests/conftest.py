"""A small project that ``wgs check`` accepts, for tests to break; a toy project that ran."""

from __future__ import annotations

import gzip
import random
from dataclasses import dataclass
from pathlib import Path

import pytest

from running import ToyRun, make_toy, snapshot, with_civil_numbers
from wgs_pipeline.cli import main

CONFIG = """\
samples: samples.tsv
units: units.tsv
consents: consents.tsv
results: results
reference:
  build: small
  fasta: reference.fa
ngd:
  root: ngd
  vault: vault
"""
CONSENT = "{}\tanalysis\tgiven\t2024-01-01T00:00:00Z\t2024-01-01T00:00:00Z\tform\n"


@dataclass(frozen=True)
class Answer:
    """What a command said."""

    code: int
    out: str
    err: str


@dataclass
class SmallProject:
    """A project directory: sample S1 with one FASTQ pair, patient ``person-one``."""

    folder: Path
    capsys: pytest.CaptureFixture[str]

    def path(self, name: str) -> Path:
        return self.folder / name

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def replace(self, name: str, old: str, new: str) -> None:
        text = self.path(name).read_text()
        assert old in text
        self.write(name, text.replace(old, new))

    def append(self, name: str, text: str) -> None:
        self.write(name, self.path(name).read_text() + text)

    def write_fastq(self, name: str, names: list[str], length: int = 50) -> Path:
        rng = random.Random(name)
        records = "".join(
            f"@{each}\n{''.join(rng.choices('ACGT', k=length))}\n+\n{'I' * length}\n"
            for each in names
        )
        return self.write(name, gzip.compress(records.encode(), mtime=0))

    def add_sample(self, sample: str, patient: str, columns: str = "female", **unit: str) -> None:
        """Add a sample, with consent to analysis and the given cells of its unit."""
        self.append("samples.tsv", f"{sample}\t{patient}\t{columns}\n")
        self.append("consents.tsv", CONSENT.format(patient))
        header = self.path("units.tsv").read_text().splitlines()[0].split("\t")
        cells = {"sample_id": sample, **unit}
        self.append("units.tsv", "\t".join(cells.get(name, "") for name in header) + "\n")

    def wgs(self, *arguments: str) -> Answer:
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main(list(arguments))
        said = self.capsys.readouterr()
        return Answer(int(stop.value.code or 0), said.out, said.err)

    def check(self, *arguments: str) -> Answer:
        return self.wgs("check", str(self.path("config.yaml")), *arguments)

    def files(self) -> dict[str, bytes]:
        paths = (path for path in self.folder.rglob("*") if path.is_file())
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in paths}


@pytest.fixture
def small_project(tmp_path, capsys):
    """A project that ``wgs check`` accepts."""
    project = SmallProject(tmp_path / "project", capsys)
    rng = random.Random(7)
    contigs = {"chr1": 3000, "chrX": 1000}
    fasta = ""
    for name, length in contigs.items():
        sequence = "".join(rng.choices("ACGT", k=length))
        lines = (sequence[start : start + 60] for start in range(0, length, 60))
        fasta += f">{name} of the small reference\n" + "\n".join(lines) + "\n"
    project.write("reference.fa", fasta)
    names = [f"ST-1:7:FLOW:1:1101:{read}:{read}" for read in range(20)]
    project.write_fastq("S1_R1.fastq.gz", [f"{name} 1:N:0:ACGT" for name in names])
    project.write_fastq("S1_R2.fastq.gz", [f"{name} 2:N:0:ACGT" for name in names])
    header = "sample_id\tpatient_id\tsex\tfamily_id\tfather_id\tmother_id\n"
    project.write("samples.tsv", header + "S1\tperson-one\tfemale\tF1\t\t\n")
    columns = "sample_id library_id flowcell lane fastq_1 fastq_2 md5_1 cram gvcf assay target_bed"
    unit = "S1\tL1\tFLOW\t1\tS1_R1.fastq.gz\tS1_R2.fastq.gz\t\t\t\t\t\n"
    project.write("units.tsv", "\t".join(columns.split()) + "\n" + unit)
    header = "patient_id\tscope\tdecision\teffective_from\trecorded_at\tsource\n"
    project.write("consents.tsv", header + CONSENT.format("person-one"))
    project.write("config.yaml", CONFIG)
    return project


@pytest.fixture(scope="session")
def toy_run(tmp_path_factory):
    """A toy project that ran once, to the end; read it, do not change it. Costs 50 s."""
    project = with_civil_numbers(make_toy(tmp_path_factory.mktemp("toy_run") / "project", 0.2))
    before = snapshot(project.folder)
    first = project.complete()
    left = tuple(path.name for path in project.temporary.iterdir())
    return ToyRun(project, first, before, left)
