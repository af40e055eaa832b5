"""How long it takes from referral to result, by stage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from wgs_pipeline.governance import ALL
from wgs_pipeline.governance.genomes import Genome

_Moment = Callable[[Genome], datetime | None]

#: Stage to where it begins and ends. The result is the clinical answer, or else the load.
STAGES: dict[str, tuple[_Moment, _Moment]] = {
    "referred to sequenced": (lambda g: g.referred_at, lambda g: g.sequenced_at),
    "sequenced to analysed": (lambda g: g.sequenced_at, lambda g: g.analysed_at),
    "analysed to loaded": (lambda g: g.analysed_at, lambda g: g.loaded_at),
    "referred to result": (lambda g: g.referred_at, lambda g: g.reported_at or g.loaded_at),
}
#: Numbers of genomes behind a quantile are rounded to multiples of this.
ROUNDED_TO = 5


@dataclass(frozen=True)
class Turnaround:
    """One stage in one region.

    Attributes:
        region: The region, or ``All``.
        stage: Of ``STAGES``.
        genomes: About how many genomes have both dates, rounded; None where few.
        p50_days: Median, days; None where few.
        p90_days: 90th percentile, days; None where fewer than twice the least number have it.
    """

    region: str
    stage: str
    genomes: int | None
    p50_days: float | None
    p90_days: float | None


def turnaround(
    genomes: Sequence[Genome], regions: Sequence[str], minimum: int
) -> tuple[list[Turnaround], int]:
    """Quantiles of every stage by region and of all, and how many dates run backwards.

    A duration below zero is an error of somebody's dates; it is left out and counted.

    Args:
        genomes: The genomes.
        regions: Regions to report.
        minimum: Least number of genomes with both dates.
    """
    found, backwards = [], 0
    for stage, (begin, end) in STAGES.items():
        days: dict[str, list[float]] = {region: [] for region in (ALL, *regions)}
        for genome in genomes:
            first, last = begin(genome), end(genome)
            if first is None or last is None:
                continue
            duration = (last - first).total_seconds() / 86_400
            if duration < 0:
                backwards += 1
                continue
            days[ALL].append(duration)
            days[genome.region].append(duration)
        found += [_quantiles(region, stage, of, minimum) for region, of in days.items()]
    return found, backwards


def _quantiles(region: str, stage: str, days: Sequence[float], minimum: int) -> Turnaround:
    if len(days) < minimum:
        return Turnaround(region, stage, None, None, None)
    p50, p90 = (round(float(each), 1) for each in np.quantile(days, (0.5, 0.9)))
    about = ROUNDED_TO * round(len(days) / ROUNDED_TO)
    return Turnaround(region, stage, about, p50, p90 if len(days) >= 2 * minimum else None)
