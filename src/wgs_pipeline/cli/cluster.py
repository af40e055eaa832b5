"""``wgs cluster``: what a run and SLURM owe each other."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def command() -> None:
    """See to jobs that an earlier run left on the cluster."""


@command.command()
@click.argument("results", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(min=0),
    default=180.0,
    show_default=True,
    metavar="SECONDS",
    help="How long the end of cancelled jobs may take.",
)
def recover(results: Path, wait_s: float) -> None:
    """Make the results folder RESULTS ready for a run after one that was killed.

    Cancels the SLURM jobs that write to it and waits until they have ended; then removes what
    killed jobs left half-written. The workflow does this at its start. Never run it beside a
    living run: its jobs would be cancelled.
    """
    from wgs_pipeline.leftovers import remove_leftovers
    from wgs_pipeline.slurm.queue import end_orphans, what

    for job in end_orphans(results, wait_s):
        click.echo(f"ended SLURM job {job.id} of an earlier run: {what(job.log)}", err=True)
    removed = remove_leftovers(results)
    if removed:
        click.echo(f"removed {removed} half-written files of an earlier run", err=True)
