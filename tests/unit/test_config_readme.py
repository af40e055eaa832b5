"""config/README.md says what the schemas say; a row that drifts is printed as it should stand."""

from pathlib import Path

import pytest

from wgs_pipeline.sheets import read_samples, read_units
from wgs_pipeline.tables import load_schema

CONFIG = Path(__file__).parents[2] / "config"
README = (CONFIG / "README.md").read_text(encoding="utf-8")


def config_rows(schema, definitions, prefix=()):
    """One row of the README's table per key: key, values, default, meaning."""
    required = schema.get("required", ())
    for key, inner in schema["properties"].items():
        name = ".".join((*prefix, key))
        inner = {**definitions.get(inner.get("$ref", "").rpartition("/")[2], {}), **inner}
        default = "required" if key in required else code(inner["default"])
        row = f"| `{name}` | {values(inner)} | {default} | {inner['description']} |"
        if inner.get("type") != "object":
            yield row
        if "properties" in inner:
            yield from config_rows(inner, definitions, (*prefix, key))
        elif inner.get("additionalProperties"):
            by_sample = (*prefix, key, "<sample_id>")
            yield from config_rows(inner["additionalProperties"], definitions, by_sample)


WORDS = {"string": "text", "integer": "whole number", "array": "list", "object": "bounds"}


def code(value):
    return "as below" if value == {} else f"`{'null' if value is None else value}`"


def values(schema):
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    kinds = schema.get("type") or [one.get("type", "path") for one in schema["oneOf"]]
    kinds = [kinds] if isinstance(kinds, str) else kinds
    kind = " or ".join(WORDS.get(kind, kind) for kind in kinds)
    if schema.get("pattern", "").startswith("^(?! )"):
        kind = "path"
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is None:
        return kind
    return f"{kind}, {low} to {high}" if high is not None else f"{kind}, {low} or more"


def column_rows(schema):
    """One row of the README's table per column: column, values, default, meaning."""
    for column, inner in schema["properties"].items():
        allowed = inner.get("x-expected") or ", ".join(f"`{word}`" for word in inner["enum"])
        default = code(inner["default"]) if "default" in inner else ""
        default = "required" if column in schema["required"] else default
        yield f"| `{column}` | {allowed} | {default} | {inner['description']} |"


CONFIG_SCHEMA = load_schema("config")
SHEETS = ("samples", "units", "consents", "overrides", "referrals")
ROWS = [
    *config_rows(CONFIG_SCHEMA, CONFIG_SCHEMA["$defs"]),
    *(row for name in SHEETS for row in column_rows(load_schema(name))),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("`")[1])
def test_readme_has_the_row(row):
    assert row in README.splitlines(), f"config/README.md should have the row\n{row}"


def test_readme_has_no_row_of_another_key():
    tabled = [line for line in README.splitlines() if line.startswith("| `")]
    assert sorted(tabled) == sorted(ROWS)


def objects(schema):
    """Every object schema within a schema."""
    if schema.get("type") in ("object", ["object", "null"]):
        yield schema
    for inner in (*schema.get("properties", {}).values(), schema.get("additionalProperties")):
        if isinstance(inner, dict):
            yield from objects(inner)


def project_lines(schema, prefix=""):
    """One line of the README per key of a project file: key, values, default, meaning."""
    for key, inner in schema["properties"].items():
        default = f", default {inner['default']}" if inner.get("default", {}) != {} else ""
        needed = ", required" if key in schema.get("required", ()) else default
        enum = inner.get("enum", ())
        words = f" ({', '.join(enum)})" if enum else ""
        yield f"- `{prefix}{key}`{words}{needed}: {inner['description']}"
        if "properties" in inner:
            yield from project_lines(inner, f"{prefix}{key}.")


def test_every_key_of_a_project_file_is_in_the_readme():
    missing = [line for line in project_lines(load_schema("project")) if line not in README]
    assert missing == [], "\n".join(missing)


@pytest.mark.parametrize("name", ["config", "capacity", "project", *SHEETS])
def test_schemas_are_closed_and_described(name):
    for each in objects(load_schema(name)):
        assert "additionalProperties" in each
        for key, inner in each.get("properties", {}).items():
            assert inner.get("description"), key


def test_nested_defaults_have_a_default_above():
    for each in objects(CONFIG_SCHEMA):
        for key, inner in each.get("properties", {}).items():
            is_object = "object" in str(inner.get("type"))
            if is_object and key not in each.get("required", ()):
                assert inner["default"] == {}, key


def test_example_sheets_are_valid():
    assert len(read_samples(CONFIG / "samples.tsv")) == 5
    assert len(read_units(CONFIG / "units.tsv")) == 6
