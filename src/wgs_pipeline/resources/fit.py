"""Making the table of coefficients from what jobs used.

Each line is a quantile regression (Koenker and Bassett 1978) on the sizes of the jobs' inputs: the
sum that 95 of 100 jobs stay below, at the least total excess. It is a linear programme, solved by
HiGHS through PuLP; coefficients are not negative, as more input never needs less.

Small inputs say nothing on how need grows with size: a tool that holds a table of 100 MB looks the
same for 1 MB and 50 MB of reads. So the coefficients of sizes are fitted only where the jobs' sizes
span a factor of four and reach ``slopes_from``; else they stay as the previous table has them, and
only the base is fitted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pulp

from wgs_pipeline.errors import WgsError
from wgs_pipeline.project import Project
from wgs_pipeline.report.costs import JobCost, read_costs
from wgs_pipeline.report.disk import sample_disk
from wgs_pipeline.report.results import Results
from wgs_pipeline.resources.inputs import Inputs, ProjectInputs
from wgs_pipeline.resources.table import (
    GENOME,
    KEPT,
    MEMORY,
    TEMPORARY,
    TERMS,
    WALL,
    Coefficients,
    Table,
    features,
)

#: Share of the jobs that a line covers.
QUANTILE = 0.95
#: MB of FASTQ from which sizes are believed: a thirtieth of a genome at 30x.
SLOPES_FROM_MB = 2000.0
_SPAN = 4.0
#: A line of more jobs than this is fitted to a sample of them, evenly over their sizes.
_MOST_JOBS = 2000
#: Of shorter jobs Snakemake saw too little; the kernel counts them all.
_MEASURED_S = 1.0


@dataclass(frozen=True)
class Observation:
    """What one job used of one quantity, and the inputs that it had."""

    rule: str
    quantity: str
    inputs: Inputs
    used: float


def read_observations(results: Path) -> list[Observation]:
    """What the jobs of a results folder used, and what its samples take on disk.

    Raises:
        WgsError: The folder has no configuration of a run, or no extended benchmark files.
    """
    config = results / "config.json"
    if not config.is_file():
        raise WgsError(
            f"{results}: no config.json; expected the results folder of a run. Correct the path"
        )
    project, found = Project.load(config), Results(results)
    jobs = [job for job in read_costs(found) if job.threads]
    if not jobs:
        raise WgsError(
            f"{results}: no benchmark files that state threads; expected those of a run with "
            "benchmark-extended, as in the shipped profiles. Run it anew"
        )
    inputs = ProjectInputs(project)
    return [*_of_jobs(project, inputs, jobs), *_of_samples(project, inputs, found)]


def fit(
    observations: Iterable[Observation], previous: Table, slopes_from: float = SLOPES_FROM_MB
) -> dict[tuple[str, str], Coefficients]:
    """A table in which what was observed replaces the lines of a previous one.

    Args:
        observations: What jobs used.
        previous: Kept where nothing was observed, and for what cannot be told.
        slopes_from: MB of FASTQ that the largest job must have for sizes to be fitted.
    """
    groups: dict[tuple[str, str], list[Observation]] = {}
    for each in observations:
        groups.setdefault((each.rule, each.quantity), []).append(each)
    fitted = {
        key: _line(group, previous.get(key, Coefficients(0.0)), slopes_from)
        for key, group in groups.items()
    }
    return {**previous, **fitted}


def _of_jobs(
    project: Project, inputs: ProjectInputs, jobs: Iterable[JobCost]
) -> Iterable[Observation]:
    for job in jobs:
        if not _is_known(project, job.wildcards):
            continue
        sizes = inputs.of_job(job.wildcards, job.threads)
        yield Observation(job.rule, WALL, sizes, job.wall_s)
        if job.max_rss_mb and (job.counted or job.wall_s >= _MEASURED_S):
            yield Observation(job.rule, MEMORY, sizes, job.max_rss_mb)


def _of_samples(project: Project, inputs: ProjectInputs, results: Results) -> Iterable[Observation]:
    for sample in project.analysed:
        disk = sample_disk(project, sample, results)
        if disk and results.has(f"gvcf/{sample}.json"):
            sizes = inputs.of_job({"sample": sample})
            yield Observation(GENOME, KEPT, sizes, disk["kept_mb"])
            yield Observation(GENOME, TEMPORARY, sizes, disk["peak_mb"] - disk["kept_mb"])


def _is_known(project: Project, wildcards: Mapping[str, str]) -> bool:
    """Whether the project still has what a job was of."""
    sample, family = wildcards.get("sample"), wildcards.get("family")
    return (sample is None or sample in project.analysed) and (
        family is None or family in project.families
    )


def _line(jobs: Sequence[Observation], previous: Coefficients, slopes_from: float) -> Coefficients:
    quantity = jobs[0].quantity
    rows = [(features(quantity, job.inputs), job.used) for job in _spread(jobs)]
    sizes = [job.inputs.input_mb for job in jobs]
    fitted = max(sizes) >= slopes_from and max(sizes) >= _SPAN * min(sizes)
    names = _varying(rows) if fitted else ["base"]
    source = "fitted" if fitted else "base fitted; sizes as before"
    kept = {name: getattr(previous, name) for name in TERMS if name not in names}
    rests = [
        used - sum(kept[name] * size for name, size in zip(TERMS, row, strict=True) if name in kept)
        for row, used in rows
    ]
    columns = [[row[TERMS.index(name)] for name in names] for row, _ in rows]
    values = quantile_regression(columns, rests, QUANTILE)
    # What did not vary between the jobs cannot be told from the base, and is in it.
    terms = dict.fromkeys(TERMS, 0.0) if fitted else {"base": 0.0, **kept}
    return Coefficients(
        **(terms | dict(zip(names, values, strict=True))), jobs=len(jobs), source=source
    )


def _varying(rows: Sequence[tuple[tuple[float, ...], float]]) -> list[str]:
    columns = zip(*(row for row, _ in rows), strict=True)
    return [
        name
        for name, column in zip(TERMS, columns, strict=True)
        if name == "base" or max(column) > min(column)
    ]


def _spread(jobs: Sequence[Observation]) -> Sequence[Observation]:
    ordered = sorted(jobs, key=lambda job: (job.inputs.input_mb, job.used))
    step = -(-len(ordered) // _MOST_JOBS)
    return ordered[::step] if step > 1 else ordered


def quantile_regression(
    rows: Sequence[Sequence[float]], values: Sequence[float], quantile: float
) -> list[float]:
    """Coefficients of 0 or more whose sums are above a share of the values, and closest to them.

    Args:
        rows: Terms of each observation.
        values: What was observed; what is below 0 counts as 0.
        quantile: The share, between 0 and 1.
    """
    scales = [max(abs(row[term]) for row in rows) or 1.0 for term in range(len(rows[0]))]
    unit = max(max(values), 1e-9)
    problem = pulp.LpProblem("quantile", pulp.LpMinimize)
    factors, above, below = (
        [problem.add_variable(f"{letter}{n}", lowBound=0) for n in range(count)]
        for letter, count in (("b", len(scales)), ("u", len(rows)), ("v", len(rows)))
    )
    problem += quantile * pulp.lpSum(above) + (1 - quantile) * pulp.lpSum(below)
    for row, value, over, under in zip(rows, values, above, below, strict=True):
        scaled = [size / scale for size, scale in zip(row, scales, strict=True)]
        problem += pulp.lpDot(scaled, factors) + over - under == max(value, 0.0) / unit
    problem.solve(pulp.HiGHS(msg=False))
    return [
        max(0.0, factor.value() or 0.0) * unit / scale
        for factor, scale in zip(factors, scales, strict=True)
    ]
