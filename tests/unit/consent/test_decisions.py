from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wgs_pipeline.consent.decisions import decide, may_analyse, may_show_secondary_findings
from wgs_pipeline.consent.events import ConsentEvent, Decision, Scope
from wgs_pipeline.consent.purposes import Purpose
from wgs_pipeline.consent.register import ConsentRegister

DAY_0 = datetime(2025, 1, 1, tzinfo=UTC)
NOW = DAY_0 + timedelta(days=100)
steady = settings(derandomize=True, deadline=None, max_examples=300)


def event(scope, decision, day=0, recorded=None, patient="p"):
    recorded = day if recorded is None else recorded
    return ConsentEvent(
        patient,
        Scope(scope),
        Decision(decision),
        DAY_0 + timedelta(days=day),
        DAY_0 + timedelta(days=recorded),
    )


def allowed(purpose, *events, as_of=NOW, default="allowed"):
    register = ConsentRegister.from_events(events)
    return decide(register, "p", Purpose(purpose), as_of, default).allowed


GIVEN = event("analysis", "given")


@pytest.mark.parametrize("purpose", list(Purpose))
def test_unknown_is_never_yes(purpose):
    assert not allowed(purpose)
    assert not allowed(purpose, event("research", "given"))
    assert not allowed(purpose, event("analysis", "given", patient="q"))
    assert not allowed(purpose, event("analysis", "refused"))
    assert not allowed(purpose, GIVEN, event("analysis", "withdrawn", day=1))
    assert not allowed(purpose, event("analysis", "given", day=101))


@pytest.mark.parametrize(
    ("research", "default", "answer"),
    [
        (None, "allowed", True),
        (None, "refused", False),
        ("given", "refused", True),
        ("given", "allowed", True),
        ("refused", "allowed", False),
        ("withdrawn", "allowed", False),
    ],
)
@pytest.mark.parametrize("purpose", ["research", "statistics"])
def test_research(purpose, research, default, answer):
    events = [GIVEN, *([event("research", research, day=1)] if research else [])]
    assert allowed(purpose, *events, default=default) is answer
    assert allowed("care", *events, default=default)
    assert allowed("quality", *events, default=default)


def test_before_a_refusal_takes_effect_the_default_holds():
    events = [GIVEN, event("research", "refused", day=10)]
    assert allowed("research", *events, as_of=DAY_0 + timedelta(days=10, microseconds=-1))
    assert not allowed("research", *events, as_of=DAY_0 + timedelta(days=10))


def test_the_latest_effective_event_decides_whenever_it_was_recorded():
    late_entry = event("analysis", "withdrawn", day=1, recorded=50)
    assert allowed("care", late_entry, event("analysis", "given", day=2, recorded=2))
    assert not allowed("care", late_entry, event("analysis", "given", day=0, recorded=60))


def test_ties():
    assert allowed("care", event("analysis", "refused", 1, 1), event("analysis", "given", 1, 2))
    assert not allowed("care", event("analysis", "given", 1, 1), event("analysis", "refused", 1, 2))
    for word in ("refused", "withdrawn"):
        same = [event("analysis", "given", 1, 1), event("analysis", word, 1, 1)]
        assert not allowed("care", *same)
        assert not allowed("care", *reversed(same))


def test_time_zones_are_compared_as_moments():
    copenhagen = timezone(timedelta(hours=1))
    # 00:30 in Copenhagen is 23:30 UTC the day before: the refusal is the earlier of the two.
    refused = datetime(2025, 1, 2, 0, 30, tzinfo=copenhagen)
    given_later = datetime(2025, 1, 1, 23, 45, tzinfo=UTC)
    events = [
        ConsentEvent("p", Scope.ANALYSIS, Decision.REFUSED, refused, refused),
        ConsentEvent("p", Scope.ANALYSIS, Decision.GIVEN, given_later, given_later),
    ]
    assert allowed("care", *events)
    assert not allowed("care", *events, as_of=given_later - timedelta(seconds=1))


