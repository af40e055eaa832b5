"""Another master key for the vault."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from wgs_pipeline.errors import NgdError
from wgs_pipeline.vault import master
from wgs_pipeline.vault.store import Vault
from wgs_pipeline.vault.wrapping import KEY_BYTES


@dataclass(frozen=True)
class Rotated:
    """What a rotation of the master key did.

    Attributes:
        source: Where the master key comes from now.
        secrets: How many secrets were wrapped anew.
        left: Key file that is of no use any more and was left for its owner to destroy.
    """

    source: str
    secrets: int
    left: Path | None


def rotate_master(vault: Vault, to: str | None = None) -> Rotated:
    """Wrap all keys of a vault under another master key.

    Killed at any moment, the vault opens with one of the two keys, and the next command that
    needs it completes what was begun.

    Args:
        vault: The vault; no one else commits or erases meanwhile.
        to: Where the next master key comes from (``file:PATH``, made where missing, ``env:NAME``
            or ``command:PROGRAM``); None: a new key in the file of the present one.

    Raises:
        NgdError: Either key cannot be used, or the present one is in no file and ``to`` is None.
    """
    vault.keys.master_key()  # completes a rotation that was killed
    before = vault.keys.source()
    if to is None:
        return _in_place(vault, before)
    after = master.source_named(to, Path.cwd())
    if isinstance(after, master.FileKey):
        after = master.key_file(after.path)
        master.write_key(after.path, secrets.token_bytes(KEY_BYTES))
    if after.name == before.name:
        raise NgdError(
            f"{after.name}: is the source of the present master key; expected another. Leave out "
            "--to to get a new key in the same file"
        )
    count = vault.keys.rewrap(after, after.read())
    left = before.path if isinstance(before, master.FileKey) else None
    if left is not None and left.parent == vault.path:
        left.unlink(missing_ok=True)
        left = None
    return Rotated(after.name, count, left)


def _in_place(vault: Vault, source: master.KeySource) -> Rotated:
    if not isinstance(source, master.FileKey):
        raise NgdError(
            f"{vault.path}: its master key comes from {source.name}, which cannot be written; "
            "expected the source of the next one. Make it there and give it with --to"
        )
    following = source.replacement()
    # Of a rotation that was killed before it wrapped anything, or while it wrote a key:
    for left in (following, *source.path.parent.glob(f".{source.path.name}.*")):
        left.unlink(missing_ok=True)
    key = secrets.token_bytes(KEY_BYTES)
    master.write_key(following, key)
    count = vault.keys.rewrap(source, key)
    following.replace(source.path)
    master.synced(source.path.parent)
    return Rotated(source.name, count, None)
