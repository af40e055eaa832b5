"""Charts of the fairness report, as inline SVG that follows the page's colours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from wgs_pipeline.planning.cases import Ints


def heat_cell(value: float, least: float, most: float) -> str:
    """The style of a table cell: the longer the wait, the stronger the colour."""
    if math.isnan(value) or most <= least:
        return ""
    return f"--heat:{(value - least) / (most - least):.2f}"


def bars(rows: Sequence[tuple[str, float, str]], unit: str, label: str, decimals: int = 1) -> str:
    """Horizontal bars: (name, value, class) from the top, each with its value."""
    most = max((value for _, value, _ in rows), default=0) or 1
    height = 30 * len(rows) + 4
    parts = [
        f'<svg viewBox="0 0 420 {height}" role="img" aria-label="{escape(label)}">',
    ]
    for number, (name, value, kind) in enumerate(rows):
        y = 30 * number + 4
        width = 210 * value / most
        parts.append(
            f'<text x="0" y="{y + 16}">{escape(name)}</text>'
            f'<rect class="{kind}" x="120" y="{y}" width="{width:.1f}" height="22" rx="3"/>'
            f'<text x="{126 + width:.1f}" y="{y + 16}">{value:,.{decimals}f} {unit}</text>'
        )
    return "".join(parts) + "</svg>"


def weekly_load(
    sites: Sequence[str], load: Ints, places: Ints, weeks: Sequence[str], label: str
) -> str:
    """Places taken per week, stacked by site, below the line of the places that there are."""
    count = load.shape[1]
    room = places.sum(axis=0)
    most = max(int(room.max(initial=1)), int(load.sum(axis=0).max(initial=1)), 1)
    width, height, left, bottom = 860.0, 180.0, 42.0, 24.0
    step = (width - left) / max(count, 1)
    scale = (height - bottom - 10) / most

    def y(value: float) -> float:
        return height - bottom - value * scale

    parts = [
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escape(label)}">'
    ]
    for value in (0, most // 2, most):
        parts.append(
            f'<line class="grid" x1="{left}" x2="{width}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
            f'<text x="{left - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value}</text>'
        )
    for week in range(count):
        below = 0
        for site in range(len(sites)):
            amount = int(load[site, week])
            if amount:
                parts.append(
                    f'<rect class="site{site % 6}" x="{left + week * step + 0.5:.1f}" '
                    f'y="{y(below + amount):.1f}" width="{max(step - 1, 0.6):.1f}" '
                    f'height="{amount * scale:.1f}"><title>{escape(weeks[week])} '
                    f"{escape(sites[site])}: {amount} places</title></rect>"
                )
            below += amount
    path = " ".join(
        f"{'M' if week == 0 else 'L'}{left + week * step:.1f} {y(int(room[week])):.1f} "
        f"L{left + (week + 1) * step:.1f} {y(int(room[week])):.1f}"
        for week in range(count)
    )
    parts.append(f'<path class="room" d="{path}"/>')
    every = max(1, math.ceil(count / 8))
    for week in range(0, count, every):
        x = left + week * step
        anchor = "end" if x > width - 80 else "start"
        x = width if anchor == "end" else x
        parts.append(
            f'<text x="{x:.1f}" y="{height - 6:.0f}" text-anchor="{anchor}">'
            f"{escape(weeks[week])}</text>"
        )
    return "".join(parts) + "</svg>"
