"""``wgs consent``: ask what a patient's consent allows."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from wgs_pipeline.cli.identifier import read_identifier
from wgs_pipeline.errors import ConsentError


@click.group()
def command() -> None:
    """Ask what a patient's consent allows."""


@command.command()
@click.argument("consents", type=click.Path(path_type=Path))
@click.option("--patient-id", required=True, help="The person; - reads it from standard input.")
@click.option("--optouts", type=click.Path(path_type=Path), help="Opt-out list to merge in.")
@click.option("--purpose", required=True, help="care, quality, statistics or research.")
@click.option("--as-of", help="Moment of the decision, ISO 8601 with zone. Default: now.")
@click.option(
    "--research-default",
    type=click.Choice(["allowed", "refused"]),
    default="allowed",
    show_default=True,
    help="The answer for research where the patient has said nothing on it.",
)
def status(
    consents: Path,
    patient_id: str,
    optouts: Path | None,
    purpose: str,
    as_of: str | None,
    research_default: str,
) -> None:
    """Show the decision for one person and purpose, and the events it rests on.

    CONSENTS is the consent register. The first line of the table is the decision, each further
    one an event. The answer "refused" is an answer: the exit code is 0. A purpose outside the
    closed list is refused with exit code 1.
    """
    from wgs_pipeline.consent.decisions import decide
    from wgs_pipeline.consent.purposes import parse_purpose
    from wgs_pipeline.consent.register import ConsentRegister

    asked_for = parse_purpose(purpose)
    moment = _moment(as_of)
    person = read_identifier(patient_id)
    if not person:
        raise ConsentError("no patient: --patient-id is empty; expected an identifier. Give one")
    register = ConsentRegister.read(consents, optouts=optouts)
    ruling = decide(register, person, asked_for, moment, research_default)
    click.echo("item\tscope\tdecision\teffective_from\trecorded_at\tsource\treason")
    answer = "allowed" if ruling.allowed else "refused"
    click.echo(f"decision\t{asked_for}\t{answer}\t{moment.isoformat()}\t\t\t{ruling.reason}")
    for event in ruling.events:
        moments = f"{event.effective_from.isoformat()}\t{event.recorded_at.isoformat()}"
        click.echo(f"event\t{event.scope}\t{event.decision}\t{moments}\t{event.source}\t")


@command.command()
@click.argument("root", type=click.Path(path_type=Path))
def accept(root: Path) -> None:
    """Take the register of the database ROOT for whole, although it has shrunk.

    Commands on ROOT refuse a register, or opt-out list, that has lost more than
    policy.register_max_shrink of what they saw before. Where the rows are meant to be gone, this
    says so, once; it is logged.
    """
    from wgs_pipeline.ngd.consents import accept_register
    from wgs_pipeline.ngd.layout import Root
    from wgs_pipeline.vault import Vault

    opened = Root.open(root)
    with Vault(opened.vault) as vault:
        said = accept_register(opened, vault)
    click.echo(f"{root}: taken for whole: {said}", err=True)


def _moment(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.min
    if moment.tzinfo is None:
        raise click.BadParameter(
            f"{text!r} is no moment; expected a date and time with zone, as 2025-01-31T12:00:00Z",
            param_hint="--as-of",
        )
    return moment
