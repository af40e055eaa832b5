"""Bins against counting one by one; plots against an XML parser."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wgs_pipeline.report.histograms import MOST_BINS, binned
from wgs_pipeline.report.plots import Plot, histogram_svg, ticks

HISTOGRAMS = st.dictionaries(
    st.integers(0, 10_000), st.integers(0, 10**9), min_size=1, max_size=60
).filter(lambda counts: sum(counts.values()) > 0)


@settings(derandomize=True, deadline=None)
@given(HISTOGRAMS)
def test_bins_hold_what_counting_finds(histogram):
    bins = binned(list(histogram), list(histogram.values()))
    assert 1 <= len(bins.counts) <= MOST_BINS
    for place, count in enumerate(bins.counts):
        lower, upper = place * bins.width, (place + 1) * bins.width
        assert count == sum(n for value, n in histogram.items() if lower <= value < upper)
    total = sum(histogram.values())
    assert bins.beyond == total - sum(bins.counts)
    assert bins.beyond * 1000 <= total
    # No narrower bins would do: the last one is where 99.9 % are reached.
    assert sum(bins.counts[:-1]) < 0.999 * total or bins.counts[-1] > 0


@pytest.mark.parametrize(("values", "counts"), [([], []), ([1, 2], [0, 0]), ([1], [1, 2])])
def test_nothing_counted_is_no_histogram(values, counts):
    assert binned(values, counts) is None


@settings(derandomize=True, deadline=None)
@given(st.integers(1, 10_000_000))
def test_ticks_are_round_and_few(end):
    found = ticks(end)
    assert found[0] == 0
    assert found[-1] <= end
    assert 1 < len(found) <= 7
    step = str(found[1] - found[0])
    assert step[0] in "125"
    assert set(step[1:]) <= {"0"}


def plot(**changes):
    bins = {"width": 10, "counts": [0, 2, 4, 1], "beyond": 0}
    given = {"bins": bins, "axis": "depth (x)", "mark": (25.0, "mean 25x"), "spoken": "Depth"}
    return Plot(**{**given, **changes})


def test_svg_is_well_formed_and_says_what_it_shows():
    svg = ElementTree.fromstring(histogram_svg(plot()))
    assert svg.attrib["role"] == "img"
    assert svg.attrib["aria-label"] == "Depth"
    texts = [element.text for element in svg.iter("text")]
    assert texts == ["0", "10", "20", "30", "40", "depth (x)", "mean 25x"]


def test_the_tallest_bin_reaches_the_top():
    outline = ElementTree.fromstring(histogram_svg(plot())).find("path").attrib["d"]
    # Base 114, height 96: bins of 0, 2, 4 and 1 of at most 4, each 80 of 320 units wide.
    assert outline == "M8 114V114H88V66H168V18H248V90H328V114Z"


def test_text_is_escaped_and_a_mark_outside_is_not_drawn():
    hostile = plot(axis="<script>", spoken='"><script>', mark=(41.0, "out"))
    svg = histogram_svg(hostile)
    assert "<script>" not in svg
    assert ElementTree.fromstring(svg).attrib["aria-label"] == '"><script>'
    assert "out" not in svg
