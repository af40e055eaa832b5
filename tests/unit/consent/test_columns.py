"""A large register, read in columns, says what the same register says row by row."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wgs_pipeline.consent import register as register_module
from wgs_pipeline.consent.cells import Cells, Content
from wgs_pipeline.consent.columns import read_columns
from wgs_pipeline.consent.events import ConsentEvent, Decision, Scope
from wgs_pipeline.consent.moments import microseconds, parse_moments
from wgs_pipeline.consent.register import ConsentRegister
from wgs_pipeline.consent.timelines import Columns, Timelines
from wgs_pipeline.errors import ConsentError, ProblemsError

NOW = datetime(2025, 6, 1, tzinfo=UTC)
COLUMNS = ["patient_id", "scope", "decision", "effective_from", "recorded_at", "source"]
steady = settings(derandomize=True, deadline=None, max_examples=150)


def cells_of(texts):
    content = Content.of_bytes("".join(texts).encode())
    lengths = np.array([len(text.encode()) for text in texts], np.int64)
    return Cells(content.data, content.start + np.cumsum(lengths) - lengths, lengths)


def expected(text):
    """Microseconds by the standard library, None where it refuses the text."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo is None else microseconds(moment)


@pytest.mark.parametrize(
    "text",
    [
        "2025-01-31T12:00:00Z",
        "2025-01-31T12:00Z",
        "2025-01-31T12:00+01:00",
        "2025-01-31T12:00:59-23:59",
        "2025-01-31T12:00:59.1Z",
        "2025-01-31T12:00:59.123456+00:30",
        "2024-02-29T23:59:59Z",
        "2000-02-29T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999Z",
        "1969-12-31T23:59:59.5Z",
    ],
)
def test_moments_of_the_schema_are_recognised(text):
    moments, known = parse_moments(cells_of([text]))
    assert known.tolist() == [True]
    assert moments.tolist() == [expected(text)]


@pytest.mark.parametrize(
    "text",
    [
        "2023-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2025-04-31T00:00:00Z",
        "2025-00-10T00:00:00Z", "2025-13-10T00:00:00Z", "2025-01-00T00:00:00Z",
        "0000-01-01T00:00:00Z", "2025-01-01T24:00:00Z", "2025-01-01T00:60:00Z",
        "2025-01-01T00:00:60Z", "2025-01-01T00:00:00", "2025-01-01", "2025-01-01T00:00:00+24:00",
        "2025-01-01T00:00:00+01:60", "2025-01-01T00:00:00.Z", "2025-01-01T00:00:00.1234567Z",
        "2025-01-01T00:00:00,5Z", "2025-01-01 00:00:00Z", "2025-01-01T00:00:00z",
        "2025-01-01T00:00:00+0100", "2025-01-01T00:0000Z", "2025-01-01T00:00:0Z", "", "Z",
        "2025-01-01T00:00:00\N{MINUS SIGN}01:00", "2o25-01-01T00:00:00Z", "2025-01-01T00:00:00ZZ",
        "2025/01/01T00:00:00Z", "+025-01-01T00:00:00Z", "2025-01-01T0 :00:00Z",
    ],
)  # fmt: skip
def test_whatever_else_is_left_to_the_standard_library(text):
    _, known = parse_moments(cells_of(["2025-01-01T00:00:00Z", text, "2025-01-01T00:00:00Z"]))
    assert known.tolist() == [True, False, True]


digits = st.text("0123456789", min_size=1, max_size=7)
near_moments = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["2025", "2024", "1900", "0001", "9999", "202x"]),
        st.sampled_from(["-", "/"]) | st.just("-"),
        st.sampled_from(["01", "02", "12", "13", "00"]),
        st.just("-"),
        st.sampled_from(["01", "28", "29", "30", "31", "32"]),
        st.just("T") | st.sampled_from(["T", "t", " "]),
        st.sampled_from(["00:00", "23:59", "24:00", "02:30", "0230"]),
        st.sampled_from(["", ":00", ":59", ":60", ":5"]),
        st.just("") | digits.map(lambda text: "." + text),
        st.sampled_from(["Z", "+00:00", "-00:00", "+01:00", "-23:59", "+24:00", "+1:00", "", "z"]),
    ),
)


