import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from wgs_pipeline.metrics.histogram import median_absolute_deviation, weighted_median

COUNTS = st.lists(st.integers(0, 5), min_size=1, max_size=30).filter(any)


@settings(derandomize=True, deadline=None)
@given(COUNTS)
def test_as_numpy_of_the_spelled_out_values(counts: list[int]) -> None:
    values = np.arange(len(counts), dtype=np.float64)
    spelled_out = np.repeat(values, counts)
    median = float(np.median(spelled_out))
    assert weighted_median(values, np.array(counts)) == median
    deviation = float(np.median(np.abs(spelled_out - median)))
    assert median_absolute_deviation(values, np.array(counts)) == deviation


def test_values_in_any_order() -> None:
    assert weighted_median(np.array([9.0, 1.0, 5.0]), np.array([1, 1, 1])) == 5
