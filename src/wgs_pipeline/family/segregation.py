"""The candidates of one contig by pattern of inheritance, gathered batch by batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from wgs_pipeline.family import compound, inheritance
from wgs_pipeline.family.callset import Batch, Bools, Rows
from wgs_pipeline.family.de_novo import PASS, Candidate
from wgs_pipeline.family.genome import GeneIndex
from wgs_pipeline.family.inheritance import CERTAIN, POSSIBLE, Roles, Variants, concatenate
from wgs_pipeline.family.structure import Child, Family


@dataclass(frozen=True, order=True)
class Hit:
    """A variant that follows a pattern of inheritance.

    Attributes:
        position: 1-based, of the record.
        ref: REF of the record.
        alt: The allele.
        gene: Genes that it lies in, with commas; "" where none is given.
        pattern: The pattern.
        child: The affected child for compound and de novo, else "".
        origin: paternal, maternal or unknown, for compound; else "".
        certainty: certain or possible.
    """

    position: int
    ref: str
    alt: str
    gene: str
    pattern: str
    child: str
    origin: str
    certainty: str


@dataclass
class _Het:
    """Compound candidates of some records, one a row for each gene."""

    variants: Variants
    genes: Rows


@dataclass
class ContigCandidates:
    """What was found on one contig so far.

    Attributes:
        family: The family.
        genes: Genes of the contig; None: none are given, and every variant counts.
    """

    family: Family
    genes: GeneIndex | None
    _hits: list[Hit] = field(default_factory=list)
    _hets: list[_Het] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.roles = Roles.of(self.family)

    def add(self, batch: Batch, x_linked: Bools, new: Iterable[Candidate]) -> None:
        """Look at some records; ``new`` are their de novo candidates."""
        if not len(self.roles.affected):
            return
        variants = inheritance.variants_of(batch, x_linked)
        rows, genes = self._genes_of(variants)
        own = self._names(rows, genes)
        for fit in inheritance.fits(variants, self.roles):
            for row in np.flatnonzero(fit.rows).tolist():
                if self.genes is None or row in own:
                    sure = CERTAIN if fit.certain[row] else POSSIBLE
                    self._add(variants, row, own.get(row, ""), fit.pattern, sure)
        self._add_de_novo(variants, own, new)
        if self.genes is not None:
            kept = compound.is_candidate(variants, self.roles)[rows]
            self._hets.append(_Het(variants.take(rows[kept]), genes[kept]))

    def hits(self) -> list[Hit]:
        """Everything found on the contig, by position."""
        return sorted({*self._hits, *self._compound()})

    def _genes_of(self, variants: Variants) -> tuple[Rows, Rows]:
        """Pairs of variant and gene; a variant lies where its REF does."""
        if self.genes is None:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        starts = variants.positions - 1
        lengths = np.asarray(pa.compute.binary_length(variants.ref)).astype(np.int64)
        return self.genes.hits(starts, starts + lengths)

    def _names(self, rows: Rows, genes: Rows) -> dict[int, str]:
        names: dict[int, str] = {}
        for row, gene in zip(rows.tolist(), genes.tolist(), strict=True):
            assert self.genes is not None
            name = self.genes.names[gene]
            names[row] = f"{names[row]},{name}" if row in names else name
        return names

    def _add(self, variants: Variants, row: int, gene: str, pattern: str, sure: str) -> None:
        self._hits.append(Hit(*variants.place(row), gene, pattern, "", "", sure))

    def _add_de_novo(
        self, variants: Variants, own: Mapping[int, str], new: Iterable[Candidate]
    ) -> None:
        affected = {self.family.names[at] for at in self.roles.affected}
        for each in new:
            if each.verdict != PASS or each.child not in affected:
                continue
            row = variants.find(each.position, each.ref, each.alt)
            unaffected = variants.dosages[row, self.roles.unaffected]
            if (unaffected > 0).any() or not (self.genes is None or row in own):
                continue
            pattern = "x_linked_de_novo" if variants.x_linked[row] else "de_novo"
            place = each.position, each.ref, each.alt
            self._hits.append(Hit(*place, own.get(row, ""), pattern, each.child, "", CERTAIN))

    def _compound(self) -> Iterator[Hit]:
        if self.genes is None or not self._hets:
            return
        genes = np.concatenate([each.genes for each in self._hets])
        order = np.argsort(genes, kind="stable")
        hets = _Het(concatenate([each.variants for each in self._hets]).take(order), genes[order])
        affected = {self.family.names[at] for at in self.roles.affected}
        for child in self.family.children:
            if child.name in affected:
                yield from self._of_child(child, hets, self.genes.names)

    def _of_child(self, child: Child, hets: _Het, names: Sequence[str]) -> Iterator[Hit]:
        variants = hets.variants
        origin = compound.origins(variants, self.family, child)
        carried = variants.dosages[:, self.roles.unaffected] > 0
        found = compound.classify(hets.genes, origin, carried, child.is_trio)
        for row in np.flatnonzero(found).tolist():
            yield Hit(
                *variants.place(row),
                names[hets.genes[row]],
                "recessive_compound",
                child.name,
                compound.ORIGINS[origin[row]],
                CERTAIN if found[row] == compound.CERTAIN else POSSIBLE,
            )
