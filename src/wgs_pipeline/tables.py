"""Sheets as text: tab-separated tables read against a closed schema, every problem with its line.

The schema of a sheet is the JSON schema of one row. Only the keywords in ``_KEYWORDS`` are used for
columns, so that a register of some hundred thousand rows is read in a second: each distinct value
of a column is checked once.
"""

from __future__ import annotations

import functools
import importlib.resources
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wgs_pipeline.errors import Problem
from wgs_pipeline.identifiers import has_cpr_shape, shown, shown_moment, shown_word

#: Nobody writes a sheet with longer lines; a binary file has them.
MAX_LINE_BYTES = 65_536

_NO_CPR = "a name without a civil registration number"


class Row:
    """One row: its 1-based line and its cells by column; an empty cell counts as absent."""

    __slots__ = ("_index", "line", "values")

    def __init__(self, line: int, values: Sequence[str], index: Mapping[str, int]) -> None:
        self.line = line
        self.values = values
        self._index = index

    def __getitem__(self, column: str) -> str:
        return self.values[self._index[column]]

    def get(self, column: str) -> str | None:
        """The cell, or None where it is empty or the sheet lacks the column."""
        place = self._index.get(column, len(self.values))
        return self.values[place] or None if place < len(self.values) else None

    @property
    def cells(self) -> dict[str, str]:
        """The cells that are not empty."""
        return {column: value for column in self._index if (value := self.get(column))}


@dataclass(frozen=True)
class Table:
    """A sheet as read.

    Attributes:
        path: The sheet.
        rows: The rows that follow the schema.
        broken: The rows that do not; their problems are in ``problems``.
        problems: Everything wrong with the sheet.
        columns: Names in the header.
    """

    path: Path
    rows: tuple[Row, ...] = ()
    broken: tuple[Row, ...] = ()
    problems: tuple[Problem, ...] = ()
    columns: tuple[str, ...] = ()

    def values(self, column: str) -> set[str]:
        """Every value of a column, those of broken rows too."""
        return {value for row in (*self.rows, *self.broken) if (value := row.get(column))}


@functools.cache
def load_schema(name: str) -> dict[str, Any]:
    """The JSON schema ``name`` (config, samples, units, consents) that ships with the package."""
    import yaml

    path = importlib.resources.files("wgs_pipeline") / "schemas" / f"{name}.schema.yaml"
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    schema: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
    return schema


def read_table(path: Path, schema_name: str) -> Table:
    """Read a sheet and check each of its rows against its schema; nothing is raised.

    Lines that begin with ``# `` are comments, empty lines are skipped, CRLF line ends and a byte
    order mark are accepted.
    """
    lines = _read_lines(path)
    if isinstance(lines, Problem):
        return Table(path, problems=(lines,))
    return read_lines(path, enumerate(lines, 1), schema_name)


def read_lines(path: Path, lines: Iterable[tuple[int, str]], schema_name: str) -> Table:
    """``read_table`` of lines that were read already, each with its number, the header first."""
    schema = load_schema(schema_name)
    numbered = [(number, line) for number, line in lines if _has_content(line)]
    if not numbered:
        return Table(path, problems=(_empty(path, schema),))
    header_line, header = numbered[0]
    columns = tuple(header.split("\t"))
    problems = _check_header(path, header_line, columns, schema)
    if problems:
        return Table(path, problems=tuple(problems), columns=columns)
    if len(numbered) == 1:
        return Table(path, problems=(_empty(path, schema),), columns=columns)
    return _read_rows(path, columns, numbered[1:], schema)


