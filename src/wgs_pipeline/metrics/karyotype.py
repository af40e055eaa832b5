"""Sex chromosomes inferred from depth.

Copies are twice the depth relative to the autosomes. Y is read more loosely than X: a good part
of the human Y is too repetitive to be mapped uniquely, so one copy shows as 0.3 to 0.5 of the
autosomes' depth, and two as 0.6 to 1.
"""

from __future__ import annotations

from wgs_pipeline.metrics.catalogue import NotApplicable

#: Depth of X relative to the autosomes: (least, most, copies).
_X_COPIES = ((0.35, 0.65, 1), (0.8, 1.2, 2), (1.3, 1.7, 3))
_Y_COPIES = ((0.0, 0.1, 0), (0.2, 0.6, 1), (0.6, 1.3, 2))
#: Below this depth of the autosomes, in reads per base, the ratios are not trusted.
LEAST_COVERAGE = 1.0
OTHER = "other"
#: Karyotype that a stated sex is expected to have.
EXPECTED = {"female": "XX", "male": "XY"}


def infer_karyotype(
    x_ratio: float | NotApplicable, y_ratio: float | NotApplicable, autosome_mean: float
) -> str | NotApplicable:
    """Karyotype such as XX, XY, X0, XXY; ``other`` where the depths fit no whole number.

    Args:
        x_ratio: Depth of X outside PAR relative to the autosomes.
        y_ratio: The same of Y.
        autosome_mean: Mean depth of the autosomes.
    """
    if isinstance(x_ratio, NotApplicable):
        return x_ratio
    if isinstance(y_ratio, NotApplicable):
        return y_ratio
    if autosome_mean < LEAST_COVERAGE:
        return NotApplicable(f"the autosomes have less than {LEAST_COVERAGE:g}x coverage")
    x_copies, y_copies = _copies(x_ratio, _X_COPIES), _copies(y_ratio, _Y_COPIES)
    if x_copies is None or y_copies is None:
        return OTHER
    return "X" * x_copies + "Y" * y_copies if x_copies + y_copies > 1 else "X0"


def _copies(value: float, bounds: tuple[tuple[float, float, int], ...]) -> int | None:
    return next((copies for low, high, copies in bounds if low <= value < high), None)
