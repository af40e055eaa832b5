"""Files that the config names: the gene panel, the common SNVs, intervals left out."""

from __future__ import annotations

from collections.abc import Mapping

from wgs_pipeline.checks.compression import access_problem
from wgs_pipeline.checks.intervals import check_bed
from wgs_pipeline.config import Config
from wgs_pipeline.errors import Problem, ProblemsError, WgsError
from wgs_pipeline.metrics.panel import read_panel


def check_panel(config: Config, lengths: Mapping[str, int]) -> list[Problem]:
    """Problems of ``qc.panel``; ``lengths`` of the reference's contigs, empty where unknown."""
    path = config.qc.panel
    if path is None:
        return []
    where, line, role = str(config.path), config.line("qc", "panel"), "qc.panel"
    missing = access_problem(path, where, line, role)
    if missing:
        return [missing]
    try:
        targets = read_panel(path)
    except ProblemsError as error:
        return list(error.problems)
    except WgsError as error:
        return [Problem(where, line, f"{role}: {error}", "a gene panel", "Correct the path.")]
    outside = [
        each
        for each in targets
        if lengths and each.interval.end > lengths.get(each.interval.contig, 0)
    ]
    if not outside:
        return []
    found = f"{role} has {outside[0].gene} at {outside[0].region}"
    expected = "regions inside the contigs of reference.fasta"
    remedy = f"Name the panel in the coordinates of this reference ({len(outside)} lie outside)."
    return [Problem(where, line, found, expected, remedy)]


def check_contamination_sites(config: Config) -> list[Problem]:
    """A problem where ``qc.contamination_sites`` is no readable file."""
    path = config.qc.contamination_sites
    if path is None:
        return []
    line = config.line("qc", "contamination_sites")
    missing = access_problem(path, str(config.path), line, "qc.contamination_sites")
    return [missing] if missing else []


def check_excluded(config: Config, lengths: Mapping[str, int]) -> list[Problem]:
    """Problems of ``structural.exclude_bed``, as ``check_panel``."""
    path = config.structural.exclude_bed
    if path is None:
        return []
    line = config.line("structural", "exclude_bed")
    return check_bed(path, str(config.path), line, "structural.exclude_bed", lengths)
