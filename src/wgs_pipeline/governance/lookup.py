"""Reading published tables: a figure, or that it is withheld."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from wgs_pipeline.governance import ALL

_Rows = Sequence[Mapping[str, Any]]


class GenomeTable:
    """The table ``genomes`` by its cells."""

    def __init__(self, rows: _Rows) -> None:
        names = ("month", "region", "patient_group", "outcome")
        self._cells = {tuple(row[name] for name in names): row["genomes"] for row in rows}
        self.months, self.regions, self.groups = (
            [value for value in dict.fromkeys(row[name] for row in rows) if value != ALL]
            for name in names[:3]
        )

    def get(
        self, outcome: str, month: str = ALL, region: str = ALL, group: str = ALL
    ) -> int | None:
        """Genomes of one cell; None where withheld."""
        value: int | None = self._cells[month, region, group, outcome]
        return value

    def qc_yield(self, region: str = ALL) -> float | None:
        """Share of the genomes with an outcome that did not fail; None where it cannot be said."""
        loaded, failed = self.get("loaded", region=region), self.get("failed", region=region)
        if loaded is None or failed is None or loaded + failed == 0:
            return None
        return loaded / (loaded + failed)


def ticks(highest: float, most: int = 5) -> list[float]:
    """Round values from 0 to the first one at or above ``highest`` (above 0), most + 1 at most."""
    size = 10.0 ** math.floor(math.log10(highest))
    steps = (size * factor for factor in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0))
    step = next(each for each in steps if math.ceil(round(highest / each, 9)) <= most)
    return [round(step * place, 9) for place in range(math.ceil(round(highest / step, 9)) + 1)]
