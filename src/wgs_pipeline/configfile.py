"""The text of a configuration: YAML with the line of every key, checked against the schema."""

from __future__ import annotations

import copy
import difflib
import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from wgs_pipeline.errors import ConfigError, Problem
from wgs_pipeline.identifiers import cpr_places, shown, without_cpr
from wgs_pipeline.tables import load_schema

Keys = tuple[str | int, ...]

#: Nobody writes a longer configuration; a wrong file is longer.
MAX_BYTES = 4_000_000
MAX_DEPTH = 20


@dataclass(frozen=True)
class Document:
    """A configuration as read and completed.

    Attributes:
        path: The file.
        values: Its keys, with those of the overrides and the defaults.
        lines: 1-based line of every key that stands in the file.
        overridden: Keys that an override gave.
        problems: What is wrong with the YAML itself.
        schema: Name of the schema that it follows.
    """

    path: Path
    values: dict[str, Any]
    lines: Mapping[Keys, int]
    overridden: frozenset[Keys]
    problems: tuple[Problem, ...] = ()
    schema: str = "config"

    def is_overridden(self, keys: Keys) -> bool:
        """Whether an override gave the value of ``keys``."""
        return any(keys[:length] in self.overridden for length in range(1, len(keys) + 1))

    def problem(self, keys: Keys, found: str, expected: str, remedy: str) -> Problem:
        """A problem at the line of ``keys``, or of the nearest object that stands in the file."""
        for length in range(len(keys), -1, -1):
            if keys[:length] in self.overridden:
                return Problem(f"{self.path} with --config", 0, found, expected, remedy)
            if line := self.lines.get(keys[:length]):
                return Problem(str(self.path), line, found, expected, remedy)
        return Problem(str(self.path), 0, found, expected, remedy)


def read(path: Path, overrides: Mapping[str, Any], schema: str = "config") -> Document:
    """Read a YAML file, merge overrides into it and fill in the defaults.

    Raises:
        ConfigError: The file is missing, unreadable or no YAML mapping.
    """
    node, values = _parse(path)
    lines: dict[Keys, int] = {}
    problems = list(_walk(path, node, (), lines))
    overridden: set[Keys] = set()
    _merge(values, overrides, (), overridden)
    if not problems:
        _fill(values, load_schema(schema))
    return Document(path, values, lines, frozenset(overridden), tuple(problems), schema)


def read_values(path: Path, may_be_empty: bool = False) -> dict[str, Any]:
    """The values of a YAML file as they stand; none that cost more than their size.

    Args:
        path: The file.
        may_be_empty: Whether a file without any value is one without keys.

    Raises:
        ConfigError: The file is missing, unreadable, too large or no YAML mapping, is nested too
            deeply, or has aliases.
    """
    node, values = _loaded(path)
    return {} if node is None and may_be_empty else _mapping(path, values)


def validate(document: Document) -> Iterator[Problem]:
    """Everything in a document that its schema does not allow."""
    if document.problems:  # keys that are no text would trip the validator
        return
    from jsonschema import Draft202012Validator

    told: set[int] = set()
    for error in Draft202012Validator(load_schema(document.schema)).iter_errors(document.values):
        for problem in _explain(document, error):
            told.add(problem.line)
            yield problem
    yield from _not_numbers(document, document.values, ())
    for keys in cpr_places(document.values):
        found = f"{without_cpr(_dotted(keys))} holds what looks like a civil registration number"
        remedy = "Write a name or number of the laboratory."
        problem = document.problem(keys, found, "text that names no person", remedy)
        if not problem.line or problem.line not in told:
            yield problem


def usable_values(document: Document) -> dict[str, Any] | None:
    """The values of a wrong document with defaults for what is wrong; None where that fails."""
    from jsonschema import Draft202012Validator

    if document.problems:
        return None
    schema = load_schema(document.schema)
    validator = Draft202012Validator(schema)
    values = copy.deepcopy(document.values)
    for error in validator.iter_errors(document.values):
        keys = [*error.absolute_path]
        if error.validator == "additionalProperties":
            for key in set(error.instance) - set(error.schema["properties"]):
                _remove(values, [*keys, key])
        elif "propertyNames" in error.absolute_schema_path:
            _remove(values, [*keys, error.instance])
        else:
            _remove(values, keys)
    _fill(values, schema)
    return values if validator.is_valid(values) else None


