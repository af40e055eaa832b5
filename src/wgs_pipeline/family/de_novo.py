"""De novo candidates of a trio: alleles that neither parent was called with, and how sure each is.

Every candidate has a posterior (see ``posterior``) and is held against rules on reads, which are
those of Samocha et al. (2014) as Hail's ``de_novo`` has them, with the bounds of the configuration
(``family.de_novo``). A candidate that breaks rules is listed with their names. A haploid genotype
needs half the depth. On chrX of a son the father passes nothing on, and on chrY the mother: their
reads are not asked. The mitochondrion is left out: what is new there is a matter of heteroplasmy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wgs_pipeline.family.callset import Alleles, Batch, Rows
from wgs_pipeline.family.posterior import (
    Floats,
    de_novo_posterior,
    dosage_likelihoods,
    reference_likelihoods,
)
from wgs_pipeline.family.settings import DeNovoConfig
from wgs_pipeline.family.structure import Child, Family
from wgs_pipeline.family.transmission import Source, Sources, is_called, ploidy, sources
from wgs_pipeline.reference import Role

PASS = "PASS"


@dataclass(frozen=True)
class Reads:
    """What one person's reads say at a candidate; NaN where the callset does not say.

    Attributes:
        genotype: Allele indices as in the VCF, ``/`` between.
        depth: Reads.
        alt: Reads with the allele.
    """

    genotype: str
    depth: float
    alt: float

    @property
    def share(self) -> float:
        """Share of reads with the allele."""
        return self.alt / self.depth if self.depth else np.nan


@dataclass(frozen=True)
class Candidate:
    """An allele of a child that no parent was called with.

    Attributes:
        contig: Contig.
        position: 1-based, of the record.
        ref: REF of the record.
        alt: The allele.
        child: The child.
        reads: Of child, father and mother.
        source: Who passes alleles on there.
        posterior: That it is new; NaN without genotype likelihoods.
        carriers: Other members who have it and are no descendants of the child.
        broken: Rules that it breaks.
    """

    contig: str
    position: int
    ref: str
    alt: str
    child: str
    reads: tuple[Reads, Reads, Reads]
    source: Source
    posterior: float
    carriers: tuple[str, ...]
    broken: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """PASS, or the broken rules."""
        return ";".join(self.broken) or PASS


def candidates(
    batch: Batch, role: Role, family: Family, child: Child, rules: DeNovoConfig
) -> Iterator[Candidate]:
    """The candidates of one child of two parents in some records, in their order."""
    if role is Role.MITOCHONDRION or child.father is None or child.mother is None:
        return
    column = {name: at for at, name in enumerate(family.names)}
    trio = [column[child.name], column[child.father], column[child.mother]]
    genotypes = [batch.alleles[:, each] for each in trio]
    source = sources(role, child.sex, *genotypes)
    found = [
        (row, allele)
        for allele in range(1, int(batch.n_alts.max(initial=0)) + 1)
        for row in _new(source, genotypes, allele).tolist()
    ]
    for width in np.unique(batch.n_alts[[row for row, _ in found]]).tolist():
        for allele in range(1, width + 1):
            rows = np.array(
                [row for row, each in found if each == allele and batch.n_alts[row] == width],
                np.int64,
            )
            if len(rows):
                yield from _described(batch, family, child, trio, source, rows, allele, rules)


def _new(source: Sources, genotypes: Sequence[Alleles], allele: int) -> Rows:
    """Records at which the child has an allele that those who passed alleles on have not."""
    has = [(each == allele).any(axis=1) for each in genotypes]
    called = [is_called(each) for each in genotypes]
    both = (source == Source.BOTH) & called[1] & called[2] & ~has[1] & ~has[2]
    from_mother = (source == Source.MOTHER) & called[2] & ~has[2]
    from_father = (source == Source.FATHER) & called[1] & ~has[1]
    return np.flatnonzero(has[0] & called[0] & (both | from_mother | from_father))


def _described(
    batch: Batch,
    family: Family,
    child: Child,
    trio: Sequence[int],
    source: Sources,
    rows: Rows,
    allele: int,
    rules: DeNovoConfig,
) -> Iterator[Candidate]:
    """Candidates of records with equally many alleles."""
    width = int(batch.n_alts[rows[0]]) + 1
    reads = [_reads(batch, each, rows, allele, width) for each in trio]
    likely = [_likelihoods(batch, each, rows, allele, width) for each in trio]
    copies = np.stack([ploidy(batch.alleles[rows, each]) for each in trio], axis=1)
    posterior = _posteriors(source[rows], likely, copies, rules.mutation_rate)
    relatives = _relatives(family, child)
    carried = (batch.alleles[rows] == allele).any(axis=2)
    refs = batch.ref.take(pa.array(rows)).to_pylist()
    alts = batch.alt.take(pa.array(rows)).to_pylist()
    for at, row in enumerate(rows.tolist()):
        own = (reads[0][at], reads[1][at], reads[2][at])
        kind = Source(int(source[row]))
        carriers = tuple(name for name, sample in relatives if carried[at, sample])
        broken = _broken(own, kind, copies[at], float(posterior[at]), carriers, rules)
        yield Candidate(
            contig=batch.contig,
            position=int(batch.positions[row]),
            ref=refs[at],
            alt=alts[at].split(",")[allele - 1],
            child=child.name,
            reads=own,
            source=kind,
            posterior=float(posterior[at]),
            carriers=carriers,
            broken=broken,
        )


def _relatives(family: Family, child: Child) -> list[tuple[str, int]]:
    """Members, and their columns, who are neither of the trio nor descend from the child.

    Another sample of the child itself is no relative.
    """
    apart = {child.name, child.father, child.mother, *family.descendants(child.name)}
    person = next(each.patient_id for each in family.members if each.sample_id == child.name)
    return [
        (each.sample_id, at)
        for at, each in enumerate(family.members)
        if each.sample_id not in apart and each.patient_id != person
    ]


def _reads(batch: Batch, sample: int, rows: Rows, allele: int, width: int) -> list[Reads]:
    by_allele = batch.numbers("AD", sample, rows, width)
    # Reads of all alleles where the caller does not state the depth.
    stated = batch.numbers("DP", sample, rows, 1)[:, 0]
    depth = np.where(np.isnan(stated), by_allele.sum(axis=1), stated)
    genotypes = batch.alleles[rows, sample].tolist()
    texts = ["/".join("." if a < 0 else str(a) for a in each if a != -2) for each in genotypes]
    values = zip(texts, depth.tolist(), by_allele[:, allele].tolist(), strict=True)
    return [Reads(*each) for each in values]


def _likelihoods(
    batch: Batch, sample: int, rows: Rows, allele: int, width: int
) -> tuple[Floats, Floats]:
    """Likelihoods by dosage where the sample is haploid, and where diploid.

    A reference block of a gVCF has a depth and no likelihoods: they follow from the depth.
    """
    genotypes = width * (width + 1) // 2
    pl = batch.numbers("PL", sample, rows, genotypes)
    if "PL" not in batch.cells:
        pl = -10 * batch.numbers("GL", sample, rows, genotypes)
    likely = dosage_likelihoods(pl[:, :width], allele, 1), dosage_likelihoods(pl, allele, 2)
    own = batch.alleles[rows, sample]
    block = np.isnan(pl).all(axis=1) & (own <= 0).all(axis=1) & is_called(own)
    if block.any():
        depth = batch.numbers("DP", sample, rows[block], 1)[:, 0]
        for found, of_block in zip(likely, reference_likelihoods(depth), strict=True):
            found[block] = of_block
    return likely


def _posteriors(
    source: Sources,
    likely: Sequence[tuple[Floats, Floats]],
    copies: NDArray[np.int8],
    rate: float,
) -> Floats:
    found = np.full(len(source), np.nan)
    passing = {Source.BOTH: (1, 2), Source.MOTHER: (2,), Source.FATHER: (1,)}
    keys = np.concatenate([source[:, np.newaxis], copies], axis=1)
    for key in np.unique(keys, axis=0):
        here = (keys == key).all(axis=1)
        kind, own, *_ = key.tolist()
        parents = [
            (likely[parent][key[parent + 1] - 1][here], int(key[parent + 1]))
            for parent in passing[Source(kind)]
        ]
        found[here] = de_novo_posterior(likely[0][own - 1][here], parents, own, rate)
    return found


def _broken(
    reads: Sequence[Reads],
    source: Source,
    copies: NDArray[np.int8],
    posterior: float,
    carriers: Sequence[str],
    rules: DeNovoConfig,
) -> tuple[str, ...]:
    """Names of the rules that a candidate breaks; what is not known breaks its rule."""
    child, father, mother = reads
    asked = {"father": (father, copies[1]), "mother": (mother, copies[2])}
    if source is Source.MOTHER:
        del asked["father"]
    if source is Source.FATHER:
        del asked["mother"]
    balance = rules.min_child_alt_share if copies[0] == 2 else rules.min_hemizygous_alt_share
    broken = [] if posterior >= rules.min_posterior else ["posterior"]
    if not child.depth >= _least(rules.min_child_depth, copies[0]):
        broken.append("child_depth")
    if not child.share >= balance:
        broken.append("child_balance")
    for role, (parent, own) in asked.items():
        if not parent.depth >= _least(rules.min_parent_depth, own):
            broken.append(f"{role}_depth")
        if np.isnan(parent.alt):
            broken.append(f"{role}_reads_unknown")
        elif not parent.share <= rules.max_parent_alt_share:
            broken.append(f"{role}_alt_reads")
    return (*broken, "relative") if carriers else tuple(broken)


def _least(depth: int, copies: int) -> float:
    return depth if copies == 2 else depth / 2
