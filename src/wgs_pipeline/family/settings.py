"""The part ``family`` of the configuration, as typed records. Defaults are in the schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class DeNovoConfig:
    """What a de novo candidate must hold; depths are reads, of a diploid genotype.

    Attributes:
        mutation_rate: Mutations a base and generation.
        min_posterior: Least posterior that the allele is new.
        min_child_depth: Least depth of the child; half of it where the child is haploid.
        min_parent_depth: Least depth of each parent who passes on; half where haploid.
        min_child_alt_share: Least share of the child's reads with the allele, where diploid.
        min_hemizygous_alt_share: The same where haploid.
        max_parent_alt_share: Largest share of a parent's reads with the allele.
    """

    mutation_rate: float
    min_posterior: float
    min_child_depth: int
    min_parent_depth: int
    min_child_alt_share: float
    min_hemizygous_alt_share: float
    max_parent_alt_share: float


@dataclass(frozen=True)
class RohConfig:
    """Runs of homozygosity.

    Attributes:
        genotype_error_phred: How sure a called genotype is.
        allele_frequencies: bgzip table of CHROM, POS, REF,ALT, AF with its index; None: there is
            none, and every ALT allele has the default.
        default_frequency: Frequency of ALT alleles without a table.
        min_length_bp: Shorter runs are left out.
        min_sites: Runs with fewer sites are left out.
        min_quality: Runs of lower quality are left out, Phred.
    """

    genotype_error_phred: int
    allele_frequencies: Path | None
    default_frequency: float
    min_length_bp: int
    min_sites: int
    min_quality: float


@dataclass(frozen=True)
class UpdConfig:
    """Uniparental disomy.

    Attributes:
        error_rate: Share of informative sites at which a called child seems to lack an allele.
        max_p: Largest p after correction.
        min_sites: A chromosome with fewer informative sites is not judged.
        min_share: Least share of informative sites that lack one parent's allele.
        purity: Share of sites of one kind from which disomy is not called mixed.
    """

    error_rate: float
    max_p: float
    min_sites: int
    min_share: float
    purity: float


@dataclass(frozen=True)
class FamilyConfig:
    """How families are analysed; ``genes`` is None where there are none."""

    genes: Path | None
    de_novo: DeNovoConfig
    roh: RohConfig
    upd: UpdConfig


def family_config(values: Mapping[str, Any]) -> FamilyConfig:
    """Typed records of the values of ``family``, whose paths are absolute."""
    genes, frequencies = values["genes"], values["roh"]["allele_frequencies"]
    roh = {**values["roh"], "allele_frequencies": Path(frequencies) if frequencies else None}
    return FamilyConfig(
        Path(genes) if genes else None,
        DeNovoConfig(**values["de_novo"]),
        RohConfig(**roh),
        UpdConfig(**values["upd"]),
    )