def _remove(values: Any, keys: list[str | int]) -> None:
    """Remove one key; the whole list where it is, or lies in, an item of a list."""
    parents = [*itertools.takewhile(lambda key: isinstance(key, str), keys)]
    for key in parents[:-1]:
        values = values.get(key, {})
    if parents:
        values.pop(parents[-1], None)


def _parse(path: Path) -> tuple[yaml.Node, dict[str, Any]]:
    node, values = _loaded(path)
    mapping = _mapping(path, values)
    assert node is not None
    return node, mapping


def _mapping(path: Path, values: Any) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: no YAML mapping; expected lines of the form 'key: value'.")
    return values


def _loaded(path: Path) -> tuple[yaml.Node | None, Any]:
    """Node and values of a file; None and None of one that holds none."""
    loader_class = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        why = error.strerror or error
        raise ConfigError(
            f"{path}: cannot be read ({why}); expected a configuration file. Correct the path."
        ) from error
    if len(content) > MAX_BYTES:
        raise ConfigError(f"{path}: more than {MAX_BYTES:,} bytes; expected a configuration file.")
    try:
        _check_shape(path, content, loader_class)
        loader = loader_class(content)
        node = loader.get_single_node()
        values: Any = loader.construct_document(node) if node else None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}{_yaml_trouble(error)}") from error
    return node, values


def _check_shape(path: Path, content: bytes, loader_class: Any) -> None:
    """Refuse what costs more than its size: deep nesting, and aliases, which multiply."""
    depth = 0
    for event in yaml.parse(content, Loader=loader_class):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        line = event.start_mark.line + 1 if event.start_mark else 0
        if depth > MAX_DEPTH:
            raise ConfigError(
                f"{path}:{line}: nested deeper than {MAX_DEPTH} levels; expected keys."
            )
        if isinstance(event, yaml.AliasEvent):
            raise ConfigError(
                f"{path}:{line}: the alias *{str(event.anchor)[:40]}; expected values written out. "
                "Repeat the value."
            )


