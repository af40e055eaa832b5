"""SLURM jobs of a run that failed, as the report has them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from wgs_pipeline.errors import ClusterError
from wgs_pipeline.report.results import Results, readable_lines, withheld
from wgs_pipeline.slurm.failures import CLASSES, Failure, failures


@dataclass(frozen=True)
class ClusterFailures:
    """What is known of failed SLURM jobs.

    Attributes:
        jobs: Those that failed, in their order; a later attempt may have made one good.
        problem: Why nothing is known, or "".
    """

    jobs: tuple[Failure, ...]
    problem: str

    def as_json(self) -> dict[str, Any]:
        """The part ``slurm`` of the document."""
        return {
            "failed_jobs": [job.as_json() for job in self.jobs],
            "classes": {kind: CLASSES[kind] for kind in sorted({job.kind for job in self.jobs})},
            "problem": self.problem,
        }

    @property
    def by_log(self) -> Mapping[str, Failure]:
        """The log of a rule that stopped to the last SLURM job in which it did."""
        return {log: job for job in self.jobs for _, log in job.rules if log}

    @property
    def undone(self) -> frozenset[str]:
        """Logs of rules that ended and whose results were removed with those of their group."""
        stopped = set(self.by_log)
        return frozenset(log for job in self.jobs for log in job.undone if log not in stopped)


def cluster_failures(results: Results, patient_ids: Collection[str]) -> ClusterFailures:
    """Failed SLURM jobs of the last run of a results folder."""

    def readable(text: str) -> list[str]:
        return readable_lines(withheld(text, patient_ids))

    try:
        began = (results.folder / "config.json").stat().st_mtime
        found = failures(results.folder, began, readable)
    except OSError:  # no run began
        return ClusterFailures((), "")
    except ClusterError as error:
        return ClusterFailures((), str(error))
    if found is None:
        return ClusterFailures((), "this machine has no sacct to ask how SLURM jobs ended")
    return ClusterFailures(tuple(found), "")