@settings(derandomize=True, deadline=None, max_examples=1500)
@given(st.lists(near_moments, min_size=1, max_size=20))
def test_a_recognised_moment_is_that_of_the_standard_library(texts):
    moments, known = parse_moments(cells_of(texts))
    for text, moment, is_known in zip(texts, moments.tolist(), known.tolist(), strict=True):
        if is_known:
            assert moment == expected(text), text


@steady
@given(st.lists(st.datetimes(timezones=st.just(UTC)), min_size=1, max_size=20))
def test_every_moment_in_its_usual_spelling_is_recognised(moments):
    texts = [moment.isoformat().replace("+00:00", "Z") for moment in moments]
    read, known = parse_moments(cells_of(texts))
    assert known.all()
    assert read.tolist() == [microseconds(moment) for moment in moments]


word = st.sampled_from
lines = st.one_of(
    st.tuples(
        word(["p1", "p2", "6101700001", "610170-0001", "q" * 128, "q" * 129, "å", "a b", "", "#p"]),
        word([*Scope, "everything", ""]) | word(list(Scope)),
        word([*Decision, "maybe"]) | word(list(Decision)),
        word(["2025-01-01T00:00:00Z", "2025-01-01T01:00+01:00", "2025-02-30T00:00:00Z"])
        | near_moments,
        word(["2025-01-02T00:00:00Z", "2025-01-02T00:00:00.5Z", "2099-01-01T00:00:00Z"]),
        word(["", "form", "form 2025-17", "form 610170-0001", "åben", "x" * 64, "y" * 65])
        | word(["z" * 257, "z" * 256])
        | word(["6101700001 ", "a 00610170-00010", "610170-0001", "\x7f", "1610170-0001"]),
    ).map("\t".join),
    word(["", "# a comment", "#", "## x", "   ", "\t\t\t\t\t", "p1\tanalysis\tgiven", "\x0b"]),
    word(["p3\tanalysis\tgiven\t2025-01-01T00:00Z\t2025-01-01T00:00Z" + tabs for tabs in
          ("", "\t", "\t\t", "\tform\tx", "\tform\t\t")]),
)  # fmt: skip


def both_ways(path, monkeypatch_context):
    """What a register says, row by row and in columns."""
    answers = []
    for size in (10**12, 0):
        monkeypatch_context.setattr(register_module, "COLUMNAR_BYTES", size)
        try:
            register = ConsentRegister.read(path, NOW)
        except ProblemsError as error:
            answers.append([str(problem) for problem in error.problems])
        except ConsentError as error:
            answers.append([str(error)])
        else:
            assert (register.timelines is None) == (size > 0)
            events = {person: register.events_of[person] for person in register.events_of}
            lines_of = {person: {e.line for e in of} for person, of in events.items()}
            answers.append((events, lines_of, register.n_events, len(register.events_of)))
    return answers


