"""gVCFs: gather the pieces of a scattered call, and prove that nothing is missing."""

from wgs_pipeline.gvcf.bgzf import check_bgzf_eof, check_last_line
from wgs_pipeline.gvcf.blocks import write_blocks
from wgs_pipeline.gvcf.coverage import verify_coverage
from wgs_pipeline.gvcf.empty import write_empty
from wgs_pipeline.gvcf.gather import gather, read_header_lines

__all__ = [
    "check_bgzf_eof",
    "check_last_line",
    "gather",
    "read_header_lines",
    "verify_coverage",
    "write_blocks",
    "write_empty",
]
