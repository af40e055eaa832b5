"""Names for people that mean nothing outside one research project."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable

from wgs_pipeline.identifiers import canonical_patient_id

#: Bytes of the code that are kept: 120 bits, no collision among all humans.
_CODE_BYTES = 15


def pseudonym(project_key: bytes, patient_id: str) -> str:
    """Pseudonym of a person in a project: HMAC-SHA-256 under the project's key, as base32.

    The same person has the same pseudonym within a project, and pseudonyms of two projects
    cannot be linked without their keys, which only the vault holds.

    Raises:
        ValueError: The key is shorter than 32 bytes.
    """
    if len(project_key) < 32:
        raise ValueError("a project key has at least 32 bytes")
    code = hmac.digest(
        project_key, canonical_patient_id(patient_id).encode("utf-8"), hashlib.sha256
    )
    return "P" + base64.b32encode(code[:_CODE_BYTES]).decode("ascii")


def genome_names(
    project_key: bytes, genomes: Iterable[tuple[int, str, str, str]]
) -> dict[int, tuple[str, str]]:
    """Names of genomes in a project: the person's pseudonym, and a number from the second on.

    A genome keeps its name for as long as the person has one of that sample and assay, replaced
    or not, whatever other genomes the person gets.

    Args:
        project_key: Key of the project.
        genomes: Slot, patient_id, sample_id and assay of every genome ever loaded, by slot.

    Returns:
        Slot to pseudonym of the person and name of the genome (``P…``, ``P….2``, …).
    """
    names: dict[int, tuple[str, str]] = {}
    pseudonyms: dict[str, str] = {}
    kinds: dict[str, dict[tuple[str, str], int]] = {}
    for slot, patient_id, sample_id, assay in genomes:
        if patient_id not in pseudonyms:
            pseudonyms[patient_id] = pseudonym(project_key, patient_id)
        seen = kinds.setdefault(patient_id, {})
        number = seen.setdefault((sample_id, assay), len(seen) + 1)
        person = pseudonyms[patient_id]
        names[slot] = (person, person if number == 1 else f"{person}.{number}")
    return names


def cohort_digest(project_key: bytes, names: Iterable[str]) -> str:
    """Who was in, as a code: only the holder of the key can tell whether a list of names fits it.

    Returns:
        HMAC-SHA-256 of the sorted names under the project's key, hexadecimal.
    """
    text = "\n".join(sorted(names))
    return hmac.digest(project_key, text.encode("utf-8"), hashlib.sha256).hex()
