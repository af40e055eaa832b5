"""``wgs ngd erase``: erase persons physically, and prove it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wgs_pipeline.errors import WgsError

if TYPE_CHECKING:
    from wgs_pipeline.ngd.certificate import Certificate

_path = click.Path(path_type=Path)


@click.command()
@click.argument("root", type=_path)
@click.option(
    "--patient-id",
    "given",
    multiple=True,
    help="A person; may be given again. '-' reads one a line from standard input.",
)
@click.option("--withdrawn", "all_withdrawn", is_flag=True, help="Whoever has withdrawn analysis.")
@click.option("-o", "--output", type=_path, help="Certificate as JSON; text is always printed.")
@click.option("--full-proof", is_flag=True, help="Rebuild and scan everything, however large.")
@click.option(
    "--wait",
    "wait_seconds",
    default=600,
    show_default=True,
    help="Seconds to wait for readers and loads that hold old files.",
)
@click.option("--jobs", default=1, show_default=True, help="Processes that rewrite contigs.")
def erase(
    root: Path,
    given: Sequence[str],
    all_withdrawn: bool,
    output: Path | None,
    full_proof: bool,
    wait_seconds: int,
    jobs: int,
) -> None:
    """Erase persons, prove it, and print the certificate.

    Several persons share one rewrite. An erasure that was interrupted is finished first, also
    where nobody is named. Where nothing is held of the persons, that is said, with exit 0.
    """
    from wgs_pipeline.files import write_json
    from wgs_pipeline.ngd.erase import erase, withdrawn
    from wgs_pipeline.ngd.layout import Root
    from wgs_pipeline.vault import Vault

    persons = list(_identifiers(given))
    opened = Root.open(root)

    def deliver(certificate: Certificate) -> None:
        if output is not None:
            write_json(output, certificate.as_json())

    with Vault(opened.vault) as vault:
        if all_withdrawn:
            persons += withdrawn(opened, vault)
        done = erase(opened, vault, persons, deliver, full_proof, wait_seconds, jobs)
    if done is None:
        who = "anyone who has withdrawn" if all_withdrawn and not given else "these persons"
        click.echo(f"{root}: holds nothing of {who}; nothing is erased", err=True)
    else:
        click.echo(done.as_text(), nl=False)


def _identifiers(given: Sequence[str]) -> Iterator[str]:
    """Identifiers as given, and the lines of standard input for ``-``."""
    for each in given:
        lines = [each] if each != "-" else _standard_input()
        found = [line.strip() for line in lines if line.strip()]
        if not found:
            raise click.UsageError("the patient identifier is empty")
        yield from found


def _standard_input() -> list[str]:
    try:
        lines = sys.stdin.read().splitlines()
        "".join(lines).encode()  # undecodable bytes come as surrogates in some locales
    except UnicodeError:
        raise WgsError(
            "the patient identifiers on standard input are no UTF-8; expected text. Convert them"
        ) from None
    return lines
