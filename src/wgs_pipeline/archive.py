"""Archive copies of CRAM and gVCF files, encrypted as GA4GH Crypt4GH.

What is written here, ``crypt4gh decrypt`` opens, and so does every tool that reads Crypt4GH
(https://samtools.github.io/hts-specs/crypt4gh.pdf): a header for each recipient (X25519), then
segments of 64 KiB (ChaCha20-Poly1305). Memory does not grow with the file.

Each segment is authenticated, but not how many there are. So a CRAM, or a bgzip file, must end
with its end marker, both before it is encrypted and after it was decrypted.
"""

from __future__ import annotations

import io
import logging
import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any

from wgs_pipeline.bgzf import BGZF_EOF
from wgs_pipeline.errors import WgsError
from wgs_pipeline.files import replacing

#: As the ``crypt4gh`` command has it.
PASSPHRASE_VARIABLE = "C4GH_PASSPHRASE"
_KEY_BYTES = 32
_X25519 = 0
_LONGEST_MARKER = 64
#: End markers of CRAM 3 and CRAM 2.1 (CRAM specification, "End of file container").
_CRAM_ENDS = tuple(
    bytes.fromhex(marker)
    for marker in (
        "0f000000ffffffff0fe0454f4600000000010005bdd94f0001000606010001000100ee63014b",
        "0b000000ffffffff0fe0454f4600000000010000010006060100010001000000",
    )
)


class ArchiveError(WgsError):
    """An archive copy cannot be made or opened."""


def encrypt(path: Path, target: Path, recipients: Sequence[Path]) -> None:
    """Encrypt a file for some recipients, all or nothing.

    Args:
        path: The file.
        target: The copy.
        recipients: Public keys, Crypt4GH or OpenSSH (ed25519).

    Raises:
        ArchiveError: A key cannot be used, or the file is incomplete.
        OutputError: The copy cannot be written.
    """
    keys = [read_public_key(each) for each in recipients]
    if not keys:
        raise ArchiveError("no recipient; expected the public key of at least one. Name it")
    with _library() as crypt4gh, _input(path) as source:
        _require_end(source, path, "incomplete; expected its end marker. Make the file again")
        source.seek(0)
        sender = secrets.token_bytes(_KEY_BYTES)  # anonymous, and another one for every file
        with replacing(target) as temporary, temporary.open("wb") as copy:
            crypt4gh.encrypt([(_X25519, sender, key) for key in keys], source, copy)


def decrypt(path: Path, target: Path, key: Path, passphrase: str | None = None) -> None:
    """Decrypt a file, all or nothing.

    Args:
        path: The encrypted copy.
        target: The file.
        key: Secret key of a recipient, Crypt4GH or OpenSSH (ed25519).
        passphrase: Of the secret key, where it has one.

    Raises:
        ArchiveError: The key cannot be used, or the copy is damaged, cut, or for someone else.
        OutputError: The file cannot be written.
    """
    secret = read_secret_key(key, passphrase)
    with _library() as crypt4gh, _input(path) as source:
        session_keys, edits = _header(crypt4gh, source, path, secret)
        with replacing(target) as temporary, temporary.open("wb+") as plain:
            # Not crypt4gh.decrypt, which takes a full disk for success.
            output = crypt4gh.limited_output(process=plain.write)
            next(output)
            try:
                if edits is None:
                    crypt4gh.body_decrypt(source, session_keys, output, 0)
                else:
                    crypt4gh.body_decrypt_parts(source, session_keys, output, edit_list=edits)
            except (ValueError, AssertionError) as error:
                raise ArchiveError(
                    f"{path}: a segment does not open; the copy is damaged. Use another copy"
                ) from error
            _require_end(plain, path, "cut; what it holds does not end. Use another copy")


def read_public_key(path: Path) -> bytes:
    """A recipient's public key, 32 bytes.

    Raises:
        ArchiveError: It is none.
    """
    from crypt4gh.keys import get_public_key

    try:
        with _library():
            key = bytes(get_public_key(str(path)))
    except OSError as error:
        raise ArchiveError(
            f"{path}: the public key cannot be read ({error.strerror}). Correct the path"
        ) from error
    except (ValueError, NotImplementedError, IndexError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise ArchiveError(
            f"{path}: no public key; expected one of Crypt4GH or OpenSSH ed25519. Make a pair with "
            "crypt4gh-keygen"
        )
    return key


def read_secret_key(path: Path, passphrase: str | None = None) -> bytes:
    """A recipient's secret key, 32 bytes.

    Raises:
        ArchiveError: It is none, others may read it, or the passphrase is not its own.
    """
    from crypt4gh.keys import get_private_key

    asked = []

    def answer() -> str:
        asked.append(True)
        return passphrase or ""

    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise ArchiveError(
                f"{path}: others may read the secret key; expected mode 0600 or 0400"
            )
        with _library(), redirect_stderr(io.StringIO()):
            key = bytes(get_private_key(str(path), answer))
    except OSError as error:
        raise ArchiveError(
            f"{path}: the secret key cannot be read ({error.strerror}). Correct the path"
        ) from error
    except (SystemExit, ValueError, NotImplementedError, IndexError):  # it exits on a wrong one
        if asked:
            raise ArchiveError(
                f"{path}: the passphrase does not open the secret key; expected its own. Give it "
                f"with --passphrase-file or {PASSPHRASE_VARIABLE}"
            ) from None
        key = b""
    if len(key) != _KEY_BYTES:
        raise ArchiveError(
            f"{path}: no secret key; expected one of Crypt4GH or OpenSSH ed25519. Give the "
            "recipient's own"
        )
    return key


def _header(
    crypt4gh: Any, source: io.BufferedReader, path: Path, secret: bytes
) -> tuple[list[bytes], list[int] | None]:
    """Session keys and edit list, as far as the header has packets for this key."""
    try:
        session_keys, edits = crypt4gh.header.deconstruct(source, [(_X25519, secret, None)])
    except ValueError as error:
        raise ArchiveError(
            f"{path}: does not open with this key; expected a Crypt4GH file for its owner. Check "
            "both"
        ) from error
    return session_keys, None if edits is None else list(edits)


@contextmanager
def _library() -> Iterator[Any]:
    """The library, which writes keys to its log, with that log off."""
    from crypt4gh import lib

    logger = logging.getLogger("crypt4gh")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield lib
    finally:
        logger.setLevel(level)


@contextmanager
def _input(path: Path) -> Iterator[io.BufferedReader]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise ArchiveError(
            f"{path}: cannot be read ({error.strerror}). Correct the path"
        ) from error
    with file:
        yield file


def _require_end(file: Any, path: Path, said: str) -> None:
    """Refuse a CRAM or a bgzip file that does not end with its end marker."""
    file.seek(0)
    head = file.read(18)
    if head.startswith(b"CRAM"):
        markers = _CRAM_ENDS
    elif head.startswith(b"\x1f\x8b") and head[3:4] == b"\x04" and head[12:14] == b"BC":
        markers = (BGZF_EOF,)
    else:
        return
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - _LONGEST_MARKER, 0))
    if not file.read().endswith(markers):
        raise ArchiveError(f"{path}: {said}")
