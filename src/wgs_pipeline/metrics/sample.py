"""The metrics of one sample: what each input supports, and why the rest is not applicable."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from wgs_pipeline.errors import ReadsError, WgsError
from wgs_pipeline.metrics import alignment, contamination, coverage, gc_bias, lanes, panel, variants
from wgs_pipeline.metrics.catalogue import (
    ALIGNMENT_PASS,
    BCFTOOLS_STATS,
    CATALOGUE,
    CHARR,
    CONTAMINATION,
    FASTP,
    MITOCHONDRION,
    SAMTOOLS_STATS,
    SEX,
    Finding,
    NotApplicable,
    finding_json,
    ratio,
)
from wgs_pipeline.metrics.contigs import Part
from wgs_pipeline.metrics.mitochondrion import mitochondrial_metrics
from wgs_pipeline.metrics.sex import findings_of
from wgs_pipeline.metrics.tally import AlignmentTally, read_tally
from wgs_pipeline.ploidy import read_document

#: Lists of numbers of the same length.
Curve = Mapping[str, Sequence[Any]]

_ABSENT = {
    SAMTOOLS_STATS: "there is no alignment (no text of samtools stats)",
    ALIGNMENT_PASS: "there is no alignment (no wgs qc alignment)",
    BCFTOOLS_STATS: "there is no callset (no bcftools stats)",
    FASTP: "there are no FASTQ lanes (no fastp report)",
    CONTAMINATION: "there is neither an alignment nor a gVCF",
    CHARR: "there is no gVCF (no wgs qc charr)",
    MITOCHONDRION: "the mitochondrion was not called",
    SEX: "there is neither an alignment nor a whole genome's gVCF",
}


@dataclass(frozen=True)
class SampleInputs:
    """What was measured of a sample; whatever there is not is None or empty.

    Attributes:
        tally: The tally of ``wgs reads stream``.
        samtools_stats: Text of ``wgs qc alignment`` in the format of ``samtools stats``.
        alignment_tally: Tally of ``wgs qc alignment``.
        callset_stats: Text of ``bcftools stats``.
        charr: Estimate of ``wgs qc charr``.
        fastp: One report a lane.
        ploidy: JSON of ``wgs reference ploidy``, of a sample without alignment.
        mitochondrion: Calls of ``wgs mitochondrion call``.
    """

    tally: Path | None = None
    samtools_stats: Path | None = None
    alignment_tally: Path | None = None
    callset_stats: Path | None = None
    charr: Path | None = None
    fastp: Sequence[Path] = ()
    ploidy: Path | None = None
    mitochondrion: Path | None = None


@dataclass(frozen=True)
class SampleMetrics:
    """The metrics of a sample.

    Attributes:
        sample: sample_id.
        stated_sex: female, male or unknown.
        findings: Every metric of the catalogue.
        histograms: Curves by name, each some lists of the same length: ``insert_size``
            (insert_size_bp, pairs), ``coverage`` (depth, bases), ``read_length`` (read_length_bp,
            reads), ``base_quality`` (cycle, first, last), ``read_gc`` (gc_percent, reads) and
            ``gc_bias`` (gc_percent, relative_coverage); those not measured are absent.
        contigs: Coverage a contig.
        panel: Coverage of the gene panel: ``genes`` and ``worst_exons``; empty without one.
    """

    sample: str
    stated_sex: str
    findings: Mapping[str, Finding]
    histograms: Mapping[str, Curve] = field(default_factory=dict)
    contigs: Sequence[Mapping[str, object]] = ()
    panel: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The content of ``metrics.json``."""
        return {
            "sample": self.sample,
            "stated_sex": self.stated_sex,
            "metrics": {name: finding_json(name, each) for name, each in self.findings.items()},
            "histograms": self.histograms,
            "contigs": self.contigs,
            "panel": self.panel,
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
    histograms: dict[str, Curve] = {}
    rows: list[dict[str, object]] = []
    if inputs.tally:
        findings |= _tally_metrics(inputs.tally)
    if inputs.samtools_stats:
        stats = alignment.read_alignment_stats(inputs.samtools_stats)
        findings |= alignment.alignment_metrics(stats)
        histograms["insert_size"] = {
            "insert_size_bp": stats.insert_sizes.tolist(), "pairs": stats.pairs.tolist(),
        }  # fmt: skip
        histograms["read_length"] = {
            "read_length_bp": stats.lengths.tolist(), "reads": stats.reads.tolist(),
        }  # fmt: skip
        histograms["base_quality"] = alignment.quality_curve(stats)
        histograms["read_gc"] = alignment.read_gc_curve(stats)
    exons: dict[str, Any] = {}
    likelihood = None
    if inputs.alignment_tally:
        counted = read_tally(inputs.alignment_tally)
        findings |= _pass_metrics(counted)
        bases = counted.histograms.get(Part.AUTOSOME, np.zeros(1, np.int64)).tolist()
        histograms["coverage"] = {"depth": list(range(len(bases))), "bases": bases}
        histograms["gc_bias"] = gc_bias.gc_curve(counted)
        rows = coverage.contig_rows(counted.groups)
        likelihood = counted.contamination
        exons = panel.panel_json(counted.targets) if counted.targets else {}
    elif inputs.ploidy:
        findings |= findings_of(read_document(inputs.ploidy, sample))
    if inputs.callset_stats:
        counts = variants.read_variant_counts(inputs.callset_stats)
        findings |= variants.variant_metrics(counts)
    if inputs.mitochondrion:
        findings |= mitochondrial_metrics(inputs.mitochondrion)
    if inputs.fastp:
        findings |= lanes.lane_metrics([lanes.read_lane_stats(path) for path in inputs.fastp])
    charr = contamination.read_estimate(inputs.charr) if inputs.charr else None
    if inputs.alignment_tally or charr:
        findings |= contamination.contamination_metrics(likelihood, charr)
    complete = {
        each.name: findings.get(each.name, NotApplicable(_ABSENT[each.source]))
        for each in CATALOGUE
    }
    return SampleMetrics(sample, stated_sex, complete, histograms, rows, exons)


def _pass_metrics(counted: AlignmentTally) -> dict[str, Finding]:
    told_apart = counted.optical + counted.library > 0 or not counted.duplicates
    return {
        **coverage.coverage_metrics(counted),
        **gc_bias.gc_metrics(counted),
        **panel.panel_metrics(counted.targets),
        "chimeras": ratio(
            counted.chimeric, counted.chimera_candidates, "there are no reads mapped for certain"
        ),
        "optical_duplication": (
            ratio(counted.optical, counted.primary, "there are no mapped reads")
            if told_apart
            else NotApplicable("the alignment does not say which duplicates are optical (dt tag)")
        ),
    }


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
            document.get("panel", {}),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WgsError(
            f"{path}: not the output of wgs qc metrics ({error!r}); make it again"
        ) from error
