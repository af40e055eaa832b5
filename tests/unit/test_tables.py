import tempfile
from contextlib import contextmanager
from pathlib import Path

import jsonschema
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wgs_pipeline.sheets import parse_units
from wgs_pipeline.tables import load_schema, read_table

HEADER = b"sample_id\tpatient_id\tsex\n"
ROW = b"S1\tperson\tfemale\n"


@pytest.fixture
def sheet(tmp_path):
    def write(content):
        path = tmp_path / "sheet.tsv"
        path.write_bytes(content)
        return path

    return write


def only_problem(path, schema="samples"):
    table = read_table(path, schema)
    assert len(table.problems) == 1, table.problems
    return table.problems[0]


@pytest.mark.parametrize(
    "content",
    [
        HEADER + ROW,
        HEADER + ROW.rstrip(b"\n"),
        b"\xef\xbb\xbf" + HEADER + ROW,
        (HEADER + ROW).replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf# a comment\r\n\r\n" + (HEADER + ROW + b"\n\n").replace(b"\n", b"\r\n"),
        b"sex\tsample_id\tpatient_id\taffected\nfemale\tS1\tperson\n",
        HEADER + b"S1\tperson\tfemale\t\t\n",
    ],
)
def test_accepted(sheet, content):
    table = read_table(sheet(content), "samples")
    assert table.problems == ()
    cells = {"sample_id": "S1", "patient_id": "person", "sex": "female"}
    assert [dict(row.cells) for row in table.rows] == [cells]


def test_lines_count_comments_and_empty_lines(sheet):
    table = read_table(sheet(b"# x\n\n" + HEADER + b"# y\n" + ROW), "samples")
    assert [row.line for row in table.rows] == [5]


@pytest.mark.parametrize(
    ("content", "line", "found"),
    [
        (b"", 0, "empty sheet"),
        (b"\n \n# only a comment\n", 0, "empty sheet"),
        (HEADER, 0, "empty sheet"),
        (b"\xff\xfe" + (HEADER + ROW).decode().encode("utf-16-le"), 1, "NUL"),
        (HEADER + "Søren".encode("latin-1") + b"\tx\tmale\n", 2, "not UTF-8"),
        (HEADER + b"S1\0\tperson\tfemale\n", 2, "NUL"),
        (HEADER + b"S" * 10_000_000 + b"\tperson\tfemale\n", 2, "a line of 10,000,014 bytes"),
        (bytes(range(1, 256)) * 20, 2, "not UTF-8"),
        (b"sample_id\tpatient_id\n" + ROW, 1, "no column 'sex'"),
        (b"sample_id\tpatient_id\tsex\tcolour\n" + ROW, 1, "unknown column 'colour'"),
        (b"sample_id\tpatient_id\tsex\tsex\n" + ROW, 1, "column 'sex' twice"),
        (b"sample_id patient_id sex\nS1 person female\n", 1, "names no known column"),
        (HEADER + b"S1 person female\n", 2, "1 cells"),
        (HEADER + b"S1\tperson\tfemale\tmore\n", 2, "4 cells"),
        (HEADER + b"\tperson\tfemale\n", 2, "sample_id is empty"),
        (HEADER + b"S1\tperson\tF\n", 2, "sex is 'F'"),
        (HEADER + b"S1\tperson\tfemale \n", 2, "sex is"),
        (HEADER + b'"S1"\tperson\tfemale\n', 2, "sample_id is '\"S1\"'"),
        (HEADER + b"S 1\tperson\tfemale\n", 2, "sample_id is 'S 1'"),
        (HEADER + b"a/b\tperson\tfemale\n", 2, "sample_id is 'a/b'"),
        (HEADER + b"a..b\tperson\tfemale\n", 2, "sample_id is 'a..b'"),
        (HEADER + b"$(touch x)\tperson\tfemale\n", 2, "sample_id is '$(touch x)'"),
        (HEADER + b"{sample}\tperson\tfemale\n", 2, "sample_id is '{sample}'"),
    ],
)
def test_refused(sheet, content, line, found):
    problem = only_problem(sheet(content))
    assert problem.line == line
    assert found in problem.found
    assert problem.expected
    assert problem.remedy
    assert len(str(problem)) < 1000


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        (b"S1\tsecret-person\tfemale\n", "secret-person"),  # no header
        (b"sample_id\tpatient_id\tsex\t311290-1234\n" + ROW, "311290"),
        (HEADER + b"311290-1234\tp\tfemale\n", "311290"),
        (HEADER + b"S_3112901234\tp\tfemale\n", "311290"),
        (HEADER + b"S1\tsecret person\tfemale\n", "secret"),
        (HEADER + "S1\tsecré\tfemale\n".encode(), "secr"),
        (HEADER + b"S1\tfemale\tsecret-1\n", "secret-1"),
    ],
)
def test_identifiers_are_not_shown(sheet, content, secret):
    assert secret not in str(only_problem(sheet(content)))


