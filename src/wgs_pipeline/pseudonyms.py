"""Names for people that mean nothing outside one research project."""

from __future__ import annotations

import base64
import hashlib
import hmac

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
