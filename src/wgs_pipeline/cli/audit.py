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
    click.echo(
        f"{opened.audit}: whole, {sum(1 for _ in audit.entries(opened.audit))} lines", err=True
    )


@command.command()
@click.argument("root", type=_path)
@click.option("--patient-id", help="Only what concerns this person; '-' reads standard input.")
@click.option("--format", "format_", type=click.Choice(["tsv", "json"]), default="tsv")
def show(root: Path, patient_id: str | None, format_: str) -> None:
    """Who used what, when and why."""
    import json

    from wgs_pipeline import audit
    from wgs_pipeline.cli.identifier import read_identifier
    from wgs_pipeline.ngd.layout import Root
    from wgs_pipeline.vault import Vault

    opened = Root.open(root)
    with Vault(opened.vault) as vault:
        person = None if patient_id is None else read_identifier(patient_id)
        if person == "":
            raise click.UsageError("the patient identifier is empty")
        shown, withheld = audit.select(opened.audit, vault, person)
    if format_ == "json":
        click.echo(json.dumps(shown, indent=2, ensure_ascii=False))
    else:
        click.echo(audit.to_tsv(shown), nl=False)
    click.echo(f"# {len(shown)} shown + {withheld} withheld = {len(shown) + withheld}", err=True)
