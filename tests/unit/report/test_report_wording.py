from __future__ import annotations

import pytest

from wgs_pipeline.report import wording


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0.0 s"),
        (5.24, "5.2 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 0 s"),
        (72.4, "1 min 12 s"),
        (3599.6, "1 h 0 min"),
        (11_100, "3 h 5 min"),
        (36_000_000, "10,000 h 0 min"),
    ],
)
def test_durations(seconds, expected):
    assert wording.duration(seconds) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((None, "-"), ("XY", "XY"), (0, "0"), (1234567, "1,234,567"), (0.0206, "0.0206")),
        *((98.26490783, "98.26"), (12345.6, "12,346"), (7540000.0, "7,540,000")),
    ],
)
def test_numbers(value, expected):
    assert wording.number(value) == expected


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        *((31.736, "x", "31.74x"), (0.02, "fraction", "0.02"), (350.0, "bp", "350 bp")),
        *((2.5, "", "2.5"), (99.5, "%", "99.5 %"), (12, "alleles", "12 alleles")),
    ],
)
def test_quantities(value, unit, expected):
    assert wording.quantity({"value": value, "unit": unit}) == expected


def test_a_metric_that_does_not_apply_says_why():
    finding = {"value": None, "unit": "x", "not_applicable": "there is no alignment"}
    assert wording.quantity(finding) == "there is no alignment"


def test_moments():
    assert wording.date_and_time("2025-03-02T14:05:09+00:00") == "2 Mar 2025, 14:05:09 UTC"
    assert wording.date_and_time(None) == "not known"
    said = "withdrawn from 2024-06-17T02:30:00+02:00; 2024-99-17T02:30:00+02:00"
    expected = "withdrawn from 17 Jun 2024, 02:30 (UTC+02:00); 2024-99-17T02:30:00+02:00"
    assert wording.plain_times(said) == expected


@pytest.mark.parametrize(
    ("lines", "ours", "said"),
    [
        (["samtools: error"], "wgs: F: truncated", "F: truncated"),
        (["ok", "samtools: Error reading", "bye"], "", "samtools: Error reading"),
        (["one", "two"], "", "two"),
    ],
)
def test_the_line_that_says_most(lines, ours, said):
    cause = {"state": "failed", "rule": "align", "lines": lines, "said": ours}
    assert wording.gist(cause) == f"rule align: {said}"
    assert wording.gist({**cause, "lines": [], "said": ""}) == "rule align"
    assert wording.gist({**cause, "state": "unfinished"}) == "rule align"
