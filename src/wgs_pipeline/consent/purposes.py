"""What the database may be used for: a closed list, in code.

Purposes are not configuration. What the law forbids cannot be allowed by editing a file.
"""

from __future__ import annotations

from enum import StrEnum

from wgs_pipeline.errors import PurposeError
from wgs_pipeline.identifiers import shown_word


class Purpose(StrEnum):
    """A use of genomes that is allowed at all, where consent allows it."""

    CARE = "care"
    QUALITY = "quality"
    STATISTICS = "statistics"
    RESEARCH = "research"


#: Purposes that people do ask for and that are refused by name: word to what it is.
REFUSED = {
    "insurance": "insurance",
    "insurer": "insurance",
    "underwriting": "insurance",
    "pension": "pension",
    "employment": "employment",
    "employer": "employment",
    "recruitment": "employment",
    "law_enforcement": "law enforcement",
    "police": "law enforcement",
    "forensic": "law enforcement",
    "forensics": "law enforcement",
    "criminal_investigation": "law enforcement",
    "immigration": "immigration control",
    "marketing": "marketing",
    "advertising": "marketing",
    "credit": "credit assessment",
    "banking": "credit assessment",
    "ancestry_service": "commercial ancestry services",
}


def parse_purpose(word: str) -> Purpose:
    """The purpose that ``word`` names.

    Raises:
        PurposeError: The word is not on the closed list.
    """
    name = word.strip().lower().replace("-", "_").replace(" ", "_")
    try:
        return Purpose(name)
    except ValueError:
        pass
    allowed = ", ".join(Purpose)
    if name in REFUSED:
        raise PurposeError(
            f"purpose {name!r} is refused: genomes are never used for {REFUSED[name]}, and no "
            f"setting allows it; expected one of {allowed}"
        )
    raise PurposeError(
        f"unknown purpose {shown_word(name)}; expected one of {allowed}. Anything else is refused."
    )