def test_missing_file_and_folder(tmp_path):
    assert "no such file" in only_problem(tmp_path / "absent.tsv").found
    assert "cannot be read" in only_problem(tmp_path).found


def test_all_problems_at_once(sheet):
    table = read_table(sheet(HEADER + b"S 1\tp q\tF\n" + b"S2\tp\tM\n" + ROW), "samples")
    assert [problem.line for problem in table.problems] == [2, 2, 2, 3]
    assert len(table.rows) == 1
    assert table.values("sample_id") == {"S 1", "S2", "S1"}


WORDS = ["S1", "person-1", "wgs", "exome", "given", "analysis", "female", "unknown", "a b", "../x"]
MOMENTS = ["2025-01-31T12:00:00Z", "2025-01-31T12:00:00", "2025-01-31", "2025-01-31T12:00+01:00"]
cell = st.one_of(
    st.sampled_from([*WORDS, *MOMENTS, "0" * 32, "x.fq.gz", "$(x)", ""]),
    st.text(st.characters(codec="utf-8", exclude_characters="\t\n\r\0"), max_size=8),
)


def as_schema_sees_it(schema, cells):
    return jsonschema.Draft202012Validator(schema).is_valid(cells)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.data())
@pytest.mark.parametrize("name", ["samples", "consents"])
def test_rows_are_judged_as_the_json_schema_judges_them(name, data):
    schema = load_schema(name)
    row = {column: data.draw(cell) for column in schema["properties"]}
    # In this order no row is a comment or empty.
    row = {"source": "form", **row} if name == "consents" else {"region": "Zealand", **row}
    row |= {"source": "form"} if name == "consents" else {"region": "Zealand"}
    filled = {column: value for column, value in row.items() if value}
    with written(row) as path:
        assert (not read_table(path, name).problems) == as_schema_sees_it(schema, filled)


@contextmanager
def written(row):
    """A sheet of one row."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "sheet.tsv")
        text = "\t".join(row) + "\n" + "\t".join(row.values()) + "\n"
        path.write_text(text, encoding="utf-8")
        yield path


optional = st.sampled_from(["", "x.fq.gz"])


@settings(derandomize=True, deadline=None, max_examples=500)
@given(
    names=st.tuples(*[st.sampled_from(["", "N1"])] * 3),
    paths=st.tuples(*[optional] * 2, *[st.sampled_from(["", "", "y.cram"])] * 2, optional),
    md5s=st.tuples(*[st.sampled_from(["", "", "0" * 32])] * 2),
    assay=st.sampled_from(["", "wgs", "exome"]),
)
@example(names=("N1",) * 3, paths=("x", "z", "", "", ""), md5s=("", ""), assay="wgs")
@example(names=("",) * 3, paths=("", "", "y.cram", "", ""), md5s=("", ""), assay="")
@example(names=("",) * 3, paths=("", "", "", "y.gvcf", "t"), md5s=("", ""), assay="exome")
def test_kinds_of_input_are_judged_as_the_json_schema_judges_them(names, paths, md5s, assay):
    fastq_1, fastq_2, cram, gvcf, target = paths
    row = dict(zip(("library_id", "flowcell", "lane"), names, strict=True))
    row |= {"sample_id": "S1", "fastq_1": fastq_1, "fastq_2": fastq_2 and "2" + fastq_2}
    row |= {"cram": cram, "gvcf": gvcf, "target_bed": target, "assay": assay}
    row |= {"md5_1": md5s[0], "md5_2": md5s[1]}
    filled = {column: value for column, value in row.items() if value}
    with written(row) as path:
        assert (not parse_units(path).problems) == as_schema_sees_it(load_schema("units"), filled)