def _read_lines(path: Path) -> list[str] | Problem:
    name = str(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return Problem(name, 0, "no such file", "a sheet", "Correct the path in the config.")
    except OSError as error:
        what = error.strerror or str(error)
        return Problem(name, 0, f"cannot be read ({what})", "a readable sheet", "Mend its access.")
    text_remedy = "Save the sheet as tab-separated text in UTF-8."
    for number, line in enumerate(content.split(b"\n"), 1):
        if b"\0" in line:
            return Problem(name, number, "a NUL byte (binary data)", "text", text_remedy)
        if len(line) > MAX_LINE_BYTES:
            found = f"a line of {len(line):,} bytes"
            return Problem(name, number, found, f"at most {MAX_LINE_BYTES:,}", text_remedy)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        return Problem(name, number, "bytes that are not UTF-8", "UTF-8 text", text_remedy)
    return [line.removesuffix("\r") for line in text.split("\n")]


def _has_content(line: str) -> bool:
    return bool(line.strip()) and not line.startswith(("# ", "##")) and line != "#"


def _empty(path: Path, schema: Mapping[str, Any]) -> Problem:
    expected = f"a header and at least one row ({', '.join(schema['required'])})"
    return Problem(str(path), 0, "an empty sheet", expected, "Add rows, or name another sheet.")


def _check_header(
    path: Path, line: int, columns: tuple[str, ...], schema: Mapping[str, Any]
) -> list[Problem]:
    known, required = list(schema["properties"]), list(schema["required"])
    if not set(columns) & set(known):
        # The cells may be a row of somebody's data, so they are not shown.
        found = "a first line that names no known column"
        expected = f"a header, tab-separated, with {', '.join(required)}"
        return [Problem(str(path), line, found, expected, "Add the header line.")]
    problems = []
    for column in dict.fromkeys(columns):
        if column not in known:
            remedy = "Remove the column, or correct its name."
            found = f"unknown column {shown_word(column)}"
            expected = f"columns among {', '.join(known)}"
            problems.append(Problem(str(path), line, found, expected, remedy))
        elif columns.count(column) > 1:
            found = f"column {column!r} twice"
            problems.append(Problem(str(path), line, found, "each column once", "Remove one."))
    for column in required:
        if column not in columns:
            found, remedy = f"no column {column!r}", "Add the column."
            problems.append(
                Problem(str(path), line, found, f"columns {', '.join(required)}", remedy)
            )
    return problems


def _read_rows(
    path: Path, columns: tuple[str, ...], numbered: list[tuple[int, str]], schema: Mapping[str, Any]
) -> Table:
    index = {column: place for place, column in enumerate(columns)}
    rows = [Row(line, _cut(text, len(columns)), index) for line, text in numbered]
    checks = _Checks(path, columns, schema)
    suspect = checks.suspect_lines(rows)
    good: list[Row] = []
    broken: list[Row] = []
    problems: list[Problem] = []
    for row in rows:
        found = checks.row_problems(row) if row.line in suspect else []
        problems.extend(found)
        (broken if found else good).append(row)
    return Table(path, tuple(good), tuple(broken), tuple(problems), columns)


def _cut(text: str, n_columns: int) -> tuple[str, ...]:
    """The cells of a line, without empty ones past the last column."""
    cells = text.split("\t")
    while len(cells) > n_columns and not cells[-1]:
        cells.pop()
    return tuple(cells)


class _Checks:
    """The checks of the columns of one sheet.

    Each distinct value is checked once; only rows with a wrong value are looked at one by one.
    """

    def __init__(self, path: Path, columns: tuple[str, ...], schema: Mapping[str, Any]) -> None:
        self._path = path
        self._columns = columns
        self._required = [column for column in columns if column in schema["required"]]
        self._rules = {column: _rule(column, schema["properties"][column]) for column in columns}

    def suspect_lines(self, rows: Sequence[Row]) -> set[int]:
        """Lines of the rows with a wrong value or another number of cells."""
        suspect = {row.line for row in rows if len(row.values) != len(self._columns)}
        for place, (column, rule) in enumerate(self._rules.items()):
            values = [row.values[place] if place < len(row.values) else "" for row in rows]
            wrong = {value for value in set(values) if value and rule(value)}
            if column in self._required:
                wrong.add("")
            suspect |= {row.line for row, value in zip(rows, values, strict=True) if value in wrong}
        return suspect

    def row_problems(self, row: Row) -> list[Problem]:
        """Everything wrong with one row."""
        n_cells, n_columns = len(row.values), len(self._columns)
        missing = [column for column in self._required if row.get(column) is None]
        if n_cells > n_columns or (n_cells < n_columns and missing):
            found, expected = f"{n_cells} cells", f"{n_columns} cells separated by tabs"
            return [self._problem(row, found, expected, "Correct the tabs of this line.")]
        problems = [
            self._problem(row, f"{column} is empty", "a value", f"Fill in the {column}.")
            for column in missing
        ]
        for column, value in row.cells.items():
            wrong = self._rules[column](value)
            if wrong:
                problems.append(self._problem(row, *wrong, f"Correct the {column}."))
        return problems

    def _problem(self, row: Row, found: str, expected: str, remedy: str) -> Problem:
        return Problem(str(self._path), row.line, found, expected, remedy)


def _rule(column: str, schema: Mapping[str, Any]) -> Callable[[str], tuple[str, str] | None]:
    """The check of one column: (found, expected) for a wrong value, else None."""
    unsupported = set(schema) - _KEYWORDS
    if unsupported:
        raise ValueError(
            f"column {column}: schema keywords {sorted(unsupported)} are not supported"
        )
    expected = schema.get("x-expected") or f"one of {', '.join(schema['enum'])}"
    show = _SHOWN_AS[schema.get("x-shown", "word" if "enum" in schema else "value")]
    matches = _matcher(schema)
    # Any ten digits within a digest can look like a date and four digits.
    exempt = schema.get("x-shown") == "never" or schema.get("x-digest", False)

    def check(value: str) -> tuple[str, str] | None:
        if not exempt and has_cpr_shape(value):
            return f"{column} holds what looks like a civil registration number", _NO_CPR
        if not matches(value):
            return f"{column} is {show(value)}", expected
        return None

    return check


def _matcher(schema: Mapping[str, Any]) -> Callable[[str], bool]:
    if "enum" in schema:
        return frozenset(schema["enum"]).__contains__
    pattern = re.compile(schema.get("pattern", r"[\s\S]*"))
    longest = schema.get("maxLength", MAX_LINE_BYTES)
    return lambda value: len(value) <= longest and pattern.fullmatch(value) is not None


_KEYWORDS = {
    *("type", "description", "default", "enum", "pattern", "maxLength", "examples"),
    *("x-expected", "x-shown", "x-digest"),
}
_SHOWN_AS: dict[str, Callable[[str], str]] = {
    "value": shown,
    "word": shown_word,
    "moment": shown_moment,
    "never": lambda value: "not acceptable (the value is not shown)",
}
