"""Heteroplasmy: the share of a person's mitochondria that differ, and what casts doubt on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Longs = NDArray[np.int64]
Floats = NDArray[np.float64]

LOW_QUALITY, LOW_DEPTH, STRAND_BIAS = "LowQual", "LowDepth", "StrandBias"
FILTERS = {
    LOW_QUALITY: "So many reads with the allele may be errors of sequencing",
    LOW_DEPTH: "Too few reads",
    STRAND_BIAS: "The share of the reads with the allele differs between the strands",
}
#: Error rate of a base of quality 20, the least that counts, for one of three wrong bases.
_ERROR_RATE = 0.01 / 3
#: Strands differ where their shares are this many standard errors apart, and by this factor.
_STRAND_Z, _STRAND_FACTOR = 3.29, 3.0
#: Standard deviations above a mean depth that one base in a hundred exceeds.
_DEPTH_Z = 2.33
_HIGHEST_QUALITY = 3_000.0


@dataclass(frozen=True)
class Alleles:
    """Alleles that reads show, one an element.

    Attributes:
        position: First base of REF on the reference, 0-based.
        ref: REF.
        alt: ALT.
        depth: Reads at the site.
        ref_reads: Reads with REF on the forward and on the reverse strand, shape (alleles, 2).
        alt_reads: Reads with ALT likewise.
    """

    position: Longs
    ref: Sequence[str]
    alt: Sequence[str]
    depth: Longs
    ref_reads: Longs
    alt_reads: Longs

    def __len__(self) -> int:
        return len(self.position)

    @property
    def share(self) -> Floats:
        """Reads with ALT among all reads at the site."""
        shares: Floats = self.alt_reads.sum(axis=1) / np.maximum(self.depth, 1)
        return shares

    def take(self, rows: Longs) -> Alleles:
        """The alleles of ``rows``, in their order."""
        return Alleles(
            self.position[rows],
            [self.ref[row] for row in rows],
            [self.alt[row] for row in rows],
            self.depth[rows],
            self.ref_reads[rows],
            self.alt_reads[rows],
        )


def join(parts: Sequence[Alleles]) -> Alleles:
    """Alleles of several tables, sorted by position, REF and ALT."""
    arrays = ("position", "depth", "ref_reads", "alt_reads")
    columns = {name: np.concatenate([getattr(each, name) for each in parts]) for name in arrays}
    ref = [allele for each in parts for allele in each.ref]
    alt = [allele for each in parts for allele in each.alt]
    whole = Alleles(ref=ref, alt=alt, **columns)
    order = sorted(range(len(whole)), key=lambda n: (whole.position[n], ref[n], alt[n]))
    return whole.take(np.array(order, np.int64))


def qualities(alleles: Alleles) -> Floats:
    """How surely the reads with ALT are not all errors, Phred scale.

    Chernoff's bound on the chance that errors alone give an allele this share of the reads:
    exp(-reads x D), where D is the divergence of the share from the error rate (Hoeffding 1963,
    theorem 1).
    """
    share = np.clip(alleles.share, _ERROR_RATE, 1)
    rest = np.maximum(1 - share, np.finfo(float).tiny)
    divergence = share * np.log(share / _ERROR_RATE) + rest * np.log(rest / (1 - _ERROR_RATE))
    phred: Floats = np.clip(10 * alleles.depth * divergence / np.log(10), 0, _HIGHEST_QUALITY)
    return phred


def filters(
    alleles: Alleles, quality: Floats, min_quality: float, min_depth: int
) -> list[list[str]]:
    """The filters that each allele fails.

    Args:
        alleles: The alleles.
        quality: Their ``qualities``.
        min_quality: Least quality (Phred).
        min_depth: Least reads at the site.
    """
    found = []
    for row in range(len(alleles)):
        failed = []
        if quality[row] < min_quality:
            failed.append(LOW_QUALITY)
        if alleles.depth[row] < min_depth:
            failed.append(LOW_DEPTH)
        if _is_one_sided(alleles.ref_reads[row], alleles.alt_reads[row]):
            failed.append(STRAND_BIAS)
        found.append(failed)
    return found


def _is_one_sided(ref: Longs, alt: Longs) -> bool:
    """Whether the strands show the allele in different shares, beyond chance and by far.

    At a depth of thousands chance alone is no measure: shares of 20 and 22 % differ for certain.
    """
    total = ref + alt
    if not total.all():
        return False  # reads of one strand only, as from an amplicon
    low, high = sorted((alt / total).tolist())
    if high == 0 or high < _STRAND_FACTOR * low:
        return False
    pooled = alt.sum() / total.sum()
    error = np.sqrt(pooled * (1 - pooled) * (1 / total).sum())
    return bool(high - low > _STRAND_Z * error)


def possible_numts(alleles: Alleles, autosome_depth: float) -> NDArray[np.bool_]:
    """Whether a copy of the mitochondrion in the nuclear genome may have given the reads.

    Such a copy (NUMT) that the reference lacks, on both chromosomes, has the depth of the
    autosomes; its reads align to the mitochondrion and look heteroplasmic.

    Args:
        alleles: The alleles.
        autosome_depth: Mean depth of the autosomes.
    """
    most = autosome_depth + _DEPTH_Z * np.sqrt(autosome_depth)
    flags: NDArray[np.bool_] = alleles.alt_reads.sum(axis=1) <= most
    return flags
