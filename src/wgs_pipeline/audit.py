"""The access log: one line of JSON per access or refusal, chained by hash.

Each line holds the SHA-256 of the line before it, so that an edit, deletion, insertion or change
of order breaks the chain. The hash and place of the last line are kept in the vault, so that
cutting lines off the end is found too. A line names slots and counts, never a person.

Before a line is written, the vault notes that it is coming; after, that it is there. A process
killed in between leaves a state that the next writer completes.
"""

from __future__ import annotations

import fcntl
import getpass
import hashlib
import hmac
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from wgs_pipeline.errors import NgdError
from wgs_pipeline.identifiers import canonical_patient_id
from wgs_pipeline.vault import Vault

#: What the first line holds as the hash of the line before it.
GENESIS = "0" * 64


@dataclass(frozen=True)
class Head:
    """Where a log ends: lines, hash of the last one, bytes."""

    seq: int = 0
    hash: str = GENESIS
    size: int = 0


@dataclass(frozen=True)
class Access:
    """What happened, without identifiers.

    Attributes:
        action: Command, such as ``region`` or ``load``.
        purpose: Purpose it was asked for; empty for maintenance.
        decision: ``answered`` or ``refused``.
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
    slots: tuple[int, ...] = ()


def query_digest(vault: Vault, query: dict[str, Any]) -> str:
    """Digest of a query under the vault's key: equal queries can be found, none can be guessed."""
    key = bytes.fromhex(vault.require("audit_key"))
    return hmac.digest(key, _canonical(query).encode("utf-8"), hashlib.sha256).hex()


def append(log: Path, vault: Vault, access: Access, user: str) -> None:
    """Write one line, on disk before this returns.

    Args:
        log: The log file; made if it is the first line.
        vault: Holds the head of the log.
        access: What happened.
        user: Operating-system user who asked.

    Raises:
        NgdError: The line cannot be written, or the log is not the one that the vault knows.
    """
    try:
        with _locked(log) as descriptor:
            head = _recovered(log, descriptor, vault)
            entry = {
                "seq": head.seq + 1,
                "previous": head.hash,
                "time": datetime.now(UTC).isoformat(timespec="microseconds"),
                "user": user,
                **asdict(access),
            }
            line = _line(entry)
            after = Head(head.seq + 1, _hash_of(line), head.size + len(line))
            _put_heads(vault, head, after)
            os.lseek(descriptor, head.size, os.SEEK_SET)
            _write_all(descriptor, line)
            os.fsync(descriptor)
            _put_heads(vault, after, None)
    except OSError as error:
        raise NgdError(
            f"{log}: the audit line cannot be written ({error.strerror}), so nothing is answered. "
            "Free space or mend the permissions"
        ) from error


def entries(log: Path) -> Iterator[dict[str, Any]]:
    """The lines of a log, in order.

    Raises:
        NgdError: A line is not an object in JSON.
    """
    if not log.exists():
        return
    with log.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                value = json.loads(line)
            except ValueError:
                value = None
            if not isinstance(value, dict):
                raise NgdError(f"{log}:{number}: not an audit line; run 'wgs audit verify'")
            yield value


#: Columns of the readable form of the log.
COLUMNS = (
    "seq", "time", "user", "actor", "action", "purpose", "project", "decision", "reason",
    "generation", "persons",
)  # fmt: skip


def select(
    log: Path, vault: Vault, patient_id: str | None = None
) -> tuple[list[dict[str, Any]], int]:
    """Lines of the log, or those about one person, and how many lines are withheld.

    A person's lines are those that gave that person's own data, or refused to. Other persons'
    slots are left out of them.
    """
    if patient_id is None:
        return list(entries(log)), 0
    mine = {each.slot for each in vault.genomes_of(canonical_patient_id(patient_id))}
    everything = list(entries(log))
    shown = [
        each | {"slots": sorted(mine.intersection(each["slots"]))}
        for each in everything
        if mine.intersection(each["slots"])
    ]
    return shown, len(everything) - len(shown)


def to_tsv(lines: list[dict[str, Any]]) -> str:
    """Readable form of log lines."""
    rows = [["" if each[name] is None else str(each[name]) for name in COLUMNS] for each in lines]
    clean = [[value.replace("\t", " ").replace("\n", " ") for value in row] for row in rows]
    return "".join("\t".join(row) + "\n" for row in [list(COLUMNS), *clean])


def verify(log: Path, vault: Vault) -> list[str]:
    """Problems of a log: any change, gap, insertion, change of order or truncation.

    Returns:
        One message per problem, naming the line; empty if the log is whole.
    """
    if not log.exists():
        return [] if _heads(vault)[0].seq == 0 else [f"{log}: the log is missing"]
    with _locked(log, exclusive=False) as descriptor:
        content = _read_from(descriptor, 0)
    problems = []
    seen = Head()
    for number, line in enumerate(content.splitlines(keepends=True), start=1):
        problem = _problem_of(line, seen)
        if problem:
            problems.append(f"{log}:{number}: {problem}")
            break
        seen = Head(number, _hash_of(line), seen.size + len(line))
    head, coming = _heads(vault)
    if not problems and seen not in (head, coming):
        problems.append(
            f"{log}: ends with line {seen.seq}; the vault knows of {head.seq} lines"
            + (", the last of which is another" if seen.seq == head.seq else "")
        )
    return problems


def _problem_of(line: bytes, before: Head) -> str | None:
    try:
        entry = json.loads(line)
        if _line(entry) != line:
            return "not in the form in which it was written"
        if entry["seq"] != before.seq + 1:
            return f"sequence number {entry['seq']}; expected {before.seq + 1}"
        if entry["previous"] != before.hash:
            return "does not continue the line before it"
    except (ValueError, TypeError, KeyError):
        return "not an audit line"
    return None


def _recovered(log: Path, descriptor: int, vault: Vault) -> Head:
    """Head of the log, after completing what a killed writer began."""
    head, coming = _heads(vault)
    size = os.fstat(descriptor).st_size
    if size > head.size and coming:
        tail = _read_from(descriptor, head.size)
        if _hash_of(tail) == coming.hash:
            _put_heads(vault, coming, None)
            return coming
        if size < coming.size:  # a torn line; its answer was never given
            os.ftruncate(descriptor, head.size)
            size = head.size
    if size != head.size:
        raise NgdError(
            f"{log}: the log is {size} bytes long and the vault knows of {head.size}, so nothing "
            "is answered. Run 'wgs audit verify'"
        )
    return head


def _heads(vault: Vault) -> tuple[Head, Head | None]:
    value = json.loads(vault.get("audit_head") or "null")
    if value is None:
        return Head(), None
    return Head(**value["at"]), Head(**value["coming"]) if value["coming"] else None


def _put_heads(vault: Vault, head: Head, coming: Head | None) -> None:
    value = {"at": asdict(head), "coming": asdict(coming) if coming else None}
    vault.put("audit_head", json.dumps(value))


@contextmanager
def _locked(log: Path, exclusive: bool = True) -> Iterator[int]:
    if exclusive:
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(log, os.O_RDWR | os.O_CREAT if exclusive else os.O_RDONLY, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
        yield descriptor
    finally:
        os.close(descriptor)


def _read_from(descriptor: int, offset: int) -> bytes:
    return os.pread(descriptor, os.fstat(descriptor).st_size - offset, offset)


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


def _line(entry: dict[str, Any]) -> bytes:
    return _canonical(entry).encode("utf-8") + b"\n"


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _hash_of(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def system_user() -> str:
    """Operating-system user of this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"
