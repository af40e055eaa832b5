"""A few persons on a small random genome, related as wanted, as gVCFs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

BASES = np.array(list("ACGT"))


@dataclass
class People:
    """Persons by name: haplotypes at the SNVs of one contig, chr1.

    Attributes:
        length: Length of the contig in bp.
        positions: 0-based, ascending.
        haplotypes: 0 or 1, shape (sites, 2), by person.
    """

    seed: int = 1
    length: int = 100_000
    n_sites: int = 2_000
    haplotypes: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self):
        self.rng = np.random.default_rng(self.seed)
        self.sequence = self.rng.integers(0, 4, self.length)
        inside = np.arange(100, self.length - 100, 10)
        self.positions = np.sort(self.rng.choice(inside, self.n_sites, replace=False))
        self.alts = (self.sequence[self.positions] + self.rng.integers(1, 4, self.n_sites)) % 4
        self.frequencies = self.rng.uniform(0.1, 0.5, self.n_sites)

    def founder(self, name: str) -> None:
        draws = self.rng.random((self.n_sites, 2))
        self.haplotypes[name] = (draws < self.frequencies[:, None]).astype(np.int8)

    def child(self, name: str, father: str, mother: str) -> None:
        """Every site is passed on by itself: no linkage, so that kinship scatters little."""
        chosen = self.rng.integers(0, 2, (2, self.n_sites))
        rows = np.arange(self.n_sites)
        parents = (self.haplotypes[father], self.haplotypes[mother])
        passed = [each[rows, copy] for each, copy in zip(parents, chosen, strict=True)]
        self.haplotypes[name] = np.stack(passed, axis=1)

    def dosages(self, name: str) -> np.ndarray:
        return self.haplotypes[name].sum(axis=1).astype(np.int8)

    def write_fasta(self, path: Path) -> Path:
        text = "".join(BASES[self.sequence])
        lines = "\n".join(text[at : at + 60] for at in range(0, self.length, 60))
        path.write_text(f">chr1\n{lines}\n")
        return path

    def write_gvcf(
        self, path: Path, person: str, sample: str, hidden: Mapping[int, int] | None = None
    ) -> Path:
        """The calls of a person under the name of a sample.

        Args:
            path: Where.
            person: Whose.
            sample: The name in the header.
            hidden: Start to end of stretches without reads.
        """
        head = [
            "##fileformat=VCFv4.2",
            f"##contig=<ID=chr1,length={self.length}>",
            '##INFO=<ID=END,Number=1,Type=Integer,Description="End">',
            '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
            '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth">',
            '##FORMAT=<ID=MIN_DP,Number=1,Type=Integer,Description="Least depth">',
            '##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Quality">',
            '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Reads">',
        ]
        columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", sample]
        lines = [*head, "\t".join(columns)]
        at = 0

        def block(start: int, end: int) -> None:
            if start < end:
                ref = BASES[self.sequence[start]]
                cells = ["chr1", start + 1, ".", ref, "<NON_REF>", ".", "PASS", f"END={end}"]
                lines.append("\t".join(map(str, [*cells, "GT:DP:MIN_DP:GQ", "0/0:30:25:60"])))

        gone = dict(hidden or {})
        cuts = sorted(gone.items())
        for place, dosage, alt in zip(self.positions, self.dosages(person), self.alts, strict=True):
            while cuts and cuts[0][0] <= place:
                start, end = cuts.pop(0)
                block(at, start)
                at = max(at, end)
            if not dosage or place < at:
                continue
            block(at, place)
            ref = BASES[self.sequence[place]]
            reads = "15,15" if dosage == 1 else "0,30"
            genotype = f"{'0/1' if dosage == 1 else '1/1'}:30:30:60:{reads},0"
            cells = ["chr1", place + 1, ".", ref, f"{BASES[alt]},<NON_REF>", 500, "PASS", "."]
            lines.append("\t".join(map(str, [*cells, "GT:DP:MIN_DP:GQ:AD", genotype])))
            at = place + 1
        block(at, self.length)
        path.write_text("\n".join(lines) + "\n")
        return path
