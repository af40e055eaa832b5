"""Questions put to the database, by month, purpose and what became of them.

These are counts of questions, not of people: they are shown in full, so that a single refused
question is seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from wgs_pipeline.consent.purposes import REFUSED, Purpose

#: Stands for a purpose that is on no list: the word itself could be anything, a name too.
ANOTHER = "another purpose"
DECISIONS = ("answered", "refused", "failed")
_KNOWN = {*Purpose, *REFUSED}


def questions(log: Sequence[Mapping[str, Any]]) -> Counter[tuple[str, str, str, str]]:
    """Questions by month, purpose, action and decision; maintenance has no purpose and is left out.

    Args:
        log: Lines of the access log.
    """
    found: Counter[tuple[str, str, str, str]] = Counter()
    for line in log:
        if line["purpose"]:
            key = (line["time"][:7], _purpose(line["purpose"]), line["action"], line["decision"])
            found[key] += 1
    return found


def _purpose(word: str) -> str:
    name = word.strip().lower().replace("-", "_").replace(" ", "_")
    return name if name in _KNOWN else ANOTHER
