"""The cohort as a picture: each sample beside its batch, in the order of measuring."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.errors import WgsError
from wgs_pipeline.metrics.catalogue import DEFINITIONS
from wgs_pipeline.metrics.sample import SampleMetrics, read_metrics
from wgs_pipeline.metrics.verdict import read_verdict
from wgs_pipeline.project import Project
from wgs_pipeline.sheets import Sample, Unit

#: Metrics that are drawn where any sample has them.
DRAWN = (
    "mean_autosome_coverage",
    "pct_autosomes_15x",
    "yield_bp_q30",
    "duplication",
    "pct_reads_mapped",
    "chimeras",
    "median_insert_size",
    "gc_content",
    "cross_contamination_rate",
    "mitochondrial_coverage_ratio",
    "count_snvs",
    "ratio_heterozygous_homzygous_snv",
    "ratio_transitions_transversions",
)
#: By what samples are put together. A sample on several flowcells is in the batch of each.
FACTORS: dict[str, Callable[[Sample, Sequence[Unit], datetime], list[str]]] = {
    "flowcell": lambda _, units, __: sorted({each.flowcell for each in units if each.flowcell}),
    "library kit": lambda _, units, __: sorted({u.library_kit for u in units if u.library_kit}),
    "region": lambda sample, _, __: [sample.region] if sample.region else [],
    "week": lambda _, __, when: [f"{when:%G-W%V}"],
}
#: A value this many median absolute deviations from the median is an outlier. Of 60 samples in
#: batches of 7 to 30, these take 0.2 % of normal values for one, and 1 % of log-normal ones of
#: sigma 0.3. Smaller batches have no outliers of their own.
MOST_DEVIATIONS, LEAST_BATCH = 4.0, 20
#: Makes the deviation the standard deviation of what is normal; gnomAD scales its 4 MAD likewise.
_SCALE = 1.4826

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CohortSample:
    """One sample that has a verdict.

    Attributes:
        sample: sample_id.
        verdict: Its verdict.
        measured_at: When its metrics were written.
        batches: Batches by factor.
        values: Values of ``DRAWN``; NaN where not applicable.
    """

    sample: str
    verdict: str
    measured_at: datetime
    batches: Mapping[str, Sequence[str]]
    values: Floats


@dataclass(frozen=True)
class Outlier:
    """A value that lies apart from those of its batch.

    Attributes:
        sample: sample_id.
        metric: The metric.
        value: Its value.
        factor: By what the batch is one; "" for the whole cohort.
        batch: The batch.
        deviations: Distance from the median of the batch, in its median absolute deviations.
        median: That median.
    """

    sample: str
    metric: str
    value: float
    factor: str
    batch: str
    deviations: float
    median: float


@dataclass(frozen=True)
class Relative:
    """A pair of samples that are related, or ought to be.

    Attributes:
        one: sample_id.
        other: sample_id.
        kinship: KING-robust kinship.
        ibs0: Share of the sites without a common allele.
        expected: What the sheet says, or "not said".
        found: What was found.
        agrees: Whether nothing speaks against the sheet.
    """

    one: str
    other: str
    kinship: float
    ibs0: float
    expected: str
    found: str
    agrees: bool


@dataclass(frozen=True)
class CohortView:
    """What the page shows.

    Attributes:
        samples: In the order in which they were measured.
        metrics: Those of ``DRAWN`` that any sample has.
        values: Their values, shape (samples, metrics).
        deviations: Distance from the cohort's median in median absolute deviations; NaN where
            there is no value, or none deviates.
        outliers: The farthest first.
        batch_medians: (factor, batch, samples) and how far its median lies from the cohort's, in
            the cohort's median absolute deviations, one a metric.
        relatives: Pairs.
    """

    samples: Sequence[CohortSample]
    metrics: Sequence[str]
    values: Floats
    deviations: Floats
    outliers: Sequence[Outlier]
    batch_medians: Sequence[tuple[str, str, int, Floats]]
    relatives: Sequence[Relative]


def view_cohort(project: Project) -> CohortView:
    """Read what there is of the analysed samples; those without a verdict are left out."""
    found = [each for name in project.analysed if (each := _sample(project, name))]
    return arrange(found, _relatives(project, [each.sample for each in found]))


def arrange(found: Sequence[CohortSample], relatives: Sequence[Relative] = ()) -> CohortView:
    """Hold samples against one another."""
    samples = sorted(found, key=lambda each: (each.measured_at, each.sample))
    whole = np.array([each.values for each in samples]).reshape(len(samples), len(DRAWN))
    known = ~np.isnan(whole).all(axis=0) if len(samples) else np.zeros(len(DRAWN), np.bool_)
    metrics = [name for name, drawn in zip(DRAWN, known, strict=True) if drawn]
    values = whole[:, known]
    batches = _batches(samples)
    outliers = _outliers(samples, metrics, values, batches)
    medians = [
        (factor, batch, len(rows), _median_deviation(values, rows))
        for (factor, batch), rows in sorted(batches.items())
        if factor
    ]
    deviations = deviations_of(values)[0]
    return CohortView(samples, metrics, values, deviations, outliers, medians, relatives)


def deviations_of(values: Floats) -> tuple[Floats, Floats, Floats]:
    """Distance of each value from its column's median, in median absolute deviations.

    Returns:
        The distances (NaN where there is no value, or the deviation is zero), the medians, and
        the median absolute deviations, times 1.4826.
    """
    if not len(values):
        none = np.full(values.shape[1], np.nan)
        return values, none, none
    medians = _median(values)
    spread = _SCALE * _median(np.abs(values - medians))
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = (values - medians) / np.where(spread > 0, spread, np.nan)
    return distance, medians, spread


def _median(values: Floats) -> Floats:
    """Median of the values of each column; NaN where it has none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a column without values
        medians: Floats = np.nanmedian(values, axis=0)
    return medians


