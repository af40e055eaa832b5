"""``wgs alignment``: prove that an alignment is complete."""

from __future__ import annotations

from pathlib import Path

import click

from wgs_pipeline.files import write_json, write_text


@click.group()
def command() -> None:
    """Verify alignments."""


@command.command()
@click.argument("cram", type=click.Path(path_type=Path))
@click.option("--sample", required=True, help="Expected SM of every read group.")
@click.option("--fasta", type=click.Path(path_type=Path), required=True, help="Reference.")
@click.option(
    "--tally",
    type=click.Path(path_type=Path),
    help="What wgs reads stream counted; without it the reads are counted, not compared.",
)
@click.option("--md5", type=click.Path(path_type=Path), required=True, help="Write the MD5 here.")
@click.option("-o", "output", type=click.Path(path_type=Path), required=True, help="JSON.")
def verify(
    cram: Path, sample: str, fasta: Path, tally: Path | None, md5: Path, output: Path
) -> None:
    """Prove that a CRAM holds every read that went in."""
    from wgs_pipeline import alignment

    found = alignment.verify(cram, fasta, sample, tally)
    write_text(md5, f"{found['md5']}  {cram.name}\n")
    write_json(output, found)
