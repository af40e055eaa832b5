"""A project: configuration, sheets and consent register, and what consent leaves of them.

Loading is cheap, as every job of the workflow does it: no reads, alignment or reference is opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from wgs_pipeline.config import Config, load_config
from wgs_pipeline.consent.decisions import Ruling, may_analyse
from wgs_pipeline.consent.register import ConsentRegister
from wgs_pipeline.errors import ConsentError, Problem, ProblemsError
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
    """

    config: Config
    samples: dict[str, Sample]
    units: dict[str, list[Unit]]
    register: ConsentRegister
    as_of: datetime
    excluded: dict[str, Ruling]
    analysed: list[str]
    families: dict[str, list[str]]

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


def assemble(config: Config, as_of: datetime | None = None) -> tuple[Project, list[Problem]]:
    """Read sheets and register as far as they can be read, and everything wrong with them.

    A sample whose consent cannot be read is among the excluded.
    """
    moment = as_of or datetime.now(UTC)
    samples, units = parse_samples(config.samples), parse_units(config.units)
    register, problems = _read_register(config.consents)
    problems += [*samples.problems, *units.problems, *match_sheets(samples, units)]
    by_id = {sample.sample_id: sample for sample in reversed(samples.records)}
    in_order = {sample.sample_id: by_id[sample.sample_id] for sample in samples.records}
    rulings = {name: may_analyse(register, s.patient_id, moment) for name, s in in_order.items()}
    analysed = [name for name, ruling in rulings.items() if ruling.allowed]
    problems += _truth_problems(config, samples.sample_ids)
    project = Project(
        config=config,
        samples=in_order,
        units=_units_of(in_order, units.records),
        register=register,
        as_of=moment,
        excluded={name: ruling for name, ruling in rulings.items() if not ruling.allowed},
        analysed=analysed,
        families=_families(in_order[name] for name in analysed),
    )
    return project, problems


def _read_register(path: Path) -> tuple[ConsentRegister, list[Problem]]:
    nobody = ConsentRegister.from_events([])
    try:
        return ConsentRegister.read(path), []
    except ProblemsError as error:
        return nobody, list(error.problems)
    except ConsentError as error:
        expected = "a register with at least one event"
        remedy = "Correct the path in the config: without consent nothing is analysed."
        return nobody, [Problem(str(path), 0, _first_clause(error), expected, remedy)]


def _first_clause(error: ConsentError) -> str:
    return str(error).partition(": ")[2].partition(";")[0]


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
