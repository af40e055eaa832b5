"""The vault's keys: each wrapped under the master key, and unwrapped in memory only.

identity/<n>        X25519 secret keys; what is sealed to their public keys only this vault opens
project/<id>/<n>    keys of a research project's pseudonyms
shard_keys          data keys of genome shards, by the digest of the shard

A higher number is a newer key. A vault of before has its identity in ``identity.key`` and its
project keys unwrapped, until ``wgs vault init`` or ``wgs ngd init`` wraps them.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from wgs_pipeline.errors import NgdError
from wgs_pipeline.vault import master
from wgs_pipeline.vault.connection import Connection
from wgs_pipeline.vault.sealing import public_key_of, unseal
from wgs_pipeline.vault.wrapping import KEY_BYTES, Wrapping

SCHEMA = """
CREATE TABLE IF NOT EXISTS secrets (
    name TEXT NOT NULL, version INTEGER NOT NULL, made TEXT NOT NULL, wrapped BLOB NOT NULL,
    PRIMARY KEY (name, version)) STRICT;
CREATE TABLE IF NOT EXISTS shard_keys (shard TEXT PRIMARY KEY, wrapped BLOB NOT NULL) STRICT;
"""
#: State of the vault: where its master key comes from, and a known text wrapped under it.
_SOURCE, _CHECK = "master_source", "master_check"
_KNOWN = b"master key of this vault"
_IDENTITY = "identity"
#: Rows that are asked for in one statement.
_AT_ONCE = 500


class Keyring:
    """Keys of an open vault."""

    def __init__(
        self, database: Connection, folder: Path, source: master.KeySource | None = None
    ) -> None:
        """Look at the keys of a vault; the master key is read when one is needed.

        Args:
            database: Its database.
            folder: Its folder.
            source: Where the master key comes from, whatever environment and vault say.
        """
        self._database, self._folder, self._given = database, folder, source
        self._opened: tuple[str, Wrapping] | None = None
        self._shard_keys: dict[str, bytes] = {}
        self._seen = -1

    @property
    def legacy_identity(self) -> Path:
        """File of the identity in a vault of before."""
        return self._folder / "identity.key"

    @property
    def wrapped(self) -> bool:
        """Whether there is a master key; without one it is a vault of before."""
        return self._has("secrets") and self._database.value(_CHECK) is not None

    def source(self) -> master.KeySource:
        """Where the master key comes from: as given, by the environment, or as remembered."""
        remembered = self._database.value(_SOURCE) or master.DEFAULT
        return (
            self._given
            or master.from_environment()
            or master.source_named(remembered, self._folder)
        )

    def create(self) -> None:
        """Give the vault its master key and identity, or wrap what a vault of before has.

        Where the vault has its master key, a source that was given is remembered.

        Raises:
            NgdError: The master key cannot be used, or the vault has another.
        """
        if self.wrapped:
            self.require()
            if self._given is not None:
                self.remember(self._given)
            return
        source = self.source()
        if isinstance(source, master.FileKey) and source.name == master.DEFAULT:
            master.write_key(source.path, secrets.token_bytes(KEY_BYTES))
        wrapping = Wrapping(source.read())
        with self._database.transaction():
            if not self.wrapped:
                self._put_master(source, wrapping)
                self._adopt(wrapping)
        self.legacy_identity.unlink(missing_ok=True)

    def require(self) -> None:
        """Refuse a vault whose master key is not there, or is another's.

        Raises:
            NgdError: Says why it cannot be used.
        """
        if self.wrapped:
            self._wrapping()

    def _adopt(self, wrapping: Wrapping) -> None:
        """The identity and project keys of a vault of before, or a new identity."""
        before = self.legacy_identity
        identity = before.read_bytes() if before.exists() else secrets.token_bytes(KEY_BYTES)
        self._put(wrapping, _IDENTITY, 1, identity)
        if self._has("project_keys"):
            for project, key in self._database.execute("SELECT * FROM project_keys").fetchall():
                self._put(wrapping, _project(project), 1, key)
            self._database.execute("DROP TABLE project_keys")

    def identities(self) -> list[bytes]:
        """Secret keys of the identity, the newest first.

        Raises:
            NgdError: The master key cannot be used.
        """
        if not self.wrapped:
            try:
                return [self.legacy_identity.read_bytes()]
            except OSError:
                raise NgdError(
                    f"{self._folder}: the vault has no identity key; expected what 'wgs ngd init' "
                    "made. Restore it from a backup"
                ) from None
        return [key for _, key in self._versions(_IDENTITY)]

    def public_key(self) -> str:
        """X25519 public key, hexadecimal, to which new secrets are sealed."""
        return public_key_of(self.identities()[0])

    def unseal(self, sealed: bytes) -> bytes:
        """Open what was sealed to this vault, also under an identity that is being replaced.

        Raises:
            NgdError: It was sealed to another vault, or changed since.
        """
        return unseal(self.identities(), sealed)

    def add_identity(self) -> str:
        """Make a new identity; the ones before open what is under way.

        Returns:
            Its public key.
        """
        self._add(_IDENTITY)
        return self.public_key()

    def identity_versions(self) -> int:
        """How many identities can open what was sealed."""
        return len(self._versions(_IDENTITY))

    def drop_old_identities(self) -> int:
        """Destroy all identities but the newest (inside a transaction).

        Returns:
            How many were destroyed.
        """
        newest, _ = self._versions(_IDENTITY)[0]
        return self._database.execute(
            "DELETE FROM secrets WHERE name = ? AND version < ?", (_IDENTITY, newest)
        ).rowcount

    def project_key(self, project: str) -> bytes:
        """Key of a research project's pseudonyms; made when first asked for."""
        if not self.wrapped:
            return self._unwrapped_project_key(project)
        if not self._versions(_project(project)):
            with self._database.transaction():
                if not self._versions(_project(project)):
                    self._add(_project(project))
        return self._versions(_project(project))[0][1]

    def rotate_project_key(self, project: str) -> int:
        """Give a project another key; those before stay, to tell old pseudonyms apart.

        Returns:
            Number of the new key.

        Raises:
            NgdError: The project has no key.
        """
        with self._database.transaction():
            if not self.wrapped or not self._versions(_project(project)):
                raise NgdError(
                    f"{self._folder}: project {project!r} has no pseudonyms yet; expected a "
                    "project that a data set was exported for. Check the identifier"
                )
            return self._add(_project(project))

    def shard_key(self, shard: str) -> bytes | None:
        """Data key of a genome shard; None where there is none.

        Raises:
            NgdError: The master key cannot be used.
        """
        return self.shard_keys([shard]).get(shard)

    def shard_keys(self, shards: Iterable[str]) -> dict[str, bytes]:
        """Data keys of many genome shards, of those that have one."""
        (seen,) = self._database.execute("PRAGMA data_version").fetchone()
        if seen != self._seen:  # somebody else wrote, and may have destroyed some
            self._shard_keys.clear()
            self._seen = seen
        asked = list(dict.fromkeys(shards))
        self._shard_keys |= self._read_shard_keys(
            [each for each in asked if each not in self._shard_keys]
        )
        return {shard: self._shard_keys[shard] for shard in asked if shard in self._shard_keys}

    def kept_shards(self) -> list[str]:
        """Digests of the shards that there is a key for."""
        if not self._has("shard_keys"):
            return []
        return [shard for (shard,) in self._database.execute("SELECT shard FROM shard_keys")]

    def put_shard_keys(self, keys: Mapping[str, bytes]) -> None:
        """Keep the data keys of genome shards (inside a transaction)."""
        if not keys:
            return
        wrapping = self._wrapping()
        self._database.executemany(
            "INSERT OR REPLACE INTO shard_keys VALUES (?, ?)",
            ((shard, wrapping.wrap(_shard(shard), key)) for shard, key in keys.items()),
        )
        self._shard_keys.update(keys)

    def destroy_shard_keys(self, shards: Iterable[str]) -> int:
        """Forget data keys (inside a transaction); ``Vault.scrub`` then leaves no byte of them.

        Returns:
            How many there were.
        """
        count = 0
        for shard in shards if self._has("shard_keys") else ():
            self._shard_keys.pop(shard, None)
            count += self._database.execute(
                "DELETE FROM shard_keys WHERE shard = ?", (shard,)
            ).rowcount
        return count

    def rewrap(self, source: master.KeySource, key: bytes) -> int:
        """Wrap everything under another master key, in one transaction.

        Args:
            source: Where the next master key comes from, as the vault is to remember it.
            key: The next master key.

        Returns:
            How many secrets were wrapped anew.
        """
        old, new = self._wrapping(), Wrapping(key)
        with self._database.transaction():
            named = [
                (new.wrap(_label(name, version), old.unwrap(_label(name, version), wrapped)),
                 name, version)
                for name, version, wrapped in self._database.execute(
                    "SELECT name, version, wrapped FROM secrets"
                )
            ]  # fmt: skip
            of_shards = [
                (new.wrap(_shard(shard), old.unwrap(_shard(shard), wrapped)), shard)
                for shard, wrapped in self._database.execute("SELECT * FROM shard_keys")
            ]
            self._database.executemany(
                "UPDATE secrets SET wrapped = ? WHERE name = ? AND version = ?", named
            )
            self._database.executemany(
                "UPDATE shard_keys SET wrapped = ? WHERE shard = ?", of_shards
            )
            self._put_master(source, new)
        return len(named) + len(of_shards)

    def remember(self, source: master.KeySource) -> None:
        """Let the master key come from there from now on; the key stays."""
        self._database.set_value(_SOURCE, source.name)

    def master_key(self) -> bytes:
        """The master key, once it is known to be this vault's.

        Raises:
            NgdError: It cannot be used, or is another vault's.
        """
        check = self._database.value(_CHECK)
        if check is None:
            raise NgdError(
                f"{self._folder}: the vault has no master key yet. Run 'wgs vault init' once"
            )
        source = self.source()
        key = source.read()
        if _opens(key, check):
            return key
        if isinstance(source, master.FileKey) and source.replacement().exists():
            # A rotation was killed after it had wrapped the vault under the next key.
            following = master.FileKey(source.replacement(), "").read()
            if _opens(following, check):
                source.replacement().replace(source.path)
                master.synced(source.path.parent)
                return following
        raise NgdError(
            f"{self._folder}: the master key of {source.name} is not this vault's; expected the "
            f"key that it was made with, or last rotated to. Give that one (--key-file, "
            f"{master.FILE_VARIABLE} or {master.KEY_VARIABLE})"
        )

    def _wrapping(self) -> Wrapping:
        """Of the master key that the vault is wrapped under now: somebody may have rotated it."""
        check = self._database.value(_CHECK)
        if self._opened is None or self._opened[0] != check:
            key = self.master_key()
            self._opened = (self._database.value(_CHECK) or "", Wrapping(key))
        return self._opened[1]

    def _put_master(self, source: master.KeySource, wrapping: Wrapping) -> None:
        self._database.set_value(_SOURCE, source.name)
        self._database.set_value(_CHECK, wrapping.wrap(_CHECK, _KNOWN).hex())

    def _versions(self, name: str) -> list[tuple[int, bytes]]:
        """Numbers and keys of one name, the newest first."""
        rows = self._database.execute(
            "SELECT version, wrapped FROM secrets WHERE name = ? ORDER BY version DESC", (name,)
        ).fetchall()
        wrapping = self._wrapping() if rows else None
        return [
            (version, wrapping.unwrap(_label(name, version), wrapped))
            for version, wrapped in rows
            if wrapping is not None
        ]

    def _add(self, name: str) -> int:
        (last,) = self._database.execute(
            "SELECT max(version) FROM secrets WHERE name = ?", (name,)
        ).fetchone()
        version = int(last or 0) + 1
        self._put(self._wrapping(), name, version, secrets.token_bytes(KEY_BYTES))
        return version

    def _put(self, wrapping: Wrapping, name: str, version: int, secret: bytes) -> None:
        made = datetime.now(UTC).isoformat(timespec="seconds")
        self._database.execute(
            "INSERT INTO secrets VALUES (?, ?, ?, ?)",
            (name, version, made, wrapping.wrap(_label(name, version), secret)),
        )

    def _read_shard_keys(self, shards: list[str]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        if not shards or not self._has("shard_keys"):
            return found
        for first in range(0, len(shards), _AT_ONCE):
            part = shards[first : first + _AT_ONCE]
            marks = ",".join("?" * len(part))
            rows = self._database.execute(
                f"SELECT shard, wrapped FROM shard_keys WHERE shard IN ({marks})", part
            ).fetchall()
            if rows:
                wrapping = self._wrapping()
                found |= {shard: wrapping.unwrap(_shard(shard), key) for shard, key in rows}
        return found

    def _unwrapped_project_key(self, project: str) -> bytes:
        with self._database.transaction():
            self._database.execute(
                "INSERT INTO project_keys VALUES (?, ?) ON CONFLICT DO NOTHING",
                (project, secrets.token_bytes(KEY_BYTES)),
            )
        row = self._database.execute("SELECT key FROM project_keys WHERE project = ?", (project,))
        return bytes(row.fetchone()[0])

    def _has(self, table: str) -> bool:
        found = self._database.execute(
            "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)
        )
        return found.fetchone() is not None


def _opens(key: bytes, check: str) -> bool:
    try:
        return Wrapping(key).unwrap(_CHECK, bytes.fromhex(check)) == _KNOWN
    except NgdError:
        return False


def _label(name: str, version: int) -> str:
    return f"{name}/{version}"


def _project(project: str) -> str:
    return f"project/{project}"


def _shard(shard: str) -> str:
    return f"shard/{shard}"
