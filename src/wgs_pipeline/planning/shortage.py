"""Why not everybody can be sequenced within the horizon, and what would make it possible."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from wgs_pipeline.errors import WgsError
from wgs_pipeline.planning.cases import Cases, Ints, Slots, Supply
from wgs_pipeline.planning.weeks import Calendar


class PlanError(WgsError):
    """No plan exists for these referrals and this capacity."""


@dataclass(frozen=True)
class Shortage:
    """A constraint that cannot be kept.

    Attributes:
        constraint: sequencing, compute, frozen or families.
        sites: Indices of the sites concerned.
        first: First week concerned.
        last: Last week concerned.
        places: Places that are missing.
    """

    constraint: str
    sites: tuple[int, ...]
    first: int
    last: int
    places: int


def find_shortages(cases: Cases, supply: Supply) -> list[Shortage]:
    """Every frozen week that is too full; else the sites or computers that are too small.

    Exact for work that can be divided: by Hall's theorem, work that only a set of sites takes fits
    unless, from some week to the horizon, more of it arrives than these sites have places. The
    sets are those of the sites, so there are few. The smallest set short of places is named.
    """
    frozen = Slots(cases.fixed_week, cases.fixed_site).load(cases, supply)
    left = supply.less(frozen)
    shortages = list(_frozen(left))
    if shortages:
        return shortages
    reach = cases.arrival < supply.weeks
    for size in range(1, len(supply.sites) + 1):
        for sites in itertools.combinations(range(len(supply.sites)), size):
            outside = np.delete(reach, sites, axis=1).any(axis=1)
            bound = cases.free & ~outside & reach.any(axis=1)
            missing = _missing(cases, bound, left, sites)
            if missing is not None:
                shortages.append(missing)
        if shortages:
            return shortages
    return shortages


def _frozen(left: Supply) -> Iterator[Shortage]:
    for site, week in zip(*np.nonzero(left.places < 0), strict=True):
        missing = int(-left.places[site, week])
        yield Shortage("frozen", (int(site),), int(week), int(week), missing)
    for week in np.flatnonzero(left.compute < 0):
        everywhere = tuple(range(len(left.sites)))
        yield Shortage("compute", everywhere, int(week), int(week), int(-left.compute[week]))


def _missing(
    cases: Cases,
    bound: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
    left: Supply,
    sites: Sequence[int],
) -> Shortage | None:
    """The greatest shortage of places of ``sites`` from some week to the horizon."""
    weeks = left.weeks
    since = np.minimum(cases.arrival[:, list(sites)].min(axis=1), weeks - 1)
    arriving = np.bincount(since[bound], cases.places[bound], weeks)
    needed = _from_week_on(arriving)
    room = left.places[list(sites)].sum(axis=0)
    lanes, compute = needed - _from_week_on(room), needed - _from_week_on(left.compute)
    pooled = needed - _from_week_on(np.minimum(room, left.compute))
    if pooled.max(initial=0) <= 0:
        return None
    if lanes.max() > 0 or compute.max() <= 0:
        kind, excess = "sequencing", np.maximum(lanes, 0) if lanes.max() > 0 else pooled
    else:
        kind, excess = "compute", compute
    first = int(np.flatnonzero(excess == excess.max())[-1])
    return Shortage(kind, tuple(sites), first, weeks - 1, int(np.ceil(excess.max())))


def _from_week_on(values: Ints) -> Ints:
    return np.cumsum(values[::-1])[::-1]


def explain(
    shortages: Sequence[Shortage],
    supply: Supply,
    calendar: Calendar,
    core_hours_per_genome: float,
    unplaced: Sequence[str] = (),
) -> PlanError:
    """The error that names each shortage and what would end it."""
    lines = [_sentence(s, supply, calendar, core_hours_per_genome) for s in shortages]
    if not lines:
        names = ", ".join(unplaced[:5]) + (" …" if len(unplaced) > 5 else "")
        lines = [
            f"{len(unplaced)} cases find no week although there are places enough in sum, because "
            f"families are not divided: {names}. Add a flowcell, or weeks to horizon_weeks."
        ]
    return PlanError("no plan keeps every rule:\n" + "\n".join(lines))


def _sentence(
    shortage: Shortage, supply: Supply, calendar: Calendar, core_hours_per_genome: float
) -> str:
    names = " and ".join(supply.sites[site] for site in shortage.sites)
    one = len(shortage.sites) == 1
    who = f"site {names}" if one else f"sites {names} together"
    first, last = calendar.name(shortage.first), calendar.name(shortage.last)
    weeks = f"week {first}" if first == last else f"weeks {first} to {last}"
    places, share = shortage.places, supply.open_share
    if shortage.constraint == "compute":
        hours = int(np.ceil(places * core_hours_per_genome / share))
        return (
            f"compute: the computers need {hours:,} more core-hours in {weeks} ({places} genomes). "
            "Raise compute.core_hours_per_week, or add weeks to horizon_weeks."
        )
    size = max(int(supply.flowcell_places[site]) for site in shortage.sites)
    flowcells = int(np.ceil(places / (size * share) - 1e-9))
    need = f"{who} {'needs' if one else 'need'} {flowcells} more flowcells ({places} places)"
    if shortage.constraint == "frozen":
        return (
            f"frozen: {need} in {weeks}, where slots of the previous plan are kept. Give the site "
            "its capacity back, or lower freeze_weeks so that they may move."
        )
    rate = max(1.0, float(supply.places[list(shortage.sites), -1].sum()))
    return (
        f"sequencing: {need} in {weeks}. Add flowcells, let regions send to other sites in "
        f"transport_days, or add about {int(np.ceil(places / rate))} weeks to horizon_weeks."
    )
