"""``wgs report``: what a run did, as a page and data, and as text at its end."""

from __future__ import annotations

from pathlib import Path

import click

from wgs_pipeline.cli import governance

_PATH = click.Path(path_type=Path)
_config = click.argument("configfile", type=_PATH)


@click.group()
def command() -> None:
    """Write the run report."""


command.add_command(governance.command, "governance")


@command.command()
@_config
@click.option("-o", "--output", type=_PATH, required=True, help="HTML page to write.")
@click.option("--json", "data", type=_PATH, required=True, help="The same as data.")
@click.option("--costs", type=_PATH, help="TSV of what each sample cost.")
@click.option("--provenance", type=_PATH, help="Folder; how each sample's files came about.")
def run(
    configfile: Path, output: Path, data: Path, costs: Path | None, provenance: Path | None
) -> None:
    """Report what happened to each sample of CONFIGFILE, whatever state its results are in."""
    import os
    from datetime import UTC, datetime

    from wgs_pipeline.files import write_json, write_text
    from wgs_pipeline.project import Project
    from wgs_pipeline.provenance.document import write_provenance
    from wgs_pipeline.report.collect import collect
    from wgs_pipeline.report.ledger import ledger_text
    from wgs_pipeline.report.page import render

    project = Project.load(configfile)
    document = collect(project, datetime.now(UTC))
    results = os.path.relpath(project.config.results, output.absolute().parent)
    page = render(document, results)
    write_json(data, document)
    if costs:
        write_text(costs, ledger_text(document["costs"]))
    if provenance:
        write_provenance(project, provenance)
    write_text(output, page)


@command.command()
@_config
@click.option("-o", "--output", type=_PATH, required=True, help="HTML page to write.")
def cohort(configfile: Path, output: Path) -> None:
    """Show all judged samples of CONFIGFILE together: trends, outliers, batches, relatives."""
    from datetime import UTC, datetime

    from wgs_pipeline.files import write_text
    from wgs_pipeline.project import Project
    from wgs_pipeline.report.cohort import view_cohort
    from wgs_pipeline.report.cohort_page import render_cohort

    project = Project.load(configfile)
    results = project.config.results
    name = results.parent.name if results.name == "results" else results.name
    now = datetime.now(UTC).isoformat(timespec="seconds")
    write_text(output, render_cohort(view_cohort(project), name, now))


@command.command()
@_config
def summary(configfile: Path) -> None:
    """Print the end of a run of CONFIGFILE: samples, accuracy, three questions to the database."""
    from datetime import UTC, datetime

    from wgs_pipeline.project import Project
    from wgs_pipeline.report.collect import collect
    from wgs_pipeline.report.summary import summary_text

    project = Project.load(configfile)
    click.echo(summary_text(project, collect(project, datetime.now(UTC))), nl=False)
