"""The toy reference: two autosomes, chrX and chrY with a shared PAR, chrM.

The genome has bases everywhere; the reference hides some of them below N, as a real assembly
does: contig ends, one run inside each contig, and the PAR of chrY, which analysis references
mask so that reads of both copies align to chrX.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.toy.nucleotides import UNKNOWN, Codes, decode, reverse_complement, substitute
from wgs_pipeline.toy.streams import stream

AUTOSOMES = ("chr1", "chr2")
X, Y, MITOCHONDRION = "chrX", "chrY", "chrM"

#: Contig lengths at scale 1, in bp.
LENGTHS = {"chr1": 130_000, "chr2": 90_000, X: 70_000, Y: 40_000, MITOCHONDRION: 5_000}
_SMALLEST_MITOCHONDRION = 1_500
_PAR_LENGTH = 10_000
_END_N_LENGTH = 600
_MIDDLE_N_LENGTH = 1_200
_MIDDLE_N_AT = 0.45
_GENE_LENGTH, _SHORTEST_GENE = 3_000, 600
_GENES_AT = (0.08, 0.32, 0.56, 0.86)
_DUPLICATE_LENGTH = 1_000
_DUPLICATE_DIVERGENCE = 0.05
#: (from contig, at, to contig, at, inverted); clear of genes and N runs.
_DUPLICATES = (
    ("chr1", 0.20, "chr1", 0.70, False),
    ("chr1", 0.21, "chr2", 0.20, True),
    ("chr2", 0.70, X, 0.70, False),
)


@dataclass(frozen=True)
class Interval:
    """A named piece of a contig, 0-based half-open."""

    contig: str
    start: int
    end: int
    name: str


@dataclass(frozen=True)
class Contig:
    """One contig of the toy genome.

    Attributes:
        name: As in the FASTA.
        complete: The bases, also those that the reference hides; codes 0-3, shape (length,).
        hidden: Where the reference has N, shape (length,).
        repeats: Homopolymers, STRs, interspersed elements and duplicates, shape (length,).
    """

    name: str
    complete: Codes
    hidden: NDArray[np.bool_]
    repeats: NDArray[np.bool_]

    @property
    def length(self) -> int:
        """Length in bp."""
        return len(self.complete)

    @property
    def codes(self) -> Codes:
        """What the FASTA says: codes 0-4, shape (length,)."""
        return np.where(self.hidden, np.uint8(UNKNOWN), self.complete)

    @property
    def circular(self) -> bool:
        """Whether the molecule is a ring."""
        return self.name == MITOCHONDRION


@dataclass(frozen=True)
class Reference:
    """All contigs in FASTA order, with the PAR (the same coordinates on chrX and chrY)."""

    contigs: dict[str, Contig]
    par_start: int
    par_end: int
    genes: tuple[Interval, ...]

    @property
    def length(self) -> int:
        """Length of all contigs, in bp."""
        return sum(contig.length for contig in self.contigs.values())

    @property
    def par(self) -> tuple[Interval, Interval]:
        """The PAR on chrX and on chrY."""
        return (
            Interval(X, self.par_start, self.par_end, "PAR1"),
            Interval(Y, self.par_start, self.par_end, "PAR1"),
        )


def make_reference(seed: int, scale: float = 1.0) -> Reference:
    """Draw the reference of ``seed``; ``scale`` multiplies every length but that of repeats."""
    lengths = {name: round(length * scale) for name, length in LENGTHS.items()}
    lengths[MITOCHONDRION] = max(lengths[MITOCHONDRION], _SMALLEST_MITOCHONDRION)
    genes = _place_genes(lengths, scale)
    contigs = {name: _draw_contig(seed, name, length, genes) for name, length in lengths.items()}
    _copy_duplicates(contigs, round(_DUPLICATE_LENGTH * scale), stream(seed, "duplicates"))
    par_start, par_end = round(_END_N_LENGTH * scale), round(_PAR_LENGTH * scale)
    contigs[Y].complete[:par_end] = contigs[X].complete[:par_end]
    contigs[Y].repeats[:par_end] = contigs[X].repeats[:par_end]
    contigs = {name: _hide(contig, scale) for name, contig in contigs.items()}
    contigs[Y].hidden[:par_end] = True
    return Reference(contigs, par_start, par_end, genes)


def runs(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Intervals where ``mask`` is true: start and end (half-open), shape (runs, 2)."""
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    return edges.reshape(-1, 2).astype(np.int64)


def widen(mask: NDArray[np.bool_], margin: int) -> NDArray[np.bool_]:
    """Extend every run of ``mask`` by ``margin`` bp on both sides."""
    starts, ends = runs(mask).T
    steps = np.zeros(len(mask) + 1, dtype=np.int64)
    np.add.at(steps, np.maximum(starts - margin, 0), 1)
    np.add.at(steps, np.minimum(ends + margin, len(mask)), -1)
    return np.cumsum(steps[:-1]) > 0


def _draw_contig(seed: int, name: str, length: int, genes: tuple[Interval, ...]) -> Contig:
    rng = stream(seed, "contig", name)
    bases, repeats = _draw_bases(length, rng), np.zeros(length, dtype=np.bool_)
    contig = Contig(name, bases, np.zeros(length, dtype=np.bool_), repeats)
    if not contig.circular:
        # Repeats stay out of the genes, so that planted variants have room there.
        closed = np.zeros(length, dtype=np.bool_)
        for gene in genes:
            if gene.contig == name:
                closed[gene.start : gene.end] = True
        _insert_elements(contig, closed, stream(seed, "elements"), rng)
        _insert_tandem_repeats(contig, closed, rng)
    return contig


