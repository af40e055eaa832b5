import io
import sys

import pytest

from wgs_pipeline.consent.purposes import REFUSED

REFUSAL = "person-one\tresearch\trefused\t2025-01-01T00:00:00+01:00\t2025-01-02T00:00:00Z\tletter\n"


def status(project, purpose, *arguments, person="person-one"):
    register = str(project.path("consents.tsv"))
    return project.wgs(
        *("consent", "status", register, "--patient-id", person, "--purpose", purpose), *arguments
    )


def table(answer):
    assert (answer.code, answer.err) == (0, "")
    header, *rows = (line.split("\t") for line in answer.out.splitlines())
    return [dict(zip(header, row, strict=True)) for row in rows]


def test_an_answer_and_the_events_it_rests_on(small_project):
    small_project.append("consents.tsv", REFUSAL)
    answer = status(small_project, "research", "--as-of", "2025-06-01T00:00:00Z")
    decision, analysis, research = table(answer)
    assert (decision["item"], decision["scope"], decision["decision"]) == (
        "decision",
        "research",
        "refused",
    )
    assert decision["effective_from"] == "2025-06-01T00:00:00+00:00"
    assert (analysis["scope"], analysis["decision"]) == ("analysis", "given")
    assert (research["source"], research["effective_from"]) == (
        "letter",
        "2025-01-01T00:00:00+01:00",
    )
    assert "person" not in answer.out


@pytest.mark.parametrize(
    ("purpose", "arguments", "decision"),
    [
        ("care", [], "allowed"),
        ("statistics", [], "refused"),
        ("research", ["--as-of", "2024-06-01T00:00:00Z"], "allowed"),
        (
            "research",
            ["--as-of", "2024-06-01T00:00:00Z", "--research-default", "refused"],
            "refused",
        ),
        ("care", ["--as-of", "2023-06-01T00:00:00Z"], "refused"),
    ],
)
def test_decisions(small_project, purpose, arguments, decision):
    small_project.append("consents.tsv", REFUSAL)
    assert table(status(small_project, purpose, *arguments))[0]["decision"] == decision


def test_a_person_from_standard_input(small_project, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("person-one\n"))
    assert table(status(small_project, "care", person="-"))[0]["decision"] == "allowed"
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n"))
    assert status(small_project, "care", person="-").code == 1


def test_somebody_else_is_refused_and_not_shown(small_project):
    answer = status(small_project, "care", person="0101901234")
    assert table(answer)[0]["decision"] == "refused"
    assert "010190" not in answer.out


@pytest.mark.parametrize("purpose", [*REFUSED, "anything"])
def test_refused_purposes(small_project, purpose):
    answer = status(small_project, purpose)
    assert (answer.code, answer.out) == (1, "")
    assert "expected one of care, quality, statistics, research" in answer.err


@pytest.mark.parametrize("moment", ["2025-01-01", "2025-01-01T00:00:00", "yesterday"])
def test_a_moment_without_zone(small_project, moment):
    assert status(small_project, "care", "--as-of", moment).code == 2


def test_no_register(small_project):
    small_project.path("consents.tsv").unlink()
    answer = status(small_project, "care")
    assert answer.code == 1
    assert "no such file" in answer.err
