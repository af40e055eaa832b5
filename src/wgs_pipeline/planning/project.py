"""Planning of a project: its consents, referrals and capacity in; plan, waves and report out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from wgs_pipeline.config import Config, load_config
from wgs_pipeline.consent.decisions import may_analyse_many
from wgs_pipeline.errors import ConfigError, ProblemsError
from wgs_pipeline.files import write_text
from wgs_pipeline.planning.capacity import Capacity, parse_capacity
from wgs_pipeline.planning.cases import Supply, Weights
from wgs_pipeline.planning.planner import Plan, Refusal, Settings, make_plan
from wgs_pipeline.planning.referrals import (
    Referral,
    Roster,
    make_roster,
    match_capacity,
    parse_referrals,
)
from wgs_pipeline.planning.shortage import explain
from wgs_pipeline.planning.tables import COLUMNS, Slot, as_tsv, plan_rows, read_previous
from wgs_pipeline.planning.weeks import Calendar, calendar, parse_week
from wgs_pipeline.project import read_project_register
from wgs_pipeline.sheets import parse_samples

WAVE_COLUMNS = ("sample_id", "family_id", "week", "site", "flowcell", "priority", "material")


@dataclass(frozen=True)
class Inputs:
    """What a plan is made of.

    Attributes:
        config: The project's configuration.
        capacity: Sites, computers and rules.
        referrals: Referrals whose patients consent to analysis.
        without_consent: Lines of the sheet of the others, who get no slot.
        previous: Slots of the previous plan by sample.
        calendar: The weeks of the plan.
    """

    config: Config
    capacity: Capacity
    referrals: tuple[Referral, ...]
    without_consent: tuple[int, ...]
    previous: Mapping[str, Slot]
    calendar: Calendar


@dataclass(frozen=True)
class ProjectPlan:
    """A plan of a project, with all that its report shows."""

    inputs: Inputs
    roster: Roster
    supply: Supply
    plan: Plan


def read_inputs(
    configfile: Path,
    referrals: Path | None = None,
    capacity: Path | None = None,
    previous: Path | None = None,
    as_of: datetime | None = None,
) -> Inputs:
    """Read everything that a plan needs.

    Args:
        configfile: The project's config.yaml.
        referrals: Sheet of referrals; None for planning.referrals of the configuration.
        capacity: Capacity file; None for planning.capacity of the configuration.
        previous: plan.tsv of the previous plan.
        as_of: Moment of the plan, with zone; consent is decided for it. Default: now.

    Raises:
        ConfigError: The configuration or the capacity file cannot be read, or neither it nor the
            caller names the two files.
        ProblemsError: Everything wrong with configuration, sheets, register and capacity.
    """
    config = load_config(configfile)
    referrals = referrals or _named(config, config.planning.referrals, "referrals")
    capacity = capacity or _named(config, config.planning.capacity, "capacity")
    moment = as_of or datetime.now(UTC)
    limits, problems = parse_capacity(capacity)
    samples = parse_samples(config.samples)
    today = moment.astimezone(UTC).date()
    rows, found = parse_referrals(referrals, samples.records, today)
    problems += [*samples.problems, *found]
    register, found = read_project_register(config)
    problems += found
    slots: dict[str, Slot] = {}
    if limits is not None:
        problems += match_capacity(referrals, rows, limits)
        if previous is not None:
            slots, found = read_previous(previous, [site.name for site in limits.sites])
            problems += found
    if problems or limits is None:
        raise ProblemsError(problems)
    allowed = may_analyse_many(register, [row.patient_id for row in rows], moment)
    return Inputs(
        config=config,
        capacity=limits,
        referrals=tuple(row for row, may in zip(rows, allowed, strict=True) if may),
        without_consent=tuple(row.line for row, may in zip(rows, allowed, strict=True) if not may),
        previous=slots,
        calendar=calendar(moment, limits.horizon_weeks),
    )


def _named(config: Config, path: Path | None, key: str) -> Path:
    if path is None:
        raise ConfigError(
            f"{config.path}: no planning.{key}; expected a path. Add the key, or give --{key}."
        )
    return path


def plan_project(inputs: Inputs) -> ProjectPlan:
    """Plan the referrals of a project.

    Raises:
        PlanError: No plan keeps every rule; the message says which, and what would mend it.
    """
    capacity = inputs.capacity
    supply = capacity.supply(inputs.calendar)
    roster, kept = with_previous(
        make_roster(inputs.referrals, capacity, inputs.calendar), inputs, supply
    )
    settings = Settings(Weights(capacity.weights), capacity.gap, capacity.seconds)
    plan = make_plan(roster.cases, supply, settings, kept)
    if isinstance(plan, Refusal):
        raise explain(
            plan.shortages, supply, inputs.calendar, capacity.core_hours_per_genome, plan.unplaced
        )
    return ProjectPlan(inputs, roster, supply, plan)


def with_previous(
    roster: Roster, inputs: Inputs, supply: Supply
) -> tuple[Roster, dict[int, tuple[int, ...]]]:
    """The roster with the slots of the previous plan, and the flowcells of its frozen cases.

    Slots before the plan are over: who is still referred is planned anew. A family that gained a
    member since keeps its slot where all its samples with a slot have the same one.
    """
    cases, sites = roster.cases, {name: number for number, name in enumerate(supply.sites)}
    week, site = cases.previous_week.copy(), cases.previous_site.copy()
    kept: dict[int, tuple[int, ...]] = {}
    for case, group in enumerate(roster.members):
        names = [name for referral in group for name in referral.sample_ids]
        slots = {(s.week, s.site): s for name in names if (s := inputs.previous.get(name))}
        if len(slots) != 1:
            continue
        (slot,) = slots.values()
        monday = parse_week(slot.week)
        index = inputs.calendar.index(monday) if monday else -1
        if 0 <= index < supply.weeks:
            week[case], site[case] = index, sites[slot.site]
            if index < inputs.capacity.freeze_weeks:
                kept[case] = slot.flowcells
    frozen = (week >= 0) & (week < inputs.capacity.freeze_weeks)
    changed = replace(
        cases,
        previous_week=week,
        previous_site=site,
        fixed_week=np.where(frozen, week, -1),
        fixed_site=np.where(frozen, site, -1),
    )
    return replace(roster, cases=changed), kept


def write_plan(result: ProjectPlan, outdir: Path) -> list[Path]:
    """Write plan.tsv, the waves and fairness.html; waves of an earlier plan are removed.

    ``waves/<week>.tsv`` lists what is sequenced in a week; ``waves/<week>.samples.tsv`` is a
    sheet of samples for the workflow, with those that the project's own sheet already has.

    Raises:
        OutputError: The folder cannot be written.
    """
    from wgs_pipeline.planning.page import fairness_page

    inputs = result.inputs
    rows = plan_rows(
        result.roster,
        result.plan,
        result.supply.sites,
        inputs.calendar,
        inputs.capacity.repeat_wait,
    )
    waves = outdir / "waves"
    for old in (*waves.glob("*-W*.tsv"),):
        old.unlink()
    written = []

    def write(path: Path, text: str) -> None:
        write_text(path, text)
        written.append(path)

    for week in sorted({row["week"] for row in rows}):
        wave = [row for row in rows if row["week"] == week]
        write(waves / f"{week}.tsv", as_tsv(WAVE_COLUMNS, wave))
        sheet = _sheet_of(inputs.config.samples, {row["sample_id"] for row in wave})
        if sheet is not None:
            path = waves / f"{week}.samples.tsv"
            write(path, sheet)
            path.chmod(0o600)  # a sheet for the workflow: it has to name the patients
    write(outdir / "plan.tsv", as_tsv(COLUMNS, rows))
    write(outdir / "fairness.html", fairness_page(result))
    return written


def _sheet_of(samples: Path, names: set[str]) -> str | None:
    """The rows of ``names`` in a sheet of samples, as they stand there; None where it has none."""
    lines = samples.read_text(encoding="utf-8-sig").splitlines()
    table = [line for line in lines if line.strip() and not line.startswith("#")]
    place = table[0].split("\t").index("sample_id")
    rows = [line for line in table[1:] if line.split("\t")[place] in names]
    return "\n".join([table[0], *rows]) + "\n" if rows else None
