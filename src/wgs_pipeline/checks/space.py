"""Whether the disk has room for what a run will write below results."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from wgs_pipeline.project import Project
from wgs_pipeline.resources.inputs import ProjectInputs
from wgs_pipeline.resources.requests import Requests
from wgs_pipeline.resources.table import GENOME, KEPT, TEMPORARY, Table

_MB = 1_000_000


@dataclass(frozen=True)
class Space:
    """Room below results.

    Attributes:
        samples: Samples that are still to be done.
        kept_mb: What they will leave there, MB.
        peak_mb: With the pieces of all of them at once, MB.
        free_mb: What is free now, MB.
    """

    samples: int
    kept_mb: float
    peak_mb: float
    free_mb: float

    def __str__(self) -> str:
        return (
            f"space for {self.samples} samples: about {_size(self.kept_mb)} to keep, "
            f"{_size(self.peak_mb)} at most; {_size(self.free_mb)} are free"
        )

    @property
    def warning(self) -> str:
        """What may go wrong, or ""."""
        if self.peak_mb <= self.free_mb:
            return ""
        return (
            f"{self}. The run may fill the disk of results: free "
            f"{_size(self.peak_mb - self.free_mb)}, name another folder, or run fewer samples "
            "(wgs batch --size)."
        )


def predict_space(project: Project) -> Space:
    """Predict what the samples without a receipt of their load will write.

    The sizes come from the table of resources; scratch on the nodes is not in them.
    """
    results = project.config.results
    receipts = results / "ngd"
    todo = [name for name in project.analysed if not (receipts / f"{name}.loaded.json").is_file()]
    table, inputs = Requests(project).table, ProjectInputs(project)
    kept = sum(genome_mb(table, inputs, name, KEPT) for name in todo)
    temporary = sum(genome_mb(table, inputs, name, TEMPORARY) for name in todo)
    return Space(
        len(todo), kept, kept + temporary, shutil.disk_usage(_existing(results)).free / _MB
    )


def genome_mb(table: Table, inputs: ProjectInputs, sample: str, quantity: str) -> float:
    """What a sample takes below results, MB; 0 where the table does not say."""
    line = table.get((GENOME, quantity))
    return line.value(quantity, inputs.of_job({"sample": sample})) if line else 0.0


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def _size(megabytes: float) -> str:
    if megabytes >= 1e6:
        return f"{megabytes / 1e6:,.1f} TB"
    return f"{megabytes / 1000:,.1f} GB" if megabytes >= 1000 else f"{megabytes:,.0f} MB"
