"""Care of the vault's keys where the database is concerned: another identity, keys destroyed.

Compute nodes seal to the public key in ``ngd.json``. With another identity that file changes, and
registrations that were sealed to the one before are still read until ``finish_identity``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from wgs_pipeline import audit
from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd.commit import commit
from wgs_pipeline.ngd.home import require_home
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.registration import loading
from wgs_pipeline.ngd.settings import adopt_settings
from wgs_pipeline.vault import Vault


def rotate_identity(root: Root, vault: Vault) -> bool:
    """Give the vault another identity, and the database its public key.

    Killed in between, the next call completes it and makes no second one.

    Returns:
        Whether an identity was made now.

    Raises:
        NgdError: The database does not belong to this vault, or the keys cannot be used.
    """
    require_home(root, vault)
    with vault.lease():
        root = Root.open(root.path)
        made = vault.public_key() == root.settings.public_key
        if made:
            with vault.transaction():
                vault.keys.add_identity()
        adopt_settings(
            root, vault, dataclasses.replace(root.settings, public_key=vault.public_key())
        )
    return made


def finish_identity(root: Root, vault: Vault) -> int:
    """Fold in what waits, and destroy the identities of before.

    Returns:
        How many were destroyed.

    Raises:
        NgdError: Genomes are being loaded; or the database has not yet got the new public key.
    """
    require_home(root, vault)
    with loading(root, alone=True) as alone:
        if not alone:
            raise NgdError(
                f"{root.path}: genomes are being loaded, and may be sealed to the identity of "
                "before; expected none. Run this again when that is done"
            )
        if vault.public_key() != Root.open(root.path).settings.public_key:
            raise NgdError(
                f"{root.path}: has not got the vault's new public key yet. Run 'wgs vault rotate "
                "--identity' first"
            )
        commit(root, vault)
        with vault.lease(), vault.transaction():
            destroyed = vault.keys.drop_old_identities()
    vault.scrub()
    return destroyed


def destroy_keys(vault: Vault, shards: Iterable[str], force: bool = False) -> int:
    """Destroy the data keys of genome shards, which nothing brings back.

    Args:
        vault: The vault.
        shards: Digests of shards.
        force: Also of genomes that are in use, which can then not be read any more.

    Returns:
        How many were destroyed.

    Raises:
        NgdError: A genome in use has one of them.
    """
    digests = set(shards)
    with vault.lease():
        used = [
            each.slot
            for each in vault.genomes()
            if each.shard in digests and each.retired_generation is None
        ]
        if used and not force:
            raise NgdError(
                f"{vault.path}: slots {used} use this key, so that their genomes could not be "
                "read any more; expected none. Erase them with 'wgs ngd erase', which destroys "
                "the keys too, or say --force"
            )
        with vault.transaction():
            destroyed = vault.keys.destroy_shard_keys(digests)
    vault.scrub()
    return destroyed


def log(root: Root, vault: Vault, action: str, reason: str) -> None:
    """Enter what was done with keys in the access log."""
    entry = audit.Access(action, reason=reason)
    audit.append(root.audit, vault, entry, audit.system_user())
