"""Loans: the data keys of some shards, lent to jobs on nodes where the vault is not.

A loan has two halves. ``ROOT/loans/<name>.json`` holds the keys of just those shards that the
jobs read, wrapped under a key made for this loan; that key is in the plan that the jobs are given.
So neither a copy of the database nor one of the run's folder opens a shard. Who has both, while
the loan stands, can read what the jobs can read. A loan ends when its plan is done, when another
plan takes its place, with any erasure, and after two days; then its half below ROOT is removed
and what is left of it opens nothing.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from wgs_pipeline.errors import NgdError
from wgs_pipeline.files import write_json
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.vault.wrapping import KEY_BYTES, Wrapping

#: Kinds of loans; the first part of their names.
COMPACTION, VERIFICATION = "compaction", "verification"
_EXPIRED_SECONDS = 2 * 24 * 3600


class LentKeys:
    """Keys of a loan, each unwrapped when it is asked for."""

    def __init__(self, wrapping: Wrapping, wrapped: Mapping[str, str]) -> None:
        self._wrapping, self._wrapped = wrapping, wrapped

    def shard_key(self, shard: str) -> bytes | None:
        """Data key of a shard; None where it was not lent."""
        wrapped = self._wrapped.get(shard)
        return None if wrapped is None else self._wrapping.unwrap(shard, bytes.fromhex(wrapped))

    def shard_keys(self, shards: Iterable[str]) -> dict[str, bytes]:
        """Data keys of many shards, of those that were lent."""
        found = ((shard, self.shard_key(shard)) for shard in shards)
        return {shard: key for shard, key in found if key is not None}


def lend(root: Root, name: str, shards: Iterable[str]) -> str:
    """Lend the keys of some shards; other loans of the same kind end.

    Args:
        root: The database, with its keys.
        name: Name of the loan: its kind, ``-`` and a number.
        shards: Digests of the shards.

    Returns:
        The key of the loan, hexadecimal, for the plan.
    """
    end_all(root, name.partition("-")[0])
    key = secrets.token_bytes(KEY_BYTES)
    wrapping = Wrapping(key)
    keys = root.keys.shard_keys(shards) if root.keys else {}
    write_json(_file(root, name), {each: wrapping.wrap(each, keys[each]).hex() for each in keys})
    return key.hex()


def borrowed(root: Root, name: str, key: str) -> LentKeys:
    """The keys of a loan.

    Args:
        root: The database.
        name: Name of the loan.
        key: What ``lend`` gave.

    Raises:
        NgdError: The loan has ended.
    """
    path = _file(root, name)
    try:
        if path.stat().st_mode & 0o077:
            raise NgdError(
                f"{path}: others may read the keys lent to this plan; expected mode 0600. Make a "
                "new plan"
            )
        wrapped = json.loads(path.read_text(encoding="utf-8"))
        return LentKeys(Wrapping(bytes.fromhex(key)), dict(wrapped))
    except (OSError, ValueError, TypeError) as error:
        raise NgdError(
            f"{path}: the keys lent to this plan are not there any more; it was done, another plan "
            "or an erasure took its place, or it is older than two days. Make a new plan"
        ) from error


def end(root: Root, name: str) -> None:
    """End a loan."""
    _file(root, name).unlink(missing_ok=True)


def end_all(root: Root, kind: str = "") -> None:
    """End all loans, or all of a kind."""
    for path in _folder(root).glob(f"{kind}*.json"):
        path.unlink(missing_ok=True)


def end_expired(root: Root) -> None:
    """End loans that are older than two days, and remove halves of ones never finished."""
    for path in _folder(root).glob("*"):
        if path.stat().st_mtime < time.time() - _EXPIRED_SECONDS:
            path.unlink(missing_ok=True)


def require_private(path: Path) -> None:
    """Refuse a plan that others may read.

    Raises:
        NgdError: They may.
    """
    if path.stat().st_mode & 0o077:
        raise NgdError(
            f"{path}: others may read this plan, which opens genome shards; expected mode 0600. "
            "Make a new plan"
        )


def _folder(root: Root) -> Path:
    return root.path / "loans"


def _file(root: Root, name: str) -> Path:
    return _folder(root) / f"{name}.json"
