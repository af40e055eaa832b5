"""Approved projects: who may ask research and statistics questions, until when, how fine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from wgs_pipeline.errors import ConfigError, ConsentError


@dataclass(frozen=True)
class ResearchProject:
    """One approval, as ``project.schema.yaml`` describes it.

    Attributes:
        id: Short name of the project.
        approval: Approval number.
        duo: Data Use Ontology codes.
        valid_from: First day.
        valid_to: Last day.
        users: Operating-system users and actors who may ask.
        minimum_count: Least number of persons that is shown.
        data: Kinds of data: ``frequencies``, ``genotypes``.
        regions: Parts of the genome that the approval covers, as ``chr20:100-200``; none: all.
    """

    id: str
    approval: str
    duo: tuple[str, ...]
    valid_from: date
    valid_to: date
    users: tuple[str, ...]
    minimum_count: int
    data: tuple[str, ...]
    regions: tuple[str, ...] = ()


def read_project(path: Path) -> ResearchProject:
    """Read a project file against its schema.

    Raises:
        ConfigError: It is missing, no YAML, or not as the schema says.
    """
    from jsonschema import Draft202012Validator, FormatChecker

    from wgs_pipeline.configfile import read_values
    from wgs_pipeline.tables import load_schema

    try:
        value: Any = read_values(path)
    except ConfigError as error:
        said = " ".join(str(error).removeprefix(f"{path}").removeprefix(": ").split())
        raise ConfigError(f"{path}: cannot be read as a project file: {said}") from error
    value = _dates_as_text(value)
    validator = Draft202012Validator(load_schema("project"), format_checker=FormatChecker())
    problems = sorted(validator.iter_errors(value), key=lambda each: list(map(str, each.path)))
    if problems:
        said = "; ".join(
            f"{'.'.join(map(str, each.path)) or 'the file'}: {each.message}"
            for each in problems[:10]
        )
        raise ConfigError(f"{path}: {said}. See workflow/schemas/project.schema.yaml")
    project = ResearchProject(
        id=value["id"],
        approval=value["approval"]["number"],
        duo=tuple(value["duo"]),
        valid_from=date.fromisoformat(value["valid_from"]),
        valid_to=date.fromisoformat(value["valid_to"]),
        users=tuple(value["users"]),
        minimum_count=value.get("minimum_count", 5),
        data=tuple(value["data"]),
        regions=tuple(value.get("regions", ())),
    )
    if project.valid_to < project.valid_from:
        raise ConfigError(f"{path}: valid_to lies before valid_from. Correct the dates")
    return project


def require_permission(
    project: ResearchProject, user: str, actor: str | None, kind: str, today: date
) -> None:
    """Refuse what the approval does not cover.

    Args:
        project: The approval.
        user: Operating-system user who asks.
        actor: Person on whose behalf a service asks; that person must be permitted too.
        kind: Kind of data asked for.
        today: The day.

    Raises:
        ConsentError: Names what is not covered.
    """
    if not project.valid_from <= today <= project.valid_to:
        raise ConsentError(
            f"project {project.id} is valid from {project.valid_from} to {project.valid_to}, "
            f"not on {today}. Have the approval renewed"
        )
    for name in (user, actor):
        if name and name not in project.users:
            raise ConsentError(
                f"user {name!r} is not among the users of project {project.id}. "
                "Have the approval extended to that user"
            )
    if kind not in project.data:
        raise ConsentError(f"project {project.id} does not cover {kind}")


def _dates_as_text(value: Any) -> Any:
    """YAML turns 2026-01-31 into a date; the schema describes text."""
    if isinstance(value, dict):
        return {key: _dates_as_text(each) for key, each in value.items()}
    return value.isoformat() if isinstance(value, date) else value
