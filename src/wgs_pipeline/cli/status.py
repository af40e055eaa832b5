"""``wgs status``: a run as it is."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import click

#: Clears a terminal and goes to its first line.
_REDRAW = "\x1b[H\x1b[2J"


@click.command()
@click.argument("configfile", type=click.Path(path_type=Path))
@click.option("--samples", is_flag=True, help="Also a line for each sample.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json has every sample.",
)
@click.option(
    "--watch",
    type=click.FloatRange(min=0.1),
    metavar="SECONDS",
    help="Show it again and again, until the run has ended.",
)
def command(configfile: Path, samples: bool, form: str, watch: float | None) -> None:
    """Show how far the run of CONFIGFILE has come: done, running, waiting, failed, time left.

    Reads what Snakemake leaves in the results folder, and SLURM's queue and accounting where they
    are there. The time left is an estimate from the pace so far. A job counts as running from
    when it is handed to the scheduler; the line of SLURM says how many of them still wait there.
    """
    from wgs_pipeline.project import Project
    from wgs_pipeline.status.run import RUNNING, run_status
    from wgs_pipeline.status.text import status_text

    while True:
        status = run_status(Project.load(configfile), datetime.now(UTC))
        text = json.dumps(status) + "\n" if form == "json" else status_text(status, samples)
        click.echo((_REDRAW if watch and form == "text" else "") + text, nl=False)
        if not watch or status["state"] != RUNNING:
            return
        time.sleep(watch)
