"""Reading fields in place: equal to Python's own text functions on any text."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wgs_pipeline.ngd import text_kernels
from wgs_pipeline.ngd.records import Rule, parse_records
from wgs_pipeline.ngd.text_block import (
    PADDING,
    BadLines,
    Fields,
    TextBlock,
    find_all,
    leading_numbers,
    next_of,
    starts_with,
)

EXACT = settings(derandomize=True, deadline=None, max_examples=200)
CHARACTERS = st.sampled_from(list("0123456789.,:;/|-+eABé\x7f "))
TEXTS = st.lists(st.text(CHARACTERS, max_size=24), min_size=1, max_size=60)
NUMBERS = st.one_of(
    st.integers(0, 10**20).map(str),
    st.text(st.sampled_from("0123456789"), max_size=22),
    st.text(st.sampled_from("0123456789/:x\xff\x80"), max_size=20),
)


@pytest.fixture(autouse=True, scope="module", params=["plain", "compiled"])
def loops(request: pytest.FixtureRequest) -> Iterator[None]:
    """Loops as Python runs them, and as they are compiled for large blocks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_kernels.Compiling, "begun", False)
        patch.setattr(text_kernels, "MUCH", 0 if request.param == "compiled" else 1 << 40)
        yield


def fields_of(texts: list[str]) -> Fields:
    """Texts with a tab after each, in one buffer."""
    raw = [text.encode() for text in texts]
    data = bytes(PADDING) + b"".join(text + b"\t" for text in raw) + bytes(PADDING)
    sizes = np.array([len(text) for text in raw], np.int64)
    starts = PADDING + np.concatenate(([0], np.cumsum(sizes + 1)[:-1]))
    return Fields(np.frombuffer(data, np.uint8), starts, starts + sizes)


@EXACT
@given(st.lists(NUMBERS, min_size=1, max_size=40))
def test_whole_numbers(texts: list[str]):
    values, good = fields_of(texts).whole_numbers()
    for text, value, is_good in zip(texts, values.tolist(), good.tolist(), strict=True):
        digits = text.isascii() and text.isdigit() and len(text) <= 18
        assert (is_good, value) == (digits, int(text) if digits else 0)


@EXACT
@given(st.lists(NUMBERS, min_size=1, max_size=40))
def test_leading_numbers(texts: list[str]):
    fields = fields_of(texts)
    values, ends = leading_numbers(fields.data, fields.starts)
    for text, value, size in zip(texts, values, ends - fields.starts, strict=True):
        digits = ""
        for character in text[:16]:
            if character not in "0123456789":
                break
            digits += character
        assert (value, size) == (int(digits or 0), len(digits))


@EXACT
@given(TEXTS)
def test_texts_their_parts_and_their_dictionary(texts: list[str]):
    fields = fields_of(texts)
    assert fields.strings().to_pylist() == texts
    distinct, codes = fields.dictionary()
    assert [distinct[code] for code in codes] == texts
    assert len(set(distinct)) == len(distinct)
    parts, offsets = fields.split(b",")
    found = parts.strings().to_pylist()
    assert [found[a:b] for a, b in pairwise(offsets)] == [text.split(",") for text in texts]
    assert fields.missing().tolist() == [text in ("", ".") for text in texts]


def test_a_dictionary_of_very_many_texts():
    texts = [f"0/{n % 150}" for n in range(400)]
    distinct, codes = fields_of(texts).dictionary()
    assert [distinct[code] for code in codes] == texts
    assert len(distinct) == 150


@EXACT
@given(TEXTS, st.text(CHARACTERS, min_size=1, max_size=12), st.data())
def test_comparing_and_searching(texts: list[str], other: str, data: st.DataObject):
    fields = fields_of(texts)
    wanted = data.draw(st.sampled_from([*texts, other]))
    assert fields.equal(wanted.encode()).tolist() == [text == wanted for text in texts]
    starts = starts_with(fields.data, fields.starts, other.encode())
    whole = fields.data.tobytes()
    assert starts.tolist() == [whole.startswith(other.encode(), at) for at in fields.starts]
    colons = next_of(fields.data, fields.starts, fields.ends, b":")
    expected = [text.encode().find(b":") for text in texts]
    assert [at if at >= 0 else len(t.encode()) for at, t in zip(expected, texts, strict=True)] == (
        colons - fields.starts
    ).tolist()
    found = [at for at in range(len(whole)) if whole.startswith(other.encode(), at)]
    assert find_all(fields.data, other.encode()).tolist() == found


LINES = st.lists(st.lists(st.text(CHARACTERS, max_size=9), min_size=3, max_size=3), max_size=20)


@EXACT
@given(LINES)
def test_columns_of_lines(lines: list[list[str]]):
    text = "".join("\t".join(line) + "\n" for line in lines).encode()
    data = np.frombuffer(bytes(PADDING) + text + bytes(PADDING), np.uint8)
    block = TextBlock.of(data, 3)
    assert len(block) == len(lines)
    columns = [block.column(at).strings().to_pylist() for at in range(3)]
    assert [list(line) for line in zip(*columns, strict=True)] == lines


@pytest.mark.parametrize("text", ["a\tb\n", "a\tb\tc\td\n", "a\tb\tc\nd\n", "a\tb\t\x00c\n"])
def test_other_lines_are_refused(text: str):
    data = np.frombuffer(bytes(PADDING) + text.encode() + bytes(PADDING), np.uint8)
    with pytest.raises(BadLines):
        TextBlock.of(data, 3)


INFO_KEYS = st.lists(
    st.sampled_from(["DP=4", "END=47", "MinDP=12", "MIN_DP=30", "LEND=9", "X", "END=.", "END=48"]),
    max_size=5,
)


@EXACT
@given(st.lists(INFO_KEYS, min_size=1, max_size=30))
def test_keys_of_info_are_found_wherever_they_stand(infos: list[list[str]]):
    texts = [";".join(keys) or "." for keys in infos]
    lines = "".join(f"1\t5\t.\tA\t.\t.\t.\t{text}\tGT:DP\t0/0:7\n" for text in texts)
    data = np.frombuffer(bytes(PADDING) + lines.encode() + bytes(PADDING), np.uint8)
    records = parse_records(Path("x"), 1, TextBlock.of(data, 10), Rule(10, 0))
    for keys, end, passed in zip(infos, records.ends, records.passed, strict=True):
        values = [key.partition("=")[2] for key in keys if key.startswith("END=")]
        assert end == (int(values[0]) if values and values[0] != "." else 5)
        least = [key.partition("=")[2] for key in keys if key.startswith(("MinDP=", "MIN_DP="))]
        if len(least) < 2:
            assert passed == bool(least)
