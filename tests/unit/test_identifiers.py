import string
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wgs_pipeline.identifiers import (
    canonical_patient_id,
    cpr_places,
    has_cpr_shape,
    is_safe_name,
    shown,
    shown_moment,
    shown_word,
    without_cpr,
)

steady = settings(derandomize=True, deadline=None)


@pytest.mark.parametrize("name", ["S1", "toy_proband", "a.b-c_d", "0", "A" * 64])
def test_safe_names(name):
    assert is_safe_name(name)


@pytest.mark.parametrize(
    "name",
    ["", " S1", "S 1", "a/b", "..", "a..b", ".a", "-a", "_a", "a;b", "$(x)", "é", "A" * 65, "a\n"],
)
def test_unsafe_names(name):
    assert not is_safe_name(name)


@steady
@given(
    st.dates(date(1858, 1, 1), date(2057, 12, 31)),
    st.integers(0, 9999),
    st.sampled_from(["", "-"]),
    st.booleans(),
)
def test_every_cpr_number_is_recognised(born, serial, hyphen, is_replacement):
    day = born.day + 60 * is_replacement
    number = f"{day:02d}{born:%m%y}{hyphen}{serial:04d}"
    assert has_cpr_shape(number)
    assert has_cpr_shape(f"sample_{number}.R1")
    assert canonical_patient_id(number) == number.replace("-", "")
    assert number not in shown(f"x {number}")


#: What people write between the date and the last four digits.
GAPS = [
    "",
    "-",
    " ",
    "  ",
    " - ",
    "_",
    "\N{EN DASH}",
    "\N{NON-BREAKING HYPHEN}",
    "\N{NO-BREAK SPACE}",
]
born = st.dates(date(1858, 1, 1), date(2057, 12, 31))
around = st.text(st.characters(exclude_categories=["Nd", "Cs"]), max_size=8)


@st.composite
def spellings(draw):
    """A CPR number as somebody may write it: the whole, and its last four digits."""
    day, serial = draw(born), f"{draw(st.integers(0, 9999)):04d}"
    days = f"{day.day + 60 * draw(st.booleans()):02d}"
    if draw(st.booleans()):
        parting = draw(st.sampled_from(" ./-"))
        return f"{parting.join([days, f'{day:%m}', f'{day:%y}'])}-{serial}", serial
    return f"{days}{day:%m%y}{draw(st.sampled_from(GAPS))}{serial}", serial


@steady
@given(around, spellings(), around)
def test_every_spelling_is_found_and_withheld_in_any_text(before, spelling, after):
    number, serial = spelling
    text = f"{before}{number}{after}"
    assert has_cpr_shape(text)
    kept = without_cpr(text)
    assert kept == f"{before}[withheld]{after}"
    assert serial not in kept
    assert serial not in shown(text)
    assert list(cpr_places({"a": [1, {"b": text}], "c": 101901234})) == [("a", 1, "b")]
    assert list(cpr_places({"a": {text: "b"}})) == [("a", text)]


@steady
@given(st.text("0123456789 -_./abcdef", max_size=60))
def test_what_is_withheld_is_all(text):
    kept = without_cpr(text)
    assert not has_cpr_shape(kept)
    assert (kept == text) == (not has_cpr_shape(text))


@pytest.mark.parametrize(
    "text",
    [
        "2021-05-31 1430",  # a moment
        "31-05-21 1430",
        "31.05.2021-1430",
        "20190101_1230_MN12345_FAK12345",  # a run folder
        "m64011_190830_220126/4194370/ccs",
        "c" * 11 + "0101901234" + "f" * 11,  # MD5
        "6e010190-1234-4234-8234-a0101901234f",  # UUID
        "chr20:10119012-10123456",
    ],
)
def test_other_text_is_left_alone(text):
    assert not has_cpr_shape(text)
    assert without_cpr(text) == text


@pytest.mark.parametrize(
    "text",
    [
        *("3101901", "320190-1234", "311390-1234", "310490-1234", "300290-1234", "0000000000"),
        *("12345678901", "0101901234567", "SRR010190", "2025-01-31T12:00:00Z", "920190-1234"),
    ],
)
def test_other_numbers_are_not(text):
    assert not has_cpr_shape(text)


def test_leap_days_belong_to_years_that_have_them():
    assert has_cpr_shape("290200-4000")  # 2000
    assert has_cpr_shape("290296-1000")
    assert not has_cpr_shape("290297-1000")


@steady
@given(st.text(string.ascii_letters + "-_.", min_size=1))
def test_other_identifiers_keep_their_spelling(text):
    assert canonical_patient_id(text) == text


def test_what_messages_show():
    assert shown("a\tb\x07") == r"'a\tb\x07'"
    assert len(shown("x" * 10_000)) < 80
    assert shown_word("perhaps not") == "'perhaps not'"
    assert shown_word("P0001") == shown_word("x" * 50) == shown_word("") == "[withheld]"
    assert shown_moment("2025-01-31 12:00") == "'2025-01-31 12:00'"
    assert shown_moment("0101901234") == shown_moment("next week") == "[withheld]"
    assert shown_moment(str(date(2025, 1, 1) + timedelta(1))) == "'2025-01-02'"
