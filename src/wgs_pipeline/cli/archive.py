"""``wgs archive``: encrypted copies of CRAM and gVCF files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from wgs_pipeline.errors import WgsError

_path = click.Path(path_type=Path)


@click.group()
def command() -> None:
    """Encrypt archive copies of CRAM and gVCF files as Crypt4GH.

    Keys are made with crypt4gh-keygen; what is encrypted here, crypt4gh decrypt opens too.
    """


@command.command()
@click.argument("file", type=_path)
@click.option("-o", "--output", type=_path, required=True, help="The copy, FILE.c4gh.")
@click.option(
    "--recipient", "recipients", type=_path, multiple=True, required=True,
    help="Public key of whoever may open it; may be given again.",
)  # fmt: skip
def encrypt(file: Path, output: Path, recipients: Sequence[Path]) -> None:
    """Encrypt a file for its recipients; a CRAM or bgzip file must be complete."""
    from wgs_pipeline.archive import encrypt

    encrypt(file, output, recipients)


@command.command()
@click.argument("file", type=_path)
@click.option("-o", "--output", type=_path, required=True, help="The decrypted file.")
@click.option("--key", type=_path, required=True, help="Secret key of a recipient, mode 0600.")
@click.option(
    "--passphrase-file", type=_path, help="First line: passphrase of the key [C4GH_PASSPHRASE]."
)
def decrypt(file: Path, output: Path, key: Path, passphrase_file: Path | None) -> None:
    """Decrypt a file that was encrypted for the owner of a key."""
    from wgs_pipeline.archive import PASSPHRASE_VARIABLE, decrypt

    passphrase = os.environ.get(PASSPHRASE_VARIABLE)
    if passphrase_file is not None:
        passphrase = _first_line(passphrase_file)
    decrypt(file, output, key, passphrase)


def _first_line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").partition("\n")[0]
    except (OSError, UnicodeDecodeError) as error:
        raise WgsError(f"{path}: the passphrase cannot be read. Correct the path") from error
