import pytest

from wgs_pipeline.metrics.catalogue import NotApplicable
from wgs_pipeline.metrics.karyotype import infer_karyotype

UNKNOWN = NotApplicable("not measured")


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
        (1.0, 0.9, "other"),  # XXYY, which nothing counts by
        (0.5, 0.15, "other"),  # loss of Y in part of the cells
    ],
)
def test_karyotypes(x: float, y: float, karyotype: str) -> None:
    assert infer_karyotype(x, y, 30.0, UNKNOWN) == karyotype


def test_needs_both_contigs_and_some_depth() -> None:
    absent = NotApplicable("the reference has no Y")
    assert infer_karyotype(0.5, absent, 30.0, UNKNOWN) == absent
    assert isinstance(infer_karyotype(1.0, 0.0, 0.9, 0.6), NotApplicable)


@pytest.mark.parametrize(
    ("x", "y", "heterozygosity", "karyotype"),
    [
        (1.0, 0.0, 0.62, "XX"),
        (1.0, 0.0, 0.20, "XX"),  # says neither
        (1.0, 0.0, 0.02, "other"),  # two X by depth that do not differ
        (0.5, 0.5, 0.02, "XY"),
        (0.5, 0.0, 0.5, "other"),  # one X by depth, yet two alleles
        (1.0, 0.5, 0.6, "XXY"),
        (1.5, 0.0, 0.8, "XXX"),
        (0.5, 0.9, 0.0, "XYY"),
    ],
)
def test_heterozygosity_must_not_contradict_the_depth(
    x: float, y: float, heterozygosity: float, karyotype: str
) -> None:
    assert infer_karyotype(x, y, 30.0, heterozygosity) == karyotype
