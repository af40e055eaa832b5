"""The ``wgs`` command: parses, calls one function of the package, reports.

Each command is a module of this package and is imported only when it is asked for, so that the
time from shell to answer is the time of the answer.
"""

from __future__ import annotations

import importlib
import logging
import sys
from typing import Any

import click

from wgs_pipeline import __version__
from wgs_pipeline.errors import WgsError

#: Command name to (module of this package, one-line help shown by ``wgs --help``).
COMMANDS: dict[str, tuple[str, str]] = {
    "alignment": ("alignment", "Verify alignments."),
    "audit": ("audit", "Verify and show the access log."),
    "check": ("check", "Validate everything a run would read; name every problem."),
    "consent": ("consent", "Ask what a patient's consent allows."),
    "gvcf": ("gvcf", "Gather and verify gVCFs."),
    "ngd": ("ngd", "Load and query the National Genome Database."),
    "plan": ("plan", "Plan sequencing capacity fairly."),
    "qc": ("qc", "Per-sample metrics and verdict."),
    "reads": ("reads", "Stream, verify and count FASTQ reads."),
    "reference": ("reference", "Intervals and checks of the reference."),
    "report": ("report", "Write the run report."),
    "toy": ("toy", "Make a toy genome project."),
}


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"wgs_pipeline.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in sorted(COMMANDS.items())])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="wgs")
@click.option("-v", "--verbose", is_flag=True, help="Also log what is being done.")
def cli(verbose: bool) -> None:
    """A national genome pipeline: consent, QC, the National Genome Database, planning."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )


def main(arguments: list[str] | None = None) -> Any:
    """Run ``wgs``; a ``WgsError`` becomes its message on standard error and exit code 1."""
    try:
        return cli(arguments, prog_name="wgs")
    except WgsError as error:
        click.echo(f"wgs: {error}", err=True)
        sys.exit(1)
