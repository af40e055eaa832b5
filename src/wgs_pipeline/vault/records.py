"""What the vault's tables hold, as records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Genome:
    """One analysis of one person, as the vault knows it."""

    slot: int
    patient_id: str
    sample_id: str
    assay: str
    shard: str
    added_generation: int
    retired_generation: int | None


@dataclass(frozen=True)
class Outcome:
    """What a commit did with a registration.

    Attributes:
        outcome: ``loaded``, ``replaced``, ``already_loaded`` or ``refused``.
        slot: Slot of the genome, None if refused.
        generation: Generation in which that slot was added, None if refused.
        reason: Why it was refused, otherwise empty.
    """

    outcome: str
    slot: int | None
    generation: int | None
    reason: str = ""


@dataclass(frozen=True)
class PastExport:
    """One data set that left the database.

    Attributes:
        project: The project it was made for; empty for care and quality.
        kind: ``genotypes`` or ``frequencies``.
        purpose: What it was made for.
        generation: The generation that it was made of.
        made: When, ISO 8601.
        slots: The genomes that were in, as a serialised roaring bitmap.
    """

    project: str
    kind: str
    purpose: str
    generation: int
    made: str
    slots: bytes


@dataclass(frozen=True)
class PastRelease:
    """One set of genomes that research was answered from.

    Attributes:
        number: How many there had been with it.
        generation: The generation that it was made of.
        made: When, ISO 8601.
        slots: The genomes that were in, as a serialised roaring bitmap.
    """

    number: int
    generation: int
    made: str
    slots: bytes


@dataclass(frozen=True)
class Holders:
    """Who holds the slots, as columns.

    Attributes:
        slots: Slots ever given, in any order, shape (genomes,).
        patient_ids: Person of each, shape (genomes,).
        retired: Generation that retired it, -1 while it is in use, shape (genomes,).
    """

    slots: NDArray[np.int64]
    patient_ids: pa.StringArray = field(repr=False)
    retired: NDArray[np.int64]
