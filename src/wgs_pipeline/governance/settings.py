"""What the programme is measured against: the settings file of the governance report."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wgs_pipeline.configfile import read_values
from wgs_pipeline.errors import ConfigError
from wgs_pipeline.tables import load_schema


@dataclass(frozen=True)
class Prices:
    """Prices in ``currency``: of a core-hour of CPU time, a GB-hour, and sequencing a genome."""

    currency: str
    core_hour: float
    gb_hour: float
    sequencing: float


@dataclass(frozen=True)
class Carbon:
    """Grid (g CO2e/kWh), data centre (PUE), and power of a core and of a GB of memory (W)."""

    intensity_g_per_kwh: float
    pue: float
    watts_per_core: float
    watts_per_gb: float


@dataclass(frozen=True)
class Settings:
    """Settings of the report, as ``governance.schema.yaml`` describes them.

    Attributes:
        programme: Name of the programme.
        target: Genomes to reach.
        first_month: Month in which it began, as 2025-01, or None.
        last_month: Month by whose end the target is due, or None.
        minimum_count: Least number of persons shown.
        relevant_patients: Region to patient group to number of patients.
        tiles: Region to (column, row) on the schematic map.
        prices: None: no cost is reported.
        carbon: None: no emission is reported.
    """

    programme: str
    target: int
    first_month: str | None
    last_month: str | None
    minimum_count: int
    relevant_patients: Mapping[str, Mapping[str, int]]
    tiles: Mapping[str, tuple[int, int]]
    prices: Prices | None
    carbon: Carbon | None


def read_settings(path: Path | None) -> Settings:
    """Read a settings file; without one every setting has its default.

    Raises:
        ConfigError: It cannot be read, or is not as the schema says.
    """
    return parse_settings({} if path is None else read_values(path, may_be_empty=True), str(path))


def parse_settings(given: Mapping[str, Any], name: str = "settings") -> Settings:
    """Settings from keys and values.

    Args:
        given: As in the file.
        name: What an error message calls it.

    Raises:
        ConfigError: They are not as the schema says.
    """
    from jsonschema import Draft202012Validator

    schema = load_schema("governance")
    problems = sorted(
        Draft202012Validator(schema).iter_errors(given), key=lambda each: list(map(str, each.path))
    )
    if problems:
        said = "; ".join(
            f"{'.'.join(map(str, each.path)) or 'the file'}: {each.message[:200]}"
            for each in problems[:10]
        )
        raise ConfigError(f"{name}: {said}. See workflow/schemas/governance.schema.yaml")
    values = _completed(given, schema)
    target, prices, carbon = values["target"], values["prices"], values["carbon"]
    if target["from"] and target["by"] and target["by"] < target["from"]:
        raise ConfigError(f"{name}: target.by lies before target.from. Correct the months")
    return Settings(
        programme=values["programme"],
        target=target["genomes"],
        first_month=target["from"],
        last_month=target["by"],
        minimum_count=values["minimum_count"],
        relevant_patients=values["relevant_patients"],
        tiles={region: (place[0], place[1]) for region, place in values["tiles"].items()},
        prices=Prices(**prices) if prices else None,
        carbon=Carbon(**carbon) if carbon else None,
    )


def _completed(given: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The values with the defaults of the schema."""
    values = dict(given)
    for key, inner in schema["properties"].items():
        if key not in values and "default" in inner:
            values[key] = copy.deepcopy(inner["default"])
        if isinstance(values.get(key), dict) and "properties" in inner:
            values[key] = _completed(values[key], inner)
    return values
