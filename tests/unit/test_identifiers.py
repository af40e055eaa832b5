import string
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wgs_pipeline.identifiers import (
    canonical_patient_id,
    has_cpr_shape,
    is_safe_name,
    shown,
    shown_moment,
    shown_word,
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
