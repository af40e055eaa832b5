"""Money and energy of computing.

Energy is that of Green Algorithms (Lannelongue, Grealey and Inouye, Advanced Science 2021;8:
2100707): (core-hours used x W per core + GB-hours x W per GB) x PUE / 1000, in kWh; CO2e is energy
times the intensity of the grid.
"""

from __future__ import annotations

from typing import Protocol


class Power(Protocol):
    """What draws power: a core in full use, a GB of memory (W), the data centre (PUE)."""

    @property
    def watts_per_core(self) -> float:
        """Power of one core, W."""

    @property
    def watts_per_gb(self) -> float:
        """Power of one GB of memory, W."""

    @property
    def pue(self) -> float:
        """Energy of the data centre over that of computing."""


def energy_kwh(core_hours: float, gb_hours: float, power: Power) -> float:
    """Energy of a computation, kWh, data centre included.

    Args:
        core_hours: Hours of cores in full use.
        gb_hours: Memory times time, GB hours.
        power: What they draw.
    """
    watt_hours = core_hours * power.watts_per_core + gb_hours * power.watts_per_gb
    return watt_hours * power.pue / 1000


def computing_cost(
    core_hours: float, gb_hours: float, per_core_hour: float, per_gb_hour: float
) -> float:
    """Cost of a computation in the currency of the prices."""
    return core_hours * per_core_hour + gb_hours * per_gb_hour
