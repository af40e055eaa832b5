"""Backups of the vault: one file, encrypted, as of one moment while loads go on.

magic       8 bytes, ``WGSVLTB1``
salt        16 bytes; with the master key they make the key of this file
header      24 bytes of libsodium's secretstream (XChaCha20-Poly1305)
chunks      tar of ``vault.sqlite`` and the vault's small files, 64 KiB and a tag each

A stream that is cut, reordered or changed does not open. The master key is not in it.
"""

from __future__ import annotations

import io
import os
import secrets
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

from wgs_pipeline.errors import NgdError
from wgs_pipeline.files import replacing
from wgs_pipeline.vault import master
from wgs_pipeline.vault.store import Vault
from wgs_pipeline.vault.wrapping import derived

_MAGIC = b"WGSVLTB1"
_SALT, _HEADER, _CHUNK = 16, 24, 1 << 16
_USE = b"vault backup"
_DATABASE = "vault.sqlite"
#: Other files of a vault that are kept; a head of the log that is older than the log is no harm.
_SMALL = ("audit.head", "erasure.json")


def back_up(vault: Vault, path: Path) -> int:
    """Write a backup of a vault, all or nothing.

    Returns:
        Its size in bytes.

    Raises:
        NgdError: The master key cannot be used.
        OutputError: The file cannot be written.
    """
    salt = secrets.token_bytes(_SALT)
    key = derived(vault.keys.master_key(), _USE, salt)
    with replacing(path) as temporary:
        temporary.chmod(0o600)
        with temporary.open("wb") as file:
            file.write(_MAGIC + salt)
            for part in _encrypted(key, _packed(vault)):
                file.write(part)
    path.chmod(0o600)
    return path.stat().st_size


def restore(path: Path, folder: Path, key: master.KeySource) -> None:
    """Make a vault of a backup, in a new folder, all or nothing.

    Args:
        path: The backup.
        folder: The vault to be made; its master key is then taken from where ``key`` is.
        key: The master key that the vault had then.

    Raises:
        NgdError: It is no backup, is damaged, or of another master key; or the folder is in use.
    """
    if folder.exists() and any(folder.iterdir()):
        raise NgdError(
            f"{folder}: is not empty; expected a new folder for the vault. Move what is there away"
        )
    content = _decrypted(path, key.read())
    making = folder.with_name(f".{folder.name}.{secrets.token_hex(8)}")
    try:
        making.mkdir(mode=0o700, parents=True)
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            for name in (_DATABASE, *_SMALL):
                if name in archive.getnames():
                    extracted = archive.extractfile(name)
                    assert extracted is not None
                    _write(making / name, extracted.read())
        with Vault(making, key) as vault:
            vault.keys.require()
            vault.keys.remember(key)
        if folder.exists():
            folder.rmdir()
        making.rename(folder)
        master.synced(folder.parent)
    except OSError as error:
        raise NgdError(f"{folder}: the vault cannot be restored: {error.strerror}") from error
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _packed(vault: Vault) -> bytes:
    """A tar of the vault's files; the database as one consistent snapshot."""
    files = {_DATABASE: vault.snapshot()}
    for name in _SMALL:
        if (vault.path / name).exists():
            files[name] = (vault.path / name).read_bytes()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _encrypted(key: bytes, content: bytes) -> Iterator[bytes]:
    from nacl import bindings as sodium

    state = sodium.crypto_secretstream_xchacha20poly1305_state()
    yield sodium.crypto_secretstream_xchacha20poly1305_init_push(state, key)
    for at in range(0, len(content), _CHUNK):
        final = at + _CHUNK >= len(content)
        yield sodium.crypto_secretstream_xchacha20poly1305_push(
            state,
            content[at : at + _CHUNK],
            tag=sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL
            if final
            else sodium.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE,
        )


def _decrypted(path: Path, key: bytes) -> bytes:
    from nacl import bindings as sodium

    try:
        content = path.read_bytes()
    except OSError as error:
        raise NgdError(
            f"{path}: the backup cannot be read ({error.strerror}). Correct the path"
        ) from error
    if not content.startswith(_MAGIC):
        raise NgdError(f"{path}: no backup of a vault; expected what 'wgs vault backup' wrote")
    start = len(_MAGIC) + _SALT
    own = derived(key, _USE, content[len(_MAGIC) : start])
    state = sodium.crypto_secretstream_xchacha20poly1305_state()
    step = _CHUNK + sodium.crypto_secretstream_xchacha20poly1305_ABYTES
    parts, tag = [], None
    try:
        header = content[start : start + _HEADER]
        sodium.crypto_secretstream_xchacha20poly1305_init_pull(state, header, own)
        for at in range(start + _HEADER, len(content), step):
            part, tag = sodium.crypto_secretstream_xchacha20poly1305_pull(
                state, content[at : at + step]
            )
            parts.append(part)
    except (RuntimeError, ValueError):
        tag = None
    if tag != sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL:
        raise NgdError(
            f"{path}: does not open with this master key, or is damaged or cut; expected a whole "
            "backup and the master key that the vault had then. Give that key, or another backup"
        )
    return b"".join(parts)


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