@steady
@given(
    st.lists(lines, max_size=12),
    st.permutations(COLUMNS),
    word(["\n", "\r\n"]),
    word(["", "\ufeff"]),
    word(["", "# first\n\n"]),
    st.booleans(),
)
def test_row_by_row_and_in_columns(
    tmp_path_factory, rows, order, end, mark, before, last_line_ends
):
    reordered = []
    for row in rows:
        cells = row.split("\t")
        if len(cells) == len(COLUMNS) and row.strip():
            cells = [cells[COLUMNS.index(column)] for column in order]
        reordered.append("\t".join(cells))
    path = tmp_path_factory.mktemp("register") / "consents.tsv"
    text = mark + before + end.join(["\t".join(order), *reordered]) + end * last_line_ends
    path.write_bytes(text.encode())
    with pytest.MonkeyPatch.context() as patched:
        by_rows, by_columns = both_ways(path, patched)
    assert by_columns == by_rows


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\n\n", b"# nobody\n", b"patient_id\n", b"nonsense\n", b"\xff\xfe", b"a\0b",
        "\t".join(COLUMNS).encode(), "\t".join(COLUMNS).encode() + b"\n\n#\n",
        "\t".join(COLUMNS).encode() + b"\n" + b"x" * 70_000,
        "\t".join([*COLUMNS, "age"]).encode() + b"\np\tanalysis\tgiven\tx\tx\t\t9\n",
    ],
)  # fmt: skip
def test_what_is_no_register_either_way(tmp_path, monkeypatch, content):
    path = tmp_path / "consents.tsv"
    path.write_bytes(content)
    by_rows, by_columns = both_ways(path, monkeypatch)
    assert by_columns == by_rows
    assert isinstance(by_rows, list)


def test_lines_are_numbered_over_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr("wgs_pipeline.consent.cells.BLOCK_BYTES", 100)
    rows = [
        f"p{number}\tanalysis\tgiven\t2025-01-01T00:00:00Z\t2025-01-01T00:00:00Z\tform"
        for number in range(40)
    ]
    rows[17] = rows[17].replace("given", "maybe")
    rows[31] = rows[31].replace("2025", "2125", 1)
    path = tmp_path / "consents.tsv"
    path.write_text("\n".join(["\t".join(COLUMNS), *rows]))
    by_rows, by_columns = both_ways(path, monkeypatch)
    assert by_columns == by_rows
    assert [text.split(":")[1] for text in by_columns] == ["19", "33"]


def test_hashes_that_collide_never_mix_persons(tmp_path, monkeypatch):
    """With a hash of two values half of all persons collide; the bytes still tell them apart."""
    from wgs_pipeline.consent import timelines

    true_hashes = timelines.hashes

    def weak(words, lengths, seed=0):
        hashed = true_hashes(words, lengths, seed)
        return hashed if seed > 2 else hashed & np.uint64(8)

    path = tmp_path / "consents.tsv"
    rows = [
        f"p{n}\tanalysis\t{'given' if n % 3 else 'refused'}\t2025-01-01T00:00:00Z"
        "\t2025-01-01T00:00:00Z\t"
        for n in range(50)
    ]
    path.write_text("\n".join(["\t".join(COLUMNS), *rows]))
    columns = read_columns(path, NOW)
    weakened = Columns(
        columns.persons, columns.hashes & np.uint64(8), columns.scopes, columns.decisions,
        columns.effective, columns.recorded, columns.source,
    )  # fmt: skip
    monkeypatch.setattr(timelines, "hashes", weak)
    register = Timelines(weakened)
    assert len(register) == 50
    for n in range(50):
        event = register.latest(f"p{n}", Scope.ANALYSIS, NOW)
        assert (event.patient_id, event.decision == "given") == (f"p{n}", bool(n % 3))
    assert register.latest("p50", Scope.ANALYSIS, NOW) is None


def test_events_are_hidden_in_representations(tmp_path, monkeypatch):
    monkeypatch.setattr(register_module, "COLUMNAR_BYTES", 0)
    path = tmp_path / "consents.tsv"
    row = "secret-1\tanalysis\tgiven\t2025-01-01T00:00:00Z\t2025-01-01T00:00:00Z\t"
    path.write_text("\t".join(COLUMNS) + "\n" + row + "\n")
    register = ConsentRegister.read(path, NOW)
    (event,) = register.events_of["secret-1"]
    assert event == ConsentEvent(
        "secret-1", Scope.ANALYSIS, Decision.GIVEN, *[datetime(2025, 1, 1, tzinfo=UTC)] * 2
    )
    assert "secret" not in repr(register) + repr(event) + repr(register.timelines)
    with pytest.raises(KeyError) as error:
        register.events_of["secret-2"]
    assert "secret" not in str(error.value)
