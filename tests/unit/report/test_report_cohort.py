"""The cohort's page: outliers by hand, batches, and what the page says of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from wgs_pipeline.report.cohort import (
    DRAWN,
    CohortSample,
    Outlier,
    Relative,
    arrange,
    deviations_of,
)
from wgs_pipeline.report.cohort_page import render_cohort

START = datetime(2026, 1, 5, tzinfo=UTC)
COVERAGE = DRAWN.index("mean_autosome_coverage")
DUPLICATION = DRAWN.index("duplication")


def sample(number, coverage, duplication=float("nan"), flowcell="FC1", verdict="pass"):
    values = np.full(len(DRAWN), np.nan)
    values[COVERAGE], values[DUPLICATION] = coverage, duplication
    when = START + timedelta(hours=number)
    batches = {
        "flowcell": [flowcell], "library kit": [], "region": ["North"], "week": [f"{when:%G-W%V}"],
    }  # fmt: skip
    return CohortSample(f"S{number:02d}", verdict, when, batches, values)


def test_deviations_by_hand():
    # Median 4; distances 3, 2, 0, 1, 16: their median is 2.
    distance, medians, spread = deviations_of(np.array([[1.0], [2], [4], [5], [20]]))
    assert (medians.tolist(), spread.tolist()) == ([4], [2 * 1.4826])
    assert distance.ravel() * 1.4826 == pytest.approx([-1.5, -1, 0, 0.5, 8])


def test_missing_values_and_columns_without_spread_deviate_nowhere():
    nan = float("nan")
    distance, _, spread = deviations_of(np.array([[3.0, nan], [3, nan], [3, nan], [nan, nan]]))
    assert np.isnan(distance).all()
    assert spread[0] == 0
    assert np.isnan(spread[1])


@pytest.fixture
def view():
    """Flowcell FC2 lies 20x above FC1; S05 lies apart among all, S35 only in its flowcell."""
    low = [sample(n, 30 + 0.1 * (n % 5)) for n in range(20) if n != 5]
    high = [sample(n, 50 + 0.1 * (n % 5), flowcell="FC2") for n in range(20, 40) if n != 35]
    odd = [sample(5, 2.0, verdict="fail"), sample(35, 40.0, flowcell="FC2", verdict="warn")]
    return arrange([*high, *odd, *low], [Relative("S01", "S02", 0.0, 0.1, "parent", "no", False)])


def test_samples_stand_in_the_order_of_measuring(view):
    assert [each.sample for each in view.samples] == [f"S{n:02d}" for n in range(40)]
    assert view.metrics == ["mean_autosome_coverage"]


def test_an_outlier_is_found_in_the_batch_where_it_lies_farthest(view):
    found = {each.sample: each for each in view.outliers}
    assert set(found) == {"S05", "S35"}
    assert found["S35"].factor == "flowcell"
    assert found["S35"].batch == "FC2"
    # FC2: 50, 50.1, 50.2, 50.3 and 50.4 four times each, of which S35 is not 50 but 40.
    expected = np.repeat([50, 50.1, 50.2, 50.3, 50.4, 40], [3, 4, 4, 4, 4, 1])
    middle = np.median(expected)
    apart = (40 - middle) / (1.4826 * np.median(np.abs(expected - middle)))
    assert found["S35"].deviations == pytest.approx(apart)


def test_few_values_of_a_normal_cohort_lie_apart():
    """Unscaled and in batches of 10 it was one of twenty."""
    rng = np.random.default_rng(4)
    samples = [sample(n, rng.normal(30, 3), flowcell=f"FC{n // 25}") for n in range(500)]
    assert len(arrange(samples).outliers) <= 5


def test_a_small_batch_has_no_outliers():
    few = [sample(n, value) for n, value in enumerate([30, 30.1, 30.2, 90])]
    assert arrange(few).outliers == []


def test_batches_are_held_against_the_cohort(view):
    medians = {(factor, batch): (n, shift[0]) for factor, batch, n, shift in view.batch_medians}
    assert medians["flowcell", "FC1"][0] == 20
    assert medians["flowcell", "FC1"][1] < 0 < medians["flowcell", "FC2"][1]
    assert medians["region", "North"] == (40, 0)


def test_the_page_says_what_the_data_say(view):
    page = render_cohort(view, "trial", "2026-02-01T00:00:00+00:00")
    assert (
        "40 samples judged: 38 pass, 1 warn, 1 fail. 2 values lie apart from their batch." in page
    )
    assert page.count("<circle") == 40 + 1
    assert 'data-batches="flowcell=FC2\n' in page
    assert "S01 and S02: no (kinship 0.000); the sheet says: parent" in page
    assert "http" not in page.replace("http-equiv", "")


def test_nothing_in_the_data_becomes_markup():
    hostile = "\"'><script>alert(1)</script>"
    one = sample(1, 30.0)
    bad = CohortSample("S1", "pass", START, {**one.batches, "region": [hostile, "x"]}, one.values)
    page = render_cohort(arrange([bad, one]), hostile, "2026-02-01T00:00:00+00:00")
    assert "<script>alert" not in page


@pytest.mark.parametrize("count", [0, 1])
def test_none_and_one(count):
    page = render_cohort(arrange([sample(1, 30.0)][:count]), "x", "2026-02-01T00:00:00+00:00")
    assert f"{count} sample" in page


def test_outliers_come_with_the_farthest_first(view):
    distances = [abs(each.deviations) for each in view.outliers]
    assert distances == sorted(distances, reverse=True)
    assert isinstance(view.outliers[0], Outlier)
