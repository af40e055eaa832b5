"""Calls taken out of a bin a row group at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from pyroaring import BitMap

from wgs_pipeline.ngd.bins import BIN
from wgs_pipeline.ngd.departures import without

#: pos, ref, alt, then the slots that are het and hom; two row groups divide position 30.
_ROWS: list[tuple[int, str, str, set[int], set[int]]] = [
    (10, "A", "C", {1, 2}, {3}),
    (20, "A", "G", {2}, set()),
    (30, "A", "C", set(range(5_000)), set()),
    (30, "A", "T", {7}, {2}),
    (30, "G", "T", {2, 9}, set()),
    (40, "C", "T", {4}, {5}),
]
_NONE = np.empty(0, np.uint32)


def _blob(slots: set[int]) -> bytes:
    return BitMap(slots).serialize() if slots else b""


def _group(rows: Sequence[tuple[int, str, str, set[int], set[int]]]) -> pa.Table:
    made = {
        "pos": [row[0] for row in rows],
        "ref": [row[1] for row in rows],
        "alt": [row[2] for row in rows],
        "n_het": [len(row[3]) for row in rows],
        "n_hom": [len(row[4]) for row in rows],
        "n_hemi": [0] * len(rows),
        "het": [_blob(row[3]) for row in rows],
        "hom": [_blob(row[4]) for row in rows],
        "hemi": [b""] * len(rows),
    }
    return pa.table(made, schema=BIN)


def _calls(*calls: tuple[int, str, str, int, int]) -> pa.Table:
    names = ("pos", "ref", "alt", "slot", "kind")
    types = (pa.int32(), pa.string(), pa.string(), pa.uint32(), pa.uint8())
    columns = zip(*calls, strict=True) if calls else ((),) * 5
    return pa.table({n: pa.array(c, t) for n, c, t in zip(names, columns, types, strict=True)})


def _slots(blob: bytes) -> set[int]:
    return set(BitMap.deserialize(blob)) if blob else set()


def _left(parts: Sequence[pa.Table]) -> list[tuple[int, str, str, set[int], set[int]]]:
    table = pa.concat_tables(parts)
    for row in table.to_pylist():
        assert (row["n_het"], row["n_hom"]) == (len(_slots(row["het"])), len(_slots(row["hom"])))
    return [
        (row["pos"], row["ref"], row["alt"], _slots(row["het"]), _slots(row["hom"]))
        for row in table.to_pylist()
    ]


#: All calls of slot 2, in no order: kinds 1 (het) and 2 (hom).
_OF_TWO = _calls(
    (30, "G", "T", 2, 1),
    (10, "A", "C", 2, 1),
    (30, "A", "T", 2, 2),
    (20, "A", "G", 2, 1),
    (30, "A", "C", 2, 1),
)


@pytest.mark.parametrize("cut", range(1, len(_ROWS)))
def test_a_person_goes_from_every_row_group(cut: int) -> None:
    groups = [_group(_ROWS[:cut]), _group(_ROWS[cut:])]
    expected = [(*row[:3], row[3] - {2}, row[4] - {2}) for row in _ROWS if (row[3] | row[4]) != {2}]
    assert _left(list(without(groups, _OF_TWO, _NONE))) == expected


def test_who_does_not_count_goes_without_changing_a_count() -> None:
    group = _group([(10, "A", "C", {1, 2}, set())])
    group = group.set_column(3, BIN.field("n_het"), pa.array([1], pa.int32()))
    (left,) = without([group], _calls((10, "A", "C", 2, 1)), np.array([2], np.uint32))
    assert left["n_het"].to_pylist() == [1]
    assert _slots(left["het"][0].as_py()) == {1}


@pytest.mark.parametrize(
    "call",
    [
        (5, "A", "C", 2, 1),  # before the first row
        (25, "A", "C", 2, 1),  # between two
        (30, "A", "G", 2, 1),  # at the position that both row groups have
        (50, "A", "C", 2, 1),  # after the last
        (10, "A", "C", 2, 2),  # as another genotype
        (10, "A", "C", 4, 1),  # of someone who is not there
    ],
)
def test_a_call_that_is_not_there_is_an_error(call: tuple[int, str, str, int, int]) -> None:
    groups = [_group(_ROWS[:4]), _group(_ROWS[4:])]
    with pytest.raises(ValueError, match="not there"):
        list(without(groups, _calls(call), _NONE))


@pytest.mark.parametrize("order", [[1, 0, 2, 3], [0, 1, 3, 2], [0, 1, 1, 2]])
@pytest.mark.parametrize("cut", [2, 3, 4])
def test_a_bin_out_of_order_is_an_error(order: list[int], cut: int) -> None:
    rows = [_ROWS[at] for at in order]
    groups = [_group(part) for part in (rows[:cut], rows[cut:])]
    with pytest.raises(ValueError, match="not sorted"):
        list(without(groups, _calls((10, "A", "C", 1, 1)), _NONE))
