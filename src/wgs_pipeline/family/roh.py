"""Runs of homozygosity of a person's autosomes, by ``bcftools roh`` (Narasimhan et al. 2016).

FROH is the share of the autosomes that lies in runs of at least the configured length (McQuillan
et al., AJHG 2008): about 1/16 in children of first cousins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wgs_pipeline.errors import WgsError
from wgs_pipeline.family.callset import PASSING
from wgs_pipeline.family.settings import RohConfig
from wgs_pipeline.metrics.pipes import read_pipe


@dataclass(frozen=True)
class Run:
    """One run of homozygosity.

    Attributes:
        sample: sample_id.
        contig: Autosome.
        start: First base, 1-based.
        end: Last base.
        markers: Sites that it rests on.
        quality: Phred, averaged over the sites.
    """

    sample: str
    contig: str
    start: int
    end: int
    markers: int
    quality: float

    @property
    def length(self) -> int:
        """Length in bp."""
        return self.end - self.start + 1


@dataclass(frozen=True)
class Homozygosity:
    """Runs of one person that are long enough.

    Attributes:
        runs: The runs.
        autosome_bp: Bases of the autosomes.
    """

    runs: tuple[Run, ...]
    autosome_bp: int

    @property
    def total_bp(self) -> int:
        """Bases in runs."""
        return sum(each.length for each in self.runs)

    @property
    def froh(self) -> float:
        """Share of the autosomes in runs."""
        return self.total_bp / self.autosome_bp if self.autosome_bp else 0.0


def find_runs(
    callset: Path, samples: Sequence[str], autosomes: Sequence[str], rules: RohConfig
) -> list[Run]:
    """Runs of every sample that have the length, sites and quality that are asked for.

    Each sample is looked at by itself (no frequencies are estimated from a family).

    Raises:
        WgsError: bcftools is missing or fails.
    """
    if not samples or not autosomes:
        return []
    frequency = (
        ["--AF-file", str(rules.allele_frequencies)]
        if rules.allele_frequencies
        else ["--AF-dflt", str(rules.default_frequency)]
    )
    # The contigs are asked of the stream: a callset need not name every one of the reference.
    commands = [
        ["bcftools", "view", "--targets", ",".join(autosomes), "--output-type", "u",
         "--include", PASSING, "--samples", ",".join(samples), str(callset)],
        ["bcftools", "roh", "--GTs-only", str(rules.genotype_error_phred), *frequency,
         "--output-type", "r", "-"],
    ]  # fmt: skip
    lines = read_pipe(commands).decode().splitlines()
    runs = [_run(line) for line in lines if line.startswith("RG\t")]
    return [
        each
        for each in runs
        if each.length >= rules.min_length_bp
        and each.markers >= rules.min_sites
        and each.quality >= rules.min_quality
    ]


def _run(line: str) -> Run:
    try:
        _, sample, contig, start, end, _, markers, quality = line.split("\t")
        return Run(sample, contig, int(start), int(end), int(markers), float(quality))
    except ValueError:
        raise WgsError(
            f"bcftools roh wrote {line[:80]!r}; expected a run with its length, sites and quality. "
            "Install the version of bcftools that workflow/envs names"
        ) from None
