"""Sizes of what the jobs of a project read, known before the first one runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from wgs_pipeline.project import Project
from wgs_pipeline.readgroups import read_group_id
from wgs_pipeline.sheets import Unit

#: MB of compressed FASTQ that one MB of another input stands for, roughly: as a CRAM, reads took
#: 0.2 (toy) to 0.5 (real qualities in 40 steps) of their FASTQ, as a gVCF 0.03 (docs/scale.md).
FASTQ_MB_PER_MB = {"fastq": 1.0, "cram": 3.0, "gvcf": 30.0}
_MB = 1e6
#: Bases in a byte of a compressed FASTA, roughly.
_COMPRESSED = 3.5


@dataclass(frozen=True)
class Inputs:
    """What one job works on.

    Attributes:
        reference_mb: Bases of the reference in millions.
        input_mb: Reads as compressed FASTQ in MB, of all its samples.
        samples: Number of samples.
        threads: Threads that it may use.
        share: Part of the genome that it works on, 0 to 1.
    """

    reference_mb: float
    input_mb: float
    samples: int = 1
    threads: int = 1
    share: float = 1.0


class ProjectInputs:
    """The inputs of every job of a project; looks at a file once, when a job is of it."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._samples_mb: dict[str, float] = {}
        self._known: dict[tuple[object, ...], Inputs] = {}

    @cached_property
    def reference_mb(self) -> float:
        """Bases of the reference in millions, from its index or its size."""
        fasta = self._project.config.reference.fasta
        index = Path(f"{fasta}.fai")
        if index.is_file():
            return sum(int(line.split("\t")[1]) for line in _lines(index)) / _MB
        return _size_mb(fasta) * (_COMPRESSED if fasta.suffix in (".gz", ".bgz") else 1.0)

    def of_job(self, wildcards: Mapping[str, str], threads: int = 1) -> Inputs:
        """The inputs of the job with these wildcards.

        A job without sample, family or lane serves every sample that is analysed.
        """
        names = tuple(wildcards.get(name) for name in ("sample", "family", "lane"))
        key = (*names, "piece" in wildcards, threads)
        if key not in self._known:
            self._known[key] = self._look(wildcards, threads)
        return self._known[key]

    def _look(self, wildcards: Mapping[str, str], threads: int) -> Inputs:
        samples = self._samples(wildcards)
        lane = wildcards.get("lane")
        size = self._lane_mb(samples[0], lane) if lane else sum(map(self.sample_mb, samples))
        pieces = self._project.config.calling.scatter_count if "piece" in wildcards else 1
        return Inputs(self.reference_mb, size, len(samples), threads, 1 / pieces)

    def sample_mb(self, sample: str) -> float:
        """A sample's reads as compressed FASTQ, MB; 0 where a file is missing."""
        if sample not in self._samples_mb:
            self._samples_mb[sample] = sum(map(_unit_mb, self._project.units[sample]))
        return self._samples_mb[sample]

    def _samples(self, wildcards: Mapping[str, str]) -> list[str]:
        if sample := wildcards.get("sample"):
            return [sample]
        if family := wildcards.get("family"):
            return self._project.families[family]
        return self._project.analysed

    def _lane_mb(self, sample: str, lane: str) -> float:
        units = self._project.units[sample]
        return sum(_unit_mb(unit) for unit in units if read_group_id(unit) == lane)


def _unit_mb(unit: Unit) -> float:
    files = (unit.fastq_1, unit.fastq_2, unit.cram, unit.gvcf)
    return FASTQ_MB_PER_MB[unit.kind] * sum(_size_mb(path) for path in files if path)


@cache
def _size_mb(path: Path) -> float:
    try:
        return path.stat().st_size / _MB
    except OSError:  # whoever needs the file says so
        return 0.0


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()
