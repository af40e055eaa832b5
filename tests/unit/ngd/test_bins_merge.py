"""Merging calls into a bin, against a dictionary of Python sets."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from wgs_pipeline.ngd import tiers
from wgs_pipeline.ngd.bins import BIN, merge
from wgs_pipeline.ngd.tiers import COUNTS

quick = settings(derandomize=True, deadline=None, max_examples=150)
KINDS = ("het", "hom", "hemi")
#: One call: variant, slot.
Call = tuple[tuple[int, str, str], int]
#: What a bin ought to hold: call to kind (1 het, 2 hom, 3 hemi).
Bin = dict[Call, int]

variants = st.tuples(
    st.sampled_from([1, 5, 900_000]), st.sampled_from(["A", "AC"]), st.sampled_from(["G", "GTT"])
)
calls = st.dictionaries(st.tuples(variants, st.integers(0, 12)), st.integers(1, 3), max_size=25)


def long_form(bin_: Bin) -> pa.Table:
    rows = [(*variant, slot, kind) for (variant, slot), kind in bin_.items()]
    columns = list(zip(*rows, strict=True)) or [[]] * 5
    schema = [tiers.CALLS.field(name) for name in ("pos", "ref", "alt", "slot", "kind")]
    return pa.table([list(each) for each in columns], schema=pa.schema(schema))


def built(bin_: Bin, uncounted: np.ndarray) -> pa.Table:
    return merge(BIN.empty_table(), long_form(bin_), long_form({}), uncounted)


def expected(bin_: Bin, uncounted: set[int]) -> list[dict[str, object]]:
    rows = []
    for pos, ref, alt in sorted({variant for variant, _ in bin_}):
        row: dict[str, object] = {"pos": pos, "ref": ref, "alt": alt}
        for kind, name in enumerate(KINDS, start=1):
            slots = {s for (v, s), k in bin_.items() if (v, k) == ((pos, ref, alt), kind)}
            row[f"n_{name}"] = len(slots - uncounted)
            row[name] = slots
        rows.append(row)
    return rows


def found(table: pa.Table) -> list[dict[str, object]]:
    rows = table.to_pylist()
    for row in rows:
        for name in KINDS:
            row[name] = set(BitMap.deserialize(row[name])) if row[name] else set()
    return rows


@quick
@given(calls, calls, st.sets(st.integers(0, 12)), st.sets(st.integers(0, 12)))
def test_merging_is_what_a_dictionary_does(
    before: Bin, more: Bin, leaving: set[int], uncounted: set[int]
) -> None:
    added = {call: kind for call, kind in more.items() if call not in before}
    removed = {call: kind for call, kind in before.items() if call[1] in leaving}
    without = np.array(sorted(uncounted), np.uint32)
    old = built(before, without)
    assert found(old) == expected(before, uncounted)
    table = merge(old, long_form(added), long_form(removed), without)
    after = {call: kind for call, kind in before.items() if call not in removed} | added
    assert found(table) == expected(after, uncounted)
    assert table.schema == BIN
    rebuilt = built(after, without)
    assert table.combine_chunks() == rebuilt.combine_chunks()


def test_rows_that_nothing_touches_keep_their_bytes() -> None:
    kept = b"bytes that no one reads."
    old = pa.table(
        [
            [1, 2], ["A", "C"], ["G", "T"], [8_900, 1], [0, 0], [0, 0],
            [kept, BitMap([3]).serialize()], [b"", b""], [b"", b""],
        ],
        schema=BIN,
    )  # fmt: skip
    one = {((2, "C", "T"), 4): 1, ((1, "A", "C"), 4): 1}
    table = merge(old, long_form(one), long_form({}), np.empty(0, np.uint32))
    assert table["het"].to_pylist()[1] == kept
    first, _, last = table.to_pylist()
    assert [first[name] for name in ("pos", "ref", "alt", *COUNTS)] == [1, "A", "C", 1, 0, 0]
    assert (first["hom"], first["hemi"]) == (b"", b"")
    assert set(BitMap.deserialize(first["het"])) == {4}
    assert set(BitMap.deserialize(last["het"])) == {3, 4}


@pytest.mark.parametrize(
    ("added", "removed", "message"),
    [
        ({((5, "A", "G"), 1): 1}, {}, "is there already"),
        ({}, {((5, "A", "G"), 2): 1}, "is not there"),
        ({}, {((5, "A", "G"), 1): 2}, "is not there"),
        ({}, {((5, "A", "C"), 1): 1}, "variant .* not there"),
    ],
)
def test_a_bin_that_disagrees_is_not_merged(added: Bin, removed: Bin, message: str) -> None:
    nobody = np.empty(0, np.uint32)
    old = built({((5, "A", "G"), 1): 1}, nobody)
    with pytest.raises(ValueError, match=message):
        merge(old, long_form(added), long_form(removed), nobody)


def test_an_unsorted_bin_is_not_merged() -> None:
    nobody = np.empty(0, np.uint32)
    old = built({((5, "A", "G"), 1): 1, ((7, "A", "G"), 1): 1}, nobody)
    reverse = old.take(pa.array([1, 0]))
    with pytest.raises(ValueError, match="sorted"):
        merge(reverse, long_form({}), long_form({}), nobody)