def _sample(project: Project, name: str) -> CohortSample | None:
    folder = project.config.results / "qc" / name
    path = folder / "metrics.json"
    try:
        metrics = read_metrics(path)
        verdict = read_verdict(folder / "verdict.json")["verdict"]
        when = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except (WgsError, OSError):
        return None
    row, units = project.samples[name], project.units[name]
    batches = {factor: of(row, units, when) for factor, of in FACTORS.items()}
    return CohortSample(name, verdict, when, batches, _values(metrics))


def _values(metrics: SampleMetrics) -> Floats:
    found = [metrics.number(name) if name in metrics.findings else None for name in DRAWN]
    return np.array([math.nan if each is None else each for each in found])


def _batches(samples: Sequence[CohortSample]) -> dict[tuple[str, str], list[int]]:
    """Rows of each batch; the whole cohort is the one without a name."""
    batches: dict[tuple[str, str], list[int]] = {("", ""): list(range(len(samples)))}
    for row, sample in enumerate(samples):
        for factor, names in sample.batches.items():
            for name in names:
                batches.setdefault((factor, name), []).append(row)
    return batches


def _outliers(
    samples: Sequence[CohortSample],
    metrics: Sequence[str],
    values: Floats,
    batches: Mapping[tuple[str, str], Sequence[int]],
) -> list[Outlier]:
    """Each value that lies apart, in the batch where it lies farthest."""
    farthest: dict[tuple[int, int], Outlier] = {}
    for (factor, batch), rows in batches.items():
        if len(rows) < LEAST_BATCH:
            continue
        distance, medians, _ = deviations_of(values[rows])
        for at, column in np.argwhere(np.abs(np.nan_to_num(distance)) > MOST_DEVIATIONS).tolist():
            row, apart = rows[at], float(distance[at, column])
            known = farthest.get((row, column))
            if known is None or abs(apart) > abs(known.deviations):
                farthest[row, column] = Outlier(
                    samples[row].sample, metrics[column], float(values[row, column]),
                    factor, batch, apart, float(medians[column]),
                )  # fmt: skip
    return sorted(farthest.values(), key=lambda each: -abs(each.deviations))


def _median_deviation(values: Floats, rows: Sequence[int]) -> Floats:
    _, medians, spread = deviations_of(values)
    _, mine, _ = deviations_of(values[list(rows)])
    with np.errstate(divide="ignore", invalid="ignore"):
        result: Floats = (mine - medians) / np.where(spread > 0, spread, np.nan)
    return result


def _relatives(project: Project, names: Sequence[str]) -> list[Relative]:
    """Pairs of samples, each once, from what was written of each of the two."""
    pairs: dict[frozenset[str], Relative] = {}
    for name in names:
        path = project.config.results / "qc" / name / "identity.json"
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            against = {each["other"] for each in document["reasons"]}
            for pair in document["pairs"]:
                if pair["kinship"] is not None and pair["metric"] == "relatedness":
                    key = frozenset((name, pair["other"]))
                    pairs.setdefault(key, _relative(name, pair, pair["other"] in against))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return list(pairs.values())


def _relative(name: str, pair: Mapping[str, Any], against: bool) -> Relative:
    return Relative(
        name,
        str(pair["other"]),
        float(pair["kinship"]),
        pair["ibs0"] / max(pair["sites"], 1),
        str(pair["expected"] or "not said"),
        str(pair["relation"]),
        not against,
    )


def title_of(metric: str) -> str:
    """What people call a metric."""
    return DEFINITIONS[metric].title if metric in DEFINITIONS else metric
