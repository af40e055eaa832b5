"""``wgs audit``: verify and show the access log of a database."""

from __future__ import annotations

from pathlib import Path

import click

from wgs_pipeline.errors import NgdError

_path = click.Path(path_type=Path)


@click.group()
def command() -> None:
    """Verify and show the access log."""


@command.command()
@click.argument("root", type=_path)
def verify(root: Path) -> None:
    """Find any change, gap, insertion, change of order or truncation."""
    from wgs_pipeline import audit
    from wgs_pipeline.ngd.layout import Root
    from wgs_pipeline.vault import Vault

    opened = Root.open(root)
    with Vault(opened.vault) as vault:
        problems = audit.verify(opened.audit, vault)
    if problems:
        raise NgdError("\n".join(problems))
    lines = sum(1 for _ in audit.entries(opened.audit))
    click.echo(f"{opened.audit}: whole, {lines} lines", err=True)


@command.command()
@click.argument("root", type=_path)
@click.option("--patient-id", help="Only what concerns this person; '-' reads standard input.")
@click.option("--format", "format_", type=click.Choice(["tsv", "json"]), default="tsv")
def show(root: Path, patient_id: str | None, format_: str) -> None:
    """Who used what, when and why: the whole log, or what one person has a right to see."""
    import json

    from wgs_pipeline import audit
    from wgs_pipeline.audit import persons
    from wgs_pipeline.cli.identifier import read_identifier
    from wgs_pipeline.identifiers import canonical_patient_id
    from wgs_pipeline.ngd.layout import Root
    from wgs_pipeline.vault import Vault

    opened = Root.open(root)
    person = None if patient_id is None else read_identifier(patient_id)
    if person == "":
        raise click.UsageError("the patient identifier is empty")
    with Vault(opened.vault) as vault:
        problems = audit.verify(opened.audit, vault)
        head = audit.head_hash(vault)
        mine = vault.genomes_of(canonical_patient_id(person)) if person else []
    everything = list(audit.entries(opened.audit))
    if person is None:
        found = persons.PersonLog(tuple(everything), (), 0, len(everything))
        rows, columns = everything, list(persons.COLUMNS)
    else:
        found = persons.select(everything, (each.slot for each in mine))
        rows, columns = persons.person_rows(found.lines), list(persons.PERSON_COLUMNS)
    if format_ == "json":
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        click.echo(persons.to_tsv(rows, columns), nl=False)
    for month, why, count in found.counted:
        click.echo(f"# {month}: counted among many in {count} answers for {why}", err=True)
    counted = sum(count for _, _, count in found.counted)
    click.echo(
        f"# {len(found.lines)} shown + {counted} counted + {found.withheld} withheld = "
        f"{found.logged} logged; last line {head[:16]}",
        err=True,
    )
    if problems:
        raise NgdError("\n".join(["the log is not whole:", *problems]))
