"""Geometry of the charts: shares of a width or height, which the templates turn into SVG.

Widths are per cent of the drawing, so a chart fills a page of any width with text of one size;
heights are pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wgs_pipeline.governance.lookup import GenomeTable, ticks

#: Height of the columns, px.
TALL, SHORT = 170, 74
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Piece:
    """A part of a column: what it is, its count, and where it stands, px from the top."""

    kind: str
    count: int
    y: float
    height: float


@dataclass(frozen=True)
class Column:
    """One month: place and width in per cent, its pieces, and its label ("" for none)."""

    month: str
    label: str
    x: float
    width: float
    pieces: tuple[Piece, ...]
    total: int | None

    @property
    def middle(self) -> float:
        """Centre, per cent."""
        return round(self.x + self.width / 2, 3)


@dataclass(frozen=True)
class Columns:
    """A column chart: columns, and the grid as (value, px from the top)."""

    height: int
    columns: tuple[Column, ...]
    grid: tuple[tuple[float, float], ...]

    @property
    def undivided(self) -> bool:
        """Whether the parts of some column are withheld."""
        return any(piece.kind == "sequenced" for each in self.columns for piece in each.pieces)


#: Kinds of pieces, from the bottom up.
BY_OUTCOME, UNDIVIDED = ("loaded", "not_loaded", "failed"), ("sequenced",)


def monthly(
    table: GenomeTable, region: str, highest: float, height: int, kinds: Sequence[str]
) -> Columns:
    """Genomes by month; a column is divided where all its parts may be shown.

    Args:
        table: The published counts.
        region: A region, or ``All``.
        highest: Value that the drawing must reach.
        height: Of the drawing, px.
        kinds: ``BY_OUTCOME`` or ``UNDIVIDED``.
    """
    grid = ticks(highest, 4 if height == TALL else 3)
    scale = height / grid[-1]
    wide = 100 / max(1, len(table.months))
    columns = []
    for place, month in enumerate(table.months):
        total = table.get("sequenced", month, region)
        parts = {kind: table.get(kind, month, region) for kind in kinds}
        known = {kind: count for kind, count in parts.items() if count is not None}
        stacked = known if len(known) == len(parts) else {"sequenced": total or 0}
        pieces = _stacked(stacked, scale, height)
        label = _label(month, place, len(table.months))
        x, width = round(place * wide + wide * 0.14, 3), round(wide * 0.72, 3)
        columns.append(Column(month, label, x, width, pieces, total))
    lines = tuple((value, round(height - value * scale, 1)) for value in grid)
    return Columns(height, tuple(columns), lines)


def _stacked(parts: dict[str, int], scale: float, height: int) -> tuple[Piece, ...]:
    pieces, top = [], float(height)
    for kind, count in parts.items():
        if count:
            top -= count * scale
            pieces.append(Piece(kind, count, round(top, 1), round(count * scale, 1)))
    return tuple(pieces)


def _label(month: str, place: int, months: int) -> str:
    """Months by name where they fit, else years at each January."""
    if not month[:4].isdigit():
        return ""
    name, year = _MONTHS[int(month[5:]) - 1], month[:4]
    if months <= 13:
        return name
    return year if name == "Jan" or place == 0 else ""


@dataclass(frozen=True)
class Whisker:
    """An interval on a horizontal axis, per cent, with its dot and which side of one it lies on."""

    region: str
    low: float
    high: float
    dot: float
    side: str


@dataclass(frozen=True)
class IndexAxis:
    """The axis of the access index: from, to, its ticks (value, per cent), where one is."""

    ticks: tuple[tuple[float, float], ...]
    one: float


def index_chart(rows: Sequence[dict[str, float | str]]) -> tuple[IndexAxis, list[Whisker]]:
    """Place the indexes of regions on one axis that is symmetric about one.

    Args:
        rows: Rows of ``equal_access`` that are not withheld and have an index.
    """
    reach = max(
        [0.2, *(abs(float(row[key]) - 1) for row in rows for key in ("index_low", "index_high"))]
    )
    steps = ticks(reach, 3)
    reach = steps[-1]

    def place(value: float) -> float:
        return round(4 + 92 * (value - 1 + reach) / (2 * reach), 2)

    marks = sorted({round(1 + sign * step, 6) for step in steps for sign in (-1, 1)})
    axis = IndexAxis(tuple((mark, place(mark)) for mark in marks if mark >= 0), place(1))
    drawn = [
        Whisker(
            str(row["region"]),
            place(max(float(row["index_low"]), 1 - reach)),
            place(float(row["index_high"])),
            place(float(row["index"])),
            side(float(row["index_low"]), float(row["index_high"])),
        )
        for row in rows
    ]
    return axis, drawn


def side(low: float, high: float) -> str:
    """Whether an interval lies below, above or around one."""
    return "below" if high < 1 else "above" if low > 1 else "around"
