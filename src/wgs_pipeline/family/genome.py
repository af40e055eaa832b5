"""What the analysis of families knows of the reference: parts of the genome, and genes by place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.config import ReferenceConfig
from wgs_pipeline.family.callset import Bools, Rows
from wgs_pipeline.metrics.contigs import Part, contig_parts
from wgs_pipeline.ngd.genes import Gene, read_genes
from wgs_pipeline.ngd.names import Naming
from wgs_pipeline.ngd.reference import Reference
from wgs_pipeline.reference import Contig, Interval, Role, pseudoautosomal, read_contigs

_ROLES = {
    Part.AUTOSOME: Role.AUTOSOME,
    Part.X: Role.X,
    Part.Y: Role.Y,
    Part.MITOCHONDRION: Role.MITOCHONDRION,
}


@dataclass(frozen=True)
class Genome:
    """Contigs of the reference, and the PAR."""

    contigs: tuple[Contig, ...]
    par: tuple[Interval, ...]

    @classmethod
    def read(cls, fai: Path, config: ReferenceConfig) -> Genome:
        """By the index of the FASTA and the configuration.

        Raises:
            ProblemsError: A file is malformed.
        """
        contigs = read_contigs(fai, config.x, config.y, config.mitochondrion)
        return cls(contigs, pseudoautosomal(contigs, config.par_bed))

    @property
    def roles(self) -> dict[str, Role]:
        """Roles of the contigs that are looked at: no unplaced ones, decoys or HLA."""
        parts = contig_parts(self.contigs)
        return {name: _ROLES[part] for name, part in parts.items() if part in _ROLES}

    @property
    def autosomes(self) -> list[Contig]:
        """The autosomes, in order."""
        roles = self.roles
        return [each for each in self.contigs if roles.get(each.name) is Role.AUTOSOME]

    def in_par(self, contig: str, positions: Rows) -> Bools:
        """Whether 1-based positions lie in the PAR, shape as given."""
        inside = np.zeros(len(positions), np.bool_)
        for each in self.par:
            if each.contig == contig:
                inside |= (positions > each.start) & (positions <= each.end)
        return inside


@dataclass(frozen=True)
class GeneIndex:
    """Genes of one contig.

    Attributes:
        names: Name of each gene, by start.
        starts: First base, 0-based, ascending, shape (genes,).
        ends: One past the last base, shape (genes,).
    """

    names: Sequence[str]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    @classmethod
    def empty(cls) -> GeneIndex:
        """No gene."""
        return cls((), np.empty(0, np.int64), np.empty(0, np.int64))

    def hits(self, starts: Rows, ends: Rows) -> tuple[Rows, Rows]:
        """Pairs (interval, gene) that overlap, by interval.

        Args:
            starts: 0-based first bases of intervals, shape (intervals,).
            ends: One past their last bases.
        """
        if not len(self.ends):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        # Genes that begin before an interval ends, from the first that may still reach into it.
        low = np.searchsorted(np.maximum.accumulate(self.ends), starts, side="right")
        counts = np.maximum(np.searchsorted(self.starts, ends, side="left") - low, 0)
        interval = np.repeat(np.arange(len(starts)), counts)
        first = np.repeat(np.cumsum(counts) - counts, counts)
        gene = np.repeat(low, counts) + np.arange(len(interval)) - first
        inside = self.ends[gene] > starts[interval]
        return interval[inside], gene[inside]


def index_genes(path: Path, contigs: Sequence[Contig]) -> dict[str, GeneIndex]:
    """Genes of a GFF3 or BED by contig of the reference.

    Raises:
        NgdError: The file is malformed, or has no gene on the reference.
    """
    lengths = {each.name: each.length for each in contigs}
    by_contig: dict[str, list[Gene]] = {}
    for gene in read_genes(path, Naming(Reference.build(lengths))):
        by_contig.setdefault(gene.region.contig, []).append(gene)
    return {contig: _indexed(genes) for contig, genes in by_contig.items()}


def _indexed(genes: list[Gene]) -> GeneIndex:
    genes = sorted(genes, key=lambda each: (each.region.start, each.region.end, each.name))
    return GeneIndex(
        [each.name for each in genes],
        np.array([each.region.start for each in genes], np.int64),
        np.array([each.region.end for each in genes], np.int64),
    )
