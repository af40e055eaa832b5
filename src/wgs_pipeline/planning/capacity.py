"""capacity.yaml: what sites and computers can take each week, and the rules of the plan."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from wgs_pipeline import configfile
from wgs_pipeline.errors import Problem, ProblemsError
from wgs_pipeline.planning.cases import URGENCIES, Supply
from wgs_pipeline.planning.weeks import Calendar, parse_week


@dataclass(frozen=True)
class Site:
    """One sequencing site.

    Attributes:
        name: Its name.
        flowcells_per_week: Flowcells run in a week.
        flowcell_places: Places of a flowcell: lanes times genomes per lane.
        changes: (first week, last week, flowcells) as ISO names; later ones win.
    """

    name: str
    flowcells_per_week: int
    flowcell_places: int
    changes: tuple[tuple[str, str, int], ...] = ()


@dataclass(frozen=True)
class Capacity:
    """A valid capacity file; keys as in capacity.schema.yaml."""

    sites: tuple[Site, ...]
    transport_days: Mapping[str, Mapping[str, int]]
    core_hours_per_week: float
    core_hours_per_genome: float = 30.0
    horizon_weeks: int = 26
    freeze_weeks: int = 1
    depth: Mapping[str, float] = field(default_factory=lambda: {"germline": 30.0, "tumour": 90.0})
    failure_rate: float = 0.03
    turnaround_weeks: float = 2.0
    larger_than_flowcell: str = "refuse"
    limits_days: tuple[int, int, int] = (14, 56, 112)
    weights: tuple[float, float, float] = (4.0, 2.0, 1.0)
    gap: float = 0.01
    seconds: float = 60.0

    @property
    def repeat_wait(self) -> float:
        """Expected weeks that repeats add to a wait: attempts fail independently."""
        return self.failure_rate / (1 - self.failure_rate) * self.turnaround_weeks

    def places(self, material: str) -> int:
        """Places of one sample: its depth over the germline depth, rounded up."""
        return math.ceil(self.depth[material] / self.depth["germline"] - 1e-9)

    def supply(self, calendar: Calendar) -> Supply:
        """Places per site and week over the weeks of a calendar."""
        open_share = 1 - self.failure_rate
        flowcells = np.array([_flowcells(site, calendar) for site in self.sites])
        sizes = np.array([site.flowcell_places for site in self.sites])
        places = np.floor(flowcells * sizes[:, np.newaxis] * open_share + 1e-9).astype(np.int64)
        analysed = self.core_hours_per_week / self.core_hours_per_genome * open_share
        compute = np.full(calendar.count, math.floor(analysed + 1e-9), dtype=np.int64)
        names = tuple(site.name for site in self.sites)
        return Supply(names, places, sizes, open_share, compute)


def read_capacity(path: Path) -> Capacity:
    """Read a capacity file.

    Raises:
        ConfigError: The file is missing, unreadable or no YAML mapping.
        ProblemsError: Everything wrong with its keys and values.
    """
    capacity, problems = parse_capacity(path)
    if capacity is None or problems:
        raise ProblemsError(problems)
    return capacity


def parse_capacity(path: Path) -> tuple[Capacity | None, list[Problem]]:
    """The capacity, None where its keys are wrong, and everything wrong with it."""
    document = configfile.read(Path(os.path.abspath(path)), {}, "capacity")  # noqa: PTH100
    problems = [*document.problems, *configfile.validate(document)]
    if problems:
        return None, problems
    return _capacity(document.values), _across_keys(document)


def _capacity(values: dict[str, Any]) -> Capacity:
    return Capacity(
        sites=tuple(_site(name, values["sites"][name]) for name in sorted(values["sites"])),
        transport_days=values["transport_days"],
        core_hours_per_week=values["compute"]["core_hours_per_week"],
        core_hours_per_genome=values["compute"]["core_hours_per_genome"],
        horizon_weeks=values["horizon_weeks"],
        freeze_weeks=values["freeze_weeks"],
        depth=values["depth"],
        failure_rate=values["resequencing"]["failure_rate"],
        turnaround_weeks=values["resequencing"]["turnaround_weeks"],
        larger_than_flowcell=values["batch"]["larger_than_flowcell"],
        limits_days=_by_urgency(values["limits_days"]),
        weights=_by_urgency(values["weights"]),
        gap=values["solver"]["gap"],
        seconds=values["solver"]["seconds"],
    )


def _by_urgency(values: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    acute, soon, routine = (values[urgency] for urgency in URGENCIES)
    return acute, soon, routine


def _site(name: str, values: Mapping[str, Any]) -> Site:
    changes = tuple(
        (c["from"], c["to"], c["flowcells_per_week"]) for c in values.get("changes", ())
    )
    places = values["lanes_per_flowcell"] * values["genomes_per_lane"]
    return Site(name, values["flowcells_per_week"], places, changes)


def _flowcells(site: Site, calendar: Calendar) -> list[int]:
    flowcells = [site.flowcells_per_week] * calendar.count
    for first, last, count in site.changes:
        start, stop = parse_week(first), parse_week(last)
        if start is not None and stop is not None:
            for week in range(max(0, calendar.index(start)), calendar.count):
                if week <= calendar.index(stop):
                    flowcells[week] = count
    return flowcells


def _across_keys(document: configfile.Document) -> list[Problem]:
    problems, sites = [], document.values["sites"]
    for name, site in sites.items():
        for number, change in enumerate(site.get("changes", ())):
            keys: tuple[str | int, ...] = ("sites", name, "changes", number)
            first, last = parse_week(change["from"]), parse_week(change["to"])
            if first is None or last is None or first > last:
                found = f"a change from {change['from']} to {change['to']}"
                expected = "two weeks of the calendar, the first not after the last"
                problems.append(document.problem(keys, found, expected, "Correct the weeks."))
    for region, days in document.values["transport_days"].items():
        for name in sorted(set(days) - set(sites)):
            found, expected = f"transport to {name!r}", f"one of the sites {', '.join(sites)}"
            keys = ("transport_days", region, name)
            problems.append(document.problem(keys, found, expected, "Correct the site."))
    weights = [document.values["weights"][urgency] for urgency in URGENCIES]
    if sorted(weights, reverse=True) != weights:
        expected = "acute at least soon, soon at least routine"
        problems.append(
            document.problem(("weights",), f"weights {weights}", expected, "Correct the weights.")
        )
    return problems
