"""Data keys of genome shards, and the encryption of their files under them.

Every shard has a random key of its own, made where the shard is written. Beside the files it lies
sealed to the vault (``key.sealed``), so that a node that writes shards can read none; a commit
takes it into the vault and removes what was sealed. From then on only the vault has it, and with
it gone no copy of the files can be read any more.

The files are Parquet with modular encryption (AES-256-GCM, footer included), each under a key
derived from the shard's for this file alone.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from wgs_pipeline.errors import NgdError
from wgs_pipeline.vault import Vault, seal
from wgs_pipeline.vault.wrapping import KEY_BYTES, derived

if TYPE_CHECKING:
    from wgs_pipeline.ngd.layout import Root

#: The shard's key in its folder, sealed to the vault, until a commit has taken it.
SEALED = "key.sealed"


class ShardKeys(Protocol):
    """Whoever can say what the data keys of shards are."""

    def shard_key(self, shard: str) -> bytes | None:
        """Data key of a shard; None where there is none."""

    def shard_keys(self, shards: Iterable[str]) -> dict[str, bytes]:
        """Data keys of many shards, of those that have one."""


@dataclass(frozen=True)
class HeldKeys:
    """Keys in memory, as they are given to another process."""

    keys: Mapping[str, bytes]

    def shard_key(self, shard: str) -> bytes | None:
        """Data key of a shard."""
        return self.keys.get(shard)

    def shard_keys(self, shards: Iterable[str]) -> dict[str, bytes]:
        """Data keys of many shards."""
        return {shard: self.keys[shard] for shard in shards if shard in self.keys}


@dataclass(frozen=True)
class WaitingKeys:
    """Keys of loaded shards, and of those that wait for a commit.

    Attributes:
        root: The database.
        vault: Its vault.
    """

    root: Root
    vault: Vault

    def shard_key(self, shard: str) -> bytes | None:
        """Data key of a shard.

        Raises:
            NgdError: What lies sealed beside it is not of this vault and shard, or changed.
        """
        sealed = sealed_key(self.root.shard(shard), self.vault, shard)
        return sealed or self.vault.keys.shard_key(shard)

    def shard_keys(self, shards: Iterable[str]) -> dict[str, bytes]:
        """Data keys of many shards."""
        found = ((shard, self.shard_key(shard)) for shard in shards)
        return {shard: key for shard, key in found if key is not None}


def new_key() -> bytes:
    """A data key for one shard."""
    return secrets.token_bytes(KEY_BYTES)


def write_sealed(folder: Path, public_key: str, digest: str, key: bytes) -> None:
    """Leave a shard's key in its folder so that only the vault can read it.

    Args:
        folder: The shard.
        public_key: Key of the vault, hexadecimal.
        digest: Digest of the shard, to which the key is bound.
        key: The key.
    """
    (folder / SEALED).write_bytes(seal(public_key, bytes.fromhex(digest) + key))


def sealed_key(folder: Path, vault: Vault, digest: str) -> bytes | None:
    """The key that lies sealed in a shard's folder; None where none does.

    Raises:
        NgdError: It was sealed to another vault or for another shard, or changed since.
    """
    path = folder / SEALED
    try:
        sealed = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NgdError(
            f"{path}: cannot be read ({error.strerror}). Load the genome again"
        ) from error
    try:
        message = vault.unseal(sealed)
    except NgdError as error:
        raise NgdError(
            f"{path}: is not of this vault, or changed. Load the genome again"
        ) from error
    if message[:-KEY_BYTES] != bytes.fromhex(digest):
        raise NgdError(f"{path}: is of another shard. Load the genome again")
    return message[-KEY_BYTES:]


def encryption(key: bytes, name: str) -> Any:
    """How Arrow encrypts a file of a shard.

    Args:
        key: Data key of the shard.
        name: Name of the file, at most 16 bytes.
    """
    from pyarrow.parquet.encryption import create_encryption_properties

    return create_encryption_properties(derived(key, name.encode("ascii")))


def decryption(key: bytes, name: str) -> Any:
    """How Arrow decrypts what ``encryption`` encrypted."""
    from pyarrow.parquet.encryption import create_decryption_properties

    return create_decryption_properties(derived(key, name.encode("ascii")))
