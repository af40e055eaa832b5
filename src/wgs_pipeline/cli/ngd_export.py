"""``wgs ngd export``: a data set for an approved project, or frequencies for operators."""

from __future__ import annotations

from pathlib import Path

import click

_path = click.Path(path_type=Path)
_FORMATS = ("parquet", "vcf", "bcf", "vcf-zarr")


@click.command()
@click.argument("root", type=_path)
@click.option("--project", type=_path, help="Approved project (research, statistics).")
@click.option("--regions", type=_path, help="BED; all that the project permits without.")
@click.option(
    "--purpose", default="research", show_default=True, help="care, quality, statistics, research."
)
@click.option("--actor", help="Person on whose behalf a service asks; it is logged.")
@click.option(
    "--format", "formats", type=click.Choice(_FORMATS), multiple=True, default=("parquet", "vcf"),
    show_default=True, help="Form of the genotypes; may be repeated.",
)  # fmt: skip
@click.option("--frequencies-only", is_flag=True, help="No genotypes of persons.")
@click.option("-o", "--output", type=_path, required=True, help="Folder to make, or to replace.")
def command(
    root: Path,
    project: Path | None,
    regions: Path | None,
    purpose: str,
    actor: str | None,
    formats: tuple[str, ...],
    frequencies_only: bool,
    output: Path,
) -> None:
    """Write a pseudonymised data set of ROOT: genotypes and frequencies, with a manifest.

    Care and quality get frequencies only. An earlier export of the same project is replaced.
    """
    from wgs_pipeline import ngd
    from wgs_pipeline.ngd.export import Wanted, export

    with ngd.open(root, purpose, project, actor) as database:
        wanted = Wanted(output, regions, tuple(dict.fromkeys(formats)), frequencies_only)
        done = export(database, wanted)
    since = "" if done.removed is None else f", {done.removed} removed since the last export"
    click.echo(
        f"{output}: generation {done.generation}, {done.persons} persons{since}, "
        f"{done.variants} variants",
        err=True,
    )
