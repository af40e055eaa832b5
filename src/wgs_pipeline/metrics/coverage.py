"""Depth metrics from what one pass over the alignment counted.

``docs/qc.md`` gives the counting rules, which are those of GA4GH.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from wgs_pipeline.metrics.catalogue import Finding, NotApplicable, ratio
from wgs_pipeline.metrics.contigs import Part
from wgs_pipeline.metrics.heterozygosity import heterozygosity_ratio
from wgs_pipeline.metrics.histogram import median_absolute_deviation, weighted_median
from wgs_pipeline.metrics.karyotype import infer_karyotype
from wgs_pipeline.metrics.tally import BREADTHS, AlignmentTally, Coverage, Longs

#: Copies of an autosome in a cell.
_PLOIDY = 2


def coverage_metrics(tally: AlignmentTally) -> dict[str, Finding]:
    """Depth of the autosomes, of X, Y and the mitochondrion against them, and the karyotype."""
    autosomes = tally.part(Part.AUTOSOME)
    x = _relative(tally.part(Part.X), autosomes, "X")
    y = _relative(tally.part(Part.Y), autosomes, "Y")
    mitochondrion = _relative(tally.part(Part.MITOCHONDRION), autosomes, "mitochondrial contig")
    heterozygosity = (
        x if isinstance(x, NotApplicable) else heterozygosity_ratio(tally.heterozygosity)
    )
    histogram = tally.histograms.get(Part.AUTOSOME, np.zeros(1, np.int64))
    return {
        **_autosome_metrics(autosomes, histogram),
        "x_coverage_ratio": x,
        "y_coverage_ratio": y,
        "x_heterozygosity_ratio": heterozygosity,
        "mitochondrial_coverage_ratio": mitochondrion,
        "mitochondrial_copy_number": (
            mitochondrion if isinstance(mitochondrion, NotApplicable) else _PLOIDY * mitochondrion
        ),
        "inferred_karyotype": infer_karyotype(x, y, autosomes.mean, heterozygosity),
    }


def _autosome_metrics(autosomes: Coverage, histogram: Longs) -> dict[str, Finding]:
    breadths = [f"pct_autosomes_{depth}x" for depth in BREADTHS]
    if not autosomes.length:
        depths = ("mean_autosome_coverage", "median_autosome_coverage", "mad_autosome_coverage")
        none = NotApplicable("the measured intervals hold no autosome")
        return dict.fromkeys((*depths, *breadths), none)
    depth = np.arange(len(histogram), dtype=np.float64)
    shares = (100 * autosomes.at_least / autosomes.length).tolist()
    return {
        "mean_autosome_coverage": autosomes.mean,
        "median_autosome_coverage": weighted_median(depth, histogram),
        "mad_autosome_coverage": median_absolute_deviation(depth, histogram),
        **dict(zip(breadths, shares, strict=True)),
    }


def _relative(part: Coverage, autosomes: Coverage, name: str) -> float | NotApplicable:
    if not part.length:
        return NotApplicable(f"the reference has no {name}")
    return ratio(part.mean, autosomes.mean, "the autosomes have no coverage")


def contig_rows(groups: Mapping[tuple[str, Part], Coverage]) -> list[dict[str, object]]:
    """Coverage of every contig for ``metrics.json``; X and Y outside PAR, and PAR by itself."""
    rows: list[dict[str, object]] = []
    for (contig, part), covered in groups.items():
        row: dict[str, object] = {
            "contig": contig, "part": part.value, "length": covered.length, "mean": covered.mean,
        }  # fmt: skip
        for depth, bases in zip(BREADTHS, covered.at_least.tolist(), strict=True):
            row[f"pct_{depth}x"] = 100 * bases / covered.length
        rows.append(row)
    return rows
