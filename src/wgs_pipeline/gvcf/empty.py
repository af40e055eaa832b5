"""The gVCF of a sample that was not called: a header that says so, and no record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pysam

from wgs_pipeline.files import replacing

_FIELDS = (
    '##FILTER=<ID=PASS,Description="All filters passed">',
    '##INFO=<ID=END,Number=1,Type=Integer,Description="Last base of the block">',
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
    '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Reads of each allele">',
    '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Read depth">',
)


def write_empty(path: Path, contigs: Mapping[str, int], samples: Sequence[str]) -> None:
    """Write a VCF without records, compressed as BGZF.

    Args:
        path: File to write.
        contigs: Name to length (bp).
        samples: Its samples; none: a VCF of sites.
    """
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"]
    lines = [
        "##fileformat=VCFv4.2",
        "##wgs_pipeline_not_called=stopped after alignment; see verdict.json of the sample",
        *_FIELDS,
        *(f"##contig=<ID={name},length={length}>" for name, length in contigs.items()),
        "\t".join([*columns, *(["FORMAT", *samples] if samples else [])]),
    ]
    with replacing(path) as temporary, pysam.BGZFile(str(temporary), "wb") as file:
        file.write(("\n".join(lines) + "\n").encode())
