"""What one pass over an alignment counted: depth, GC, chimeras, duplicates.

``wgs qc alignment`` writes it as JSON; the metrics are derived from it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.errors import AlignmentError
from wgs_pipeline.metrics.contamination import Estimate
from wgs_pipeline.metrics.contigs import Part
from wgs_pipeline.metrics.heterozygosity import Heterozygosity

#: Depths of which the breadth is reported.
BREADTHS = (1, 10, 15, 20, 30)

_NUMBERS = ("chimeric", "chimera_candidates", "primary", "duplicates", "optical", "library")

Longs = NDArray[np.int64]


@dataclass(frozen=True)
class Coverage:
    """Depth over a set of bases.

    Attributes:
        length: Bases without N.
        bases: Sum of the depth over them.
        at_least: Bases with depth of at least ``BREADTHS``, shape (5,).
    """

    length: int
    bases: int
    at_least: Longs

    @property
    def mean(self) -> float:
        """Mean depth; zero over nothing."""
        return self.bases / self.length if self.length else 0.0

    def __add__(self, other: Coverage) -> Coverage:
        return Coverage(
            self.length + other.length, self.bases + other.bases, self.at_least + other.at_least
        )

    @classmethod
    def nothing(cls) -> Coverage:
        """Coverage over no base."""
        return cls(0, 0, np.zeros(len(BREADTHS), np.int64))

    def as_json(self) -> dict[str, Any]:
        """As the tally's file holds it."""
        return {"length": self.length, "bases": self.bases, "at_least": self.at_least.tolist()}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Coverage:
        """Coverage from the tally's file."""
        at_least = np.array(document["at_least"], np.int64).reshape(len(BREADTHS))
        return cls(int(document["length"]), int(document["bases"]), at_least)


@dataclass(frozen=True)
class AlignmentTally:
    """What was counted of one alignment.

    Attributes:
        groups: Coverage by contig and part of the genome, in the reference's order.
        histograms: Bases of each part at each depth, shape (highest depth + 1,).
        targets: Coverage of every target of the gene panel: (gene, region, coverage).
        contamination: Estimate from the bases at common SNVs; None where no sites were given.
        heterozygosity: Heterozygous bases by part of the genome; empty in older tallies.
        gc_windows: Windows of the reference by GC percent, shape (101,).
        gc_reads: Mapped reads by GC percent of the window where they begin, shape (101,).
        chimeric: Primary reads that Picard calls chimeric.
        chimera_candidates: Reads among which those are counted.
        primary: Mapped primary reads.
        duplicates: Of these, those marked as duplicates.
        optical: Of these, those marked as optical (``dt:Z:SQ`` of samtools markdup).
        library: Of these, those marked as made in the library (``dt:Z:LB``).
    """

    groups: Mapping[tuple[str, Part], Coverage]
    histograms: Mapping[Part, Longs]
    targets: tuple[tuple[str, str, Coverage], ...]
    contamination: Estimate | None
    heterozygosity: Mapping[Part, Heterozygosity]
    gc_windows: Longs
    gc_reads: Longs
    chimeric: int
    chimera_candidates: int
    primary: int
    duplicates: int
    optical: int
    library: int

    def part(self, part: Part) -> Coverage:
        """Coverage of one part of the genome."""
        chosen = (each for (_, where), each in self.groups.items() if where is part)
        return sum(chosen, Coverage.nothing())

    def as_json(self) -> dict[str, Any]:
        """The content of the tally's file."""
        return {
            "groups": [
                {"contig": contig, "part": part.value, **coverage.as_json()}
                for (contig, part), coverage in self.groups.items()
            ],
            "histograms": {part.value: each.tolist() for part, each in self.histograms.items()},
            "targets": [
                {"gene": gene, "region": region, **coverage.as_json()}
                for gene, region, coverage in self.targets
            ],
            "contamination": self.contamination.as_json() if self.contamination else None,
            "heterozygosity": {
                part.value: each.as_json() for part, each in self.heterozygosity.items()
            },
            "gc_windows": self.gc_windows.tolist(),
            "gc_reads": self.gc_reads.tolist(),
            "chimeric": self.chimeric,
            "chimera_candidates": self.chimera_candidates,
            "primary": self.primary,
            "duplicates": self.duplicates,
            "optical": self.optical,
            "library": self.library,
        }


def read_tally(path: Path) -> AlignmentTally:
    """Read the file that ``wgs qc alignment`` wrote.

    Raises:
        AlignmentError: It cannot be read, or is not one.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return AlignmentTally(
            groups={
                (str(each["contig"]), Part(each["part"])): Coverage.of(each)
                for each in document["groups"]
            },
            histograms={
                Part(part): np.array(each, np.int64)
                for part, each in document["histograms"].items()
            },
            targets=tuple(
                (str(each["gene"]), str(each["region"]), Coverage.of(each))
                for each in document["targets"]
            ),
            contamination=(
                Estimate.of(document["contamination"]) if document["contamination"] else None
            ),
            heterozygosity={
                Part(part): Heterozygosity.of(each)
                for part, each in document.get("heterozygosity", {}).items()
            },
            gc_windows=np.array(document["gc_windows"], np.int64).reshape(101),
            gc_reads=np.array(document["gc_reads"], np.int64).reshape(101),
            **{name: int(document[name]) for name in _NUMBERS},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise AlignmentError(
            f"{path}: not the output of wgs qc alignment ({error!r}); make it again"
        ) from error
