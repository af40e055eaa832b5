"""What the reads of a sample say of its sex chromosomes, whichever way the sample enters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wgs_pipeline.metrics.catalogue import Finding, NotApplicable
from wgs_pipeline.reference import Contig, Interval, read_bed

#: Metrics of the sex chromosomes.
RATIOS = ("x_coverage_ratio", "y_coverage_ratio", "x_heterozygosity_ratio")
KARYOTYPE = "inferred_karyotype"


def sex_findings(
    contigs: Sequence[Contig],
    par: Sequence[Interval],
    alignment_tally: Path | None,
    gvcf: Path | None,
    regions: Path | None,
) -> dict[str, Finding]:
    """The metrics of the sex chromosomes from a tally, else from a gVCF, else not applicable.

    Args:
        contigs: Contigs of the reference.
        par: Pseudoautosomal regions.
        alignment_tally: Tally of ``wgs qc alignment``.
        gvcf: Indexed gVCF.
        regions: BED of ``wgs qc regions``; with a gVCF.

    Raises:
        WgsError: A file cannot be read.
    """
    if alignment_tally is not None:
        from wgs_pipeline.metrics.coverage import coverage_metrics
        from wgs_pipeline.metrics.tally import read_tally

        found = coverage_metrics(read_tally(alignment_tally))
    elif gvcf is not None and regions is not None:
        from wgs_pipeline.metrics.gvcf_sex import sex_metrics

        found = sex_metrics(gvcf, contigs, read_bed(regions), par)
    else:
        none = NotApplicable("neither an alignment nor a whole genome's gVCF was asked")
        found = dict.fromkeys((*RATIOS, KARYOTYPE), none)
    return {name: found[name] for name in (*RATIOS, KARYOTYPE)}


def evidence_json(found: Mapping[str, Finding]) -> dict[str, Any]:
    """The findings as plain data: the ratios, ``inferred``, and ``why`` it is not applicable."""
    plain = {
        name: None if isinstance(each, NotApplicable) else each for name, each in found.items()
    }
    karyotype = found[KARYOTYPE]
    why = karyotype.reason if isinstance(karyotype, NotApplicable) else ""
    return {
        "inferred": plain[KARYOTYPE],
        **{name: plain[name] for name in RATIOS},
        "why": why,
    }


def findings_of(document: Mapping[str, Any]) -> dict[str, Finding]:
    """The metrics back from the JSON of ``wgs reference ploidy``."""
    why = NotApplicable(str(document["not_inferred"] or "not measured"))
    found: dict[str, Finding] = {
        name: why if document[name] is None else float(document[name]) for name in RATIOS
    }
    inferred = document["inferred"]
    found[KARYOTYPE] = why if inferred is None else str(inferred)
    return found
