"""What a plan decides about: cases (a family, or one patient's samples) and weekly places.

A *place* is the room that one genome at the reference depth takes on a flowcell. A case is what
stays together: the samples of a family, a tumour and its normal. All weeks are indices of the
plan's calendar; a week before the plan is negative.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

#: Degrees of urgency, the most urgent first.
URGENCIES = ("acute", "soon", "routine")
ACUTE = 0


@dataclass(frozen=True)
class Cases:
    """Cases as columns, in the order of their names.

    Attributes:
        names: Name of each case: its family_id, else its first sample_id.
        places: Places that a case takes, 1 or more.
        patients: Patients that a case stands for.
        referred: Mean week in which these were referred.
        cell: Index of the case's region and patient group in ``cells``.
        urgency: 0 acute, 1 soon, 2 routine.
        due: Last week that ends within the case's limit.
        arrival: First week in which the case can be sequenced at each site, shape (cases, sites);
            0 or more, ``weeks`` where it never can.
        fixed_week: Week in which the case is frozen, -1 where it is not.
        fixed_site: Site at which it is frozen, -1 where it is not.
        previous_week: Week in the previous plan, -1 where it had none.
        previous_site: Site in the previous plan, -1 where it had none.
        cells: Region and patient group of each cell.
    """

    names: tuple[str, ...]
    places: Ints
    patients: Ints
    referred: Floats
    cell: Ints
    urgency: Ints
    due: Ints
    arrival: Ints
    fixed_week: Ints
    fixed_site: Ints
    previous_week: Ints
    previous_site: Ints
    cells: tuple[tuple[str, str], ...]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def free(self) -> NDArray[np.bool_]:
        """Which cases are not frozen."""
        return self.fixed_week < 0

    def places_by_cell(self) -> Floats:
        """Places of each cell."""
        return np.bincount(self.cell, self.places, len(self.cells)).astype(np.float64)

    def waits(self, weeks: Ints) -> Floats:
        """Weeks that each case waits when sequenced in ``weeks``."""
        return np.asarray(weeks - self.referred, dtype=np.float64)


@dataclass(frozen=True)
class Supply:
    """What the sites and the computers can take.

    Attributes:
        sites: Names of the sites.
        places: Places per site and week for first attempts, shape (sites, weeks).
        flowcell_places: Places of one flowcell of each site, the reserve included.
        open_share: Share of a flowcell that first attempts may fill: 1 less the reserve.
        compute: Places per week that the computers can analyse.
    """

    sites: tuple[str, ...]
    places: Ints
    flowcell_places: Ints
    open_share: float
    compute: Ints

    @property
    def weeks(self) -> int:
        """The horizon."""
        return int(self.places.shape[1])

    @property
    def pooled(self) -> Ints:
        """Places per week of all sites together, as far as the computers can analyse them."""
        pooled: Ints = np.minimum(self.places.sum(axis=0), self.compute)
        return pooled

    def less(self, load: Ints) -> Supply:
        """What is left beside ``load``, places per site and week."""
        return replace(self, places=self.places - load, compute=self.compute - load.sum(axis=0))

    def open_places(self, site: int, flowcells: int) -> int:
        """Places that ``flowcells`` flowcells of a site offer to first attempts."""
        return int(flowcells * int(self.flowcell_places[site]) * self.open_share + 1e-9)

    def flowcells_for(self, site: int, places: int) -> int:
        """Fewest flowcells that offer ``places`` places to first attempts."""
        count = int(places / (int(self.flowcell_places[site]) * self.open_share))
        while self.open_places(site, count) < places:
            count += 1
        return count


@dataclass(frozen=True)
class Slots:
    """Where cases are sequenced: week and site of each, -1 where they are not."""

    week: Ints
    site: Ints

    @property
    def placed(self) -> NDArray[np.bool_]:
        """Which cases have a slot."""
        return self.week >= 0

    def load(self, cases: Cases, supply: Supply) -> Ints:
        """Places taken per site and week."""
        load = np.zeros_like(supply.places)
        placed = self.placed
        np.add.at(load, (self.site[placed], self.week[placed]), cases.places[placed])
        return load


@dataclass(frozen=True)
class Weights:
    """Weight of a week's wait by urgency (acute, soon, routine)."""

    by_urgency: tuple[float, float, float] = (4.0, 2.0, 1.0)

    def of(self, cases: Cases) -> Floats:
        """Weight of each case."""
        return np.asarray(self.by_urgency)[cases.urgency]
