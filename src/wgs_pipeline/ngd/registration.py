"""A registration: the one file that a load leaves for the next commit.

It names a shard and holds, sealed to the vault, whose it is. Loading needs no shared lock.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from wgs_pipeline.errors import NgdError
from wgs_pipeline.files import write_json
from wgs_pipeline.identifiers import canonical_patient_id
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.shard import Analysis
from wgs_pipeline.vault import Vault, seal


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
        sealed: The identity, sealed to the vault, hexadecimal.
    """

    id: str
    shard: str
    analysis: Analysis
    registered_at: str
    sealed: str


def register(root: Root, shard: str, analysis: Analysis, identity: Identity) -> Registration:
    """Leave a registration in the inbox, all or nothing.

    Args:
        root: The database.
        shard: Digest that ``write_shard`` returned.
        analysis: How the genome was examined, as given to ``write_shard``.
        identity: Whose it is.
    """
    canonical = Identity(
        canonical_patient_id(identity.patient_id), identity.sample_id, identity.replace
    )
    message = json.dumps(asdict(canonical)).encode("utf-8")
    registration = Registration(
        secrets.token_hex(12),
        shard,
        analysis,
        datetime.now(UTC).isoformat(timespec="microseconds"),
        seal(root.settings.public_key, message).hex(),
    )
    write_json(root.inbox / f"{shard[:16]}.{registration.id}.json", asdict(registration))
    return registration


def pending(root: Root) -> list[tuple[Path, Registration]]:
    """Registrations of the inbox and their files, oldest first.

    Raises:
        NgdError: A file of the inbox is no registration.
    """
    found = [(path, _read(path)) for path in sorted(root.inbox.glob("[!.]*.json"))]
    return sorted(found, key=lambda each: (each[1].registered_at, each[1].id))


def identity_of(vault: Vault, registration: Registration) -> Identity:
    """Open the sealed identity.

    Raises:
        NgdError: It was sealed to another vault, or changed since.
    """
    return Identity(**json.loads(vault.unseal(bytes.fromhex(registration.sealed))))


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


def _read(path: Path) -> Registration:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        return Registration(**(value | {"analysis": Analysis(**value["analysis"])}))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise NgdError(
            f"{path}: damaged registration; expected what 'wgs ngd load' wrote. "
            "Remove it and load that genome again"
        ) from error
