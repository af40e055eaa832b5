"""Sex chromosomes inferred from depth and from heterozygosity on X.

Copies are twice the depth relative to the autosomes. Y is read more loosely than X: a good part
of the human Y is too repetitive to be mapped uniquely, so one copy shows as 0.3 to 0.5 of the
autosomes' depth, and two as 0.6 to 1. Heterozygosity must not contradict the copies of X.
"""

from __future__ import annotations

from wgs_pipeline.karyotypes import OF_SEX, SEX_CHROMOSOMES
from wgs_pipeline.metrics.catalogue import NotApplicable

#: Depth of X relative to the autosomes: (least, most, copies).
_X_COPIES = ((0.35, 0.65, 1), (0.8, 1.2, 2), (1.3, 1.7, 3))
_Y_COPIES = ((0.0, 0.1, 0), (0.2, 0.6, 1), (0.6, 1.3, 2))
#: Below this depth of the autosomes, in reads per base, the ratios are not trusted.
LEAST_COVERAGE = 1.0
#: Heterozygosity of X relative to the autosomes: one copy has at most this, two have at least that.
MOST_OF_ONE_COPY, LEAST_OF_TWO_COPIES = 0.15, 0.3
OTHER = "other"
#: Karyotype that a stated sex is expected to have.
EXPECTED = {sex: OF_SEX[sex] for sex in ("female", "male")}


def infer_karyotype(
    x_ratio: float | NotApplicable,
    y_ratio: float | NotApplicable,
    autosome_mean: float,
    heterozygosity: float | NotApplicable,
) -> str | NotApplicable:
    """XX, XY, X0, XXY, XYY or XXX; ``other`` where depth and heterozygosity fit none of them.

    Args:
        x_ratio: Depth of X outside PAR relative to the autosomes.
        y_ratio: The same of Y.
        autosome_mean: Mean depth of the autosomes.
        heterozygosity: Heterozygous bases of X outside PAR relative to the autosomes'; where it
            is not applicable the depths decide alone.
    """
    if isinstance(x_ratio, NotApplicable):
        return x_ratio
    if isinstance(y_ratio, NotApplicable):
        return y_ratio
    if autosome_mean < LEAST_COVERAGE:
        return NotApplicable(f"the autosomes have less than {LEAST_COVERAGE:g}x coverage")
    copies = (_copies(x_ratio, _X_COPIES), _copies(y_ratio, _Y_COPIES))
    named = next((name for name, each in SEX_CHROMOSOMES.items() if each == copies), OTHER)
    if named == OTHER or isinstance(heterozygosity, NotApplicable):
        return named
    one_copy = SEX_CHROMOSOMES[named][0] == 1
    contradicts = (
        heterozygosity >= LEAST_OF_TWO_COPIES if one_copy else heterozygosity <= MOST_OF_ONE_COPY
    )
    return OTHER if contradicts else named


def _copies(value: float, bounds: tuple[tuple[float, float, int], ...]) -> int | None:
    return next((copies for low, high, copies in bounds if low <= value < high), None)
