"""What computing a genome takes, costs and emits.

Energy is that of Green Algorithms; see ``resources.footprint``. Core-hours are CPU time as
measured, so idle reserved cores and sequencing itself are not in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC

from wgs_pipeline.governance import ALL
from wgs_pipeline.governance.runs import Run
from wgs_pipeline.governance.settings import Prices, Settings
from wgs_pipeline.resources.footprint import computing_cost, energy_kwh


@dataclass(frozen=True)
class Footprint:
    """Per genome, in one month of runs or in all; None where few genomes or nothing configured.

    Attributes:
        month: Month in which the runs ended, or ``All``.
        core_hours: CPU time, hours.
        gb_hours: Memory times time, GB hours.
        cost: In the configured currency, sequencing included.
        kwh: Energy, kWh.
        co2e_g: Emission, grams of CO2e.
    """

    month: str
    core_hours: float | None = None
    gb_hours: float | None = None
    cost: float | None = None
    kwh: float | None = None
    co2e_g: float | None = None


def cost(core_hours: float, gb_hours: float, prices: Prices) -> float:
    """Cost of one genome in the currency of the prices."""
    computing = computing_cost(core_hours, gb_hours, prices.core_hour, prices.gb_hour)
    return computing + prices.sequencing


def footprints(runs: Sequence[Run], settings: Settings) -> list[Footprint]:
    """By month and of all.

    A genome counts in the month of the first run that judged it; computing of every run counts,
    repeated ones too.
    """
    judged: set[str] = set()
    sums: dict[str, tuple[int, float, float]] = {}
    for run in runs:
        fresh = {each.sample_id for each in run.samples if each.verdict} - judged
        judged |= fresh
        for month in (run.ended_at.astimezone(UTC).strftime("%Y-%m"), ALL):
            n, cpu, gb = sums.get(month, (0, 0.0, 0.0))
            sums[month] = (n + len(fresh), cpu + run.cpu_hours, gb + run.gb_hours)
    ordered = sorted(sums, key=lambda month: (month == ALL, month))
    return [_footprint(month, *sums[month], settings) for month in ordered]


def _footprint(
    month: str, genomes: int, core_hours: float, gb_hours: float, settings: Settings
) -> Footprint:
    if genomes < settings.minimum_count:
        return Footprint(month)
    cores, memory = core_hours / genomes, gb_hours / genomes
    kwh = energy_kwh(cores, memory, settings.carbon) if settings.carbon else None
    intensity = settings.carbon.intensity_g_per_kwh if settings.carbon else 0.0
    return Footprint(
        month,
        _significant(cores),
        _significant(memory),
        _significant(cost(cores, memory, settings.prices)) if settings.prices else None,
        None if kwh is None else _significant(kwh),
        None if kwh is None else _significant(kwh * intensity),
    )


def _significant(value: float) -> float:
    """Three digits: enough to compare, too few to work out a number of genomes."""
    return float(f"{value:.3g}")
