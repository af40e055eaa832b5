from pathlib import Path

import pytest

from wgs_pipeline.errors import ProblemsError
from wgs_pipeline.sheets import match_sheets, parse_samples, parse_units, read_samples, read_units

SAMPLES = ["sample_id", "patient_id", "sex", "family_id", "father_id", "mother_id"]
UNITS = [
    "sample_id",
    "library_id",
    "flowcell",
    "lane",
    "fastq_1",
    "fastq_2",
    "md5_1",
    "cram",
    "gvcf",
    "target_bed",
]


@pytest.fixture
def write(tmp_path):
    def write(columns, *rows, name="sheet.tsv"):
        """A sheet; a dot is an empty cell."""
        cells = (["" if cell == "." else cell for cell in row.split(" ")] for row in rows)
        lines = [columns, *cells]
        path = tmp_path / name
        path.write_text("".join("\t".join(line) + "\n" for line in lines))
        return path

    return write


def found(sheet):
    return [(problem.line, problem.found) for problem in sheet.problems]


def test_samples_with_only_the_required_columns(write):
    (sample,) = read_samples(write(SAMPLES[:3], "S1 person male"))
    assert sample.sample_id == sample.family_id == "S1"
    assert (sample.father_id, sample.mother_id) == (None, None)
    assert (sample.sex, sample.affected, sample.material) == ("male", "unknown", "germline")
    assert (sample.patient_group, sample.region, sample.line) == ("", "", 2)


def test_a_sample_does_not_show_its_patient(write):
    (sample,) = read_samples(write(SAMPLES[:3], "S1 secret-person male"))
    assert "secret" not in repr(sample)


def test_a_cpr_number_is_one_patient_with_and_without_hyphen(write):
    first, second = read_samples(write(SAMPLES[:3], "A 010190-1234 male", "B 0101901234 male"))
    assert first.patient_id == second.patient_id == "0101901234"


def test_trio(write):
    trio = write(SAMPLES, "C p1 female F M1 M2", "M1 p2 male F . .", "M2 p3 female F . .")
    child, father, mother = read_samples(trio)
    assert (child.father_id, child.mother_id) == (father.sample_id, mother.sample_id)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["A p1 male", "A p2 male"], [(3, "sample_id 'A' again (first on line 2)")]),
        (
            ["A p1 male", "B p1 female"],
            [(3, "sample 'B' is female, but the same patient's sample 'A' on line 2 is male")],
        ),
        (["A p1 male", "B p1 unknown"], []),
    ],
)
def test_across_rows_of_samples(write, rows, expected):
    assert found(parse_samples(write(SAMPLES, *(f"{row} . . ." for row in rows)))) == expected


def test_paths_are_relative_to_the_sheet(write, tmp_path):
    sheet = write(
        UNITS, "A L F 1 x/r1 /abs/r2 . . . .", "B . . . . . . c . .", "C . . . . . . . g b"
    )
    fastq, cram, gvcf = read_units(sheet)
    assert (fastq.fastq_1, fastq.fastq_2) == (tmp_path / "x/r1", Path("/abs/r2"))
    assert (fastq.kind, cram.kind, gvcf.kind) == ("fastq", "cram", "gvcf")
    assert gvcf.paths == (tmp_path / "g", tmp_path / "b")
    assert cram.paths == (tmp_path / "c",)


def test_md5_is_lower_case(write):
    (unit,) = read_units(write(UNITS, f"A L F 1 r1 r2 {'AB' * 16} . . ."))
    assert (unit.md5_1, unit.md5_2) == ("ab" * 16, None)


def test_md5_may_contain_what_looks_like_a_cpr_number(write):
    digest = "c" * 11 + "0101901234" + "f" * 11
    (unit,) = read_units(write(UNITS, f"A L F 1 r1 r2 {digest} . . ."))
    assert unit.md5_1 == digest


LANE = "A L F 1 a1 a2 . . . ."


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([LANE, "A L F 2 b1 b2 . . . .", "A L2 F 1 c1 c2 . . . .", "B L F 1 d1 d2 . . . ."], []),
        (
            [LANE, "A L F 1 b1 b2 . . . ."],
            [(3, "flowcell F, lane 1, library L of A again (first on line 2)")],
        ),
        (
            [LANE, "B L F 1 x/../a1 b2 . . . ."],
            [(3, "fastq_1 is the file of fastq_1 on line 2, 'a1', again")],
        ),
        (["A L F 1 a a . . . ."], [(2, "fastq_2 is the file of fastq_1 on line 2, 'a', again")]),
        ([LANE, "A . . . . . . c . ."], [(3, "sample 'A' has cram here and fastq on line 2")]),
        (
            ["A . . . . . . . g .", "A . . . . . . . h ."],
            [(3, "sample 'A' has gvcf here and gvcf on line 2")],
        ),
        (["A L F 1 . . . . . ."], [(2, "a row without input")]),
        (["A L F 1 a1 . . . . ."], [(2, "FASTQ without fastq_2")]),
        (["A L . . a1 a2 . . . ."], [(2, "FASTQ without flowcell, lane")]),
        (["A L F 1 a1 a2 . c . ."], [(2, "a row with fastq and cram")]),
        ([f"A . . . . . {'0' * 32} c . ."], [(2, "md5_1 or md5_2 with cram")]),
        (["A . . . . . . c . t"], [(2, "target_bed or another assay with cram")]),
    ],
)
def test_across_cells_and_rows_of_units(write, rows, expected):
    assert found(parse_units(write(UNITS, *rows))) == expected


def test_every_sample_has_units_and_the_other_way_round(write):
    samples = parse_samples(write(SAMPLES[:3], "A p1 male", "B p2 male", name="samples.tsv"))
    units = parse_units(write(["sample_id", "cram"], "A c", "C d", name="units.tsv"))
    problems = match_sheets(samples, units)
    assert [(Path(p.file).name, p.line, p.found) for p in problems] == [
        ("units.tsv", 3, "sample 'C' is not in samples.tsv"),
        ("samples.tsv", 3, "sample 'B' has no unit in units.tsv"),
    ]


def test_a_broken_row_is_not_reported_as_missing_too(write):
    samples = parse_samples(write(SAMPLES[:3], "A p1 F", "B p2 male", name="samples.tsv"))
    units = parse_units(write(["sample_id", "cram", "lane"], "A c 1", "B d /", name="units.tsv"))
    assert len(samples.problems) == len(units.problems) == 1
    assert match_sheets(samples, units) == []


def test_all_problems_are_raised_together(write):
    with pytest.raises(ProblemsError) as error:
        read_samples(write(SAMPLES, "A p1 F . . .", "B p2 male . X .", "B p3 male . . ."))
    assert [problem.line for problem in error.value.problems] == [2, 3, 4]
    with pytest.raises(ProblemsError, match="one of: fastq_1 and fastq_2, or cram, or gvcf"):
        read_units(write(["sample_id"], "A"))
