"""Contamination: the share of the reads that come from another person.

Two estimates, neither of which needs that person's genotypes:

- **likelihood**, of the bases counted at common SNVs whose allele frequencies are known, as
  VerifyBamID's (Jun et al. 2012, doi:10.1016/j.ajhg.2012.09.004): the share under which the counts
  are most likely, over all genotypes of the sample and of one contaminant (``mixture``);
- **CHARR** (Lu et al. 2023, doi:10.1016/j.ajhg.2023.10.011): reads of the reference allele at
  sites where the sample is homozygous for the other, which a contaminant brings with the frequency
  of the reference allele.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.errors import WgsError
from wgs_pipeline.metrics.catalogue import Finding, NotApplicable
from wgs_pipeline.metrics.mixture import Alleles, drift_of, most_likely_share
from wgs_pipeline.metrics.sites import (
    read_common_snvs,
    read_homozygous_snvs,
    reference_frequencies,
)

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]

#: Sites below which there is no estimate. From twice as many on, where they are not linked, it is
#: within half a percentage point up to 5 % (docs/qc.md).
FEWEST_LIKELIHOOD_SITES = 1000
FEWEST_CHARR_SITES = 1000
#: More sites than this are thinned: they would cost minutes, and tell no more.
MOST_LIKELIHOOD_SITES = 100_000
#: An estimate of which two standard errors are more than this, and than half of it, says nothing.
LARGEST_ERROR = 0.005
#: Neighbouring sites, which are linked, make a block; the blocks tell the standard error.
_BLOCKS = 20
#: Mean frequency of the reference allele at a person's homozygous alternate sites: one third under
#: the neutral spectrum, where the number of sites falls with 1 / frequency; 0.327 at those of 503
#: Europeans of 1000 Genomes (chr22:16.05-16.64 Mb).
TYPICAL_REFERENCE_FREQUENCY = 1 / 3
#: Depths that CHARR takes, in reads; deeper sites are collapsed repeats (Lu et al. 2023).
CHARR_DEPTHS = (10, 100)
#: Frequencies of common SNVs, of either allele.
COMMON = (0.05, 0.95)
_LEAST_DEPTH = 8
#: Of the median depth; deeper sites are collapsed repeats.
_MOST_RELATIVE_DEPTH = 3
#: Chance of one certain wrong base, at the least: Q40.
_LEAST_ERROR = 1e-4


@dataclass(frozen=True)
class Estimate:
    """An estimate of the contamination.

    Attributes:
        rate: Share of the reads, 0 to 0.5, or why there is none.
        sites: Sites that it rests on.
        standard_error: Of the rate, from blocks of neighbouring sites; None where there is none.
    """

    rate: float | NotApplicable
    sites: int
    standard_error: float | None = None

    def as_json(self) -> dict[str, Any]:
        """As the files of ``wgs qc alignment`` and ``wgs qc charr`` hold it."""
        document = {"sites": self.sites, "standard_error": self.standard_error}
        if isinstance(self.rate, NotApplicable):
            return {"rate": None, "not_applicable": self.rate.reason, **document}
        return {"rate": self.rate, **document}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Estimate:
        """An estimate from such a file."""
        rate, error = document["rate"], document["standard_error"]
        return cls(
            NotApplicable(str(document["not_applicable"])) if rate is None else float(rate),
            int(document["sites"]),
            None if error is None else float(error),
        )

    @classmethod
    def from_blocks(cls, rate: float, sites: int, blocks: Sequence[float]) -> Estimate:
        """An estimate with its standard error, or why it says nothing.

        Args:
            rate: From all sites.
            sites: How many they are.
            blocks: The same from each block of neighbouring sites alone.
        """
        error = float(np.std(blocks, ddof=1) / np.sqrt(len(blocks)))
        if 2 * error > max(LARGEST_ERROR, rate / 2):
            reason = (
                f"{rate:.4f} has a standard error of {error:.4f}; its {sites} sites say too little"
            )
            return cls(NotApplicable(reason), sites, error)
        return cls(rate, sites, error)


def read_estimate(path: Path) -> Estimate:
    """Read the file that ``wgs qc charr`` wrote.

    Raises:
        WgsError: It cannot be read, or is not one.
    """
    try:
        return Estimate.of(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WgsError(
            f"{path}: not the output of wgs qc charr ({error!r}); make it again"
        ) from error


def contamination_metrics(
    likelihood: Estimate | None, charr: Estimate | None
) -> dict[str, Finding]:
    """Both estimates, and the one that counts: the likelihood where there is one, else CHARR."""
    by_likelihood = (
        likelihood.rate
        if likelihood
        else NotApplicable("no common SNVs are configured (qc.contamination_sites)")
    )
    by_charr = charr.rate if charr else NotApplicable("there is no gVCF (no wgs qc charr)")
    rate, chosen = by_likelihood, likelihood
    if isinstance(by_likelihood, NotApplicable):
        rate, chosen = by_charr, charr
        if isinstance(by_charr, NotApplicable):
            rate = NotApplicable(f"{by_likelihood.reason}; {by_charr.reason}")
    error: Finding = NotApplicable("there is no estimate of the contamination")
    if not isinstance(rate, NotApplicable) and chosen and chosen.standard_error is not None:
        error = chosen.standard_error
    return {
        "cross_contamination_rate": rate,
        "contamination_standard_error": error,
        "contamination_likelihood": by_likelihood,
        "contamination_charr": by_charr,
    }


def likelihood_estimate(
    reference: Longs, alternate: Longs, other: Longs, frequency: Floats, fewest: int | None = None
) -> Estimate:
    """The share of foreign reads under which the counts are most likely.

    Args:
        reference: Bases that show the reference allele at each site, shape (sites,).
        alternate: Those that show the alternate allele.
        other: Those that show neither: errors, by which the rate of errors is told.
        frequency: Frequency of the alternate allele in the population.
        fewest: Sites below which there is no estimate; None: ``FEWEST_LIKELIHOOD_SITES``.
    """
    depth = reference + alternate
    deep = depth >= _LEAST_DEPTH
    middle = float(np.median(depth[deep])) if deep.any() else 0.0
    low, high = COMMON
    used = deep & (depth <= _MOST_RELATIVE_DEPTH * middle)
    used &= (low <= frequency) & (frequency <= high)
    sites = int(used.sum())
    fewest = FEWEST_LIKELIHOOD_SITES if fewest is None else fewest
    if sites < max(fewest, 2):
        reason = f"{sites} common SNVs have {_LEAST_DEPTH} reads or more; {fewest} are needed"
        return Estimate(NotApplicable(reason), sites)
    total = int(depth[used].sum() + other[used].sum())
    error = max(int(other[used].sum()) / total / 2, _LEAST_ERROR)
    places = _thinned(np.flatnonzero(used))
    read = Alleles(reference[places], alternate[places], frequency[places], error)
    drift = drift_of(read)
    parts = np.array_split(np.arange(len(places)), min(_BLOCKS, sites))
    blocks = [most_likely_share(read[part], drift) for part in parts]
    return Estimate.from_blocks(most_likely_share(read, drift), len(places), blocks)


def _thinned(places: Longs) -> Longs:
    """At most ``MOST_LIKELIHOOD_SITES`` of them, evenly."""
    return places[:: -(-len(places) // MOST_LIKELIHOOD_SITES)]


def charr_estimate(
    reference: Longs,
    alternate: Longs,
    reference_frequency: Floats | None = None,
    fewest: int | None = None,
) -> Estimate:
    """CHARR: mean share of reference reads at homozygous alternate SNVs, per reference allele.

    Args:
        reference: Reads of the reference allele at each site, shape (sites,).
        alternate: Reads of the alternate allele.
        reference_frequency: Frequency of the reference allele in the population at each site; NaN
            where unknown, and None where no frequency is known: then it is taken as
            ``TYPICAL_REFERENCE_FREQUENCY`` at every site.
        fewest: Sites below which there is no estimate; None: ``FEWEST_CHARR_SITES``.
    """
    depth = reference + alternate
    used = (depth >= CHARR_DEPTHS[0]) & (depth <= CHARR_DEPTHS[1])
    low, high = COMMON
    if reference_frequency is None:
        expected = np.full(len(depth), TYPICAL_REFERENCE_FREQUENCY)
    else:
        expected = reference_frequency
        used &= (low <= expected) & (expected <= high)
    sites = int(used.sum())
    fewest = FEWEST_CHARR_SITES if fewest is None else fewest
    if sites < max(fewest, 2):
        reason = f"{sites} homozygous SNVs have enough reads; {fewest} are needed"
        return Estimate(NotApplicable(reason), sites)
    shares = reference[used] / depth[used] / expected[used]
    blocks = [float(each.mean()) for each in np.array_split(shares, min(_BLOCKS, sites))]
    return Estimate.from_blocks(float(shares.mean()), sites, blocks)


def charr_of_gvcf(
    gvcf: Path, autosomes: Path, contigs: Sequence[str], sites: Path | None = None
) -> Estimate:
    """CHARR of a gVCF of one sample.

    Args:
        gvcf: The gVCF.
        autosomes: BED of the autosomes without N.
        contigs: Names of the reference's contigs.
        sites: VCF of common SNVs with INFO/AF; without, or where it has too few of the sample's,
            the frequencies count as unknown.
    """
    snvs = read_homozygous_snvs(gvcf, autosomes, contigs)
    if isinstance(snvs, NotApplicable):
        return Estimate(snvs, 0)
    reads = snvs.reference_reads, snvs.alternate_reads
    if sites:
        frequency = reference_frequencies(snvs, read_common_snvs(sites, contigs))
        known = charr_estimate(*reads, frequency)
        if not isinstance(known.rate, NotApplicable):
            return known
    return charr_estimate(*reads)
