"""Reading the register so that a lost, stale or cut one stops the run.

A register that is not there must never read as "nobody refused". ``ConsentRegister`` refuses one
that is missing, empty or malformed; here one is refused that was not delivered for too long, or
that has shrunk. What was seen before is remembered in the vault: the register is a history and only
grows, and few people leave an opt-out list.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from wgs_pipeline.errors import Problem, RegisterError

if TYPE_CHECKING:
    from wgs_pipeline.consent.register import ConsentRegister

#: Key of what was seen, in the memory.
SEEN = "consent_seen"
_DAY_S = 86_400
#: A file that changed this recently may change again without a new time stamp (some file systems
#: keep seconds only).
_UNSETTLED_NS = 2_000_000_000


@dataclass(frozen=True)
class RegisterPolicy:
    """When a register may be relied on.

    Attributes:
        max_age: Days since the file was last written; None: any.
        max_shrink: Share of its entries by which it may be smaller than the largest seen, 0 to 1.
    """

    max_age: float | None = None
    max_shrink: float = 0.01


@dataclass(frozen=True)
class Sizes:
    """How much was seen: events of the sheet, persons of the opt-out list."""

    events: int = 0
    optouts: int = 0


class Memory(Protocol):
    """Where the largest sizes seen are kept; the vault is one."""

    def get(self, key: str) -> str | None:
        """A value, None where there is none."""

    def put(self, key: str, value: str) -> None:
        """Set a value."""


def read_register(
    consents: Path,
    optouts: Path | None = None,
    policy: RegisterPolicy | None = None,
    memory: Memory | None = None,
    now: datetime | None = None,
) -> ConsentRegister:
    """Read the consent register, with everything that makes it safe to rely on.

    Args:
        consents: The sheet, as consents.schema.yaml describes it.
        optouts: Opt-out list of a national register; its lines count as refusals of research.
        policy: When the files may be relied on. Default: at any age.
        memory: What was seen before; None: nothing is compared or remembered.
        now: The present moment. Default: the clock.

    Raises:
        ConsentError: A file is missing, unreadable or empty.
        RegisterError: One is too old, or has shrunk.
        ProblemsError: Everything wrong with their lines.
    """
    from wgs_pipeline.consent.register import ConsentRegister

    policy, moment = policy or RegisterPolicy(), now or datetime.now(UTC)
    require_recent((consents, optouts), policy, moment)
    register = ConsentRegister.read(consents, moment, optouts)
    if memory is not None:
        _compare(register, consents, optouts, policy, memory)
    return register


def require_recent(
    paths: Sequence[Path | None], policy: RegisterPolicy, now: datetime | None = None
) -> None:
    """Check when files were last written; one that is missing passes, as reading it will not.

    Raises:
        RegisterError: One is older than the policy allows.
    """
    if policy.max_age is None:
        return
    moment = (now or datetime.now(UTC)).timestamp()
    for path in filter(None, paths):
        try:
            age = (moment - path.stat().st_mtime) / _DAY_S
        except OSError:
            continue
        if age > policy.max_age:
            found = f"last written {age:.1f} days ago"
            expected = f"at most {policy.max_age:g} (policy.register_max_age)"
            remedy = "Deliver it again; where nothing changed since, touch the file to say so."
            raise RegisterError(Problem(str(path), 0, found, expected, remedy))


def sizes_of(register: ConsentRegister) -> Sizes:
    """How much a register holds."""
    return Sizes(register.n_events - register.n_optout_events, register.n_optouts)


def sizes_seen(memory: Memory) -> Sizes:
    """The most that was seen."""
    return Sizes(**json.loads(memory.get(SEEN) or "{}"))


def remember(sizes: Sizes, memory: Memory) -> None:
    """Take sizes for the most that was seen, be they smaller than before."""
    memory.put(SEEN, json.dumps(asdict(sizes)))


def stamps(*paths: Path | None) -> tuple[tuple[int, ...], ...] | None:
    """What changes whenever a file does; None where one may yet change unnoticed, or is missing.

    The files are opened, since a network file system may know an old state of a closed one.
    """
    found = []
    for path in filter(None, paths):
        try:
            with path.open("rb") as file:
                state = os.fstat(file.fileno())
        except OSError:
            return None
        if time.time_ns() - max(state.st_mtime_ns, state.st_ctime_ns) < _UNSETTLED_NS:
            return None
        found.append(
            (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
        )
    return tuple(found)


def _compare(
    register: ConsentRegister,
    consents: Path,
    optouts: Path | None,
    policy: RegisterPolicy,
    memory: Memory,
) -> None:
    """Compare with the largest sizes seen, and remember the larger ones.

    Raises:
        RegisterError: The register or the list has shrunk, or there is no list any more.
    """
    seen, sizes = sizes_seen(memory), sizes_of(register)
    _require_grown(consents, "events", seen.events, sizes.events, policy.max_shrink)
    named = consents if optouts is None else optouts
    _require_grown(named, "opted-out persons", seen.optouts, sizes.optouts, policy.max_shrink)
    largest = Sizes(max(seen.events, sizes.events), max(seen.optouts, sizes.optouts))
    if largest != seen:
        remember(largest, memory)


def _require_grown(path: Path, what: str, before: int, after: int, max_shrink: float) -> None:
    if after >= before * (1 - max_shrink):
        return
    found = f"{after:,} {what}, where {before:,} were seen before"
    expected = f"at most a share of {max_shrink:g} of them gone (policy.register_max_shrink)"
    remedy = (
        "Restore the whole file; or, if they are meant to be gone, confirm it with "
        "'wgs consent accept ROOT'."
    )
    raise RegisterError(Problem(str(path), 0, found, expected, remedy))
