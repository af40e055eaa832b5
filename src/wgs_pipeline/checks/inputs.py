"""All checks of a project in one pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from wgs_pipeline.aligners import is_installed, resolve_for_run
from wgs_pipeline.checks.alignments import check_alignments
from wgs_pipeline.checks.archives import check_recipients
from wgs_pipeline.checks.compression import access_problem
from wgs_pipeline.checks.families import check_family_files
from wgs_pipeline.checks.gvcfs import check_gvcfs
from wgs_pipeline.checks.outputs import check_outputs
from wgs_pipeline.checks.panels import check_contamination_sites, check_excluded, check_panel
from wgs_pipeline.checks.reads import check_reads
from wgs_pipeline.checks.reference import check_reference
from wgs_pipeline.checks.space import predict_space
from wgs_pipeline.checks.truths import check_truths
from wgs_pipeline.config import Config, parse_config
from wgs_pipeline.errors import Problem
from wgs_pipeline.project import Project, assemble


@dataclass(frozen=True)
class Findings:
    """What was checked.

    Attributes:
        problems: Everything wrong.
        checked: One line per kind of input, of what was looked at.
        left_out: sample_ids without consent to analysis; nothing of theirs was opened.
        warnings: What does not stop a run, but may.
    """

    problems: tuple[Problem, ...]
    checked: tuple[str, ...]
    left_out: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def check_project(
    configfile: Path, overrides: Mapping[str, Any] | None = None, as_of: datetime | None = None
) -> Findings:
    """Check everything a run of a project would read, and where it would write.

    Raises:
        ConfigError: The configuration cannot be read.
    """
    config, config_problems = parse_config(configfile, overrides)
    if config is None:
        return Findings(tuple(config_problems), (), ())
    project, problems = assemble(config, as_of)
    problems += config_problems
    analysed = [unit for name in project.analysed for unit in project.units[name]]
    lengths, reference_problems = check_reference(config)
    problems += reference_problems
    problems += check_reads(config.units, analysed, config.aligner.platform)
    problems += check_alignments(
        config.units, analysed, config.reference.fasta, lengths, config.calling.engine
    )
    problems += check_gvcfs(config.units, analysed, config.reference, lengths)
    problems += check_panel(config, lengths)
    problems += check_contamination_sites(config)
    problems += check_excluded(config, lengths)
    problems += check_family_files(config, lengths)
    problems += check_truths(config, project.analysed, lengths)
    problems += check_recipients(config)
    problems += _site_problems(config)
    problems += check_outputs(config)
    left_out = tuple(project.excluded) if project.register.events_of else ()
    checked = _checked(config, project, lengths)
    if problems:
        return Findings(tuple(problems), tuple(checked), left_out)
    space = predict_space(project)
    warnings = [space.warning] if space.warning else []
    if any(unit.kind == "fastq" for unit in analysed):
        aligner = resolve_for_run(config)
        checked.append(f"aligner {aligner.name}")
        if not is_installed(aligner.name):
            warnings.append(_no_aligner(config, aligner.name))
    return Findings((), (*checked, str(space)), left_out, tuple(warnings))


def _no_aligner(config: Config, name: str) -> str:
    kept = "" if config.aligner.name == name else ", with which these results were begun"
    return (
        f"aligner {name}{kept}: not found on PATH here. Where jobs do not find it either, "
        "alignment fails: install it (make setup), or name another one in aligner.name."
    )


def _site_problems(config: Config) -> list[Problem]:
    """Problems of the sites at which genomes are compared."""
    sites = config.qc.identity.sites
    if sites is None:
        return []
    line = config.line("qc", "identity", "sites")
    missing = access_problem(sites, str(config.path), line, "qc.identity.sites")
    return [missing] if missing else []


def _checked(config: Config, project: Project, lengths: Mapping[str, int]) -> list[str]:
    units = [unit for name in project.analysed for unit in project.units[name]]
    kinds = {kind: sum(unit.kind == kind for unit in units) for kind in ("fastq", "cram", "gvcf")}
    recipients = len(config.archive.recipients)
    register = project.register
    events = register.n_events - register.n_optout_events
    return [
        f"config {config.path}",
        f"samples {len(project.samples)} in {config.samples}",
        f"units {sum(map(len, project.units.values()))} in {config.units}",
        f"consents {events} events in {config.consents}",
        *([f"opt-outs {register.n_optouts} persons"] if register.n_optouts else []),
        f"reference {config.reference.build}, {len(lengths)} contigs, {sum(lengths.values())} bp",
        *(f"{kind} {count} units" for kind, count in kinds.items() if count),
        *([f"truth of {len(config.truth)} samples"] if config.truth else []),
        *([f"archive for {recipients} recipients"] if recipients else []),
        f"outputs {config.results}, {config.ngd.root}",
    ]
