"""``wgs structural``: where structural variants are looked for, and the callers' calls as one."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from wgs_pipeline.files import write_text

if TYPE_CHECKING:
    from wgs_pipeline.structural.calls import Call

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
CALLERS = ("delly", "dysgu")


@click.group()
def command() -> None:
    """Merge calls of structural variants."""


@command.command()
@click.option("--fai", type=click.Path(path_type=Path), required=True, help="FASTA index.")
@click.option(
    "--regions", type=click.Path(path_type=Path), required=True, help="BED of what is not N."
)
@click.option("--exclude-bed", type=click.Path(path_type=Path), help="BED to exclude besides.")
@click.option(
    "--min-gap",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="Runs of N shorter than this (bp) are not excluded.",
)
@click.option("-o", "output", type=click.Path(path_type=Path), required=True, help="BED.")
def exclude(fai: Path, regions: Path, exclude_bed: Path | None, min_gap: int, output: Path) -> None:
    """List where structural variants are not looked for."""
    from wgs_pipeline.reference import format_bed
    from wgs_pipeline.structural.exclusion import read_excluded

    write_text(output, format_bed(read_excluded(fai, regions, exclude_bed, min_gap)))


def _options(*options: Callable[[Decorated], Decorated]) -> Callable[[Decorated], Decorated]:
    """Several options as one decorator."""

    def decorate(function: Decorated) -> Decorated:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


_events = _options(
    click.option("--sample", required=True, help="sample_id."),
    click.option(
        "--reference", type=click.Path(path_type=Path), required=True, help="Indexed FASTA."
    ),
    click.option(
        "--ploidy",
        type=click.Path(path_type=Path),
        help="BED of wgs reference ploidy; else diploid.",
    ),
    click.option(
        "--min-size", type=click.IntRange(min=1), default=50, show_default=True, help="bp."
    ),
    click.option(
        "--min-support",
        type=click.IntRange(min=1),
        default=3,
        show_default=True,
        help="Reads and pairs below which an event does not pass.",
    ),
    click.option(
        "--max-distance",
        type=click.IntRange(min=0),
        default=500,
        show_default=True,
        help="Most bases between the ends of calls of one event.",
    ),
    click.option(
        "--min-overlap",
        type=click.FloatRange(0, 1),
        default=0.5,
        show_default=True,
        help="Least reciprocal overlap of calls of one event.",
    ),
    click.option("-o", "output", type=click.Path(path_type=Path), required=True, help="bgzip VCF."),
)


@command.command()
@click.option(
    "--calls",
    type=(click.Choice(CALLERS), click.Path(path_type=Path)),
    multiple=True,
    required=True,
    metavar="CALLER VCF",
    help="A caller and its calls; once a caller, the most trusted genotypes first.",
)
@_events
def merge(calls: tuple[tuple[str, Path], ...], **options: Any) -> None:
    """Merge calls of delly and dysgu that are there."""
    from wgs_pipeline.structural.calls import read_calls

    callers = _each_once([caller for caller, _ in calls])
    found = [call for caller, path in calls for call in read_calls(path, caller, options["sample"])]
    _write(found, callers, **options)


@command.command()
@click.argument("cram", type=click.Path(path_type=Path))
@click.option(
    "--caller",
    "callers",
    type=click.Choice(CALLERS),
    multiple=True,
    required=True,
    help="A caller to run; once a caller, the most trusted genotypes first.",
)
@click.option("--exclude", type=click.Path(path_type=Path), help="BED where nothing is called.")
@click.option(
    "--min-mapping-quality",
    type=click.IntRange(0, 255),
    default=1,
    show_default=True,
    help="Reads below it (Phred) do not count.",
)
@click.option(
    "--min-probability",
    type=click.FloatRange(0, 1),
    default=0.45,
    show_default=True,
    help="Least probability of an event of dysgu that passes.",
)
@click.option("--threads", type=click.IntRange(min=1), default=2, show_default=True)
@_events
def call(
    cram: Path,
    callers: tuple[str, ...],
    exclude: Path | None,
    min_mapping_quality: int,
    min_probability: float,
    threads: int,
    **options: Any,
) -> None:
    """Call structural variants of one alignment with delly and dysgu, and merge them."""
    from wgs_pipeline.structural import callers as tools

    request = tools.Request(
        cram,
        options["reference"],
        exclude,
        min_mapping_quality,
        options["min_support"],
        options["min_size"],
        min_probability,
        threads,
    )
    with tempfile.TemporaryDirectory(prefix="structural.") as folder:
        found = tools.call(_each_once(callers), request, options["sample"], Path(folder))
    _write(found, callers, **options)


def _each_once(callers: Sequence[str]) -> Sequence[str]:
    if len(set(callers)) < len(callers):
        raise click.UsageError("each caller may be given once")
    return callers


def _write(
    found: Iterable[Call],
    callers: Sequence[str],
    *,
    sample: str,
    reference: Path,
    ploidy: Path | None,
    min_size: int,
    min_support: int,
    max_distance: int,
    min_overlap: float,
    output: Path,
) -> None:
    from wgs_pipeline.copy_number.expected import ExpectedCopies, read_expected
    from wgs_pipeline.reference import read_contigs
    from wgs_pipeline.structural.merging import Criteria, merge, oriented
    from wgs_pipeline.structural.writing import Bounds, write_events

    contigs = {each.name: each.length for each in read_contigs(Path(f"{reference}.fai"))}
    write_events(
        output,
        merge(oriented(found, list(contigs)), Criteria(max_distance, min_overlap), callers),
        sample=sample,
        contigs=contigs,
        fasta=reference,
        expected=read_expected(ploidy, sample) if ploidy else ExpectedCopies(),
        bounds=Bounds(min_size, min_support),
    )
