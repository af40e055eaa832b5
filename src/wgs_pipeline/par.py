"""Pseudoautosomal regions (PAR) of X and Y, which pair and recombine like autosomes."""

from __future__ import annotations

#: PAR by the length of X, which tells the assembly; 0-based half-open. Genome Reference
#: Consortium, assembly regions PAR#1 and PAR#2.
USUAL_PAR: dict[int, dict[str, tuple[tuple[int, int], ...]]] = {
    155_270_560: {  # GRCh37
        "x": ((60_000, 2_699_520), (154_931_043, 155_260_560)),
        "y": ((10_000, 2_649_520), (59_034_049, 59_363_566)),
    },
    156_040_895: {  # GRCh38
        "x": ((10_000, 2_781_479), (155_701_382, 156_030_895)),
        "y": ((10_000, 2_781_479), (56_887_902, 57_217_415)),
    },
}
