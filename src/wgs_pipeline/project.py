"""A project: configuration, sheets and consent register, and what consent leaves of them.

Loading is cheap, as every job of the workflow does it: no reads, alignment or reference is opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from wgs_pipeline.config import Config, load_config
from wgs_pipeline.consent.decisions import Ruling, may_analyse, may_analyse_many
from wgs_pipeline.consent.register import ConsentRegister
from wgs_pipeline.consent.safeguards import SEEN, RegisterPolicy, read_register
from wgs_pipeline.errors import NgdError, Problem, ProblemsError, RegisterError
from wgs_pipeline.overrides import Override, parse_overrides
from wgs_pipeline.sheets import Sample, Unit, match_sheets, parse_samples, parse_units


@dataclass(frozen=True)
class Project:
    """What a run works on.

    Attributes:
        config: The configuration.
        samples: Every sample of the sheet by sample_id, in its order.
        units: The units of every sample, in the order of their sheet.
        register: The consent register.
        as_of: The moment for which consent was decided.
        excluded: Samples without consent to analysis, and why. Nothing of theirs is opened.
        analysed: The other samples, in the order of the sheet.
        families: Analysed samples by family.
        overrides: Findings that were signed off.
    """

    config: Config
    samples: dict[str, Sample]
    units: dict[str, list[Unit]]
    register: ConsentRegister
    as_of: datetime
    excluded: dict[str, Ruling]
    analysed: list[str]
    families: dict[str, list[str]]
    overrides: tuple[Override, ...] = ()

    @classmethod
    def load(
        cls,
        configfile: Path | str,
        overrides: Mapping[str, Any] | None = None,
        as_of: datetime | None = None,
    ) -> Project:
        """Read a project and decide who may be analysed.

        Args:
            configfile: Its config.yaml.
            overrides: Nested keys that replace those of the file.
            as_of: Moment of the decision, with time zone. Default: now.

        Raises:
            ConfigError: The configuration cannot be read.
            ProblemsError: Everything wrong with the configuration, sheets and register.
        """
        project, problems = assemble(load_config(configfile, overrides), as_of)
        if problems:
            raise ProblemsError(problems)
        return project

    def with_aligner(self, name: str) -> Project:
        """The project with its aligner decided, also among the values that are written down."""
        values = {**self.config.values, "aligner": {**self.config.values["aligner"], "name": name}}
        aligner = replace(self.config.aligner, name=name)
        return replace(self, config=replace(self.config, aligner=aligner, values=values))


def assemble(config: Config, as_of: datetime | None = None) -> tuple[Project, list[Problem]]:
    """Read sheets and register as far as they can be read, and everything wrong with them.

    A sample whose consent cannot be read is among the excluded.
    """
    moment = as_of or datetime.now(UTC)
    samples, units = parse_samples(config.samples), parse_units(config.units)
    register, problems = read_project_register(config)
    problems += [*samples.problems, *units.problems, *match_sheets(samples, units)]
    by_id = {sample.sample_id: sample for sample in reversed(samples.records)}
    in_order = {sample.sample_id: by_id[sample.sample_id] for sample in samples.records}
    allowed = may_analyse_many(register, [each.patient_id for each in in_order.values()], moment)
    analysed = [name for name, may in zip(in_order, allowed, strict=True) if may]
    problems += _truth_problems(config, samples.sample_ids)
    overrides, wrong = parse_overrides(config.qc.overrides, samples.sample_ids)
    problems += wrong
    project = Project(
        config=config,
        samples=in_order,
        units=_units_of(in_order, units.records),
        register=register,
        as_of=moment,
        excluded={
            name: may_analyse(register, in_order[name].patient_id, moment)
            for name, may in zip(in_order, allowed, strict=True)
            if not may
        },
        analysed=analysed,
        families=_families(in_order[name] for name in analysed),
        overrides=overrides,
    )
    return project, problems


def read_project_register(config: Config) -> tuple[ConsentRegister, list[Problem]]:
    """The register that a configuration names, and everything wrong with it.

    Where something is wrong it has no events, so that nobody consents.
    """
    policy = RegisterPolicy(config.policy.register_max_age, config.policy.register_max_shrink)
    optouts, memory = config.policy.optout_list, _seen_by_vault(config.ngd.vault)
    nobody = ConsentRegister.from_events([])
    try:
        return read_register(config.consents, optouts, policy, memory), []
    except ProblemsError as error:
        return nobody, list(error.problems)
    except RegisterError as error:
        remedy = error.problem.remedy.removesuffix(".") + ": without consent nothing is analysed."
        return nobody, [replace(error.problem, remedy=remedy)]


class _Seen:
    """What a vault saw of the register; a run compares with it and leaves remembering to loads."""

    def __init__(self, value: str | None) -> None:
        self._value = value

    def get(self, _: str) -> str | None:
        return self._value

    def put(self, _: str, __: str) -> None:
        pass


def _seen_by_vault(path: Path) -> _Seen | None:
    """None where there is no vault yet, or not on this machine; loading needs it and will say."""
    try:
        if not (path / "vault.sqlite").is_file():
            return None
        from wgs_pipeline.vault import Vault

        with Vault(path) as vault:
            return _Seen(vault.get(SEEN))
    except (NgdError, PermissionError):
        return None


def _units_of(samples: Iterable[str], units: Iterable[Unit]) -> dict[str, list[Unit]]:
    by_sample: dict[str, list[Unit]] = {name: [] for name in samples}
    for unit in units:
        by_sample.setdefault(unit.sample_id, []).append(unit)
    return by_sample


def _families(samples: Iterable[Sample]) -> dict[str, list[str]]:
    families: dict[str, list[str]] = {}
    for sample in samples:
        families.setdefault(sample.family_id, []).append(sample.sample_id)
    return families


def _truth_problems(config: Config, known: frozenset[str]) -> list[Problem]:
    return [
        Problem(
            str(config.path),
            config.line("truth", sample),
            f"truth.{sample} is of a sample that is not in {config.samples.name}",
            "truth of samples of the sheet",
            "Correct the sample_id, or remove its truth.",
        )
        for sample in config.truth
        if known and sample not in known
    ]
