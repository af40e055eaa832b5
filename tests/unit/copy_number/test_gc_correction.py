import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wgs_pipeline.copy_number.gc_correction import copies, gc_medians
from wgs_pipeline.errors import StructuralError


def test_a_planted_bias_is_gone():
    rng = np.random.default_rng(1)
    gc = np.clip(rng.normal(0.41, 0.08, 50_000), 0, 1)
    bias = 1 - 8 * (gc - 0.45) ** 2  # 5 % at 37 and 53 %, 32 % at 25 %
    depth = rng.normal(30 * bias, 1.0)
    everywhere = np.ones(len(gc), bool)
    before = 2 * depth / np.median(depth)
    after = copies(depth, gc, everywhere)
    for low in (0.2, 0.3, 0.4, 0.5):
        inside = (gc >= low) & (gc < low + 0.1)
        assert abs(after[inside].mean() - 2) < 0.02
    poor = (gc > 0.2) & (gc < 0.25)
    assert abs(before[poor].mean() - 2) > 0.4
    assert abs(after[poor].mean() - 2) < 0.03
    assert np.corrcoef(gc, after)[0, 1] ** 2 < 1e-3


def test_deleted_and_duplicated_bins_do_not_bend_the_curve():
    rng = np.random.default_rng(2)
    gc = rng.uniform(0.3, 0.5, 20_000)
    true = np.full(20_000, 2.0)
    true[:3000], true[3000:4000] = 1, 4
    depth = 15 * true * (1 + gc)
    found = copies(depth, gc, np.ones(20_000, bool))
    # Within one percent of GC the bias itself varies by 1 % / 1.3.
    assert np.abs(found / true - 1).max() < 0.01


def test_medians_by_hand():
    # 40 %: 10, 20, 30; 41 %: 50; nothing else. With two bins wanted, 41 % takes in its neighbours.
    depth = np.array([10.0, 30.0, 20.0, 50.0])
    gc = np.array([0.40, 0.404, 0.396, 0.41])
    levels = gc_medians(depth, gc, fewest=2)
    assert levels[40] == 20
    assert levels[41] == 25  # of all four
    assert levels[0] == 20  # as far as 40 %, which has enough
    assert gc_medians(depth, gc, fewest=1)[41] == 50


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(1, 100), st.floats(0, 1)), min_size=1, max_size=60),
    st.floats(0.01, 100),
)
def test_copies_do_not_depend_on_how_deep_it_was_sequenced(rows, factor):
    depth, gc = (np.array(column) for column in zip(*rows, strict=True))
    every = np.ones(len(depth), bool)
    found = copies(depth, gc, every, fewest=5)
    assert np.allclose(copies(depth * factor, gc, every, fewest=5), found)
    order = np.arange(len(depth))[::-1]
    assert np.allclose(copies(depth[order], gc[order], every, fewest=5), found[order])


def test_bins_without_gc_have_no_copies():
    found = copies(np.array([30.0, 30.0]), np.array([0.4, np.nan]), np.array([True, False]))
    assert found[0] == 2
    assert np.isnan(found[1])


@pytest.mark.parametrize("depth", [[], [0.0, 0.0, 30.0]])
def test_no_depth_is_said(depth):
    values = np.array(depth)
    with pytest.raises(StructuralError, match="no depth to tell copies from"):
        copies(values, np.full(len(values), 0.4), np.ones(len(values), bool))
