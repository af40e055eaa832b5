"""Karyotypes of the sex chromosomes that are called and counted by their own ploidy."""

from __future__ import annotations

#: Karyotype to its numbers of X and Y chromosomes.
SEX_CHROMOSOMES = {
    "XX": (2, 0),
    "XY": (1, 1),
    "X0": (1, 0),
    "XXY": (2, 1),
    "XYY": (1, 2),
    "XXX": (3, 0),
}
UNKNOWN = "unknown"
#: Sex of the sample sheet to the karyotype that it is expected to have.
OF_SEX = {"female": "XX", "male": "XY", "unknown": UNKNOWN}
