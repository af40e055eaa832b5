"""The ploidy by which a sample is called: from its karyotype, and where that comes from.

``wgs reference ploidy`` writes three files a sample below ``reference/ploidy/``:

- ``{sample}.bed``: where the ploidy is not two. Contig, start, end (0-based half-open), sample,
  ploidy, tab-separated, no header: the shape of freebayes' ``--cnv-map``.
- ``{sample}.hdr``: the ploidy by which it is called as one header line for VCFs,
  ``##wgs_pipeline_ploidy=<ID=sample,…>``; of a caller that knows two copies at most, never three.
- ``{sample}.json``: sample, karyotype (of the ploidy), basis (``inferred``, ``stated`` or
  ``none``), stated_sex, inferred (a karyotype, ``other`` or null), not_inferred (why, or null),
  x_coverage_ratio, y_coverage_ratio, x_heterozygosity_ratio (numbers or null), most_copies (of
  the caller, or null) and ploidy (a list of contig, start, end, ploidy, as in the BED).

The first two change only where the calls do; the third also when the stated sex is corrected.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.errors import WgsError
from wgs_pipeline.karyotypes import OF_SEX, SEX_CHROMOSOMES, UNKNOWN
from wgs_pipeline.reference import Contig, Interval, Role, read_bed, subtract

INFERRED, STATED, NONE = "inferred", "stated", "none"
_USUAL_COPIES = 2


@dataclass(frozen=True)
class PloidyRun:
    """Copies of part of a contig that a person has."""

    interval: Interval
    ploidy: int


@dataclass(frozen=True)
class Karyotype:
    """The karyotype that a sample is called by.

    Attributes:
        name: One of ``SEX_CHROMOSOMES``, or ``unknown``.
        basis: ``inferred`` from the reads, ``stated`` in the sheet, or ``none``.
        why: Why it was not inferred; "" where it was.
    """

    name: str
    basis: str
    why: str = ""


def choose_karyotype(stated_sex: str, inferred: str | None, why: str = "") -> Karyotype:
    """The inferred karyotype; where there is none, that of the stated sex.

    Args:
        stated_sex: female, male or unknown.
        inferred: Karyotype found; ``other`` where what was found fits none; None: not judged.
        why: Why it was not judged.
    """
    if inferred in SEX_CHROMOSOMES:
        return Karyotype(inferred, INFERRED)
    if inferred is not None:
        why = "depth and heterozygosity fit no karyotype"
    name = OF_SEX[stated_sex]
    return Karyotype(name, NONE if name == UNKNOWN else STATED, why)


def ploidy_runs(
    contigs: Sequence[Contig],
    par: Sequence[Interval],
    karyotype: str,
    most_copies: int | None = None,
) -> tuple[PloidyRun, ...]:
    """Where a person's ploidy is not two.

    Outside the pseudoautosomal regions (PAR) X and Y have as many copies as the karyotype has of
    them. The PAR of both is called on X, with the copies of X and Y together, and never on Y,
    whose PAR analysis references mask. Everyone has one mitochondrial sequence (heteroplasmy is
    no diploid genotype). The karyotype ``unknown`` is treated as two of each, so that nothing is
    missed.

    Args:
        contigs: Contigs of the reference.
        par: PAR on X and Y.
        karyotype: One of ``SEX_CHROMOSOMES``, or ``unknown``.
        most_copies: The most that the caller can take; more are called as this many.
    """
    x, y = SEX_CHROMOSOMES.get(karyotype, (_USUAL_COPIES, _USUAL_COPIES))
    shared = x + y if karyotype in SEX_CHROMOSOMES else _USUAL_COPIES
    copies = {Role.X: (x, shared), Role.Y: (y, 0), Role.MITOCHONDRION: (1, 1)}
    runs = []
    for contig in contigs:
        outside, inside = copies.get(contig.role, (_USUAL_COPIES, _USUAL_COPIES))
        whole = Interval(contig.name, 0, contig.length)
        in_par = sorted(each for each in par if each.contig == contig.name)
        if outside == inside:
            in_par = []
        runs += [PloidyRun(each, outside) for each in subtract(whole, in_par)]
        runs += [PloidyRun(each, inside) for each in in_par]
    if most_copies is not None:
        runs = [replace(run, ploidy=min(run.ploidy, most_copies)) for run in runs]
    return tuple(sorted((r for r in runs if r.ploidy != _USUAL_COPIES), key=lambda r: r.interval))


def format_bed(sample: str, runs: Sequence[PloidyRun]) -> str:
    """The BED of a sample; the module says its columns."""
    return "".join(
        f"{run.interval.contig}\t{run.interval.start}\t{run.interval.end}\t{sample}\t{run.ploidy}\n"
        for run in runs
    )


def header_line(sample: str, karyotype: Karyotype, runs: Sequence[PloidyRun]) -> str:
    """The header line of VCFs: regions 1-based, both ends included; what is not named has two."""
    regions = ",".join(
        f"{run.interval.contig}:{run.interval.start + 1}-{run.interval.end}={run.ploidy}"
        for run in runs
    )
    return (
        f"##wgs_pipeline_ploidy=<ID={sample},Karyotype={karyotype.name},Basis={karyotype.basis},"
        f'Regions="{regions}">\n'
    )


def document(
    sample: str,
    stated_sex: str,
    karyotype: Karyotype,
    runs: Sequence[PloidyRun],
    evidence: Mapping[str, Any],
) -> dict[str, Any]:
    """The JSON of a sample; the module says its keys.

    Args:
        sample: sample_id.
        stated_sex: As in the sheet.
        karyotype: What it is called by.
        runs: Where its ploidy is not two.
        evidence: inferred, the ratios, and most_copies.
    """
    return {
        "sample": sample,
        "karyotype": karyotype.name,
        "basis": karyotype.basis,
        "stated_sex": stated_sex,
        "not_inferred": karyotype.why or None,
        **evidence,
        "ploidy": [
            [run.interval.contig, run.interval.start, run.interval.end, run.ploidy] for run in runs
        ],
    }


def read_ploidy(bed: Path) -> dict[str, NDArray[np.int64]]:
    """Start, end and ploidy, shape (runs, 3), by contig, of the BED of one sample.

    Raises:
        ProblemsError: A line is not contig, start, end.
        WgsError: A line has no ploidy.
    """
    copies: dict[str, list[tuple[int, int, int]]] = {}
    intervals = read_bed(bed)
    lines = [line.split("\t") for line in bed.read_text(encoding="utf-8").splitlines()]
    for each, fields in zip(intervals, lines, strict=True):
        if len(fields) != 5 or not fields[4].isdecimal():
            raise WgsError(
                f"{bed}: {each.contig}:{each.start}-{each.end} has no ploidy; expected the BED of "
                "wgs reference ploidy. Make it again"
            )
        copies.setdefault(each.contig, []).append((each.start, each.end, int(fields[4])))
    return {contig: np.array(sorted(runs), np.int64) for contig, runs in copies.items()}


def read_karyotype(path: Path, sample: str) -> str | None:
    """The karyotype by which a sample was called; None where that is unknown.

    Raises:
        WgsError: The file cannot be read, is not one of ``wgs reference ploidy``, or is of
            another sample.
    """
    found = read_document(path, sample)["karyotype"]
    return None if found == UNKNOWN else str(found)


def read_document(path: Path, sample: str) -> dict[str, Any]:
    """The JSON of a sample.

    Raises:
        WgsError: As ``read_karyotype``.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        of, karyotype = content["sample"], content["karyotype"]
        if karyotype not in SEX_CHROMOSOMES and karyotype != UNKNOWN:
            raise ValueError(f"karyotype {karyotype!r}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WgsError(
            f"{path}: not the JSON of wgs reference ploidy ({error!r}); make it again"
        ) from error
    if of != sample:
        raise WgsError(f"{path}: is of sample {of}; expected {sample}. Give its own file")
    return content
