"""Who waits, and who comes into the next wave."""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from wgs_pipeline.errors import WgsError
from wgs_pipeline.planning.cases import URGENCIES
from wgs_pipeline.project import Project
from wgs_pipeline.waves.history import LOADED, OPEN, Past, inputs_by_sample

NEW, TOP_UP, AGAIN, RELATIVE = "new", "top-up", "again", "family"

#: Place in the plan: urgency, then week, then line. Who is not in it comes after all who are.
Rank = tuple[int, str, int]
_UNPLANNED = (len(URGENCIES), "", 0)


@dataclass(frozen=True)
class Chosen:
    """A sample of the next wave: why it is in it, its urgency in the plan and its week, or ""."""

    sample: str
    family: str
    reason: str
    urgency: str
    week: str


@dataclass(frozen=True)
class Queue:
    """Samples that wait, with why; and those that do not, with why not."""

    waiting: Mapping[str, str]
    left_out: Mapping[str, str]


def read_plan(path: Path) -> dict[str, Rank]:
    """The place of every sample in the ``plan.tsv`` of ``wgs plan``.

    Raises:
        WgsError: It cannot be read, or is no plan.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        return {
            row["sample_id"]: (URGENCIES.index(row["priority"]), row["week"], line)
            for line, row in enumerate(rows, 2)
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WgsError(
            f"{path}: no plan ({type(error).__name__}); expected the plan.tsv of wgs plan, with "
            "sample_id, week and priority. Correct --plan"
        ) from error


def sort_out(project: Project, history: Mapping[str, Past], reopened: Collection[str]) -> Queue:
    """Who waits for a wave, in the order of the sheet, and who does not.

    Args:
        project: The queue.
        history: What became of samples in earlier waves.
        reopened: Waves whose unfinished samples wait again.
    """
    waiting: dict[str, str] = {}
    left_out = dict.fromkeys(project.excluded, "no consent to analysis")
    units = tuple(unit for name in project.analysed for unit in project.units[name])
    inputs = inputs_by_sample(units)
    for sample in project.analysed:
        past = history.get(sample)
        if not all(path.is_file() for unit in project.units[sample] for path in unit.paths):
            left_out[sample] = "input files are missing"
        elif past is None:
            waiting[sample] = NEW
        elif past.inputs != inputs[sample]:
            if past.state == OPEN and past.wave not in reopened:
                left_out[sample] = f"new input, but still open in wave {past.wave}"
            else:
                waiting[sample] = TOP_UP
        elif past.state == OPEN and past.wave in reopened:
            waiting[sample] = AGAIN
        else:
            left_out[sample] = _why_not(past)
    return Queue(waiting, left_out)


def choose(project: Project, queue: Queue, plan: Mapping[str, Rank], size: int) -> list[Chosen]:
    """The samples of the next wave: whole families, the most urgent first, up to ``size``.

    A family comes as a whole, because it is called together: of those who were done before, too,
    but never without consent or input. One that does not fit lets smaller ones pass.
    """
    families: dict[str, list[str]] = {}
    for sample in queue.waiting:
        families.setdefault(project.samples[sample].family_id, []).append(sample)
    ranks = {
        family: min(plan.get(sample, _UNPLANNED) for sample in members)
        for family, members in families.items()
    }
    chosen: list[Chosen] = []
    for family in sorted(families, key=lambda name: ranks[name]):  # stable: sheet order decides
        members = [name for name in project.families[family] if _may_join(queue, name)]
        if len(chosen) + len(members) <= size:
            rank = ranks[family]
            urgency = URGENCIES[rank[0]] if rank[0] < len(URGENCIES) else ""
            chosen += [
                Chosen(name, family, queue.waiting.get(name, RELATIVE), urgency, rank[1])
                for name in members
            ]
    return chosen


def _may_join(queue: Queue, sample: str) -> bool:
    """Whether a member of a family may come with it: not while in another wave."""
    why = queue.left_out.get(sample, "")
    return sample in queue.waiting or why.startswith(("loaded", "judged"))


def _why_not(past: Past) -> str:
    if past.state == OPEN:
        return f"in wave {past.wave}, which has not ended"
    if past.state == LOADED:
        return f"loaded by wave {past.wave}"
    action = f": {past.next_action}" if past.next_action else ""
    return f"judged {past.verdict or 'not to load'} in wave {past.wave}{action}"
