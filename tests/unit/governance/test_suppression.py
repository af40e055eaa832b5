"""Small numbers: what an attacker who knows every shown number can work out."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from wgs_pipeline.governance.suppression import small, with_totals, withhold


def relations(shape):
    """Every sum that a reader knows: (cells of a line, its total), over all lines."""
    for axis, size in enumerate(shape):
        for line in itertools.product(*(range(n) for k, n in enumerate(shape) if k != axis)):
            cells = [(*line[:axis], place, *line[axis:]) for place in range(size)]
            yield cells[:-1], cells[-1]


def possible_values(table, withheld, cell):
    """All values of a cell over all tables of whole numbers that agree with what is shown.

    Counts every filling of the unknown parts; totals follow. Parts that are shown are fixed.
    """
    inner = tuple(n - 1 for n in table.shape)
    parts = list(np.ndindex(inner))
    limit = min(int(table.max()) + 2, 9)
    unknown = [part for part in parts if withheld[part]]
    shown = ~withheld
    found = set()
    for values in itertools.product(range(limit), repeat=len(unknown)):
        guess = table[tuple(slice(0, n) for n in inner)].copy()
        for part, value in zip(unknown, values, strict=True):
            guess[part] = value
        whole = with_totals(guess)
        if (whole[shown] == table[shown]).all():
            found.add(int(whole[cell]))
    return found


def attacked(table, withheld, cell):
    """Least and greatest value of a cell by linear programming over the shown numbers."""
    pulp = pytest.importorskip("pulp")
    bounds = []
    for sense in (pulp.LpMinimize, pulp.LpMaximize):
        problem = pulp.LpProblem("attack", sense)
        value = {
            each: pulp.LpVariable(f"v{number}", 0, 10_000) if withheld[each] else int(table[each])
            for number, each in enumerate(np.ndindex(table.shape))
        }
        problem += value[cell]
        for line, total in relations(table.shape):
            if any(withheld[each] for each in (*line, total)):
                problem += pulp.lpSum(value[each] for each in line) == value[total]
        assert pulp.LpStatus[problem.solve(pulp.PULP_CBC_CMD(msg=False))] == "Optimal"
        bounds.append(value[cell].value())
    return bounds


def test_totals_stand_last_along_each_dimension():
    assert with_totals(np.array([[1, 2], [3, 4]])).tolist() == [[1, 2, 3], [3, 4, 7], [4, 6, 10]]


def test_nothing_small_nothing_withheld():
    table = with_totals(np.array([[5, 0], [7, 12]]))
    assert not withhold(table, small(table, 5)).any()


def test_small_is_from_one_to_below_the_minimum():
    assert small(np.array([0, 1, 4, 5]), 5).tolist() == [False, True, True, False]


def test_a_lone_small_cell_takes_another_with_it():
    table = with_totals(np.array([3, 40, 60]))
    assert withhold(table, small(table, 5)).tolist() == [True, True, False, False]


def test_where_there_is_one_region_only_the_total_is_withheld_too():
    table = with_totals(np.array([3]))
    assert withhold(table, small(table, 5)).all()


def test_a_zero_does_not_hide_a_small_cell_alone():
    table = with_totals(np.array([1, 0, 50]))
    withheld = withhold(table, small(table, 5))
    assert len(possible_values(table, withheld, (0,))) > 1


def test_unpublished_cells_are_withheld_and_need_no_protection():
    table = with_totals(np.array([[9, 2], [8, 1]]))
    published = np.zeros(table.shape, bool)
    published[:, -1] = True  # the parts of a row are not shown, its total is
    assert withhold(table, small(table, 5), published).tolist() == (~published).tolist()


@given(hnp.arrays(np.int64, st.integers(1, 4), elements=st.integers(0, 6)))
@settings(derandomize=True, deadline=None, max_examples=80)
def test_every_filling_of_a_list_leaves_a_small_number_open(parts):
    table = with_totals(parts)
    sensitive = small(table, 5)
    withheld = withhold(table, sensitive)
    assert withheld[sensitive].all()
    for cell in map(tuple, np.argwhere(sensitive)):
        assert len(possible_values(table, withheld, cell)) > 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("seed", range(6))
def test_no_small_number_of_a_cube_can_be_worked_out(seed):
    draw = np.random.default_rng(seed)
    shape = [(3, 3, 2), (2, 3, 3), (4, 2, 3), (3, 2, 2, 2), (2, 2, 2, 3), (1, 4, 3)][seed]
    table = with_totals(draw.poisson(draw.choice([1, 4, 30], shape)).astype(np.int64))
    sensitive = small(table, 5)
    withheld = withhold(table, sensitive)
    for cell in map(tuple, draw.permutation(np.argwhere(sensitive))[:40]):
        low, high = attacked(table, withheld, cell)
        assert high - low > 1 - 1e-6, (cell, low, high)


@given(hnp.arrays(np.int64, hnp.array_shapes(min_dims=1, max_dims=4, max_side=5),
                  elements=st.one_of(st.integers(0, 6), st.integers(0, 400))))  # fmt: skip
@settings(derandomize=True, deadline=None, max_examples=150)
def test_no_line_with_a_small_number_lacks_one_number_only(parts):
    """Subtracting the others from a total never gives a small number."""
    table = with_totals(parts)
    sensitive = small(table, 5)
    withheld = withhold(table, sensitive)
    for line, total in relations(table.shape):
        hidden = [each for each in (*line, total) if withheld[each]]
        assert not (len(hidden) == 1 and sensitive[hidden[0]])


@given(hnp.arrays(np.int64, (3, 4), elements=st.integers(0, 30)))
@settings(derandomize=True, deadline=None, max_examples=40)
def test_the_same_table_is_withheld_in_the_same_way(parts):
    table = with_totals(parts)
    first = withhold(table, small(table, 5))
    assert (first == withhold(table.copy(), small(table, 5))).all()


def test_a_national_table_keeps_its_margins():
    """Withholding costs detail and not the numbers that people look at."""
    draw = np.random.default_rng(1)
    parts = draw.poisson(24, (12, 5, 8)).astype(np.int64)
    table = with_totals(parts)
    table_small = small(table, 5)
    withheld = withhold(table, table_small)
    assert not withheld[-1].any()
    assert not withheld[:, :, -1].any()
