"""The cohort's page: one HTML file that needs nothing else, pictures before tables."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from importlib import resources

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from wgs_pipeline.metrics.relatedness import FIRST_DEGREE, SAME_PERSON, SECOND_DEGREE
from wgs_pipeline.metrics.thresholds import Level
from wgs_pipeline.report import wording
from wgs_pipeline.report.cohort import (
    FACTORS,
    LEAST_BATCH,
    MOST_DEVIATIONS,
    CohortView,
    Floats,
    deviations_of,
    title_of,
)

#: Size of a control chart in units of its viewBox, and the margins around it.
_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 560, 130, 62, 10, 22
#: Side of a cell of the map of deviations, and width of its row titles.
_CELL, _NAMES = 16, 170
#: Height of a line of text.
_LINE = 12
#: Outliers that stand in the table, and samples in the map.
MOST_LISTED, MOST_MAPPED = 50, 200


def render_cohort(view: CohortView, name: str, written: str) -> str:
    """Render a cohort as HTML.

    Args:
        view: The cohort.
        name: The project.
        written: When, ISO 8601.
    """
    script, style = _resource("cohort.js"), _resource("run.css") + _resource("cohort.css")
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode()
    environment = Environment(
        loader=PackageLoader("wgs_pipeline.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": wording.number, "when": wording.date_and_time}
    verdicts = {level.value: 0 for level in Level}
    for sample in view.samples:
        verdicts[sample.verdict] += 1
    return environment.get_template("cohort.html.j2").render(
        view=view,
        name=name,
        written=written,
        style=Markup(style),  # all of these are files of this package
        script=Markup(script),
        script_digest=digest,
        verdicts=verdicts,
        bar=_bar(verdicts),
        charts=list(_charts(view)),
        cells=_cells(view),
        batches=_batch_cells(view),
        kin=_kin(view),
        factors={factor: _names(view, factor) for factor in FACTORS},
        batch_text=lambda sample: "".join(
            f"{factor}={batch}\n" for factor, names in sample.batches.items() for batch in names
        ),
        title=title_of,
        most_deviations=MOST_DEVIATIONS,
        least_batch=LEAST_BATCH,
        most_listed=MOST_LISTED,
    )


def _resource(name: str) -> str:
    folder = resources.files("wgs_pipeline.report") / "templates"
    return (folder / name).read_text(encoding="utf-8")


def _names(view: CohortView, factor: str) -> list[str]:
    return sorted({batch for each in view.samples for batch in each.batches[factor]})


def _bar(verdicts: dict[str, int]) -> Markup:
    """Share of each verdict as one bar."""
    total = max(sum(verdicts.values()), 1)
    spoken = ", ".join(f"{count} {level}" for level, count in verdicts.items())
    parts, at = [], 0.0
    for level, count in verdicts.items():
        width = 1000 * count / total
        if count:
            parts.append(
                f'<rect class="v-{level}" x="{at:.1f}" y="0" width="{width:.1f}" height="20">'
                f"<title>{count} {level}</title></rect>"
            )
        at += width
    return Markup(
        f'<svg class="bar" role="img" viewBox="0 0 1000 20" preserveAspectRatio="none" '
        f'aria-label="Verdicts: {escape(spoken)}">{"".join(parts)}</svg>'
    )


def _charts(view: CohortView) -> Iterator[tuple[str, Markup]]:
    """A control chart of each metric: every sample in order, the median, and the bounds."""
    _, medians, spreads = deviations_of(view.values)
    for column, metric in enumerate(view.metrics):
        values = view.values[:, column]
        middle, spread = float(medians[column]), float(spreads[column])
        yield title_of(metric), _chart(view, metric, values, middle, spread)


def _chart(view: CohortView, metric: str, values: Floats, median: float, spread: float) -> Markup:
    known = values[~np.isnan(values)]
    reach = MOST_DEVIATIONS * spread
    low, high = min(known.min(), median - reach), max(known.max(), median + reach)
    margin = (high - low or abs(high) or 1) * 0.06
    low, high = float(low - margin), float(high + margin)

    def y(value: float) -> float:
        return _TOP + _HEIGHT * (high - value) / (high - low)

    step = _WIDTH / max(len(values), 1)
    spoken = (
        f"{title_of(metric)} of {len(known)} samples: median {wording.number(median)}, from "
        f"{wording.number(float(known.min()))} to {wording.number(float(known.max()))}"
    )
    width, height = _LEFT + _WIDTH + 8, _TOP + _HEIGHT + _BOTTOM
    parts = [
        f'<svg class="chart" role="img" viewBox="0 0 {width} {height}" '
        f'aria-label="{escape(spoken)}">',
        f'<rect class="band" x="{_LEFT}" y="{y(median + reach):.1f}" width="{_WIDTH}" '
        f'height="{max(y(median - reach) - y(median + reach), 0):.1f}"/>',
        f'<path class="median" d="M{_LEFT} {y(median):.1f}h{_WIDTH}"/>',
        f'<path class="axis" d="M{_LEFT} {_TOP}v{_HEIGHT}h{_WIDTH}"/>',
    ]
    for mark in _marks(float(known.min()), median, float(known.max()), y):
        text = _short(mark)
        parts.append(f'<text x="{_LEFT - 6}" y="{y(mark) + 4:.1f}" text-anchor="end">{text}</text>')
    for row, value in enumerate(values.tolist()):
        if math.isnan(value):
            continue
        sample = view.samples[row]
        apart = bool(spread) and abs(value - median) > reach
        said = f"{sample.sample}: {wording.number(value)}, {sample.verdict}"
        parts.append(
            f'<circle class="v-{sample.verdict}{" apart" if apart else ""}" data-row="{row}" '
            f'cx="{_LEFT + (row + 0.5) * step:.1f}" cy="{y(value):.1f}" '
            f'r="{5 if apart else 3.5}"><title>{escape(said)}</title></circle>'
        )
    first, last = (view.samples[at].measured_at.date() for at in (0, -1))
    base = _TOP + _HEIGHT + 15
    parts.append(f'<text x="{_LEFT}" y="{base}">{first}</text>')
    if last != first:
        parts.append(f'<text x="{_LEFT + _WIDTH}" y="{base}" text-anchor="end">{last}</text>')
    return Markup("".join([*parts, "</svg>"]))  # every text in it was escaped


def _marks(low: float, median: float, high: float, y: Callable[[float], float]) -> Iterator[float]:
    """Values that are written at the axis, those left out that would touch the median's."""
    yield median
    for each in (low, high):
        if abs(y(each) - y(median)) > _LINE:
            yield each


