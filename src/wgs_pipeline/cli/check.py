"""``wgs check``: validate everything a run would read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from wgs_pipeline.errors import ProblemsError


def _parse_overrides(
    context: click.Context, parameter: click.Parameter, value: str
) -> dict[str, Any]:
    try:
        overrides = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise click.BadParameter(f"no JSON: {error}") from error
    if not isinstance(overrides, dict):
        raise click.BadParameter('expected an object of keys, as \'{"results": "out"}\'')
    return overrides


@click.command()
@click.argument("configfile", type=click.Path(path_type=Path))
@click.option(
    "--config-json",
    "overrides",
    metavar="JSON",
    callback=_parse_overrides,
    default="{}",
    help="Keys that replace those of the file, nested as there.",
)
def command(configfile: Path, overrides: dict[str, Any]) -> None:
    """Validate everything a run of CONFIGFILE would read; name every problem.

    Looks at the configuration, the sheets, the consent register, the reference, the first reads
    of every FASTQ, the headers of CRAM and gVCF, the truth, the folders to write to and the room
    in them. Files of samples without consent to analysis are not opened. Writes nothing.
    """
    from wgs_pipeline.checks.inputs import check_project

    findings = check_project(configfile, overrides)
    if findings.left_out:
        names = ", ".join(findings.left_out)
        count = len(findings.left_out)
        samples = "sample" if count == 1 else "samples"
        click.echo(f"{count} {samples} left out: no analysis consent: {names}", err=True)
    if findings.problems:
        raise ProblemsError(findings.problems)
    for line in findings.checked:
        click.echo(f"ok {line}", err=True)
    for warning in findings.warnings:
        click.echo(f"warning: {warning}", err=True)
