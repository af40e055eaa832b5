"""Everything that the report is made of, read from files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from wgs_pipeline.governance.genomes import Genome, genomes, read_sheets
from wgs_pipeline.governance.holdings import Holdings, read_holdings
from wgs_pipeline.governance.milestones import read_milestones, read_referrals
from wgs_pipeline.governance.runs import Run, read_runs
from wgs_pipeline.governance.settings import Settings, read_settings


@dataclass(frozen=True)
class Sources:
    """Files of a report.

    Attributes:
        root: Folder of the database.
        settings: Settings file, or None.
        projects: Configurations of projects: their sample sheets and run reports are read.
        samples: Further sample sheets.
        runs: Further run reports (run.json).
        referrals: Referral sheets.
        milestones: Milestone sheets.
    """

    root: Path
    settings: Path | None = None
    projects: Sequence[Path] = ()
    samples: Sequence[Path] = ()
    runs: Sequence[Path] = ()
    referrals: Sequence[Path] = ()
    milestones: Sequence[Path] = ()


@dataclass(frozen=True)
class Gathered:
    """What was read. It knows who is who and must not leave the process.

    Attributes:
        settings: What the programme is measured against.
        genomes: Every genome.
        runs: Every run, oldest first.
        holdings: The database.
        left_out: Samples that the latest run of each left out for lack of consent.
    """

    settings: Settings
    genomes: Sequence[Genome] = field(repr=False)
    runs: Sequence[Run]
    holdings: Holdings = field(repr=False)
    left_out: int


def gather(sources: Sources) -> Gathered:
    """Read the sources.

    Raises:
        WgsError: A file is missing, or is not what it should be.
    """
    from wgs_pipeline.config import load_config

    settings = read_settings(sources.settings)
    sheets, reports = list(sources.samples), list(sources.runs)
    for path in sources.projects:
        config = load_config(path)
        sheets.append(config.samples)
        report = config.results / "report" / "run.json"
        reports += [report] if report.exists() else []
    samples = read_sheets(sheets)
    runs = read_runs(reports)
    holdings = read_holdings(sources.root)
    milestones = read_milestones(sources.milestones)
    referred = read_referrals(sources.referrals, list(samples.values()))
    last = {each.sample_id: each for run in runs for each in run.samples}
    return Gathered(
        settings,
        genomes(runs, samples, holdings, milestones, referred),
        runs,
        holdings,
        sum(each.left_out for each in last.values()),
    )
