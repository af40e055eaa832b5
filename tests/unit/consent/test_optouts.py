"""The opt-out list of a national register; all numbers are replacement numbers, nobody's own."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wgs_pipeline.consent import register as register_module
from wgs_pipeline.consent.decisions import decide, decide_many
from wgs_pipeline.consent.events import Scope
from wgs_pipeline.consent.purposes import Purpose
from wgs_pipeline.consent.register import ConsentRegister
from wgs_pipeline.errors import ConsentError, ProblemsError, RegisterError

HEADER = "patient_id\tscope\tdecision\teffective_from\trecorded_at\tsource\n"
NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
PERSON, HYPHENED, OTHER = "6101700001", "610170-0001", "6202800002"


def consents(*more):
    text = HEADER
    for person in (HYPHENED, OTHER):
        text += f"{person}\tanalysis\tgiven\t2020-01-01T00:00Z\t2020-01-01T00:00Z\t\n"
    return text + "".join(
        f"{person}\tresearch\t{decision}\t{moment}\t{moment}\t\n"
        for person, decision, moment in more
    )


@pytest.fixture(params=["row by row", "in columns"])
def register(tmp_path, request, monkeypatch):
    size = 0 if request.param == "in columns" else 10**12
    monkeypatch.setattr(register_module, "COLUMNAR_BYTES", size)

    def read(optouts, text=None):
        sheet, listed = tmp_path / "consents.tsv", tmp_path / "optouts.csv"
        sheet.write_text(text or consents())
        if optouts is not None:
            listed.write_bytes(optouts if isinstance(optouts, bytes) else optouts.encode())
        return ConsentRegister.read(sheet, NOW, listed)

    return read


def research(register, person=PERSON, as_of=NOW):
    allowed = decide(register, person, Purpose.RESEARCH, as_of).allowed
    assert decide_many(register, [person], Purpose.RESEARCH, as_of).tolist() == [allowed]
    assert decide(register, person, Purpose.CARE, as_of).allowed
    return allowed


@pytest.mark.parametrize(
    "text",
    [
        f"{PERSON}\t2021-05-31\n",
        f"{HYPHENED}\t2021-05-31",
        f"CPR;Dato\r\n{PERSON};31-05-2021\r\n",
        f"\ufeffPersonnummer;Dato for registrering\n{HYPHENED};31.05.2021\n",
        f"# delivered today\n\ncpr\tsince\n{PERSON}\t 2021-05-31 \n\n",
        f"{PERSON};2021-05-31;;\n",
    ],
)
def test_lists_as_they_come(register, text):
    read = register(text)
    assert not research(read)
    assert not research(read, HYPHENED)
    assert research(read, OTHER)
    assert read.n_optouts == 1
    assert (read.n_events, read.n_optout_events) == (4, 2)
    assert {event.source for event in read.not_given(Scope.RESEARCH, NOW)} == {"opt-out list"}
    before = datetime(2021, 5, 31, tzinfo=UTC) - timedelta(seconds=1)
    assert research(read, as_of=before)
    assert not research(read, as_of=before + timedelta(seconds=1))


def test_the_list_outweighs_what_was_decided_on_the_same_day(register):
    text = f"{PERSON}\t2021-05-31\n"
    for moment, answer in (
        ("2021-05-30T12:00:00Z", False),
        ("2021-05-31T12:00:00Z", False),
        ("2021-05-31T23:59:58Z", False),
        ("2021-06-01T00:00:00Z", True),
    ):
        assert research(register(text, consents((PERSON, "given", moment)))) is answer


def test_of_today(register):
    read = register(f"{PERSON}\t2025-06-01\n", consents((PERSON, "given", "2025-06-01T11:59:00Z")))
    assert not research(read)


def test_the_list_is_about_research_only_and_gives_nobody_consent(register):
    read = register("6303900003\t2021-05-31\n")
    for purpose in Purpose:
        assert not decide(read, "6303900003", purpose, NOW).allowed


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("610170001\t2021-05-31", "no CPR number in the first cell"),
        ("61017000011\t2021-05-31", "no CPR number in the first cell"),
        ("610170 0001\t2021-05-31", "no CPR number in the first cell"),
        ("6113700001\t2021-05-31", "no CPR number in the first cell"),
        ("secret\t2021-05-31", "no CPR number in the first cell"),
        (f"{PERSON}", "1 cells"),
        (f"{PERSON}\t", "1 cells"),
        (f"{PERSON} 2021-05-31", "1 cells"),
        (f"{PERSON},2021-05-31", "1 cells"),
        (f"{PERSON}\t2021-05-31\tsecret", "3 cells"),
        (f"{PERSON}\t2021-02-30", "no date"),
        (f"{PERSON}\t31-02-2021", "no date"),
        (f"{PERSON}\t05/31/2021", "no date"),
        (f"{PERSON}\t2021.05.31", "no date"),
        (f"{PERSON}\t{OTHER}", "no date"),
        (f"{PERSON}\t2025-06-02", "in the future"),
        ("CPR\tDato", "no CPR number in the first cell"),
    ],
)
def test_a_malformed_line_stops_with_its_number_and_without_its_content(register, line, found):
    with pytest.raises(ProblemsError) as error:
        register(f"{OTHER}\t2020-01-31\n{line}\n{OTHER}\t2020-01-31\n{line}\n")
    assert [problem.line for problem in error.value.problems] == [2, 4]
    message = str(error.value)
    assert found in message
    for identifier in (PERSON, OTHER, "secret", "61017", "61137"):
        assert identifier not in message


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (None, "no such file"),
        ("", "an empty opt-out list"),
        ("CPR;Dato\n", "an empty opt-out list"),
        ("# nobody\n\n", "an empty opt-out list"),
        (b"CPR;Dato \xe5r\n" + PERSON.encode() + b";2021-05-31\n", "not UTF-8"),
    ],
)
def test_no_list_is_not_a_list_of_nobody(register, content, found):
    with pytest.raises(RegisterError, match=found) as error:
        register(content)
    assert isinstance(error.value, ConsentError)


def test_a_list_that_is_a_folder(register, tmp_path):
    (tmp_path / "optouts.csv").mkdir()
    with pytest.raises(RegisterError, match="cannot be read"):
        register(None)


cells = st.sampled_from(
    [PERSON, HYPHENED, OTHER, "6106040004", "6129020005", "3113990006", "p", ""]
)
dates = st.sampled_from(
    ["2021-05-31", "31-05-2021", "31.05.2021", "31.05-2021", "2021.05.31", "2024-02-29",
     "29-02-2023", "0001-01-01", "0000-01-01", "99-99-9999", "2025-06-01", "2025-06-02", " ", "x"]
)  # fmt: skip
lines = st.builds("".join, st.tuples(cells, st.sampled_from(["\t", ";"]), dates))


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.lists(lines | st.sampled_from(["", "# x", "CPR;Dato"]), max_size=8), st.booleans())
def test_lists_row_by_row_and_in_columns(tmp_path_factory, rows, all_right):
    if all_right:
        rows = [row for row in rows if row.startswith("6") and "2021-05-31" in row]
    folder = tmp_path_factory.mktemp("list")
    sheet, listed = folder / "consents.tsv", folder / "optouts.csv"
    sheet.write_text(consents((OTHER, "given", "2021-05-31T00:00:00Z")))
    listed.write_text("\n".join(rows))
    answers = []
    for size in (10**12, 0):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(register_module, "COLUMNAR_BYTES", size)
            try:
                read = ConsentRegister.read(sheet, NOW, listed)
            except (ProblemsError, ConsentError) as error:
                answers.append(str(error))
            else:
                events = {
                    person: sorted(
                        (e.scope, e.decision, e.effective_from, e.recorded_at, e.source, e.line)
                        for e in read.events_of[person]
                    )
                    for person in read.events_of
                }
                answers.append((events, read.n_optouts, read.n_events, read.n_optout_events))
    assert answers[0] == answers[1]
