"""Prove that a gVCF is complete."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from wgs_pipeline.copies import split_by_ploidy
from wgs_pipeline.errors import GvcfError
from wgs_pipeline.gvcf.columns import merge_tables, record_runs
from wgs_pipeline.gvcf.depth import LastBases, depth_tables
from wgs_pipeline.gvcf.runs import Runs, first_uncovered, intersect, merge_runs
from wgs_pipeline.ploidy import read_ploidy
from wgs_pipeline.reference import Interval, read_bed


def verify_coverage(
    gvcf: Path,
    depth_bed: Path,
    last_bases: Path,
    intervals_bed: Path,
    ploidy_bed: Path | None = None,
    pieces: Path | None = None,
) -> int:
    """Prove that every base with reads lies in a record of the gVCF.

    A caller that was killed, or ran out of disk and said nothing, leaves covered bases without a
    record.

    Args:
        gvcf: bgzip gVCF.
        depth_bed: Runs of equal depth band, see `depth.depth_tables`.
        last_bases: Depth at the last base of each contig, see `depth.LastBases`.
        intervals_bed: What was called: the reference without N. Reads reach into runs of N.
        ploidy_bed: Where the sample is not diploid; what it has no copy of need not be called.
        pieces: Folder of what the gVCF was gathered from: to be removed where calls are missing, as
            a gVCF gathered from the same pieces would lack them again.

    Returns:
        Bases that records cover.

    Raises:
        GvcfError: A base with reads lies in no record, a record reaches beyond its contig, or one
            of the files is broken or of another reference.
    """
    last = LastBases.read(last_bases)
    called = _called_runs(intervals_bed, ploidy_bed)
    _check_contigs(called, last, intervals_bed)
    records = record_runs(gvcf)
    _check_contigs(records, last, gvcf)
    with_reads = (table.filter(pc.field("depth") > 0) for table in depth_tables(depth_bed, last))
    for contig, runs in merge_tables(with_reads).items():
        missing = first_uncovered(
            intersect(runs, called.get(contig, Runs.empty())), records.get(contig, Runs.empty())
        )
        if missing is not None:
            raise GvcfError(
                f"{gvcf}: {contig}:{missing + 1} has reads but lies in no record; expected every "
                f"base with reads in a record. The call is incomplete: remove {pieces or gvcf} and "
                "call the sample again"
            )
    return sum(runs.bases for runs in records.values())


def _check_contigs(runs: dict[str, Runs], last_bases: LastBases, path: Path) -> None:
    for contig, found in runs.items():
        if found.ends[-1] > (length := last_bases.length_of(contig)):
            raise GvcfError(
                f"{path}: reaches to {contig}:{found.ends[-1]}, but depth was measured to "
                f"{length or 'no'} base of {contig}; expected one reference. Make both again"
            )


def _called_runs(intervals_bed: Path, ploidy_bed: Path | None) -> dict[str, Runs]:
    called = read_bed(intervals_bed)
    if not called:
        raise GvcfError(f"{intervals_bed}: is empty; expected what was called. Make it again")
    if ploidy_bed is not None:
        parts = split_by_ploidy(called, read_ploidy(ploidy_bed))
        called = tuple(each for ploidy, found in parts.items() if ploidy for each in found)
    intervals: dict[str, list[Interval]] = {}
    for each in called:
        intervals.setdefault(each.contig, []).append(each)
    return {
        contig: merge_runs(
            np.array([each.start for each in parts]), np.array([each.end for each in parts])
        )
        for contig, parts in intervals.items()
    }
