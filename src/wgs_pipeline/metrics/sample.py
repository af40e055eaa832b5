"""The metrics of one sample: what each input supports, and why the rest is not applicable."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wgs_pipeline.errors import ReadsError, WgsError
from wgs_pipeline.metrics import alignment, coverage, lanes, variants
from wgs_pipeline.metrics.catalogue import (
    BCFTOOLS_STATS,
    CATALOGUE,
    FASTP,
    MOSDEPTH,
    NOT_MEASURED,
    SAMTOOLS_STATS,
    Finding,
    NotApplicable,
    finding_json,
)
from wgs_pipeline.metrics.contigs import Part, contig_parts
from wgs_pipeline.reference import Contig, Interval

_ABSENT = {
    SAMTOOLS_STATS: "there is no alignment (no samtools stats)",
    MOSDEPTH: "there is no alignment (no mosdepth)",
    BCFTOOLS_STATS: "there is no callset (no bcftools stats)",
    FASTP: "there are no FASTQ lanes (no fastp report)",
    NOT_MEASURED: "contamination is not measured in this version",
}


@dataclass(frozen=True)
class SampleInputs:
    """What was measured of a sample; whatever there is not is None or empty.

    Attributes:
        tally: The tally of ``wgs reads stream``.
        samtools_stats: Text of ``samtools stats``.
        mosdepth_prefix: Prefix of mosdepth's files.
        callset_stats: Text of ``bcftools stats``.
        fastp: One report a lane.
        contigs: Contigs of the reference; needed with ``mosdepth_prefix``.
        par: Pseudoautosomal regions on X and Y.
    """

    tally: Path | None = None
    samtools_stats: Path | None = None
    mosdepth_prefix: Path | None = None
    callset_stats: Path | None = None
    fastp: Sequence[Path] = ()
    contigs: Sequence[Contig] = ()
    par: Sequence[Interval] = ()


@dataclass(frozen=True)
class SampleMetrics:
    """The metrics of a sample.

    Attributes:
        sample: sample_id.
        stated_sex: female, male or unknown.
        findings: Every metric of the catalogue.
        histograms: ``insert_size`` (insert_size_bp, pairs) and ``coverage`` (depth, bases), each
            two lists of the same length; empty where not measured.
        contigs: Coverage a contig.
    """

    sample: str
    stated_sex: str
    findings: Mapping[str, Finding]
    histograms: Mapping[str, Mapping[str, list[int]]] = field(default_factory=dict)
    contigs: Sequence[Mapping[str, object]] = ()

    def as_json(self) -> dict[str, Any]:
        """The content of ``metrics.json``."""
        return {
            "sample": self.sample,
            "stated_sex": self.stated_sex,
            "metrics": {name: finding_json(name, each) for name, each in self.findings.items()},
            "histograms": self.histograms,
            "contigs": self.contigs,
        }

    def number(self, name: str) -> float | None:
        """A metric's value, or None where it is not applicable or is a word."""
        value = self.findings[name]
        return None if isinstance(value, NotApplicable | str) else float(value)


def measure_sample(sample: str, stated_sex: str, inputs: SampleInputs) -> SampleMetrics:
    """Read whatever inputs there are and derive every metric.

    Raises:
        WgsError: An input is given and cannot be used.
    """
    findings: dict[str, Finding] = {}
    histograms: dict[str, dict[str, list[int]]] = {}
    rows: list[dict[str, object]] = []
    if inputs.tally:
        findings |= _tally_metrics(inputs.tally)
    if inputs.samtools_stats:
        stats = alignment.read_alignment_stats(inputs.samtools_stats)
        findings |= alignment.alignment_metrics(stats)
        histograms["insert_size"] = {
            "insert_size_bp": stats.insert_sizes.tolist(), "pairs": stats.pairs.tolist(),
        }  # fmt: skip
    if inputs.mosdepth_prefix:
        parts = contig_parts(inputs.contigs)
        depths = coverage.read_depth_stats(inputs.mosdepth_prefix)
        findings |= coverage.coverage_metrics(depths, parts, inputs.par)
        names = [name for name, part in parts.items() if part is Part.AUTOSOME]
        bases = coverage.depth_histogram(depths, names).tolist()
        histograms["coverage"] = {"depth": list(range(len(bases))), "bases": bases}
        rows = coverage.contig_rows(depths, parts, inputs.par)
    if inputs.callset_stats:
        counts = variants.read_variant_counts(inputs.callset_stats)
        findings |= variants.variant_metrics(counts)
    if inputs.fastp:
        findings |= lanes.lane_metrics([lanes.read_lane_stats(path) for path in inputs.fastp])
    complete = {
        each.name: findings.get(each.name, NotApplicable(_ABSENT[each.source]))
        for each in CATALOGUE
    }
    return SampleMetrics(sample, stated_sex, complete, histograms, rows)


def _tally_metrics(path: Path) -> dict[str, Finding]:
    """Yield as counted while the FASTQ was read; the same bases that samtools stats counts."""
    try:
        tally = json.loads(path.read_text(encoding="utf-8"))
        return {"yield_bp": int(tally["bases"]), "yield_bp_q30": int(tally["bases_q30"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReadsError(f"{path}: not a tally of wgs reads stream ({error!r})") from error


def read_metrics(path: Path) -> SampleMetrics:
    """Read a ``metrics.json``.

    Raises:
        WgsError: The file cannot be read or is not one.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        findings = {
            name: (
                NotApplicable(str(each["not_applicable"]))
                if each["value"] is None
                else each["value"]
            )
            for name, each in document["metrics"].items()
        }
        return SampleMetrics(
            document["sample"],
            document["stated_sex"],
            {
                each.name: findings.get(each.name, NotApplicable("not measured"))
                for each in CATALOGUE
            },
            document["histograms"],
            document["contigs"],
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WgsError(
            f"{path}: not the output of wgs qc metrics ({error!r}); make it again"
        ) from error
