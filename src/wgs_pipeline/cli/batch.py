"""``wgs batch``: write the next wave of a queue of samples."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("configfile", metavar="QUEUE", type=_PATH)
@click.option("--waves", type=_PATH, required=True, help="Folder of all waves, made where missing.")
@click.option("--plan", type=_PATH, help="plan.tsv of wgs plan: acute first, then by week.")
@click.option(
    "--size", type=click.IntRange(min=1), default=1000, show_default=True, help="Most samples."
)
@click.option(
    "--reopen",
    multiple=True,
    metavar="WAVE",
    help="A wave that was given up: what it did not finish waits again. May be repeated.",
)
def command(
    configfile: Path, waves: Path, plan: Path | None, size: int, reopen: tuple[str, ...]
) -> None:
    """Write the next wave of QUEUE, the config.yaml of a project that names every sample.

    In it are samples with consent and all their files that no wave has done, and those with lanes
    that came since (top-ups); whole families, the most urgent of the plan first. Out of it stay
    those that are loaded, that wait for a top-up or for an identity, or that are in a wave that
    has not ended. The wave is a folder of its own, with sheets, configuration and, once it is run,
    results; the path of its config.yaml goes to standard output, who is in it is its samples.tsv.
    """
    from wgs_pipeline.errors import WgsError
    from wgs_pipeline.project import Project
    from wgs_pipeline.waves.history import read_history, wave_folders
    from wgs_pipeline.waves.queue import choose, read_plan, sort_out
    from wgs_pipeline.waves.write import sole_writer, write_wave

    project = Project.load(configfile)
    ranks = read_plan(plan) if plan else {}
    with sole_writer(waves):
        known = {folder.name for folder in wave_folders(waves)}
        if unknown := set(reopen) - known:
            raise WgsError(
                f"{waves}: no wave {', '.join(sorted(unknown))}; expected one of "
                f"{', '.join(sorted(known)) or 'none yet'}. Correct --reopen"
            )
        queue = sort_out(project, read_history(waves), reopen)
        chosen = choose(project, queue, ranks, size)
        _tell(Counter(_kind(why) for why in queue.left_out.values()), "left out")
        if not chosen:
            click.echo(f"nobody waits, or no family fits in {size}; nothing written", err=True)
            return
        folder = write_wave(project, [each.sample for each in chosen], waves)
    _tell(Counter(each.reason for each in chosen), f"in wave {folder.name}")
    left = len(set(queue.waiting) - {each.sample for each in chosen})
    click.echo(f"{left} wait for the next wave", err=True)
    click.echo(folder / "config.yaml")


def _kind(why: str) -> str:
    """Why, without the number of the wave and what is next."""
    return why.split(" in wave ")[0].split(" by wave ")[0].split(",")[0]


def _tell(counts: Counter[str], what: str) -> None:
    for reason, count in sorted(counts.items()):
        click.echo(f"{count} {what}: {reason}", err=True)
