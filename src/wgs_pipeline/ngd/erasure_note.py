"""The vault's note of an erasure that is under way: whom it concerns, and how far it is.

It alone still names the persons, so that they can be looked for until the end. It is a file of
the vault, and the last thing that an erasure removes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Set
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from wgs_pipeline.errors import NgdError

_NAME = "erasure.json"


@dataclass(frozen=True)
class Note:
    """An erasure that is under way.

    Attributes:
        requested_by: Operating-system user who asked.
        requested_at: When, ISO 8601.
        generation: Generation that was current then.
        persons: The persons, canonical.
        samples: Their samples.
        slots: Their slots.
        shards: Digests of their shards.
        registrations: Genomes of theirs that waited to be loaded.
        rewritten_from: Generation that the rewrite started from; None before it, or without one.
        generation_after: First generation without them; None before it is proved.
        proof: What was proved; None before it was.
        keys_destroyed: Keys of single genomes that were destroyed.
        shards_shared: Shards that stay, since another person's calls are the same.
    """

    requested_by: str
    requested_at: str
    generation: int
    persons: tuple[str, ...] = field(default=(), repr=False)
    samples: tuple[str, ...] = field(default=(), repr=False)
    slots: tuple[int, ...] = ()
    shards: tuple[str, ...] = ()
    registrations: int = 0
    rewritten_from: int | None = None
    generation_after: int | None = None
    proof: dict[str, Any] | None = None
    keys_destroyed: int = 0
    shards_shared: int = 0

    @classmethod
    def begin(cls, user: str, generation: int) -> Note:
        """An erasure of nobody yet."""
        return cls(user, datetime.now(UTC).isoformat(timespec="seconds"), generation)

    def including(
        self,
        persons: Set[str],
        samples: Set[str],
        slots: Set[int],
        shards: Set[str],
        registrations: int,
    ) -> Note:
        """With more persons; what was proved before has to be proved again."""
        return replace(
            self,
            persons=tuple(sorted({*self.persons, *persons})),
            samples=tuple(sorted({*self.samples, *samples})),
            slots=tuple(sorted({*self.slots, *slots})),
            shards=tuple(sorted({*self.shards, *shards})),
            registrations=self.registrations + registrations,
            proof=None,
        )

    def rewriting(self, generation: int) -> Note:
        """The rewrite starts from this generation."""
        return replace(self, rewritten_from=generation, proof=None)

    def proved(self, proof: dict[str, Any], generation: int) -> Note:
        """Proved of a generation."""
        return replace(self, proof=proof, generation_after=generation)

    def deleted(self, keys: int, shared: int) -> Note:
        """Keys and shards are gone."""
        return replace(self, keys_destroyed=keys, shards_shared=shared)


def read_note(vault: Path) -> Note | None:
    """The note of an erasure under way; None if there is none.

    Raises:
        NgdError: It is damaged.
    """
    path = vault / _NAME
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        lists = ("persons", "samples", "slots", "shards")
        return Note(**value | {name: tuple(value[name]) for name in lists})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        raise NgdError(
            f"{path}: damaged; expected the note of an erasure that is under way. Remove it and "
            "run 'wgs ngd erase' again with all identifiers"
        ) from None


def write_note(vault: Path, note: Note) -> None:
    """Write the note, all or nothing, for the vault's owner alone."""
    temporary = vault / f"{_NAME}.tmp"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(note), file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(vault / _NAME)
    _sync(vault)


def remove_note(vault: Path) -> None:
    """Remove the note, its bytes overwritten first."""
    path = vault / _NAME
    with path.open("r+b") as file:
        file.write(b" " * path.stat().st_size)
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    _sync(vault)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
