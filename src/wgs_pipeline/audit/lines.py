"""Lines of the access log: what they say, how they are written, chained and authenticated."""

from __future__ import annotations

import base64
import getpass
import hashlib
import hmac
import json
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from weakref import WeakKeyDictionary

from wgs_pipeline.identifiers import without_cpr
from wgs_pipeline.vault import Vault

#: What the first line of all holds as the hash of the line before it.
GENESIS = "0" * 64
#: Ranges of slots that a line holds at most; more are written as bits.
_MANY = 500
#: Keys of the log by open vault.
_LOG_KEYS: WeakKeyDictionary[Vault, bytes] = WeakKeyDictionary()


@dataclass(frozen=True)
class Access:
    """What happened, without identifiers.

    Attributes:
        action: Command, such as ``region`` or ``load``.
        purpose: Purpose it was asked for; empty for maintenance.
        decision: ``answered``, ``refused`` or ``failed``.
        reason: Why it was refused; empty otherwise.
        actor: Person named by the service that asked; empty if none.
        project: Research project; empty if none.
        generation: Generation that answered; None if none did.
        query: Keyed digest of the query.
        persons: How many persons' genomes the answer rests on.
        slots: Slots whose own data were given.
    """

    action: str
    purpose: str = ""
    decision: str = "answered"
    reason: str = ""
    actor: str = ""
    project: str = ""
    generation: int | None = None
    query: str = ""
    persons: int = 0
    slots: Sequence[int] = ()


def query_digest(vault: Vault, query: dict[str, Any]) -> str:
    """Digest of a query under the vault's key: equal queries can be found, none can be guessed."""
    return hmac.digest(_key(vault), _canonical(query).encode("utf-8"), hashlib.sha256).hex()


def system_user() -> str:
    """Operating-system user of this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"


@dataclass(frozen=True)
class Place:
    """Where a line stands: its file, its number (from 1), and the hash of the line before it."""

    file: str
    seq: int
    previous: str


def line_of(access: Access, user: str, place: Place, now: datetime, key: bytes) -> bytes:
    """One line of the log; no word in it has the shape of a civil registration number.

    Args:
        access: What happened.
        user: Operating-system user who asked.
        place: Where the line will stand.
        now: The moment.
        key: The vault's key of the log.
    """
    entry: dict[str, Any] = {
        **vars(place),
        "time": now.astimezone(UTC).isoformat(timespec="microseconds"),
        "user": user,
        **{
            name: without_cpr(value) if isinstance(value, str) else value
            for name, value in vars(access).items()
        },
        "slots": ranges_of(access.slots),
    }
    entry["code"] = _code(entry, key)
    return _canonical(entry).encode("utf-8") + b"\n"


def problem_of(line: bytes, place: Place, key: bytes) -> str | None:
    """What is wrong with the line found at a place; None if nothing is."""
    try:
        entry = json.loads(line)
        if _canonical(entry).encode("utf-8") + b"\n" != line:
            return "not in the form in which it was written"
        if entry["seq"] != place.seq:
            return f"sequence number {entry['seq']}; expected {place.seq}"
        if entry["previous"] != place.previous:
            return "does not continue the line before it"
        if entry["file"] != place.file:
            return f"was written to {entry['file']}"
        if not hmac.compare_digest(str(entry.pop("code", "")), _code(entry, key)):
            return "not written by the holder of the vault, or changed since"
    except (ValueError, TypeError, KeyError, AttributeError):
        return "not an audit line"
    return None


def parsed(line: bytes) -> dict[str, Any] | None:
    """A line as a mapping, its slots as numbers; None if it is no line of the log."""
    try:
        value: dict[str, Any] = json.loads(line)
        return value | {"slots": slots_of(value["slots"])}
    except (ValueError, TypeError, KeyError, AttributeError, zlib.error):
        return None


def hash_of(line: bytes) -> str:
    """What the next line holds of this one."""
    return hashlib.sha256(line).hexdigest()


def log_key(vault: Vault) -> bytes:
    """The vault's key of lines; another than that of query digests."""
    if vault not in _LOG_KEYS:  # it is asked for with every line, and never changes
        _LOG_KEYS[vault] = hmac.digest(_key(vault), b"lines of the access log", hashlib.sha256)
    return _LOG_KEYS[vault]


def ranges_of(slots: Sequence[int]) -> list[list[int]] | str:
    """Slots as inclusive ranges, so that thousands of neighbours take few bytes.

    Thousands that are no neighbours take fewer as bits: base64 of one bit for each slot up to the
    highest, the least significant of a byte first, compressed by zlib.
    """
    if len(slots) > _MANY:
        return _of_many(slots)
    ranges: list[list[int]] = []
    for slot in sorted({int(each) for each in slots}):
        if ranges and slot == ranges[-1][1] + 1:
            ranges[-1][1] = slot
        else:
            ranges.append([slot, slot])
    return ranges


def slots_of(ranges: Sequence[Sequence[int]] | str) -> list[int]:
    """The reverse of ``ranges_of``."""
    if isinstance(ranges, str):
        packed = zlib.decompress(base64.b64decode(ranges, validate=True))
        return [
            8 * place + bit
            for place, byte in enumerate(packed)
            if byte
            for bit in range(8)
            if byte >> bit & 1
        ]
    return [slot for low, high in ranges for slot in range(low, high + 1)]


def _of_many(slots: Sequence[int]) -> list[list[int]] | str:
    import numpy as np

    given = np.asarray(slots, np.int64)
    bits = np.zeros(int(given.max()) + 1, np.bool_)
    bits[given] = True
    distinct = np.flatnonzero(bits)
    last = np.append(np.diff(distinct) != 1, True)
    if last.sum() <= _MANY:
        first = np.insert(last[:-1], 0, True)
        ranges: list[list[int]] = np.stack((distinct[first], distinct[last]), axis=1).tolist()
        return ranges
    packed = zlib.compress(np.packbits(bits, bitorder="little").tobytes())
    return base64.b64encode(packed).decode("ascii")


def _code(entry: dict[str, Any], key: bytes) -> str:
    return hmac.digest(key, _canonical(entry).encode("utf-8"), hashlib.sha256).hex()


def _key(vault: Vault) -> bytes:
    return bytes.fromhex(vault.require("audit_key"))


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