def _short(value: float) -> str:
    """A number in at most seven characters."""
    for power, unit in ((9, "G"), (6, "M")):
        if abs(value) >= 10**power:
            return f"{value / 10**power:.3g}{unit}"
    return wording.number(value)


def _cells(view: CohortView) -> Markup:
    """Samples that want a look, by metrics: how far each value lies from the cohort's median."""
    apart = {each.sample for each in view.outliers}
    rows = [
        row
        for row, each in enumerate(view.samples)
        if each.sample in apart or each.verdict != "pass"
    ][:MOST_MAPPED]
    names = [view.samples[row].sample for row in rows]
    return _map(names, view.metrics, view.deviations[rows], rows)


def _batch_cells(view: CohortView) -> Markup:
    """Batches by metrics: how far the median of each lies from the cohort's."""
    rows = [row for row in view.batch_medians if row[2] > 1]
    names = [f"{factor} {batch} ({count})" for factor, batch, count, _ in rows]
    shift = np.array([each for *_, each in rows]).reshape(len(rows), len(view.metrics))
    return _map(names, view.metrics, shift, None)


def _map(
    names: Sequence[str], metrics: Sequence[str], values: Floats, numbered: Sequence[int] | None
) -> Markup:
    """A map of cells, coloured by deviations; titles of the columns stand slantwise above."""
    head, width = 110, _NAMES + _CELL * len(metrics) + 120
    height = head + _CELL * len(names) + 4
    parts = [
        f'<svg class="map" role="img" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" aria-label="Deviations of {len(names)} rows in {len(metrics)} '
        'metrics; the table of outliers says the same in words">'
    ]
    for column, metric in enumerate(metrics):
        x = _NAMES + _CELL * column + 11
        parts.append(
            f'<text transform="translate({x} {head - 8}) rotate(-50)">'
            f"{escape(title_of(metric))}</text>"
        )
    for row, name in enumerate(names):
        number = "" if numbered is None else f' data-row="{numbered[row]}"'
        y = head + _CELL * row
        shown = name if len(name) <= 24 else f"{name[:23]}…"
        parts.append(f'<g{number}><text x="{_NAMES - 6}" y="{y + 12}" text-anchor="end">')
        parts.append(f"{escape(shown)}</text>")
        for column, value in enumerate(values[row].tolist()):
            level, said = _shade(value)
            parts.append(
                f'<rect class="{level}" x="{_NAMES + _CELL * column}" y="{y}" '
                f'width="{_CELL - 1}" height="{_CELL - 1}"><title>{escape(name)}, '
                f"{escape(title_of(metrics[column]))}: {said}</title></rect>"
            )
        parts.append("</g>")
    return Markup("".join([*parts, "</svg>"]))


