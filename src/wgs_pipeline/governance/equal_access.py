"""Equal access: who got a genome, per patient to whom the offer applies, by region.

The index of a region is observed over expected persons, where expected is what the region would
have if in every patient group the same share of its relevant patients were sequenced as in the
whole country (indirect standardisation: Breslow and Day, Statistical Methods in Cancer Research II,
IARC 1987, section 2.3). One means: as the country. Limits are those of a Poisson count
(``intervals``), with the expected number taken as fixed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.governance import ALL
from wgs_pipeline.governance.genomes import Genome
from wgs_pipeline.governance.intervals import poisson_limits
from wgs_pipeline.governance.suppression import Counts

#: Rates are per so many relevant patients.
PER = 1000


@dataclass(frozen=True)
class Access:
    """Access of one region, or of the whole country.

    Attributes:
        region: The region, or ``All``.
        patients: Persons with a sequenced genome, in groups with relevant patients configured.
        relevant: Relevant patients.
        rate: Persons per 1,000 relevant patients, with its limits.
        index: Observed over expected, with its limits; None where nothing is expected.
    """

    region: str
    patients: int
    relevant: int
    rate: tuple[float, float, float]
    index: tuple[float, float, float] | None


def persons_by_region_and_group(
    genomes: Sequence[Genome], regions: Sequence[str], groups: Sequence[str]
) -> Counts:
    """Distinct persons with a sequenced genome, shape (regions, groups)."""
    counts = np.zeros((len(regions), len(groups)), dtype=np.int64)
    places = {name: place for place, name in enumerate(regions)}
    columns = {name: place for place, name in enumerate(groups)}
    for region, group, _ in _distinct(genomes):
        if region in places and group in columns:
            counts[places[region], columns[group]] += 1
    return counts


def access(
    persons: Counts,
    regions: Sequence[str],
    groups: Sequence[str],
    relevant: Mapping[str, Mapping[str, int]],
    rare: AbstractSet[str],
) -> list[Access]:
    """Access by region and of all, for regions and groups that have relevant patients.

    Args:
        persons: Of ``persons_by_region_and_group``.
        regions: Its rows.
        groups: Its columns.
        relevant: Region to group to relevant patients.
        rare: Groups too small to show; they are standardised as one, so that the index does not
            give their numbers away.
    """
    base = np.array(
        [[relevant.get(region, {}).get(group, 0) for group in groups] for region in regions],
        dtype=np.float64,
    ).reshape(len(regions), len(groups))
    observed = np.where(base > 0, persons, 0).astype(np.float64)
    is_rare = np.array([group in rare for group in groups], dtype=np.bool_)
    strata, bases = (_merged(each, is_rare) for each in (observed, base))
    sums = bases.sum(axis=0)
    share = np.divide(strata.sum(axis=0), sums, out=np.zeros_like(sums), where=sums > 0)
    expected = bases @ share
    found = [
        _access(region, int(observed[place].sum()), int(base[place].sum()), float(expected[place]))
        for place, region in enumerate(regions)
        if base[place].sum() > 0
    ]
    if not found:
        return []
    total = _access(ALL, int(observed.sum()), int(base.sum()), float(expected.sum()))
    return [*found, total]


def _merged(values: NDArray[np.float64], rare: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Columns of the groups, those of rare ones added up in the last."""
    return np.column_stack([values[:, ~rare], values[:, rare].sum(axis=1)])


def _access(region: str, patients: int, relevant: int, expected: float) -> Access:
    low, high = poisson_limits(patients)
    scaled = (patients * PER / relevant, low * PER / relevant, high * PER / relevant)
    index = (patients / expected, low / expected, high / expected) if expected > 0 else None
    return Access(region, patients, relevant, scaled, index)


def _distinct(genomes: Sequence[Genome]) -> set[tuple[str, str, str]]:
    return {(each.region, each.patient_group, each.person) for each in genomes}
