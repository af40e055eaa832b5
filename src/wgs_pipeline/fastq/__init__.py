"""FASTQ lanes of a sample as one verified stream of interleaved reads."""

from wgs_pipeline.fastq.lanes import (
    Lane,
    LaneTally,
    stream_lanes,
    tally_json,
    verify_digests,
    verify_md5,
)
from wgs_pipeline.fastq.pairs import read_pairs

__all__ = [
    "Lane",
    "LaneTally",
    "read_pairs",
    "stream_lanes",
    "tally_json",
    "verify_digests",
    "verify_md5",
]
