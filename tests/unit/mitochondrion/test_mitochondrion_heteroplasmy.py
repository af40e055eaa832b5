from math import comb, log10

import numpy as np
import pytest

from wgs_pipeline.mitochondrion.heteroplasmy import (
    Alleles,
    filters,
    join,
    possible_numts,
    qualities,
)


def allele(
    ref: tuple[int, int], alt: tuple[int, int], position: int = 5, depth: int | None = None
) -> Alleles:
    total = sum(ref) + sum(alt) if depth is None else depth
    return Alleles(
        np.array([position]), ["A"], ["G"], np.array([total]), np.array([ref]), np.array([alt])
    )


@pytest.mark.parametrize(("reads", "depth"), [(9, 300), (15, 300), (4, 100), (30, 900)])
def test_quality_is_at_most_that_of_the_exact_tail(reads: int, depth: int) -> None:
    """Chernoff's bound is above the chance itself, and not far."""
    rate = 0.01 / 3
    exact = -10 * log10(
        sum(comb(depth, k) * rate**k * (1 - rate) ** (depth - k) for k in range(reads, depth + 1))
    )
    (found,) = qualities(allele((depth - reads, 0), (reads, 0)))
    assert exact - 15 < found <= exact


def test_what_errors_explain_has_no_quality() -> None:
    assert qualities(allele((500, 498), (1, 1)))[0] == 0
    assert qualities(allele((0, 0), (200, 200)))[0] > 1000


@pytest.mark.parametrize(
    ("ref", "alt", "expected"),
    [
        ((140, 145), (8, 7), ["PASS"]),
        ((140, 145), (15, 0), ["StrandBias"]),
        ((2900, 2500), (600, 900), ["PASS"]),  # differs for certain, yet by little
        ((140, 145), (2, 0), ["LowQual"]),  # of two reads none may lack on one strand
        ((285, 0), (15, 0), ["PASS"]),  # reads of one strand only
        ((20, 20), (5, 5), ["LowDepth"]),
        ((0, 0), (150, 150), ["PASS"]),
    ],
)
def test_filters(ref: tuple[int, int], alt: tuple[int, int], expected: list[str]) -> None:
    one = allele(ref, alt)
    (found,) = filters(one, qualities(one), 30, 100)
    assert (found or ["PASS"]) == expected


def test_reads_of_a_nuclear_copy_are_flagged() -> None:
    # 30 of the autosomes' depth, and chance on top.
    flagged = [possible_numts(allele((5000, 0), (n, 0)), 30.0)[0] for n in (15, 40, 60, 400)]
    assert flagged == [True, True, False, False]


def test_tables_are_joined_in_order() -> None:
    joined = join([allele((1, 2), (3, 4), 9), allele((5, 6), (7, 8), 2)])
    assert joined.position.tolist() == [2, 9]
    assert joined.alt_reads.tolist() == [[7, 8], [3, 4]]
    assert joined.share == pytest.approx([15 / 26, 0.7])
