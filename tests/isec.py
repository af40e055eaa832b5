"""Calls against truth counted by ``bcftools isec``, which shares nothing with ``wgs qc``."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Score:
    """Alleles found and missed."""

    true: int
    false: int
    missed: int

    def __add__(self, other: Score) -> Score:
        return Score(self.true + other.true, self.false + other.false, self.missed + other.missed)

    @property
    def recall(self) -> float:
        return self.true / (self.true + self.missed)

    @property
    def precision(self) -> float:
        return self.true / (self.true + self.false)

    @property
    def f1(self) -> float:
        return 2 * self.true / (2 * self.true + self.false + self.missed)


def bcftools(*arguments: object) -> str:
    """Standard output of bcftools."""
    command = ["bcftools", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def score(
    truth: Path, query: Path, sample: str, bed: Path | None, fasta: Path, folder: Path
) -> dict[str, Score]:
    """Score of SNVs and indels of one sample inside a BED, or everywhere.

    Both sides as bcftools norm -m -any leaves them, passing alleles that the sample carries.
    """
    folder.mkdir(parents=True)
    sides = []
    for name, vcf in (("truth", truth), ("query", query)):
        names = bcftools("query", "-l", vcf).split()
        own = sample if sample in names else names[0]
        chosen, split, kept = (folder / f"{name}.{step}.bcf" for step in ("own", "split", "kept"))
        bcftools("view", "-s", own, "-f", "PASS,.", "-Ob", "-o", chosen, vcf)
        bcftools("norm", "-m", "-any", "-f", fasta, "-Ob", "-o", split, chosen)
        inside = ["-T", bed] if bed else []
        carried = 'GT="alt" && ALT!="*" && ALT!~"<"'
        bcftools("view", *inside, "-i", carried, "-Ob", "-o", kept, split)
        bcftools("index", kept)
        sides.append(kept)
    bcftools("isec", "-c", "none", "-p", folder / "isec", "-Ov", *sides)
    missed, false, true = (_by_kind(folder / "isec" / f"000{number}.vcf") for number in range(3))
    return {kind: Score(true[kind], false[kind], missed[kind]) for kind in ("snv", "indel")}


def _by_kind(vcf: Path) -> dict[str, int]:
    text = bcftools("query", "-f", "%REF\t%ALT\n", vcf)
    alleles = [line.split("\t") for line in text.splitlines()]
    short = [len(pair[0]) == len(pair[1]) == 1 for pair in alleles]
    return {"snv": sum(short), "indel": len(short) - sum(short)}
