"""``wgs reads``: stream the FASTQ lanes of a sample to the aligner."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

import click

from wgs_pipeline.files import write_json


@click.group()
def command() -> None:
    """Stream, verify and count FASTQ reads."""


@command.command()
@click.option(
    "--lane",
    "lanes",
    nargs=4,
    multiple=True,
    required=True,
    metavar="READ_GROUP LIBRARY FASTQ_1 FASTQ_2",
    help="One library on one lane; give the option once a lane.",
)
@click.option(
    "--md5",
    "digests",
    nargs=2,
    multiple=True,
    metavar="FASTQ MD5",
    help="Expected MD5 digest of a FASTQ file.",
)
@click.option(
    "--tally",
    type=click.Path(path_type=Path),
    required=True,
    help="Write the pairs and bases that were read to this JSON file.",
)
def stream(
    lanes: tuple[tuple[str, str, str, str], ...],
    digests: tuple[tuple[str, str], ...],
    tally: Path,
) -> None:
    """Write all lanes to standard output as one interleaved FASTQ, verified on the way.

    Each read's comment carries its read group and library as SAM tags (bwa mem -C).
    """
    from wgs_pipeline import fastq

    fastq.verify_digests([(Path(path), digest) for path, digest in digests])
    named = [fastq.Lane(group, library, Path(r1), Path(r2)) for group, library, r1, r2 in lanes]
    try:
        tallies = fastq.stream_lanes(named, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        _leave("the aligner stopped reading; its own message says why")
    except OSError as error:
        _leave(f"standard output: cannot be written: {error.strerror or error}")
    write_json(tally, fastq.tally_json(tallies))


def _leave(message: str) -> NoReturn:
    """Say why and exit with 1, before Python tries to flush what nobody takes."""
    click.echo(f"wgs: {message}", err=True)
    os._exit(1)