def test_secondary_findings_need_both():
    def shown(*events):
        return may_show_secondary_findings(ConsentRegister.from_events(events), "p", NOW).allowed

    findings = event("secondary_findings", "given")
    assert shown(GIVEN, findings)
    assert not shown(GIVEN)
    assert not shown(findings)
    assert not shown(GIVEN, findings, event("secondary_findings", "withdrawn", 2))


def test_a_ruling_names_its_events_and_no_person():
    events = [
        event("analysis", "given", patient="secret"),
        event("research", "refused", 3, patient="secret"),
    ]
    register = ConsentRegister.from_events(events)
    ruling = decide(register, "secret", Purpose.RESEARCH, NOW)
    assert ruling.events == tuple(events)
    assert "refused" in ruling.reason
    assert "secret" not in repr(ruling) + repr(register)


def test_a_cpr_number_is_one_person_with_and_without_hyphen():
    events = [
        event("analysis", "given", patient="0101901234"),
        event("analysis", "withdrawn", 1, patient="010190-1234"),
    ]
    register = ConsentRegister.from_events(events)
    assert not may_analyse(register, "0101901234", NOW).allowed
    assert not may_analyse(register, "010190-1234", NOW).allowed


def test_a_moment_without_zone_is_a_bug():
    with pytest.raises(ValueError, match="time zone"):
        may_analyse(ConsentRegister.from_events([GIVEN]), "p", datetime(2025, 1, 1))
    with pytest.raises(ValueError, match="time zone"):
        ConsentEvent("p", Scope.ANALYSIS, Decision.GIVEN, datetime(2025, 1, 1), DAY_0)


some_event = st.builds(
    event,
    st.sampled_from(list(Scope)),
    st.sampled_from(list(Decision)),
    st.integers(0, 5),
    st.integers(0, 5),
)
histories = st.lists(some_event, max_size=8)
purposes = st.sampled_from(list(Purpose))
defaults = st.sampled_from(["allowed", "refused"])
moments = st.integers(-1, 6).map(lambda day: DAY_0 + timedelta(days=day))


@steady
@given(histories, st.randoms(use_true_random=False), purposes, moments, defaults)
def test_the_order_of_rows_does_not_matter(events, random, purpose, as_of, default):
    shuffled = random.sample(events, len(events))
    answer = allowed(purpose, *events, as_of=as_of, default=default)
    assert allowed(purpose, *shuffled, as_of=as_of, default=default) == answer


@steady
@given(histories, purposes, moments, defaults, st.sampled_from(list(Scope)))
def test_a_later_restriction_never_widens(events, purpose, as_of, default, scope):
    before = allowed(purpose, *events, as_of=as_of, default=default)
    for word in (Decision.REFUSED, Decision.WITHDRAWN):
        restricted = [*events, event(scope, word, 6)]
        later = allowed(purpose, *restricted, as_of=NOW, default=default)
        assert later <= allowed(purpose, *events, as_of=NOW, default=default)
        if as_of < DAY_0 + timedelta(days=6):
            assert allowed(purpose, *restricted, as_of=as_of, default=default) == before


@steady
@given(histories, moments)
def test_what_is_written_out_by_hand(events, as_of):
    """The rule of the design, as a search over all events instead of a sorted list."""

    def state(scope):
        rank = {"given": 0, "refused": 1, "withdrawn": 2}
        past = [e for e in events if e.scope == scope and e.effective_from <= as_of]
        for moment in ("effective_from", "recorded_at"):
            last = max((getattr(e, moment) for e in past), default=None)
            past = [e for e in past if getattr(e, moment) == last]
        return max((e.decision for e in past), key=lambda word: rank[word], default=None)

    analysis, research = state("analysis"), state("research")
    care = analysis == "given"
    assert allowed("care", *events, as_of=as_of) == care
    for default in ("allowed", "refused"):
        by_default = default == "allowed" if research is None else research == "given"
        answer = allowed("research", *events, as_of=as_of, default=default)
        assert answer == (care and by_default)
