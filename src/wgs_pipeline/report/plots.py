"""Small histograms as SVG that can be read aloud."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

#: Size of the drawing area in units of the viewBox, and the margins around it.
_WIDTH, _HEIGHT, _SIDE, _TOP, _BOTTOM = 320, 96, 8, 18, 34
_TICK_STEPS = (1, 2, 5)
_MOST_TICKS = 6


@dataclass(frozen=True)
class Plot:
    """What a histogram shows.

    Attributes:
        bins: ``width``, ``counts`` and ``beyond`` of ``histograms.Binned``.
        axis: What the values are, with their unit.
        mark: A value to point at, and what it is called; None where there is none.
        spoken: The histogram in words.
    """

    bins: Mapping[str, Any]
    axis: str
    mark: tuple[float, str] | None
    spoken: str


def histogram_svg(plot: Plot) -> Markup:
    """Draw a histogram; its colours come from the page."""
    counts: Sequence[int] = plot.bins["counts"]
    end = len(counts) * int(plot.bins["width"])
    height, width = _TOP + _HEIGHT + _BOTTOM, _WIDTH + 2 * _SIDE
    parts = [
        f'<svg class="plot" role="img" viewBox="0 0 {width} {height}" aria-label="',
        str(escape(plot.spoken)),
        '">',
        f'<path class="area" d="{_outline(counts)}"/>',
        *_axis(end, plot.axis),
        *(_mark(*plot.mark, end) if plot.mark else ()),
        "</svg>",
    ]
    return Markup("".join(parts))  # every text in it was escaped


def ticks(end: int) -> list[int]:
    """Round values from 0 to ``end``, at most seven."""
    size = 1
    while True:
        for step in _TICK_STEPS:
            if end // (step * size) <= _MOST_TICKS:
                return list(range(0, end + 1, step * size))
        size *= 10


def _outline(counts: Sequence[int]) -> str:
    """The steps of the bins as a closed path, in whole units."""
    most, base = max(counts), _TOP + _HEIGHT
    path = [f"M{_SIDE} {base}"]
    for place, count in enumerate(counts, start=1):
        path.append(f"V{base - round(count / most * _HEIGHT)}")
        path.append(f"H{_SIDE + round(place / len(counts) * _WIDTH)}")
    return "".join([*path, f"V{base}Z"])


def _axis(end: int, title: str) -> list[str]:
    base = _TOP + _HEIGHT
    parts = [f'<path class="axis" d="M{_SIDE} {base}h{_WIDTH}"/>']
    for tick in ticks(end):
        x = _x(tick, end)
        parts.append(f'<path class="axis" d="M{x} {base}v4"/>')
        parts.append(f'<text x="{x}" y="{base + 15}" text-anchor="middle">{tick}</text>')
    middle = _SIDE + _WIDTH // 2
    parts.append(f'<text x="{middle}" y="{base + 30}" text-anchor="middle">{escape(title)}</text>')
    return parts


def _mark(value: float, name: str, end: int) -> list[str]:
    if not 0 <= value <= end:
        return []
    x = _x(value, end)
    anchor = "end" if value > 0.6 * end else "start"
    at = x - 4 if anchor == "end" else x + 4
    return [
        f'<path class="mark" d="M{x} 4V{_TOP + _HEIGHT}"/>',
        f'<text class="mark" x="{at}" y="12" text-anchor="{anchor}">{escape(name)}</text>',
    ]


def _x(value: float, end: int) -> int:
    return _SIDE + round(value / end * _WIDTH)
