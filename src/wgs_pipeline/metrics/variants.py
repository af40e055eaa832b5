"""Variant counts of one sample from the text of ``bcftools stats -s -``.

The callset given to it holds one sample, autosomes only, alleles that pass the filter and that
the sample carries, one a record, without ``*`` and symbolic alleles; ``docs/qc.md`` gives the
command line.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wgs_pipeline.errors import GvcfError
from wgs_pipeline.metrics.catalogue import Finding, ratio

#: Columns of the PSC and PSI sections, after the name of the section.
_PSC = {"homozygous": 3, "heterozygous": 4, "transitions": 5, "transversions": 6, "haploid": 11}
_PSI = {"ins_heterozygous": 6, "del_heterozygous": 7, "ins_homozygous": 8, "del_homozygous": 9}


@dataclass(frozen=True)
class VariantCounts:
    """Alleles that one sample carries, by kind and genotype."""

    homozygous: int
    heterozygous: int
    transitions: int
    transversions: int
    haploid: int
    ins_heterozygous: int
    del_heterozygous: int
    ins_homozygous: int
    del_homozygous: int


def read_variant_counts(path: Path) -> VariantCounts:
    """Read the per-sample sections (PSC, PSI) of ``bcftools stats``.

    Raises:
        GvcfError: The file cannot be read, has no such section, or is of more than one sample.
    """
    try:
        rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise GvcfError(f"{path}: cannot be read: {error}") from error
    counts: dict[str, int] = {}
    for section, columns in (("PSC", _PSC), ("PSI", _PSI)):
        found = [row[1:] for row in rows if row[0] == section]
        if len(found) != 1:
            raise GvcfError(
                f"{path}: has {section} lines of {len(found)} samples; expected 1. Run bcftools "
                "stats -s - on a callset of this sample only"
            )
        try:
            counts |= {name: int(found[0][column]) for name, column in columns.items()}
        except (ValueError, IndexError) as error:
            raise GvcfError(f"{path}: {section} line: {error}; run bcftools stats again") from error
    return VariantCounts(**counts)


def variant_metrics(counts: VariantCounts) -> dict[str, Finding]:
    """Counts and ratios of the autosomes, as GA4GH names them."""
    insertions = counts.ins_heterozygous + counts.ins_homozygous
    deletions = counts.del_heterozygous + counts.del_homozygous
    return {
        "count_snvs": counts.homozygous + counts.heterozygous + counts.haploid,
        "count_insertions": insertions,
        "count_deletions": deletions,
        "ratio_insertion_deletion": ratio(insertions, deletions, "there are no deletions"),
        "ratio_heterozygous_homzygous_snv": ratio(
            counts.heterozygous, counts.homozygous, "there are no homozygous SNVs"
        ),
        "ratio_heterozygous_homzygous_indel": ratio(
            counts.ins_heterozygous + counts.del_heterozygous,
            counts.ins_homozygous + counts.del_homozygous,
            "there are no homozygous indels",
        ),
        "ratio_transitions_transversions": ratio(
            counts.transitions, counts.transversions, "there are no transversions"
        ),
    }
