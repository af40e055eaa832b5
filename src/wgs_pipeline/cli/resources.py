"""``wgs resources``: what the jobs of the workflow ask for."""

from __future__ import annotations

from pathlib import Path

import click

_PATH = click.Path(path_type=Path)


@click.group()
def command() -> None:
    """What jobs ask a scheduler for."""


@command.command()
@click.argument("results", nargs=-1, required=True, type=_PATH)
@click.option("--previous", type=_PATH, help="Table to start from. Default: the shipped one.")
@click.option(
    "--slopes-from",
    type=click.FloatRange(min=0),
    default=2000.0,
    show_default=True,
    help="MB of FASTQ that the largest job of a rule must have for its growth to be fitted.",
)
@click.option("-o", "--output", type=_PATH, required=True, help="Table to write (TSV).")
def fit(results: tuple[Path, ...], previous: Path | None, slopes_from: float, output: Path) -> None:
    """Fit the table of memory, time and disk to the benchmark files of finished runs.

    RESULTS are results folders. A line of the table is what 95 of 100 jobs stay below. Runs of
    small inputs change only what every job needs; name the table as resources.table in the
    configuration to use it.
    """
    from wgs_pipeline.resources.fit import fit as fit_table
    from wgs_pipeline.resources.fit import read_observations
    from wgs_pipeline.resources.table import SHIPPED, read_table, write_table

    observations = [each for folder in results for each in read_observations(folder)]
    table = fit_table(observations, read_table(previous or SHIPPED), slopes_from)
    write_table(output, table)
    rules = len({each.rule for each in observations})
    click.echo(
        f"{rules} rules fitted to {len(observations)} figures; written to {output}", err=True
    )
