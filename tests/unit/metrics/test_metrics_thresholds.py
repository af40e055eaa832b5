import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wgs_pipeline.metrics.thresholds import Bounds, Level

VALUES = st.floats(-100, 100)


@pytest.mark.parametrize(
    ("bounds", "value", "level", "threshold"),
    [
        ({"pass_min": 30, "warn_min": 25}, 30, "pass", None),
        ({"pass_min": 30, "warn_min": 25}, 29.99, "warn", 30),
        ({"pass_min": 30, "warn_min": 25}, 25, "warn", 30),
        ({"pass_min": 30, "warn_min": 25}, 24.99, "fail", 25),
        ({"pass_max": 0.2, "warn_max": 0.3}, 0.2, "pass", None),
        ({"pass_max": 0.2, "warn_max": 0.3}, 0.3, "warn", 0.2),
        ({"pass_max": 0.2, "warn_max": 0.3}, 0.31, "fail", 0.3),
        ({"pass_min": 95}, 94.9, "fail", 95),
        ({"warn_max": 3.3}, 3.3, "pass", None),
        ({"warn_max": 3.3}, 3.4, "fail", 3.3),
        ({}, 1e9, "pass", None),
    ],
)
def test_levels(
    bounds: dict[str, float], value: float, level: str, threshold: float | None
) -> None:
    limits = Bounds.of(bounds)
    assert limits.level(value) == level
    assert limits.threshold(value) == threshold


@settings(derandomize=True, deadline=None)
@given(VALUES, VALUES, st.lists(VALUES, min_size=2, max_size=2))
def test_a_higher_value_is_never_worse_with_lower_bounds(
    one: float, other: float, bounds: list[float]
) -> None:
    limits = Bounds(pass_min=max(bounds), warn_min=min(bounds))
    low, high = sorted((one, other))
    assert limits.level(high).severity <= limits.level(low).severity


@settings(derandomize=True, deadline=None)
@given(VALUES, st.lists(VALUES, min_size=2, max_size=2))
def test_upper_bounds_mirror_lower_bounds(value: float, bounds: list[float]) -> None:
    low = Bounds(pass_min=max(bounds), warn_min=min(bounds))
    high = Bounds(pass_max=-max(bounds), warn_max=-min(bounds))
    assert low.level(value) is high.level(-value)


def test_order_of_levels() -> None:
    assert sorted(Level, key=lambda level: level.severity) == ["pass", "warn", "fail", "hold"]
