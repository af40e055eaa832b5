"""The questions of ``wgs ngd``: region, variant, carriers, genes, genome, info."""

from __future__ import annotations

import gc
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from wgs_pipeline.ngd.database import Database

_Command = Callable[..., Any]
_path = click.Path(path_type=Path)
_root = click.argument("root", type=_path)
_rsids = click.option("--rsids", type=_path, help="Table of rsIDs: Parquet, VCF or TSV.")


def _question(function: _Command) -> _Command:
    """Options of every question."""
    for option in (
        click.option("-o", "--output", type=_path, help="File; standard output without."),
        click.option("--aliases", type=_path, help="Table of other names of contigs."),
        click.option("--actor", help="Person on whose behalf a service asks; it is logged."),
        click.option("--project", type=_path, help="Approved project (research, statistics)."),
        click.option("--purpose", required=True, help="care, quality, statistics or research."),
    ):
        function = option(function)
    return function


def _format(*choices: str) -> Callable[[_Command], _Command]:
    return click.option(
        "--format", "format_", type=click.Choice(choices), default=choices[0], show_default=True
    )


@click.command()
@_root
@click.argument("region")
@click.option("--samples", type=_path, help="Count among these only: one sample_id on each line.")
@_format("tsv", "json", "parquet")
@_question
def region(
    root: Path,
    region: str,
    samples: Path | None,
    format_: str,
    output: Path | None,
    **asking: Any,
) -> None:
    """Variants that start in REGION (chr20:100-200, 1-based) with AC, AN and AF."""

    def ask(database: Database) -> Any:
        from wgs_pipeline.ngd.lists import read_sample_ids

        return database.region(region, None if samples is None else read_sample_ids(samples))

    _answer(root, asking, ask, format_, output)


@click.command()
@_root
@click.argument("variant")
@_rsids
@_format("tsv", "json", "parquet")
@_question
def variant(root: Path, variant: str, format_: str, output: Path | None, **asking: Any) -> None:
    """AC, AN and AF of one VARIANT: chr20-123-A-T, SPDI (NC_000020.11:122:A:T) or rsID."""
    _answer(root, asking, lambda database: database.variant(variant), format_, output)


@click.command()
@_root
@click.argument("names", nargs=-1, metavar="[VARIANT]... | REGION")
@click.option("--variants", type=_path, help="File of variants: one on each line, or a VCF.")
@_rsids
@_format("tsv", "json", "parquet")
@_question
def carriers(
    root: Path,
    names: tuple[str, ...],
    variants: Path | None,
    format_: str,
    output: Path | None,
    **asking: Any,
) -> None:
    """Samples that carry one VARIANT, any of several, or any that starts in REGION; care only."""
    if not names and variants is None:
        raise click.UsageError("give variants, a region, or --variants")

    def ask(database: Database) -> Any:
        if variants is not None:
            from wgs_pipeline.ngd.lists import read_variant_names

            return database.carriers_of([*names, *read_variant_names(variants)])
        if len(names) == 1 and _is_region(names[0], database):
            return database.carriers_in(names[0])
        return database.carriers(names[0]) if len(names) == 1 else database.carriers_of(names)

    _answer(root, asking, ask, format_, output)


@click.command()
@_root
@click.option("--genes", "intervals", required=True, type=_path, help="GFF3 or BED, also .gz.")
@click.option("--gene", "names", multiple=True, help="Only this gene; may be repeated.")
@click.option("--carriers", is_flag=True, help="Who carries the variants; care only.")
@_format("tsv", "json", "parquet")
@_question
def genes(
    root: Path,
    intervals: Path,
    names: tuple[str, ...],
    carriers: bool,
    format_: str,
    output: Path | None,
    **asking: Any,
) -> None:
    """Variants that start in genes, with AC, AN and AF or with their carriers."""

    def ask(database: Database) -> Any:
        return database.genes(intervals, names, carriers)

    _answer(root, asking, ask, format_, output)


@click.command()
@_root
@click.option("--patient-id", required=True, help="The person; '-' reads standard input.")
@click.option("--sample", help="Which genome, where the person has several.")
@click.option("--region", help="Only calls that start here.")
@_format("vcf", "tsv", "json", "parquet")
@_question
def genome(
    root: Path,
    patient_id: str,
    sample: str | None,
    region: str | None,
    format_: str,
    output: Path | None,
    **asking: Any,
) -> None:
    """One person's calls as VCF; care only."""
    from wgs_pipeline.cli.identifier import read_identifier

    person = read_identifier(patient_id)
    if not person:
        raise click.UsageError("the patient identifier is empty")
    _answer(root, asking, lambda database: database.genome(person, sample, region), format_, output)


@click.command()
@_root
def info(root: Path) -> None:
    """Genomes, variants, bytes, generation and the release in force, as JSON."""
    import json

    from wgs_pipeline.ngd.inventory import info
    from wgs_pipeline.ngd.layout import Root
    from wgs_pipeline.vault import Vault

    opened = Root.open(root)
    with Vault(opened.vault) as vault:
        click.echo(json.dumps(info(opened, vault), indent=2))


def _is_region(name: str, database: Database) -> bool:
    """Whether a name is a region: a variant has alleles, a rsID has none and no contig."""
    return name in database.contigs or bool(re.fullmatch(r".+:[0-9,]+(-[0-9,]+)?", name))


class _NoPandas:
    """An import hook under which pandas is not installed."""

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


def import_arrow_alone() -> None:
    """Import Arrow and NumPy without what takes longer than an answer: pandas, and threads."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # started at import; nothing here uses them
    hook: Any = _NoPandas
    sys.meta_path.insert(0, hook)
    try:
        import pyarrow as pa

        pa.array([0])  # the first conversion looks for pandas, and none after it
    finally:
        sys.meta_path.remove(hook)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Imports make many objects and one answer few cycles: looking for them takes time only."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _answer(
    root: Path,
    asking: dict[str, Any],
    ask: Callable[[Database], Any],
    format_: str,
    output: Path | None,
) -> None:
    with _no_collection():
        import_arrow_alone()
        from wgs_pipeline import ngd
        from wgs_pipeline.ngd import answers

        with ngd.open(root, **asking) as database:
            table = ask(database)
            contigs = database.contigs if format_ == "vcf" else {}
        answers.write(table, format_, output, contigs)
    stated = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    names = [name for name in ("generation", "release", "eligible") if name in stated]
    click.echo("# " + " ".join(f"{name}={stated[name]}" for name in names), err=True)
