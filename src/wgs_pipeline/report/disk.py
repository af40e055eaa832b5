"""Disk that a sample takes below the results folder: what is kept, and at most at once."""

from __future__ import annotations

from wgs_pipeline.project import Project
from wgs_pipeline.report.results import Results

_MB = 1e6


def sample_disk(project: Project, sample: str, results: Results) -> dict[str, float] | None:
    """``kept_mb`` and ``peak_mb`` of a sample; None where nothing of it is there.

    Of a family's callset it has its part. At the peak the pieces of its gVCF and of the callset
    are there beside what is gathered from them, and they hold the same records; the sort's spill
    is not in it, as that lies on the node.
    """
    own = [f"alignment/{name}" for name in _named(results, "alignment", sample)]
    own += [f"qc/{sample}/{name}" for name in results.names(f"qc/{sample}")]
    gvcf = sum(_mb(results, f"gvcf/{name}") for name in _named(results, "gvcf", sample))
    family = project.samples[sample].family_id
    members = len(project.families[family])
    callset = sum(_mb(results, f"callset/{name}") for name in _named(results, "callset", family))
    kept = sum(_mb(results, path) for path in own) + gvcf + callset / members
    if not kept:
        return None
    pieces = (gvcf if _is_scattered(project, sample) else 0.0) + callset / members
    return {"kept_mb": round(kept, 3), "peak_mb": round(kept + pieces, 3)}


def _is_scattered(project: Project, sample: str) -> bool:
    return project.units[sample][0].kind != "gvcf"


def _named(results: Results, folder: str, name: str) -> list[str]:
    """Files of a folder that are of a sample or family: its name and an ending."""
    endings = ("cram", "cram.crai", "cram.md5", "json", "g.vcf.gz", "g.vcf.gz.tbi")
    wanted = {f"{name}.{end}" for end in (*endings, "vcf.gz", "vcf.gz.tbi")}
    return sorted(wanted & results.names(folder))


def _mb(results: Results, path: str) -> float:
    file = results.folder / path
    try:
        return 0.0 if file.is_symlink() else file.stat().st_size / _MB
    except OSError:
        return 0.0
