import pytest

from wgs_pipeline.metrics.catalogue import NotApplicable
from wgs_pipeline.metrics.karyotype import infer_karyotype


@pytest.mark.parametrize(
    ("x", "y", "karyotype"),
    [
        (1.0, 0.0, "XX"),
        (0.97, 0.02, "XX"),
        (0.5, 0.5, "XY"),
        (0.48, 0.35, "XY"),  # a real Y, partly too repetitive to be mapped
        (0.5, 0.0, "X0"),
        (1.0, 0.5, "XXY"),
        (0.5, 0.9, "XYY"),
        (1.5, 0.0, "XXX"),
        (0.72, 0.0, "other"),  # mosaic
        (0.5, 0.15, "other"),  # loss of Y in part of the cells
    ],
)
def test_karyotypes(x: float, y: float, karyotype: str) -> None:
    assert infer_karyotype(x, y, 30.0) == karyotype


def test_needs_both_contigs_and_some_depth() -> None:
    absent = NotApplicable("the reference has no Y")
    assert infer_karyotype(0.5, absent, 30.0) == absent
    assert isinstance(infer_karyotype(1.0, 0.0, 0.9), NotApplicable)
