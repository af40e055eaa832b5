from datetime import UTC, datetime

import pytest

from wgs_pipeline.consent.events import Decision, Scope
from wgs_pipeline.consent.register import ConsentRegister
from wgs_pipeline.errors import ConsentError, ProblemsError

HEADER = "patient_id\tscope\tdecision\teffective_from\trecorded_at\tsource\n"
NOW = datetime(2025, 6, 1, tzinfo=UTC)


def row(scope="analysis", decision="given", effective="2025-01-01T00:00:00Z", recorded=None):
    recorded = recorded or effective
    return f"secret-1\t{scope}\t{decision}\t{effective}\t{recorded}\tform\n"


@pytest.fixture
def register(tmp_path):
    def read(text):
        path = tmp_path / "consents.tsv"
        path.write_text(text)
        return ConsentRegister.read(path, NOW)

    return read


def test_reads_events(register):
    read = register(HEADER + row() + row(decision="withdrawn", effective="2025-02-01T01:00+01:00"))
    event = read.latest("secret-1", Scope.ANALYSIS, NOW)
    assert event.decision is Decision.WITHDRAWN
    assert event.effective_from == datetime(2025, 2, 1, tzinfo=UTC)
    assert (event.source, event.line) == ("form", 3)
    assert read.latest("secret-1", Scope.RESEARCH, NOW) is None


@pytest.mark.parametrize("text", ["", HEADER, "\n\n", "# nobody yet\n"])
def test_an_empty_register_is_no_register(register, text):
    with pytest.raises(ConsentError, match="empty sheet"):
        register(text)


def test_a_missing_register_is_no_register(tmp_path):
    with pytest.raises(ConsentError, match="no such file"):
        ConsentRegister.read(tmp_path / "consents.tsv")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (row(scope="everything"), "scope is 'everything'"),
        (row(decision="maybe"), "decision is 'maybe'"),
        (row(effective="2025-01-01T00:00:00"), "effective_from is '2025-01-01T00:00:00'"),
        (row(effective="2025-01-01"), "effective_from is '2025-01-01'"),
        (row(effective="1.1.2025"), "effective_from is [withheld]"),
        (row(effective="2025-02-30T00:00:00Z"), "no date of the calendar"),
        (row(effective="2025-06-01T00:00:01Z"), "in the future"),
        (row(effective="2025-06-01T00:00:00-00:01"), "in the future"),
        (row(recorded="2099-01-01T00:00:00Z"), "recorded_at is '2099-01-01T00:00:00Z', in the"),
        ("secret-1\t\tgiven\t\t2025-01-01T00:00:00Z\t\n", "scope is empty"),
    ],
)
def test_refused(register, text, found):
    with pytest.raises(ProblemsError) as error:
        register(HEADER + row() + text)
    assert {problem.line for problem in error.value.problems} == {3}
    words = [word for p in error.value.problems for word in (p.found, p.expected, p.remedy)]
    assert found in " | ".join(words)
    assert "secret" not in " | ".join(words)


def test_an_event_of_this_moment_holds(register):
    read = register(HEADER + row(effective="2025-06-01T02:00:00+02:00"))
    assert read.latest("secret-1", Scope.ANALYSIS, NOW)


def test_all_problems_at_once(register):
    with pytest.raises(ProblemsError) as error:
        register(HEADER + row(scope="x") + row(effective="2099-01-01T00:00:00Z") + row("y", "z"))
    assert [problem.line for problem in error.value.problems] == [2, 3, 3, 4, 4]
