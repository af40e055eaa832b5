import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wgs_pipeline.copy_number.segmentation import noise_sd, segment


def noisy(levels, sd, seed=1):
    """(length, copies) pieces with noise, and where they begin."""
    rng = np.random.default_rng(seed)
    values = np.concatenate([rng.normal(copies, sd, length) for length, copies in levels])
    return values, np.cumsum([length for length, _ in levels])[:-1].tolist()


def test_noise_is_measured_in_spite_of_changes():
    values, _ = noisy([(400, 2), (50, 1), (400, 2), (30, 4), (400, 2)], 0.15)
    assert noise_sd(values) == pytest.approx(0.15, rel=0.08)
    assert noise_sd(values[:1]) == 0


@pytest.mark.parametrize("seed", range(5))
def test_planted_change_points(seed):
    levels = [(1500, 2), (3, 1), (900, 2), (40, 3), (1998, 2), (6, 0), (3000, 2), (700, 1)]
    values, planted = noisy(levels, 0.15, seed)
    found = [first for first, _ in segment(values, noise_sd(values), 3, 3)][1:]
    assert found == planted


def test_noise_alone_is_one_segment():
    values, _ = noisy([(20_000, 2)], 0.2)
    assert segment(values, noise_sd(values), 3, 3) == [(0, 20_000)]


def test_an_event_across_the_ends_of_blocks_is_one():
    for start in (1990, 3990, 3998, 4002, 5999):
        values, planted = noisy([(start, 2), (1500, 1), (9000, 2)], 0.15)
        found = [first for first, _ in segment(values, 0.15, 3, 3)][1:]
        assert found == planted


def best_of_all(values, cost, min_bins):
    """The cheapest segmentation by trying every one."""
    best = {0: (0.0, ())}
    for last in range(min_bins, len(values) + 1):
        tried = [
            (before[0] + ((values[first:last] - values[first:last].mean()) ** 2).sum() + cost,
             (*before[1], (first, last)))
            for first, before in best.items() if last - first >= min_bins
        ]  # fmt: skip
        if tried:
            best[last] = min(tried)
    return best[len(values)]


@settings(deadline=None)
@given(st.lists(st.integers(0, 4), min_size=6, max_size=30), st.integers(0, 99))
def test_no_segmentation_is_cheaper(levels, seed):
    # With a least length above one, PELT as ruptures prunes it may miss the cheapest by little.
    values = np.array(levels) + np.random.default_rng(seed).normal(0, 0.3, len(levels))
    found = segment(values, 0.5, 1, 1)
    cost = np.log(len(values))
    scaled = values / 0.5
    ours = sum(((scaled[a:b] - scaled[a:b].mean()) ** 2).sum() + cost for a, b in found)
    assert ours == pytest.approx(best_of_all(scaled, cost, 1)[0])


@settings(deadline=None)
@given(st.integers(0, 40), st.integers(1, 8), st.integers(0, 9))
def test_segments_cover_every_bin_once(number, min_bins, seed):
    values = np.random.default_rng(seed).integers(0, 3, number).astype(float)
    found = segment(values, 0.2, 3, min_bins)
    assert [at for first, last in found for at in range(first, last)] == list(range(number))
    assert all(last - first >= min_bins for first, last in found) or len(found) == 1
