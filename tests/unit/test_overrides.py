"""Overrides: read with every problem named, honoured, and written where they can be audited."""

from datetime import UTC, datetime

import pytest

from wgs_pipeline.errors import ProblemsError
from wgs_pipeline.overrides import Override, parse_overrides, read_overrides

HEADER = "sample_id\tmetric\tother\tsigned_by\tsigned_at\treason\n"
ROW = "S1\tduplication\t\tA. Olsen\t2025-03-01T09:00:00+01:00\told library, looked at\n"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def written(tmp_path, *rows):
    path = tmp_path / "overrides.tsv"
    path.write_text(HEADER + "".join(rows))
    return path


def test_read(tmp_path):
    assert read_overrides(written(tmp_path, ROW)) == (
        Override(
            "S1", "duplication", "", "A. Olsen", "2025-03-01T09:00:00+01:00",
            "old library, looked at",
        ),
    )  # fmt: skip


def test_none_is_none_and_a_header_alone_too(tmp_path):
    assert read_overrides(None) == ()
    assert read_overrides(written(tmp_path)) == ()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (ROW.replace("A. Olsen", ""), "signed_by is empty"),
        (ROW.replace("old library, looked at", ""), "reason is empty"),
        (ROW.replace("2025-03-01", "2027-03-01"), "signed_at lies in the future"),
        (ROW.replace("2025-03-01", "2025-02-30"), "signed_at is no date of the calendar"),
        (ROW.replace("+01:00", ""), "signed_at is"),
        (ROW.replace("S1", "S9"), "sample 'S9' is not in the sheet of samples"),
        (ROW.replace("A. Olsen", "010203-4567"), "what looks like a civil registration number"),
        (ROW + ROW, "sample 'S1', metric 'duplication' again (first on line 2)"),
    ],
)
def test_problems_name_file_and_line(tmp_path, row, message):
    path = written(tmp_path, row)
    _, problems = parse_overrides(path, {"S1"}, NOW)
    assert len(problems) == 1
    assert message in str(problems[0])
    assert str(problems[0]).startswith(f"{path}:")
    assert "4567" not in str(problems[0])


def test_a_missing_sheet_is_a_problem(tmp_path):
    with pytest.raises(ProblemsError, match="no such file"):
        read_overrides(tmp_path / "none.tsv")
