"""What the database holds and logged: genomes by slot, when each was loaded, and the log."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from wgs_pipeline import audit
from wgs_pipeline.consent.register import ConsentRegister
from wgs_pipeline.ngd.consents import read_consents
from wgs_pipeline.ngd.generation import pinned, read_generation
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.vault import Vault


@dataclass(frozen=True)
class Held:
    """One genome that the database holds now.

    Attributes:
        sample_id: Its sample.
        person: Whose it is, canonical; never to be shown.
        slot: Its slot.
        assay: ``wgs``, ``exome``, ….
        plane: ``research`` or ``care_only``.
        loaded_at: When it was loaded first; None where the log does not say.
    """

    sample_id: str
    person: str = field(repr=False)
    slot: int
    assay: str
    plane: str
    loaded_at: datetime | None


@dataclass(frozen=True)
class Holdings:
    """The database at one generation.

    Attributes:
        generation: The generation.
        held: Its genomes; as many as ``wgs ngd info`` says.
        log: Lines of the access log, in order.
        register: The consent register.
        on_withdrawal: ``erase`` or ``seal``.
    """

    generation: int
    held: tuple[Held, ...]
    log: tuple[dict[str, Any], ...]
    register: ConsentRegister
    on_withdrawal: str


def read_holdings(path: Path) -> Holdings:
    """Read a database, its vault, its log and the consent register.

    Raises:
        NgdError: There is no database, or it, its vault or its log is damaged.
        ConsentError: The register cannot be read.
        ProblemsError: Rows of the register are wrong.
    """
    root = Root.open(path)
    with Vault(root.vault) as vault, pinned(root) as number:
        register = read_consents(root, vault)
        members = [each for each in read_generation(root, number).members if not each.retired]
        genomes = vault.genomes()
        log = tuple(audit.entries(root.audit))
    by_slot = {each.slot: each for each in genomes}
    times = _load_times(log)
    first: dict[tuple[str, str, str], datetime] = {}
    for genome in genomes:
        at = times.get(genome.slot)
        key = (genome.patient_id, genome.sample_id, genome.assay)
        if at is not None:
            first[key] = min(at, first.get(key, at))
    held = []
    for member in members:
        genome = by_slot[member.slot]
        key = (genome.patient_id, genome.sample_id, genome.assay)
        held.append(
            Held(
                genome.sample_id, genome.patient_id, member.slot,
                member.assay, member.plane, first.get(key),
            )
        )  # fmt: skip
    return Holdings(number, tuple(held), log, register, root.settings.on_withdrawal)


def _load_times(log: tuple[dict[str, Any], ...]) -> dict[int, datetime]:
    """Slot to when its load was logged."""
    return {
        slot: datetime.fromisoformat(line["time"])
        for line in log
        if line["action"] == "load" and line["decision"] == "answered"
        for slot in line["slots"]
    }
