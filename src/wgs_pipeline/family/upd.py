"""Uniparental disomy of whole chromosomes: a trio's sites that lack one parent's allele.

Where the parents are homozygous for different alleles, a child must be heterozygous; homozygous
for the father's allele it lacks the mother's, and the other way round. On a chromosome that both
parents passed on these sites are errors of calling; on one that is a parent's alone they are the
rule (UPDio, King et al., Genome Research 2014). Both counts are held against the error rate by a
one-sided binomial test, with Bonferroni's correction for autosomes and parents.

Whether the two copies are one (isodisomy) is seen where the parent who gave both is heterozygous:
there a child with both of the parent's chromosomes is heterozygous, with one of them twice
homozygous. A large deletion in the child looks as isodisomy does: see the depth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from wgs_pipeline.family.callset import Batch
from wgs_pipeline.family.settings import UpdConfig
from wgs_pipeline.family.transmission import is_called, ploidy


@dataclass
class Chromosome:
    """Counts of one autosome of one trio, over sites at which all three are called.

    Attributes:
        opposite: Parents homozygous for different alleles.
        without_father: Of these, the child homozygous for the mother's allele.
        without_mother: Of these, the child homozygous for the father's allele.
        father_het: The father heterozygous.
        child_het_of_father: Of these, the child heterozygous.
        mother_het: The mother heterozygous.
        child_het_of_mother: Of these, the child heterozygous.
    """

    opposite: int = 0
    without_father: int = 0
    without_mother: int = 0
    father_het: int = 0
    child_het_of_father: int = 0
    mother_het: int = 0
    child_het_of_mother: int = 0

    def add(self, batch: Batch, child: int, father: int, mother: int) -> None:
        """Count the SNVs of some records; the samples are given by column."""
        three = [batch.alleles[:, each] for each in (child, father, mother)]
        used = batch.is_snv & (batch.n_alts == 1)
        for each in three:
            used &= is_called(each) & (ploidy(each) == 2)
        dosages = np.stack([each[used].sum(axis=1) for each in three])
        own, of_father, of_mother = dosages
        opposite = np.abs(of_father - of_mother) == 2
        self.opposite += int(opposite.sum())
        self.without_father += int((opposite & (own == of_mother)).sum())
        self.without_mother += int((opposite & (own == of_father)).sum())
        self.father_het += int((of_father == 1).sum())
        self.child_het_of_father += int(((of_father == 1) & (own == 1)).sum())
        self.mother_het += int((of_mother == 1).sum())
        self.child_het_of_mother += int(((of_mother == 1) & (own == 1)).sum())


@dataclass(frozen=True)
class Finding:
    """What the counts of a chromosome say.

    Attributes:
        p_without_father: Corrected p of the sites without the father's allele.
        p_without_mother: Corrected p of the sites without the mother's allele.
        parent: ``maternal`` where the father's allele lacks, ``paternal``, or "" where neither.
        kind: isodisomy, heterodisomy or mixed; "" where there is none, or nothing to tell by.
        note: Why a chromosome is not judged, or "".
    """

    p_without_father: float
    p_without_mother: float
    parent: str = ""
    kind: str = ""
    note: str = ""


def judge(counts: Chromosome, autosomes: int, rules: UpdConfig) -> Finding:
    """Hold the counts of one chromosome against the rules.

    Args:
        counts: The counts.
        autosomes: Chromosomes that are judged, for the correction.
        rules: Bounds.
    """
    lacking = (counts.without_father, counts.without_mother)
    p_father, p_mother = (
        min(1.0, 2 * autosomes * binomial_tail(each, counts.opposite, rules.error_rate))
        for each in lacking
    )
    if counts.opposite < rules.min_sites:
        return Finding(p_father, p_mother, note=f"fewer than {rules.min_sites} informative sites")
    for parent, count, p in zip(
        ("maternal", "paternal"), lacking, (p_father, p_mother), strict=True
    ):
        if p < rules.max_p and count >= rules.min_share * counts.opposite:
            return Finding(p_father, p_mother, parent, _kind(counts, parent, rules.purity))
    return Finding(p_father, p_mother)


def _kind(counts: Chromosome, parent: str, purity: float) -> str:
    of_mother = parent == "maternal"
    sites = counts.mother_het if of_mother else counts.father_het
    het = counts.child_het_of_mother if of_mother else counts.child_het_of_father
    if not sites:
        return ""
    if het <= (1 - purity) * sites:
        return "isodisomy"
    return "heterodisomy" if het >= purity * sites else "mixed"


def binomial_tail(successes: int, trials: int, rate: float) -> float:
    """Probability of at least so many successes: the one-sided binomial test."""
    if successes <= 0:
        return 1.0
    log_rate, log_other = math.log(rate), math.log1p(-rate)
    whole = math.lgamma(trials + 1)
    logs = np.array(
        [
            whole - math.lgamma(k + 1) - math.lgamma(trials - k + 1)
            + k * log_rate + (trials - k) * log_other
            for k in range(successes, trials + 1)
        ]
    )  # fmt: skip
    highest = logs.max()
    return min(1.0, float(np.exp(highest) * np.exp(logs - highest).sum()))
