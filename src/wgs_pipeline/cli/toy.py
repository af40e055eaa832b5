"""``wgs toy``: make a toy genome project."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("outdir", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Decides what is drawn.",
)
@click.option(
    "--coverage",
    type=click.FloatRange(0, 500, min_open=True),
    default=30.0,
    show_default=True,
    help="Autosomal depth that every sample reaches without duplicates.",
)
@click.option(
    "--scale",
    type=click.FloatRange(0.1, 20),
    default=1.0,
    show_default=True,
    help="Multiplies the genome length: 0.2 gives 68 kb, for quick tests.",
)
def command(outdir: Path, seed: int, coverage: float, scale: float) -> None:
    """Make OUTDIR a ready project: toy genome, trio, reads, truth, sheets, config.

    The people are synthetic: a trio whose son has a planted de novo variant and a planted compound
    heterozygote, a patient who refused research, and one who withdrew the consent to analysis.
    OUTDIR/README.md says what is where. The same options give the same bytes; a project that is
    there already stays as it is. The path of its config.yaml goes to standard output.
    """
    from wgs_pipeline.toy import make_project

    project = make_project(outdir, seed, coverage, scale)
    if project.written:
        click.echo(f"{outdir}: wrote {len(project.written)} files; see README.md there", err=True)
    else:
        click.echo(f"{outdir}: complete already, nothing changed", err=True)
    click.echo(project.config)
