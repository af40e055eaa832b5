"""``wgs gvcf``: gather and verify gVCFs."""

from __future__ import annotations

from pathlib import Path

import click

from wgs_pipeline.files import write_json


@click.group()
def command() -> None:
    """Gather and verify gVCFs."""


@command.command()
@click.argument("pieces", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--depth-bands",
    default="0",
    show_default=True,
    help="Lower bounds of the depth bands that the caller was given, comma-separated.",
)
@click.option("--threads", type=int, default=1, show_default=True, help="Threads that compress.")
@click.option("-o", "output", type=click.Path(path_type=Path), required=True, help="gVCF.")
def gather(pieces: tuple[Path, ...], depth_bands: str, threads: int, output: Path) -> None:
    """Join the pieces of a scattered call, in reference order."""
    from wgs_pipeline import gvcf

    bands = [int(bound) for bound in depth_bands.split(",")]
    gvcf.gather(pieces, bands, output, threads)


@command.command()
@click.argument("path", metavar="GVCF", type=click.Path(path_type=Path))
@click.option(
    "--covered",
    type=click.Path(path_type=Path),
    help="BED of bases with reads (mosdepth --quantize 1:); each must lie in a record.",
)
@click.option("-o", "output", type=click.Path(path_type=Path), required=True, help="JSON.")
def verify(path: Path, covered: Path | None, output: Path) -> None:
    """Prove that a gVCF is complete."""
    from wgs_pipeline import gvcf

    gvcf.check_bgzf_eof(path)
    bases = gvcf.verify_coverage(path, covered) if covered else None
    write_json(output, {"gvcf": path.name, "bases_in_records": bases})
