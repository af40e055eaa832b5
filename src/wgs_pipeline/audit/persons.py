"""The access log as a citizen reads it: who used my data, when, why, and what kind of data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from wgs_pipeline.consent.purposes import Purpose

#: Columns of the readable form of the whole log.
COLUMNS = (
    "seq", "time", "user", "actor", "action", "purpose", "project", "decision", "reason",
    "generation", "persons",
)  # fmt: skip
#: Columns of a person's own list.
PERSON_COLUMNS = ("seq", "time", "who", "on_behalf_of", "why", "data", "decision", "reason")

_DATA = {
    "genome": "your variants, identified",
    "carriers": "whether you carry certain variants, identified",
    "load": "your genome was stored",
    "compact": "your genome was moved between the research and the care part",
    "export": "your variants in a pseudonymised research data set",
    "erase": "your genome was erased",
}
_PURPOSES = {
    Purpose.CARE: "patient care",
    Purpose.QUALITY: "quality of care",
    Purpose.STATISTICS: "statistics",
    Purpose.RESEARCH: "research",
}


@dataclass(frozen=True)
class PersonLog:
    """What the log says of one person.

    Attributes:
        lines: Lines in which the person's own data were given, or refused.
        counted: Month, purpose, and how many answers in that month were counts of many persons,
            in which each eligible person was counted.
        withheld: Lines about others alone, not shown.
        logged: All lines of the log.
    """

    lines: tuple[dict[str, Any], ...]
    counted: tuple[tuple[str, str, int], ...]
    withheld: int
    logged: int


def select(entries: Iterable[dict[str, Any]], slots: Iterable[int]) -> PersonLog:
    """What of a log concerns the holder of some slots.

    Each line is shown, counted, or withheld: ``len(lines) + sum of counted + withheld`` is
    ``logged``. Other persons' slots are left out of the lines shown.
    """
    mine = set(slots)
    lines, counted, withheld, logged = [], Counter[tuple[str, str]](), 0, 0
    for entry in entries:
        logged += 1
        own = mine.intersection(entry["slots"])
        if own:
            lines.append(entry | {"slots": sorted(own)})
        elif mine and _is_count(entry):
            counted[str(entry["time"])[:7], _why(entry["purpose"])] += 1
        else:
            withheld += 1
    months = tuple((month, why, count) for (month, why), count in sorted(counted.items()))
    return PersonLog(tuple(lines), months, withheld, logged)


def person_rows(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A person's lines in words, columns of ``PERSON_COLUMNS``."""
    return [
        {
            "seq": each["seq"],
            "time": each["time"],
            "who": each["user"],
            "on_behalf_of": each["actor"],
            "why": _why(each["purpose"]) + (f", project {each['project']}" * bool(each["project"])),
            "data": _DATA.get(each["action"], each["action"]),
            "decision": each["decision"],
            "reason": each["reason"],
        }
        for each in lines
    ]


def to_tsv(rows: Sequence[dict[str, Any]], columns: Sequence[str] = COLUMNS) -> str:
    """Rows as tab-separated text with a header."""
    texts = [["" if row[name] is None else str(row[name]) for name in columns] for row in rows]
    clean = [[value.replace("\t", " ").replace("\n", " ") for value in row] for row in texts]
    return "".join("\t".join(row) + "\n" for row in [list(columns), *clean])


def _is_count(entry: dict[str, Any]) -> bool:
    return not entry["slots"] and bool(entry["purpose"]) and entry["decision"] == "answered"


def _why(purpose: str) -> str:
    try:
        return _PURPOSES[Purpose(purpose)]
    except ValueError:
        return purpose or "keeping the database"
