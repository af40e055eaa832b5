"""The genomes of the programme: one record each, from runs, sheets and the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from wgs_pipeline.governance import NOT_STATED
from wgs_pipeline.governance.holdings import Held, Holdings
from wgs_pipeline.governance.milestones import Milestones
from wgs_pipeline.governance.runs import Run, RunSample
from wgs_pipeline.sheets import Sample, read_samples

#: What became of a sequenced genome.
LOADED, FAILED, OTHER = "loaded", "failed", "not_loaded"
OUTCOMES = (LOADED, FAILED, OTHER)


@dataclass(frozen=True)
class Genome:
    """One sequenced genome.

    Attributes:
        sample_id: Its sample.
        person: Whose it is; never to be shown.
        region: Health region.
        patient_group: Patient group.
        month: Month it is counted in, as 2026-01: of its sequencing where that is known, else of
            its first run, else of its load; ``not stated`` without any.
        outcome: ``loaded`` (the database holds it), ``failed`` (QC fail or hold, or a stage
            failed) or ``not_loaded`` (in progress, or no longer held).
        referred_at: When it was referred, if known.
        sequenced_at: When it was sequenced, if known.
        analysed_at: When it was judged first, if it was and that is known.
        loaded_at: When the database took it in, if it did and says when.
        reported_at: When the clinical answer was given, if known.
        reasons: Why it failed.
    """

    sample_id: str
    person: str = field(repr=False)
    region: str
    patient_group: str
    month: str
    outcome: str
    referred_at: datetime | None
    sequenced_at: datetime | None
    analysed_at: datetime | None
    loaded_at: datetime | None
    reported_at: datetime | None
    reasons: tuple[str, ...] = ()


def read_sheets(paths: Iterable[Path]) -> dict[str, Sample]:
    """Samples by sample_id; of a sample in several sheets the later sheet's row holds.

    Raises:
        ProblemsError: Everything wrong with a sheet.
    """
    return {sample.sample_id: sample for path in paths for sample in read_samples(path)}


def genomes(
    runs: Sequence[Run],
    sheets: Mapping[str, Sample],
    holdings: Holdings,
    milestones: Mapping[str, Milestones],
    referred: Mapping[str, datetime],
) -> list[Genome]:
    """Every genome that a run analysed or the database holds, one record per held analysis.

    Tumour samples and samples left out for lack of consent are no genomes of the programme.
    """
    seen = _Seen(runs)
    held: dict[str, list[Held]] = {}
    for each in holdings.held:
        held.setdefault(each.sample_id, []).append(each)
    found = []
    for name in sorted({*held, *seen.last}):
        sample = sheets.get(name)
        if sample and sample.material == "tumour" and name not in held:
            continue
        given = milestones.get(name, Milestones())
        for genome in held.get(name, [None]):
            found.append(_record(name, sample, genome, seen, given, referred.get(name)))
    return found


class _Seen:
    """Samples as the runs saw them: last state, first run, first verdict."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self.last: dict[str, RunSample] = {}
        self.started: dict[str, datetime] = {}
        self.judged: dict[str, datetime] = {}
        for run in runs:  # oldest first
            for sample in run.samples:
                name = sample.sample_id
                if sample.left_out:
                    self.last.pop(name, None)
                    continue
                self.last[name] = sample
                self.started.setdefault(name, run.started_at)
                if sample.verdict:
                    self.judged.setdefault(name, sample.judged_at or run.ended_at)

    def analysed_at(self, name: str, loaded_at: datetime | None) -> datetime | None:
        """When a sample was judged first.

        A run's report is made after its loads, so where only its end is known, a load within the
        run came right after the verdict; a load before the run was of an analysis not seen here.
        """
        judged = self.judged.get(name)
        if judged is None or loaded_at is None or judged <= loaded_at:
            return judged
        return loaded_at if loaded_at >= self.started[name] else None


def _record(
    name: str,
    sample: Sample | None,
    held: Held | None,
    seen: _Seen,
    given: Milestones,
    referred_at: datetime | None,
) -> Genome:
    last = seen.last.get(name)
    loaded_at = held.loaded_at if held else None
    counted_at = given.sequenced_at or seen.started.get(name) or loaded_at
    outcome = LOADED if held else _outcome(last)
    return Genome(
        sample_id=name,
        person=held.person if held else sample.patient_id if sample else f"sample {name}",
        region=(sample.region if sample else "") or NOT_STATED,
        patient_group=(sample.patient_group if sample else "") or NOT_STATED,
        month=counted_at.astimezone(UTC).strftime("%Y-%m") if counted_at else NOT_STATED,
        outcome=outcome,
        referred_at=given.referred_at or referred_at,
        sequenced_at=given.sequenced_at,
        analysed_at=seen.analysed_at(name, loaded_at),
        loaded_at=loaded_at,
        reported_at=given.reported_at,
        reasons=last.reasons if last and outcome == FAILED else (),
    )


def _outcome(last: RunSample | None) -> str:
    if last and not last.loaded and (last.failed or last.verdict in ("fail", "hold")):
        return FAILED
    return OTHER
