"""``wgs ngd commit``: give slots to genomes that were registered elsewhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wgs_pipeline.errors import NgdError
from wgs_pipeline.files import write_json

if TYPE_CHECKING:
    from wgs_pipeline.ngd.load import SignedOff

_path = click.Path(path_type=Path)


@click.command()
@click.argument("root", type=_path)
@click.option("--registration", type=_path, help="What wgs ngd load --registration wrote.")
@click.option("--receipt", type=_path, help="JSON file that says what was done with it.")
def commit(root: Path, registration: Path | None, receipt: Path | None) -> None:
    """Fold in every genome that waits to be given its slot; runs where the vault is."""
    if registration is None:
        if receipt is not None:
            raise click.UsageError("--receipt needs --registration")
        click.echo(f"{root}: generation {_commit(root)}", err=True)
        return
    waiting = _read(registration)
    if waiting["registration"] is None:
        done: dict[str, Any] = {"sample": waiting["sample"], "loaded": False}
        done["reason"] = waiting["reason"]
        click.echo(f"{waiting['sample']}: not loaded ({waiting['reason']})", err=True)
    else:
        from wgs_pipeline.ngd.load import SignedOff, settle

        signed_off = [SignedOff(**each) for each in waiting["signed_off"]]
        settled = settle(root, waiting["sample"], waiting["registration"], signed_off)
        done = {**asdict(settled), "loaded": True}
        said = "is loaded already" if settled.already_loaded else "loaded"
        click.echo(
            f"{settled.sample}: {said} (slot {settled.slot}, generation {settled.generation})",
            err=True,
        )
    if receipt is not None:
        write_json(receipt, done)


def write_registration(
    path: Path,
    sample: str,
    registration: str | None,
    reason: str = "",
    signed_off: Sequence[SignedOff] = (),
) -> None:
    """Write the file that ``wgs ngd commit --registration`` reads; without id it says why."""
    document = {"sample": sample, "registration": registration, "reason": reason}
    write_json(path, document | {"signed_off": [asdict(each) for each in signed_off]})


def _commit(root: Path) -> int:
    from wgs_pipeline.ngd.commit import commit
    from wgs_pipeline.ngd.layout import Root
    from wgs_pipeline.vault import Vault

    opened = Root.open(root)
    with Vault(opened.vault) as vault:
        return commit(opened, vault)


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        waiting = {name: value[name] for name in ("sample", "registration", "reason")}
        return waiting | {"signed_off": value.get("signed_off", [])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NgdError(
            f"{path}: is no registration ({type(error).__name__}). Make it with wgs ngd load "
            "--registration"
        ) from error
