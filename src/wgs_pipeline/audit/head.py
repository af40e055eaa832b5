"""Where the log ends, as the vault knows it: one small file, which is also the writers' lock.

``audit.head`` in the vault's folder holds the day file, the number and hash of the last line and
the bytes of that file. It is written after the line is on disk, so lines may follow it: of writers
that sync just now, or that were killed before they noted their line. They carry the vault's code
and continue the chain, and the next writer continues after them.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from wgs_pipeline.audit.lines import GENESIS, Place, hash_of
from wgs_pipeline.errors import NgdError
from wgs_pipeline.vault import Vault

#: One disk sector, which is written whole or not at all.
_BYTES = 512


@dataclass(frozen=True)
class Head:
    """Where a log ends: its last file, lines in all, hash of the last one, bytes of the file."""

    file: str = ""
    seq: int = 0
    hash: str = GENESIS
    size: int = 0

    def next_place(self) -> Place:
        """Where the next line will stand."""
        return Place(self.file, self.seq + 1, self.hash)

    def after(self, line: bytes) -> Head:
        """Where the log ends once a line has been added."""
        return Head(self.file, self.seq + 1, hash_of(line), self.size + len(line))


@contextmanager
def held(vault: Vault, exclusive: bool = True) -> Iterator[int]:
    """Hold the log, for writing or against writers; gives the descriptor of the head."""
    path = vault.path / "audit.head"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
        yield descriptor
    finally:
        os.close(descriptor)


def read_head(vault: Vault, descriptor: int) -> Head:
    """Where the log ends.

    Raises:
        NgdError: The head is damaged.
    """
    content = os.pread(descriptor, _BYTES, 0)
    if not content:
        return Head()
    try:
        return Head(**json.loads(content))
    except (ValueError, TypeError) as error:
        raise NgdError(
            f"{vault.path / 'audit.head'}: damaged, so the access log cannot be proved whole. "
            "Restore it from a backup of the vault"
        ) from error


def write_head(descriptor: int, head: Head) -> None:
    """Note where the log ends."""
    os.pwrite(descriptor, json.dumps(asdict(head)).encode().ljust(_BYTES), 0)
