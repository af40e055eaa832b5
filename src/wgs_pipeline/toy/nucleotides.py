"""Nucleotides as codes: A 0, C 1, G 2, T 3, N 4.

The complement of a base is ``3 - code`` and its transition partner is ``code ^ 2``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint8]

#: The code of a base that the reference does not know.
UNKNOWN = 4

_LETTERS = np.frombuffer(b"ACGTN", dtype=np.uint8)
_CODES = np.full(256, UNKNOWN, dtype=np.uint8)
_CODES[_LETTERS] = np.arange(5, dtype=np.uint8)


def encode(text: str) -> Codes:
    """Turn letters into codes; any letter but A, C, G and T is unknown."""
    return _CODES[np.frombuffer(text.encode("ascii"), dtype=np.uint8)]


def letters(codes: Codes) -> NDArray[np.uint8]:
    """Turn codes of any shape into ASCII letters of the same shape."""
    return _LETTERS[codes]


def decode(codes: Codes) -> str:
    """Turn one sequence of codes into text."""
    return letters(codes).tobytes().decode("ascii")


def reverse_complement(codes: Codes) -> Codes:
    """The other strand of known bases, read in its own direction."""
    return (3 - codes)[::-1].astype(np.uint8)


def substitute(codes: Codes, shifts: NDArray[np.integer]) -> Codes:
    """Replace known bases by others: a shift of 1, 2 or 3 gives each of the other three."""
    return ((codes + shifts) % 4).astype(np.uint8)
