"""A registration: the one file that a load leaves for the next commit.

It names a shard and holds, sealed to the vault, whose it is, and a digest of all that it says, so
that a byte that changes is noticed. Loading needs no shared lock.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from wgs_pipeline.errors import NgdError
from wgs_pipeline.files import write_json
from wgs_pipeline.identifiers import canonical_patient_id
from wgs_pipeline.ngd.layout import Root, sha256_of
from wgs_pipeline.ngd.shard import Analysis
from wgs_pipeline.vault import Vault, seal

#: A moment (UTC) in the name of a registration's file.
_IN_NAME = "%Y%m%dT%H%M%S%fZ"
_WAITING = re.compile(r"\d{8}T\d{12}Z\..*\.json$")


@dataclass(frozen=True)
class Identity:
    """Whose genome it is; below ROOT only ever sealed.

    Attributes:
        patient_id: The person, canonical.
        sample_id: The sample.
        replace: Whether a loaded genome of the same person, sample and assay is to be replaced.
    """

    patient_id: str
    sample_id: str
    replace: bool = False


@dataclass(frozen=True)
class Registration:
    """A shard that waits to be given its slot.

    Attributes:
        id: Random name, by which a registration is folded in once.
        shard: Digest of the shard.
        analysis: How the genome was examined.
        registered_at: When, ISO 8601; registrations are folded in in this order.
        sealed: The identity and ``digest``, sealed to the vault, hexadecimal.
        description: SHA-256 of the shard's shard.json.
        group: What registrations that are folded in together, or not at all, share; empty for
            one that stands by itself.
    """

    id: str
    shard: str
    analysis: Analysis
    registered_at: str
    sealed: str
    description: str
    group: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 of everything in it that is not sealed."""
        value = asdict(self)
        del value["sealed"]
        return hashlib.sha256(json.dumps(value, sort_keys=True).encode("ascii")).hexdigest()


def register(root: Root, shard: str, analysis: Analysis, identity: Identity) -> Registration:
    """Leave a registration in the inbox, all or nothing.

    Args:
        root: The database.
        shard: Digest that ``write_shard`` returned.
        analysis: How the genome was examined, as given to ``write_shard``.
        identity: Whose it is.
    """
    moment = _next_moment(root)
    registration = _registration(root, moment, shard, analysis, identity)
    name = f"{moment:{_IN_NAME}}.{shard[:16]}.{registration.id}.json"
    write_json(root.inbox / name, asdict(registration))
    return registration


def register_all(
    root: Root, genomes: Iterable[tuple[str, Analysis, Identity]]
) -> list[Registration]:
    """Leave registrations of several shards in one file: a commit folds in all of them or none.

    Args:
        root: The database.
        genomes: Digest of the shard, how the genome was examined, and whose it is.
    """
    group = secrets.token_hex(12)
    moment = _next_moment(root)
    registrations = [
        _registration(root, moment + timedelta(microseconds=place), *each, group)
        for place, each in enumerate(genomes)
    ]
    value = {"registrations": [asdict(each) for each in registrations]}
    write_json(root.inbox / f"{moment:{_IN_NAME}}.group.{group}.json", value)
    return registrations


def pending(root: Root) -> list[tuple[Path, Registration]]:
    """Registrations of the inbox and their files, oldest first.

    Raises:
        NgdError: A file of the inbox is no registration.
    """
    found = [
        (path, registration)
        for path in sorted(root.inbox.glob("[!.]*.json"))
        for registration in _read(path)
    ]
    first: dict[str, str] = {}  # of a group all are folded in when its first one is
    for _, each in found:
        key = each.group or each.id
        first[key] = min(first.get(key, each.registered_at), each.registered_at)

    def order(item: tuple[Path, Registration]) -> tuple[str, ...]:
        key = item[1].group or item[1].id
        return first[key], key, item[1].registered_at, item[1].id

    return sorted(found, key=order)


def identity_of(vault: Vault, registration: Registration) -> Identity:
    """Open the sealed identity.

    Raises:
        NgdError: It was sealed to another vault, or the registration changed since.
    """
    try:
        value = json.loads(vault.unseal(bytes.fromhex(registration.sealed)))
        digest = value.pop("registration")
    except (ValueError, KeyError):
        digest = None
    if digest != registration.digest:
        raise NgdError("its registration is not as it was written; load it again")
    return Identity(**value)


@contextmanager
def loading(root: Root, alone: bool = False) -> Iterator[bool]:
    """Mark that shards are being written, or ask to be alone so that unused ones can be removed.

    Args:
        root: The database.
        alone: Ask, without waiting, that no one is writing shards.

    Yields:
        Whether the mark was got; only asking to be alone can fail.
    """
    root.inbox.mkdir(exist_ok=True)
    descriptor = os.open(root.inbox / ".loading", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB if alone else fcntl.LOCK_SH)
        got = True
    except BlockingIOError:
        got = False
    try:
        yield got
    finally:
        os.close(descriptor)


def _registration(
    root: Root,
    moment: datetime,
    shard: str,
    analysis: Analysis,
    identity: Identity,
    group: str = "",
) -> Registration:
    made = Registration(
        id=secrets.token_hex(12),
        shard=shard,
        analysis=analysis,
        registered_at=moment.isoformat(timespec="microseconds"),
        sealed="",
        description=sha256_of(root.shard(shard) / "shard.json"),
        group=group,
    )
    canonical = replace(identity, patient_id=canonical_patient_id(identity.patient_id))
    message = json.dumps(asdict(canonical) | {"registration": made.digest}).encode("utf-8")
    return replace(made, sealed=seal(root.settings.public_key, message).hex())


def _next_moment(root: Root) -> datetime:
    """Now, but after everything that waits: clocks differ, and may be put back."""
    latest = None
    if root.inbox.is_dir():
        with os.scandir(root.inbox) as entries:  # thousands may wait: no objects of paths
            names = (entry.name for entry in entries if _WAITING.match(entry.name))
            latest = max(names, default=None)
    now = datetime.now(UTC)
    if latest is None:
        return now
    last = datetime.strptime(latest.partition(".")[0], _IN_NAME).replace(tzinfo=UTC)
    return max(now, last + timedelta(microseconds=1))


def _read(path: Path) -> list[Registration]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        rows = value.get("registrations", [value])
        return [Registration(**(row | {"analysis": Analysis(**row["analysis"])})) for row in rows]
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise NgdError(
            f"{path}: damaged registration; expected what 'wgs ngd load' wrote. "
            "Remove it and load that genome again"
        ) from error
