"""``wgs report governance``: the programme as its board sees it."""

from __future__ import annotations

from pathlib import Path

import click

_path = click.Path(path_type=Path)


@click.command()
@click.argument("root", type=_path)
@click.option("-o", "--output", type=_path, required=True, help="Folder to write into.")
@click.option("--settings", type=_path, help="Target, relevant patients, prices, carbon (YAML).")
@click.option("--project", "projects", type=_path, multiple=True, help="config.yaml of a project.")
@click.option("--samples", type=_path, multiple=True, help="Further sample sheet.")
@click.option("--run", "runs", type=_path, multiple=True, help="Further report/run.json.")
@click.option("--referrals", type=_path, multiple=True, help="Referral sheet.")
@click.option("--milestones", type=_path, multiple=True, help="Dates of sequencing and answers.")
def command(
    root: Path,
    output: Path,
    settings: Path | None,
    projects: tuple[Path, ...],
    samples: tuple[Path, ...],
    runs: tuple[Path, ...],
    referrals: tuple[Path, ...],
    milestones: tuple[Path, ...],
) -> None:
    """Report progress, access, turnaround, cost, consent and use of the database ROOT.

    Writes governance.html and the same as tables/*.csv and tables/*.parquet; no small number in
    them can be worked out. Options that say further may be repeated.
    """
    from datetime import UTC, datetime

    from wgs_pipeline.files import write_text
    from wgs_pipeline.governance.gather import Sources, gather
    from wgs_pipeline.governance.page import render
    from wgs_pipeline.governance.publish import publish, write_tables

    sources = Sources(root, settings, projects, samples, runs, referrals, milestones)
    report = publish(gather(sources), datetime.now(UTC))
    write_tables(report, output / "tables")
    write_text(output / "governance.html", render(report))
    click.echo(f"{output / 'governance.html'}: {len(report.tables)} tables beside it", err=True)
