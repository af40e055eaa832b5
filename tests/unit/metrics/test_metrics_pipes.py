import pytest

from wgs_pipeline.errors import WgsError
from wgs_pipeline.metrics.pipes import read_pipe


def test_output_of_the_last_command() -> None:
    assert read_pipe([["printf", "b\\na\\n"], ["sort"]]) == b"a\nb\n"


def test_the_first_failure_is_named() -> None:
    with pytest.raises(WgsError, match=r"sh -c .* exited with 3 and said: no such sample"):
        read_pipe([["sh", "-c", "echo no such sample >&2; exit 3"], ["cat"], ["false"]])


def test_a_writer_whose_reader_died_is_not_the_cause() -> None:
    with pytest.raises(WgsError, match=r"^sh -c .* exited with 4"):
        read_pipe([["yes"], ["sh", "-c", "exit 4"]])


def test_a_missing_tool_is_named() -> None:
    with pytest.raises(WgsError, match="no-such-tool is not installed"):
        read_pipe([["yes"], ["no-such-tool"]])