def _draw_bases(length: int, rng: np.random.Generator) -> Codes:
    """Draw bases of 41 % GC, varying along the contig, and poor in CpG as mammals are."""
    window, memory, mean, spread = 500, 0.8, 0.437, 0.05
    innovations = rng.normal(0, spread * np.sqrt(1 - memory**2), length // window + 2)
    track = np.zeros_like(innovations)
    for i in range(1, len(track)):
        track[i] = memory * track[i - 1] + innovations[i]
    gc = np.interp(np.arange(length) / window, np.arange(len(track)), mean + track)
    strong = rng.random(length) < np.clip(gc, 0.25, 0.65)
    second = rng.random(length) < 0.5
    # A 0, T 3 are weak; C 1, G 2 are strong.
    codes = np.where(strong, 1 + second, 3 * second).astype(np.uint8)
    cpg = np.flatnonzero((codes[:-1] == 1) & (codes[1:] == 2))
    cpg = cpg[rng.random(len(cpg)) < 0.75]
    to_tpg = rng.random(len(cpg)) < 0.5
    codes[cpg[to_tpg]] = 3
    codes[cpg[~to_tpg] + 1] = 0
    return codes


def _insert_elements(
    contig: Contig, closed: NDArray[np.bool_], family: np.random.Generator, rng: np.random.Generator
) -> None:
    """Scatter diverged copies (12-18 %) of one interspersed element of 280 bp."""
    consensus = np.concatenate([family.integers(0, 4, 265, dtype=np.uint8), np.zeros(15, np.uint8)])
    for start in rng.integers(0, contig.length - len(consensus), contig.length // 8_000):
        copy = _diverge(consensus, rng.uniform(0.12, 0.18), rng)
        inverted = rng.random() < 0.5
        _insert_repeat(contig, closed, start, reverse_complement(copy) if inverted else copy)


def _insert_tandem_repeats(
    contig: Contig, closed: NDArray[np.bool_], rng: np.random.Generator
) -> None:
    """Insert homopolymers (8-16 bp) and STRs (units of 2-4 bp, 16-36 bp in all)."""
    for start in rng.integers(0, contig.length - 40, contig.length // 1_500):
        homopolymer = rng.random() < 0.5
        unit = rng.integers(0, 4, 1 if homopolymer else rng.integers(2, 5), dtype=np.uint8)
        size = int(rng.integers(8, 17) if homopolymer else rng.integers(16, 37))
        _insert_repeat(contig, closed, start, np.resize(unit, size))


def _insert_repeat(contig: Contig, closed: NDArray[np.bool_], start: int, codes: Codes) -> None:
    """Write ``codes`` over the contig, in place, unless that would touch a ``closed`` base."""
    place = slice(start, start + len(codes))
    if not closed[place].any():
        contig.complete[place] = codes
        contig.repeats[place] = True


def _copy_duplicates(contigs: dict[str, Contig], size: int, rng: np.random.Generator) -> None:
    for source, source_at, target, target_at, inverted in _DUPLICATES:
        start = round(contigs[source].length * source_at)
        end = round(contigs[target].length * target_at)
        copy = _diverge(contigs[source].complete[start : start + size], _DUPLICATE_DIVERGENCE, rng)
        contigs[target].complete[end : end + size] = reverse_complement(copy) if inverted else copy
        contigs[source].repeats[start : start + size] = True
        contigs[target].repeats[end : end + size] = True


def _diverge(codes: Codes, share: float, rng: np.random.Generator) -> Codes:
    changed = rng.random(len(codes)) < share
    return np.where(changed, substitute(codes, rng.integers(1, 4, len(codes))), codes)


def _hide(contig: Contig, scale: float) -> Contig:
    if contig.circular:
        return contig
    hidden = np.zeros(contig.length, dtype=np.bool_)
    ends, middle = round(_END_N_LENGTH * scale), round(contig.length * _MIDDLE_N_AT)
    hidden[:ends] = True
    hidden[-ends:] = True
    hidden[middle : middle + round(_MIDDLE_N_LENGTH * scale)] = True
    return replace(contig, hidden=hidden)


def _place_genes(lengths: dict[str, int], scale: float) -> tuple[Interval, ...]:
    size = max(round(_GENE_LENGTH * scale), _SHORTEST_GENE)
    places = [
        (contig, round(lengths[contig] * at))
        for contig in (*AUTOSOMES, X)
        for at in _GENES_AT
        if contig != X or at > _PAR_LENGTH / LENGTHS[X]
    ]
    return tuple(
        Interval(contig, start, start + size, f"TOY{number}")
        for number, (contig, start) in enumerate(places, start=1)
    )


def fasta(reference: Reference, width: int = 60) -> str:
    """The reference as FASTA text, ``width`` bases a line."""
    return "".join(_fasta_record(contig, width) for contig in reference.contigs.values())


def _fasta_record(contig: Contig, width: int) -> str:
    text = decode(contig.codes)
    lines = (text[start : start + width] for start in range(0, len(text), width))
    return f">{contig.name}\n" + "\n".join(lines) + "\n"