def _not_numbers(document: Document, value: Any, keys: Keys) -> Iterator[Problem]:
    """Values that are NaN, which every bound of the schema lets pass."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _not_numbers(document, inner, (*keys, key))
    elif isinstance(value, float) and math.isnan(value):
        found = f"{_dotted(keys)} is nan"
        yield document.problem(keys, found, "a number", f"Correct {_dotted(keys)}.")


def _yaml_trouble(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    line = f":{mark.line + 1}" if mark else ""
    what = getattr(error, "problem", None) or str(error).splitlines()[0]
    return (
        f"{line}: not YAML ({what}); expected 'key: value' lines. Correct the line, often its "
        "indentation or a missing quote."
    )


def _walk(path: Path, node: yaml.Node, keys: Keys, lines: dict[Keys, int]) -> Iterator[Problem]:
    """Note the line of every key; yield the keys that stand twice or are no text."""
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            lines[*keys, index] = item.start_mark.line + 1
    if not isinstance(node, yaml.MappingNode):
        return
    for key_node, value_node in node.value:
        line, key = key_node.start_mark.line + 1, key_node.value
        if key_node.tag != "tag:yaml.org,2002:str":
            found = f"the key {shown(str(key))} is not text"
            yield Problem(str(path), line, found, "keys of text", "Put it between quotes.")
            continue
        inner = (*keys, key)
        if inner in lines:
            found = f"the key {_dotted(inner)} again (first on line {lines[inner]})"
            yield Problem(str(path), line, found, "each key once", "Remove one of the two.")
        lines[inner] = line
        yield from _walk(path, value_node, inner, lines)


def _merge(
    values: dict[str, Any], overrides: Mapping[str, Any], keys: Keys, overridden: set[Keys]
) -> None:
    for key, value in overrides.items():
        inner = (*keys, key)
        if isinstance(value, Mapping) and (value or isinstance(values.get(key), dict)):
            if not isinstance(values.get(key), dict):
                values[key] = {}
            _merge(values[key], value, inner, overridden)
        elif key not in values or values[key] != value:
            # What equals the file is no override: Snakemake hands on the whole configuration.
            values[key] = copy.deepcopy(value)
            overridden.add(inner)


def _fill(values: dict[str, Any], schema: Mapping[str, Any]) -> None:
    """Set the defaults of ``schema`` where ``values`` says nothing; an empty section is {}."""
    for key, inner in schema.get("properties", {}).items():
        if values.get(key) is None and inner.get("type") == "object" and key in values:
            values[key] = {}
        if key not in values and "default" in inner:
            values[key] = copy.deepcopy(inner["default"])
        if isinstance(values.get(key), dict):
            _fill(values[key], inner)


def _explain(document: Document, error: Any) -> Iterator[Problem]:
    keys: Keys = tuple(error.absolute_path)
    if error.validator == "additionalProperties":
        yield from _unknown_keys(document, keys, error)
    elif error.validator == "required":
        # jsonschema reports each missing key by itself.
        missing = next(k for k in error.validator_value if error.message.startswith(repr(k)))
        found = f"no {_dotted((*keys, missing))}"
        expected = _description(error.schema["properties"][missing])
        yield document.problem(keys, found, expected, f"Add the key {missing}.")
    elif "propertyNames" in error.absolute_schema_path:
        name = error.instance
        found = f"{_dotted(keys)} names {shown(name)}"
        yield document.problem((*keys, name), found, "a sample_id", "Correct the name.")
    else:
        found = f"{_dotted(keys)} is {_shown_value(error.instance)}"
        yield document.problem(keys, found, _expected(error), f"Correct {_dotted(keys)}.")


def _unknown_keys(document: Document, keys: Keys, error: Any) -> Iterator[Problem]:
    known = list(error.schema["properties"])
    for key in error.instance:
        if key in known:
            continue
        near = difflib.get_close_matches(str(key), known, n=1)
        remedy = f"Did you mean {near[0]}?" if near else "Remove it."
        found = f"unknown key {_dotted((*keys, shown(key).strip(chr(39))))}"
        yield document.problem((*keys, key), found, f"one of {', '.join(known)}", remedy)


def _expected(error: Any) -> str:
    rule, value = error.validator, error.validator_value
    if rule == "enum":
        return f"one of {', '.join(map(str, value))}"
    if rule == "type":
        types = value if isinstance(value, list) else [value]
        return " or ".join(_TYPES[name] for name in types)
    if rule in _BOUNDS:
        return f"{_BOUNDS[rule]} {value:g}"
    if rule == "minItems":
        return f"at least {value} item"
    if (
        "par_bed" in error.absolute_path
        or value == load_schema("config")["$defs"]["path"]["pattern"]
    ):
        return "a path without quotes, braces, wildcards and shell characters"
    return f"text that matches {value}"


_TYPES = {
    "object": "keys with values",
    "array": "a list",
    "string": "text (put numbers and dates between quotes)",
    "number": "a number (as 0.05 or 85000000000)",
    "integer": "a whole number",
    "null": "null",
}
_BOUNDS = {"minimum": "at least", "maximum": "at most"}


def _description(schema: Mapping[str, Any]) -> str:
    text: str = schema.get("description", "a value")
    return text[0].lower() + text[1:].rstrip(".")


def _dotted(keys: Keys) -> str:
    return ".".join(map(str, keys)) or "the configuration"


def _shown_value(value: Any) -> str:
    if isinstance(value, dict | list):
        return "a list" if isinstance(value, list) else "a group of keys"
    return "null" if value is None else shown(value) if isinstance(value, str) else str(value)
