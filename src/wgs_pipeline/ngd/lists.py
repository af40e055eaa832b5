"""Lists that a question is given in a file: variants, samples."""

from __future__ import annotations

from pathlib import Path

from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd.textlines import numbered_lines


def read_variant_names(path: Path) -> list[str]:
    """Variants of a file: one name on each line, or a VCF (plain or gzip).

    Of a VCF, ALTs that are no bases (``*``, ``<DEL>``) are passed over.

    Raises:
        NgdError: The file cannot be read, is malformed, or has no variant.
    """
    names: list[str] = []
    is_vcf = False
    for number, line in numbered_lines(path):
        is_vcf = is_vcf or line.startswith("##fileformat=VCF")
        if not line.strip() or line.startswith("#"):
            continue
        if not is_vcf:
            names.append(line.strip())
            continue
        fields = line.split("\t", 5)
        if len(fields) < 5 or not fields[1].isdigit():
            raise NgdError(
                f"{path}:{number}: expected CHROM, POS, ID, REF and ALT, separated by tabs. "
                "Correct the line"
            )
        contig, pos, _, ref, alts = fields[:5]
        names += [f"{contig}-{pos}-{ref}-{alt}" for alt in alts.split(",") if alt.isalpha()]
    if not names:
        raise NgdError(f"{path}: no variant; expected one on each line, or a VCF")
    return names


def read_sample_ids(path: Path) -> list[str]:
    """Sample_ids of a file, one on each line.

    Raises:
        NgdError: The file cannot be read, or has none.
    """
    samples = [line.strip() for _, line in numbered_lines(path)]
    samples = [each for each in samples if each and not each.startswith("#")]
    if not samples:
        raise NgdError(f"{path}: no sample_id; expected one on each line")
    return samples
