"""Genomes counted by month, region, patient group and outcome, with every total."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wgs_pipeline.governance import NOT_STATED
from wgs_pipeline.governance.genomes import OUTCOMES, Genome
from wgs_pipeline.governance.suppression import Counts, Mask, small, with_totals, withhold


@dataclass(frozen=True)
class Cube:
    """Counts of genomes.

    Attributes:
        months: Months without gaps, ``not stated`` last if there is any.
        regions: Regions by name, ``not stated`` last.
        groups: Patient groups by name, ``not stated`` last.
        table: Genomes, shape (months, regions, groups, outcomes), each + 1 for its totals.
        persons: Distinct persons of the same cells.
    """

    months: tuple[str, ...]
    regions: tuple[str, ...]
    groups: tuple[str, ...]
    table: Counts
    persons: Counts

    def sensitive(self, minimum: int) -> Mask:
        """Cells with few genomes or few persons."""
        return small(self.table, minimum) | small(self.persons, minimum)

    def withheld(self, minimum: int, also: Mask | None = None) -> Mask:
        """Cells that must not be shown.

        Args:
            minimum: Least number of persons shown.
            also: Further cells to protect.
        """
        sensitive = self.sensitive(minimum)
        return withhold(self.table, sensitive if also is None else sensitive | also)


def count(
    genomes: Sequence[Genome], regions: Sequence[str] = (), groups: Sequence[str] = ()
) -> Cube:
    """Count genomes.

    Args:
        genomes: The genomes.
        regions: Regions that stand in the table even without a genome.
        groups: Patient groups that do.
    """
    months = _months({each.month for each in genomes})
    all_regions = _ordered({each.region for each in genomes} | set(regions))
    all_groups = _ordered({each.patient_group for each in genomes} | set(groups))
    names = (months, all_regions, all_groups, OUTCOMES)
    axes = [{name: place for place, name in enumerate(each)} for each in names]
    places = np.array(
        [[index[name] for index, name in zip(axes, _cell(each), strict=True)] for each in genomes],
        dtype=np.int64,
    ).reshape(-1, 4)
    parts = np.zeros([len(index) for index in axes], dtype=np.int64)
    np.add.at(parts, tuple(places.T), 1)
    persons = _persons(places, [each.person for each in genomes], parts.shape)
    return Cube(months, all_regions, all_groups, with_totals(parts), persons)


def _cell(genome: Genome) -> tuple[str, str, str, str]:
    return genome.month, genome.region, genome.patient_group, genome.outcome


def _persons(places: Counts, persons: Sequence[str], shape: tuple[int, ...]) -> Counts:
    """Distinct persons of every cell and total; those of a total are no sum of its parts."""
    counts = np.zeros([size + 1 for size in shape], dtype=np.int64)
    _, codes = np.unique(np.array(persons, dtype=str), return_inverse=True)
    for totals in itertools.product((False, True), repeat=len(shape)):
        cells = np.where(np.array(totals), np.array(shape), places)
        unique = np.unique(np.column_stack([cells, codes]), axis=0)
        np.add.at(counts, tuple(unique[:, :-1].T), 1)
    return counts


def _months(found: set[str]) -> tuple[str, ...]:
    """Every month from the first to the last."""
    stated = sorted(found - {NOT_STATED})
    months = months_between(stated[0], stated[-1]) if stated else []
    return (*months, NOT_STATED) if NOT_STATED in found else tuple(months)


def months_between(first: str, last: str) -> list[str]:
    """Months from the first to the last, as 2026-01."""
    low, high = (int(each[:4]) * 12 + int(each[5:]) - 1 for each in (first, last))
    return [f"{each // 12:04d}-{each % 12 + 1:02d}" for each in range(low, high + 1)]


def _ordered(names: set[str]) -> tuple[str, ...]:
    return tuple(sorted(names, key=lambda name: (name == NOT_STATED, name)))
