"""The ``wgs`` command: parses, calls one function of the package, reports.

Each command is a module of this package and is imported only when it is asked for, so that the
time from shell to answer is the time of the answer.
"""

from __future__ import annotations

import atexit
import errno
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import click

from wgs_pipeline import __version__
from wgs_pipeline.cli.lazy import LazyGroup
from wgs_pipeline.errors import WgsError
from wgs_pipeline.identifiers import has_cpr_shape, without_cpr

#: Command name to (module of this package, one-line help shown by ``wgs --help``).
COMMANDS: dict[str, tuple[str, str]] = {
    "alignment": ("alignment", "Verify alignments."),
    "archive": ("archive", "Encrypt archive copies of CRAM and gVCF files."),
    "audit": ("audit", "Verify and show the access log."),
    "batch": ("batch", "Write the next wave of a queue of samples."),
    "check": ("check", "Validate everything a run would read; name every problem."),
    "cluster": ("cluster", "See to jobs that an earlier run left on the cluster."),
    "consent": ("consent", "Ask what a patient's consent allows."),
    "copy-number": ("copy_number", "Copy number from read depth."),
    "family": ("family", "Analyse families: Mendel, de novo, inheritance, ROH, UPD."),
    "gvcf": ("gvcf", "Gather and verify gVCFs."),
    "mitochondrion": ("mitochondrion", "Call heteroplasmies of the mitochondrion."),
    "ngd": ("ngd", "Load and query the National Genome Database."),
    "plan": ("plan", "Plan sequencing capacity fairly."),
    "qc": ("qc", "Per-sample metrics and verdict."),
    "reads": ("reads", "Stream, verify and count FASTQ reads."),
    "reference": ("reference", "Intervals and checks of the reference."),
    "resources": ("resources", "Fit what jobs ask for to finished runs."),
    "report": ("report", "Write the run report."),
    "status": ("status", "Show a run as it is: done, running, waiting, failed, time left."),
    "structural": ("structural", "Merge calls of structural variants."),
    "toy": ("toy", "Make a toy genome project."),
    "vault": ("vault", "Keep the vault's keys: make, rotate, back up, destroy."),
}


@contextmanager
def _withholding() -> Iterator[None]:
    """Keep civil registration numbers out of what is said about a wrong command line."""
    try:
        yield
    except click.UsageError as error:
        said = error.format_message()
        if has_cpr_shape(said):
            raise click.UsageError(without_cpr(said), error.ctx) from None
        raise


class _Commands(LazyGroup):
    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        with _withholding():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with _withholding():
            return super().invoke(ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in sorted(COMMANDS.items())])


@click.group(
    cls=_Commands,
    elsewhere={name: (module, "command") for name, (module, _) in COMMANDS.items()},
    context_settings={"help_option_names": ["-h", "--help"]},
)
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
    """Run ``wgs``; a ``WgsError`` becomes its message on standard error and exit code 1.

    What a command writes, also through a library, is for its owner alone.
    """
    os.umask(0o077)
    # Else Python looks through all that a process made once more when it ends: 50 ms with Arrow.
    atexit.register(gc.freeze)
    try:
        with _tidying():
            _refuse_undecodable(sys.argv[1:] if arguments is None else arguments)
            return cli(arguments, prog_name="wgs")
    except WgsError as error:
        click.echo(f"wgs: {error}", err=True)
    except OSError as error:
        if error.filename is not None or error.errno not in _FULL:
            raise
        click.echo(f"wgs: the output cannot be written: {error.strerror}", err=True)
        _discard_output()
    sys.exit(1)


@contextmanager
def _tidying() -> Iterator[None]:
    """End on SIGTERM as on Ctrl-C: remove what is half-made, stop the tools that were started.

    A second one ends the process at once. Where SIGTERM is ignored or handled, it stays so.
    """
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _stop(number: int, _frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)
    sys.exit(128 + number)


#: A write to an open file, such as standard output, that no command can have foreseen.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def _refuse_undecodable(arguments: list[str]) -> None:
    """Refuse arguments that are no UTF-8, without showing them: one may be an identifier."""
    for number, argument in enumerate(arguments, 1):
        try:
            argument.encode()
        except UnicodeEncodeError:
            raise WgsError(f"argument {number} is no UTF-8; expected text. Convert it") from None


def _discard_output() -> None:
    """Let what is still to be written go nowhere, or Python fails on it again as it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
