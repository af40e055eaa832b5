"""Approved projects: who may ask research and statistics questions, until when, how fine."""

from __future__ import annotations

import errno
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from wgs_pipeline.consent.purposes import Purpose
from wgs_pipeline.errors import ConfigError, ProjectError
from wgs_pipeline.ngd.duo import (
    PERMISSIONS,
    RESEARCH_PLANE,
    Code,
    Kind,
    Label,
    Use,
    refusals,
)


@dataclass(frozen=True)
class ResearchProject:
    """One approval, as ``project.schema.yaml`` describes it.

    Attributes:
        id: Short name of the project.
        approval: Approval number.
        duo: Data Use Ontology codes.
        diseases: Diseases that DS permits.
        use: What the project does.
        parents: Diseases that each disease is one of.
        valid_from: First day.
        valid_to: Last day.
        users: Operating-system users and actors who may ask.
        minimum_count: Least number of persons that is shown.
        data: Kinds of data: ``frequencies``, ``genotypes``.
        regions: Parts of the genome that the approval covers, as ``chr20:100-200``.
        genes: Names of genes that it covers, too; without regions and genes it covers everything.
        gene_file: Where they are.
        committee: Who approved it.
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
    genes: tuple[str, ...] = ()
    gene_file: Path | None = None
    committee: str = ""
    diseases: tuple[str, ...] = ()
    use: Use = field(default_factory=Use)
    parents: Mapping[str, Collection[str]] = field(default_factory=dict, repr=False)

    @property
    def is_limited(self) -> bool:
        """Whether it covers parts of the genome only."""
        return bool(self.regions or self.genes)


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
        genes=tuple(value.get("genes", {}).get("names", ())),
        gene_file=path.parent / value["genes"]["file"] if "genes" in value else None,
        committee=value["approval"]["committee"],
        diseases=tuple(value.get("diseases", ())),
        use=_use(value),
        parents=_parents(path, value),
    )
    _require_consistent(path, project)
    if project.valid_to < project.valid_from:
        raise ConfigError(f"{path}: valid_to lies before valid_from. Correct the dates")
    return project


def _use(value: Any) -> Use:
    """What a project file says of its use."""
    use: dict[str, Any] = dict(value.get("use", {}))
    use["kind"] = Kind(use.get("kind", Kind.HEALTH))
    use["collaborators"] = tuple(use.get("collaborators", ()))
    return Use(
        approval=value["approval"]["number"], project=value["id"], users=tuple(value["users"]),
        valid_to=value["valid_to"], **use,
    )  # fmt: skip


def _require_consistent(path: Path, project: ResearchProject) -> None:
    """What the schema cannot say.

    Raises:
        ConfigError: Names the keys that do not fit together.
    """
    codes = {Code(each) for each in project.duo}
    said = ""
    if len(codes & PERMISSIONS) != 1:
        said = "duo: expected exactly one of GRU 0000042, HMB 0000006, DS 0000007, POA 0000011"
    elif (Code.DS in codes) != bool(project.diseases):
        said = "diseases: expected with DS (DUO:0000007), and only then"
    elif (project.use.kind is Kind.DISEASE) != bool(project.use.disease):
        said = "use.disease: expected with use.kind disease, and only then"
    if said:
        raise ConfigError(f"{path}: {said}. See workflow/schemas/project.schema.yaml")


def _parents(path: Path, value: Any) -> dict[str, tuple[str, ...]]:
    """The ontology, where the permission depends on it: it is large."""
    is_needed = "ontology" in value and "disease" in value.get("use", {}) and "diseases" in value
    return read_parents(path.parent / value["ontology"]) if is_needed else {}


def read_parents(path: Path) -> dict[str, tuple[str, ...]]:
    """Diseases that each disease of an ontology is one of.

    Args:
        path: OBO format: stanzas with ``id:`` and ``is_a:``.

    Raises:
        ConfigError: It cannot be read, or no term has a parent.
    """
    try:
        if not path.is_file():
            raise FileNotFoundError(errno.ENOENT, "no such file")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path}: cannot be read as an ontology: {error}; expected MONDO in OBO format"
        ) from error
    parents: dict[str, tuple[str, ...]] = {}
    for stanza in text.split("\n[Term]")[1:]:
        term = re.search(r"^id: *(\S+)", stanza, re.MULTILINE)
        above = tuple(re.findall(r"^is_a: *(\S+)", stanza.split("\n[")[0], re.MULTILINE))
        if term is not None and above:
            parents[term[1]] = above
    if not parents:
        raise ConfigError(f"{path}: no term with 'is_a' in it; expected MONDO in OBO format")
    return parents


def require_use(project: ResearchProject, purpose: Purpose) -> None:
    """Refuse a use that the project's codes, or the label of the research plane, do not permit.

    Args:
        project: The approval.
        purpose: Research, or statistics, which are population aggregates.

    Raises:
        ProjectError: Names the code, and what it does not permit.
    """
    use = project.use
    if purpose is Purpose.STATISTICS:
        use = replace(use, kind=Kind.POPULATION, disease="")
    named = frozenset({use.institution})  # by the committee
    own = Label(
        frozenset(Code(each) for each in project.duo), frozenset(project.diseases), named,
        frozenset({use.country}),
    )  # fmt: skip
    plane = Label(RESEARCH_PLANE, institutions=named)
    for whose, label in (("the project", own), ("the research plane", plane)):
        for said in refusals(label, use, project.parents):
            raise ProjectError(
                f"project {project.id}: of {whose}, {said}. "
                "Correct what the project file says of its use, or have another approval given"
            )


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
        ProjectError: Names what is not covered.
    """
    if not project.valid_from <= today <= project.valid_to:
        raise ProjectError(
            f"project {project.id} is valid from {project.valid_from} to {project.valid_to}, "
            f"not on {today}. Have the approval renewed"
        )
    for name in (user, actor):
        if name and name not in project.users:
            raise ProjectError(
                f"user {name!r} is not among the users of project {project.id}. "
                "Have the approval extended to that user"
            )
    if kind not in project.data:
        raise ProjectError(
            f"project {project.id} does not cover {kind}. Have the approval extended to them"
        )


def _dates_as_text(value: Any) -> Any:
    """YAML turns 2026-01-31 into a date; the schema describes text."""
    if isinstance(value, dict):
        return {key: _dates_as_text(each) for key, each in value.items()}
    return value.isoformat() if isinstance(value, date) else value