def _shade(value: float) -> tuple[str, str]:
    """Class of a cell, and its value in words."""
    if math.isnan(value):
        return "d-none", "no value, or none deviates"
    side = "high" if value > 0 else "low"
    step = min(int(abs(value) // 2), 2)
    return (f"d-{side}{step}" if step else "d-0"), f"{value:+.1f} MAD from the median"


def _kin(view: CohortView) -> Markup:
    """Pairs by kinship and share of sites without a common allele."""
    if not view.relatives:
        return Markup("")
    width, height, left, top, bottom = 560, 240, 62, 12, 36
    most = max(0.02, *(each.ibs0 for each in view.relatives)) * 1.1

    def place(kinship: float, ibs0: float) -> tuple[float, float]:
        share = (min(max(kinship, -0.1), 0.52) + 0.1) / 0.62
        return left + width * share, top + height * (1 - ibs0 / most)

    parts = [
        f'<svg class="chart wide" role="img" viewBox="0 0 {left + width + 8} '
        f'{top + height + bottom}" aria-label="Kinship of {len(view.relatives)} pairs">',
        f'<path class="axis" d="M{left} {top}v{height}h{width}"/>',
    ]
    for bound, said in (
        (SECOND_DEGREE, "second degree"), (FIRST_DEGREE, "first degree"), (SAME_PERSON, "same"),
    ):  # fmt: skip
        x, _ = place(bound, 0)
        parts.append(f'<path class="median" d="M{x:.1f} {top}v{height}"/>')
        parts.append(f'<text x="{x + 4:.1f}" y="{top + 10}">{said}</text>')
    for each in view.relatives:
        x, y = place(each.kinship, each.ibs0)
        said = (
            f"{each.one} and {each.other}: {each.found} (kinship {each.kinship:.3f}); "
            f"the sheet says: {each.expected}"
        )
        level = "v-pass" if each.agrees else "v-hold apart"
        parts.append(
            f'<circle class="{level}" cx="{x:.1f}" cy="{y:.1f}" r="5">'
            f"<title>{escape(said)}</title></circle>"
        )
    base = top + height
    for kinship in (0, 0.25, 0.5):
        x, _ = place(kinship, 0)
        parts.append(f'<text x="{x:.1f}" y="{base + 15}" text-anchor="middle">{kinship:g}</text>')
    parts.append(
        f'<text x="{left + width / 2}" y="{base + 30}" text-anchor="middle">kinship; upwards, '
        "sites without a common allele</text></svg>"
    )
    return Markup("".join(parts))
