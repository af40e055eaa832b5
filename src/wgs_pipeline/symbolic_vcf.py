"""Single-sample VCF 4.2 of events with symbolic alleles, such as ``<DEL>``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pysam

from wgs_pipeline.files import replacing

_COLUMNS = ("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT")


def write_symbolic_vcf(
    path: Path,
    rows: Iterable[Sequence[str]],
    *,
    sample: str,
    contigs: Mapping[str, int],
    fields: Iterable[str],
) -> None:
    """Write records as bgzip VCF; nothing is left where a row cannot be made.

    Args:
        path: File to write.
        rows: The ten columns of each record, in the order of the reference.
        sample: Its name.
        contigs: Name to length (bp), in the order of the reference.
        fields: Header lines of what the records use.
    """
    head = [
        "##fileformat=VCFv4.2",
        *(f"##contig=<ID={name},length={length}>" for name, length in contigs.items()),
        *fields,
        "\t".join([*_COLUMNS, sample]),
    ]
    with replacing(path) as temporary, pysam.BGZFile(str(temporary), "wb") as file:
        file.write(("\n".join(head) + "\n").encode())
        for row in rows:
            file.write(("\t".join(row) + "\n").encode())
