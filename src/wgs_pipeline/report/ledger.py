"""The cost ledger: what each sample reserved, used, cost and emitted.

A family's jobs count to its members in equal parts; jobs that serve the whole run stand in a line
of their own, so that the lines add up to the run.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wgs_pipeline.config import CostsConfig
from wgs_pipeline.report.costs import JobCost
from wgs_pipeline.resources.footprint import computing_cost, energy_kwh

#: The line of jobs that are of no sample; no sample_id begins like it.
SHARED = "(shared)"
_COLUMNS = (
    *("sample", "core_hours", "cpu_hours", "gb_hours", "energy_kwh", "co2e_kg"),
    *("cost", "currency", "kept_mb", "peak_mb"),
)


@dataclass(frozen=True)
class Entry:
    """One line of the ledger; None is not known or not configured.

    Attributes:
        sample: sample_id, or ``SHARED``.
        core_hours: Hours of cores reserved.
        cpu_hours: Hours in which a core computed.
        gb_hours: Memory reserved times time, GB hours.
        energy_kwh: Energy, kWh.
        co2e_kg: Emission, kg CO2e.
        cost: In the configured currency.
        kept_mb: Files kept below results, MB.
        peak_mb: Files at most at once below results, MB.
    """

    sample: str
    core_hours: float
    cpu_hours: float
    gb_hours: float
    energy_kwh: float
    co2e_kg: float | None
    cost: float | None
    kept_mb: float | None = None
    peak_mb: float | None = None


def ledger(
    jobs: Iterable[JobCost],
    samples: Sequence[str],
    families: Mapping[str, Sequence[str]],
    owners: Mapping[tuple[str, str], str],
    disk: Mapping[str, Mapping[str, float]],
    prices: CostsConfig,
) -> list[Entry]:
    """A line for each sample, in their order, and one for shared jobs.

    Args:
        jobs: What jobs took.
        samples: Analysed samples.
        families: Members of each family.
        owners: (rule, key) of a job to the sample it is of.
        disk: ``kept_mb`` and ``peak_mb`` by sample.
        prices: Prices and power.
    """
    sums = {name: [0.0, 0.0, 0.0] for name in (*samples, SHARED)}
    for job in jobs:
        payers = _payers(job, families, owners)
        for name in payers:
            total = sums[name if name in sums else SHARED]
            for place, amount in enumerate((job.core_s, job.cpu_s, job.mb_s)):
                total[place] += amount / len(payers)
    return [_entry(name, sums[name], disk.get(name, {}), prices) for name in sums]


def ledger_text(costs: Mapping[str, Any]) -> str:
    """The ``costs`` of a run report as tab-separated text; what is not known is empty."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(_COLUMNS)
    for entry in costs["samples"]:
        unit = "" if entry["cost"] is None else costs["currency"]
        row = {name: _cell(value) for name, value in entry.items() if name != "sample"}
        row |= {"sample": entry["sample"], "currency": unit}
        writer.writerow([row[name] for name in _COLUMNS])
    return text.getvalue()


def _payers(
    job: JobCost, families: Mapping[str, Sequence[str]], owners: Mapping[tuple[str, str], str]
) -> Sequence[str]:
    owner = owners.get((job.rule, job.key))
    if owner is not None:
        return [owner]
    family = job.wildcards.get("family", job.key.rpartition(".")[0] or job.key)
    return families.get(family) or families.get(job.key) or [SHARED]


def _entry(
    sample: str,
    sums: Sequence[float],
    disk: Mapping[str, float],
    prices: CostsConfig,
) -> Entry:
    core_s, cpu_s, mb_s = sums
    core_hours, cpu_hours, gb_hours = core_s / 3600, cpu_s / 3600, mb_s / 3.6e6
    energy = energy_kwh(cpu_hours, gb_hours, prices)
    intensity, price = prices.intensity_g_per_kwh, prices.core_hour
    return Entry(
        sample,
        core_hours,
        cpu_hours,
        gb_hours,
        energy,
        None if intensity is None else energy * intensity / 1000,
        None if price is None else computing_cost(core_hours, gb_hours, price, prices.gb_hour),
        disk.get("kept_mb"),
        disk.get("peak_mb"),
    )


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
