"""Consent over time, against an oracle in plain Python that searches instead of sorting."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wgs_pipeline.consent import register as register_module
from wgs_pipeline.consent.decisions import (
    decide,
    decide_many,
    may_analyse,
    may_analyse_many,
    may_show_secondary_findings,
)
from wgs_pipeline.consent.events import ConsentEvent, Decision, Scope
from wgs_pipeline.consent.purposes import Purpose
from wgs_pipeline.consent.register import ConsentRegister

COPENHAGEN = ZoneInfo("Europe/Copenhagen")
NOW = datetime(2025, 6, 1, tzinfo=UTC)
HEADER = "patient_id\tscope\tdecision\teffective_from\trecorded_at\tsource\n"
steady = settings(derandomize=True, deadline=None, max_examples=120)
#: As written, and as one person: two spellings of a replacement number, which nobody has.
PEOPLE = {"p1": "p1", "p22": "p22", "6101700001": "6101700001", "610170-0001": "6101700001"}
STRANGERS = [
    "p",
    "p2",
    "p221",
    "6101700002",
    "",
    "x" * 200,
    "\N{LATIN SMALL LETTER A WITH RING ABOVE}",
]


def oracle_state(events, person, scope, as_of):
    """The decision in force, found by search; None where there is none."""
    mine = [
        event
        for event in events
        if PEOPLE[event.patient_id] == person
        and event.scope == scope
        and event.effective_from <= as_of
    ]
    for moment in ("effective_from", "recorded_at"):
        last = max((getattr(event, moment) for event in mine), default=None)
        mine = [event for event in mine if getattr(event, moment) == last]
    words = {event.decision for event in mine}
    return next((word for word in ("withdrawn", "refused", "given") if word in words), None)


def oracle_allows(events, person, purpose, as_of, default):
    if oracle_state(events, person, "analysis", as_of) != "given":
        return False
    if purpose in ("care", "quality"):
        return True
    research = oracle_state(events, person, "research", as_of)
    return default == "allowed" if research is None else research == "given"


def written(events):
    return HEADER + "".join(
        f"{e.patient_id}\t{e.scope}\t{e.decision}\t{e.effective_from.isoformat()}"
        f"\t{e.recorded_at.isoformat()}\t{e.source}\n"
        for e in events
    )


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """A register from a file, in columns or row by row."""
    folder = tmp_path_factory.mktemp("registers")

    def read(events, columnar=True):
        path = folder / "consents.tsv"
        # A register is never empty: somebody else stands in it first.
        somebody = "nobody\tanalysis\tgiven\t2020-01-01T00:00Z\t2020-01-01T00:00Z\t\n"
        path.write_text(written(events).replace(HEADER, HEADER + somebody))
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(register_module, "COLUMNAR_BYTES", 0 if columnar else 10**12)
            return ConsentRegister.read(path, NOW)

    return read


# Few moments, in different zones and around the change to summer time of 2025-03-30, so that
# ties, equal moments spelt differently and corrections of the past are common.
zones = st.sampled_from([UTC, COPENHAGEN, ZoneInfo("America/New_York")])
moments = st.builds(
    lambda minutes, zone: (datetime(2025, 3, 30, 0, 0, tzinfo=UTC) + minutes).astimezone(zone),
    st.sampled_from([0, 30, 59, 60, 61, 90, 120]).map(lambda each: timedelta(minutes=each)),
    zones,
)
events_ = st.builds(
    ConsentEvent,
    st.sampled_from(list(PEOPLE)),
    st.sampled_from(list(Scope)) | st.sampled_from([Scope.ANALYSIS, Scope.RESEARCH]),
    st.sampled_from(list(Decision)),
    moments,
    moments,
    st.sampled_from(["", "form", "form 2025-17"]),
)
histories = st.lists(events_, max_size=14)
defaults = st.sampled_from(["allowed", "refused"])
minute = timedelta(minutes=1)


@steady
@given(histories, moments, st.sampled_from([-minute, 0 * minute, minute]), defaults, st.booleans())
def test_against_the_oracle(read, events, as_of, shift, default, columnar):
    register, as_of = read(events, columnar), as_of + shift
    asked = [*PEOPLE, *STRANGERS]
    for purpose in Purpose:
        expected = [
            oracle_allows(events, PEOPLE.get(person), purpose, as_of, default) for person in asked
        ]
        one_by_one = [decide(register, p, purpose, as_of, default).allowed for p in asked]
        assert one_by_one == expected
        for ids in (asked, pa.array(asked), pa.array(["?", *asked])[1:], pa.chunked_array([asked])):
            at_once = decide_many(register, ids, purpose, as_of, default)
            assert (at_once.tolist(), at_once.dtype) == (expected, bool)
    analysed = [oracle_allows(events, PEOPLE.get(p), "care", as_of, default) for p in asked]
    assert may_analyse_many(register, asked, as_of) == analysed
    for person, analysis in zip(asked, analysed, strict=True):
        findings = oracle_state(events, PEOPLE.get(person), "secondary_findings", as_of)
        shown = may_show_secondary_findings(register, person, as_of).allowed
        assert shown == (analysis and findings == "given")


@steady
@given(histories, st.randoms(use_true_random=False), moments, defaults)
def test_the_order_of_arrival_does_not_matter(read, events, random, as_of, default):
    shuffled = random.sample(events, len(events))
    registers = read(events), read(shuffled)
    for purpose in Purpose:
        one, other = (
            decide_many(register, list(PEOPLE), purpose, as_of, default).tolist()
            for register in registers
        )
        assert one == other


@steady
@given(histories, events_, st.sampled_from(["refused", "withdrawn"]), defaults)
def test_a_later_restriction_never_widens(read, events, event, word, default):
    last = datetime(2025, 3, 30, 3, 0, tzinfo=UTC)
    restriction = ConsentEvent(event.patient_id, event.scope, Decision(word), last, last)
    before, after = read(events), read([*events, restriction])
    for purpose in Purpose:
        was, is_ = (
            decide_many(register, list(PEOPLE), purpose, NOW, default)
            for register in (before, after)
        )
        assert not (is_ & ~was).any()
        early = last - minute
        assert (
            decide_many(after, list(PEOPLE), purpose, early, default)
            == decide_many(before, list(PEOPLE), purpose, early, default)
        ).all()


@steady
@given(histories, moments)
def test_unknown_is_never_yes(read, events, as_of):
    known = {PEOPLE[event.patient_id] for event in events if event.scope is Scope.ANALYSIS}
    register = read(events)
    for purpose in Purpose:
        allowed = decide_many(register, [*PEOPLE.values(), *STRANGERS], purpose, as_of)
        for person, may in zip([*PEOPLE.values(), *STRANGERS], allowed.tolist(), strict=True):
            assert not may or person in known


@steady
@given(histories)
def test_events_are_those_of_a_small_register(read, events):
    small, large = ConsentRegister.from_events(events), read(events)
    nobody = large.events_of["nobody"]
    assert {**small.events_of, "nobody": nobody} == dict(large.events_of)
    assert len(large.events_of) == len(small.events_of) + 1
    assert large.n_events == len(events) + 1
    for scope in Scope:
        one, other = (
            sorted(
                (event.patient_id, event.decision, event.effective_from)
                for event in register.not_given(scope, NOW)
            )
            for register in (small, large)
        )
        # Of two equal events, written with and without hyphen, either may stand for both.
        assert [each[1:] for each in one] == [each[1:] for each in other]


def test_a_correction_recorded_later_of_an_earlier_date(read):
    """Recorded in May: consent had been withdrawn in January, before it was given anew in March."""

    def event(decision, effective, recorded):
        at = [datetime(2025, month, 1, tzinfo=UTC) for month in (effective, recorded)]
        return ConsentEvent("p1", Scope.ANALYSIS, Decision(decision), *at)

    late = event("withdrawn", 1, 5)
    anew = event("given", 3, 3)
    for columnar in (False, True):
        register = read([late, anew], columnar)
        assert may_analyse(register, "p1", datetime(2025, 3, 1, tzinfo=UTC)).allowed
        assert not may_analyse(register, "p1", datetime(2025, 2, 28, tzinfo=UTC)).allowed
        corrected = read([event("given", 1, 1), event("refused", 1, 5)], columnar)
        assert not may_analyse(corrected, "p1", NOW).allowed


def test_the_hour_that_comes_twice(read):
    """On 2024-10-27 02:30 came twice in Copenhagen: first in summer time, an hour later again."""
    first = datetime(2024, 10, 27, 2, 30, tzinfo=COPENHAGEN, fold=0)
    again = datetime(2024, 10, 27, 2, 30, tzinfo=COPENHAGEN, fold=1)
    events = [
        ConsentEvent("p1", Scope.ANALYSIS, Decision.GIVEN, again, again),
        ConsentEvent("p1", Scope.ANALYSIS, Decision.WITHDRAWN, first, first),
    ]
    assert "+02:00" in written(events)
    assert "+01:00" in written(events)
    for columnar in (False, True):
        register = read(events, columnar)
        assert may_analyse(register, "p1", NOW).allowed
        half_past_one_utc = datetime(2024, 10, 27, 1, 29, tzinfo=UTC)
        assert not may_analyse(register, "p1", half_past_one_utc).allowed


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.permutations(range(9)), st.permutations(range(9)), st.integers(2, 9))
def test_short_time_lines_in_any_order(read, one, other, n):
    """Each order of a few events: swapping neighbours ends where sorting does."""
    start = datetime(2024, 1, 1, tzinfo=UTC)
    events = [
        ConsentEvent(person, Scope.ANALYSIS, Decision.GIVEN, *[start + timedelta(days=day)] * 2)
        for person, days in (("p1", one), ("p22", other))
        for day in days[:n]
    ]
    register = read(events)
    for person, days in (("p1", one), ("p22", other)):
        found = [event.effective_from for event in register.events_of[person]]
        assert found == [start + timedelta(days=day) for day in sorted(days[:n])]
        for day in range(9):
            last = max((each for each in days[:n] if each <= day), default=None)
            event = register.latest(person, Scope.ANALYSIS, start + timedelta(days=day))
            expected = None if last is None else start + timedelta(days=last)
            assert (event and event.effective_from) == expected


def test_long_time_lines_in_any_order(read):
    """More events than neighbours are swapped for."""
    start = datetime(2024, 1, 1, tzinfo=UTC)
    events = [
        ConsentEvent(
            "p1", Scope.ANALYSIS, Decision("given" if day % 2 else "refused"),
            start + timedelta(days=day), start + timedelta(days=day),
        )
        for day in range(300)
    ]  # fmt: skip
    register = read([*events[::-2], *events[::2]])
    assert list(register.events_of["p1"]) == events
    for day in range(0, 300, 7):
        as_of = start + timedelta(days=day, hours=1)
        assert may_analyse(register, "p1", as_of).allowed == bool(day % 2)


def test_nobody_is_asked_for(read):
    register = read([])
    assert decide_many(register, [], Purpose.CARE, NOW).tolist() == []
    assert decide_many(register, pa.array([], pa.string()), Purpose.CARE, NOW).tolist() == []
    ids = pa.array(["nobody", None])
    for each in (register, read([], columnar=False)):
        assert decide_many(each, ids, Purpose.CARE, NOW).tolist() == [True, False]
