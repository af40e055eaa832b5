"""The reference sequence of the simulated region, and how variants are spelt on it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Bases = NDArray[np.uint8]
LETTERS = np.frombuffer(b"ACGT", np.uint8)
#: Longest deletion or insertion that is tried, in bases.
_LONGEST = 40


def random_sequence(length: int, rng: np.random.Generator) -> Bases:
    """Bases as ASCII codes, shape (length,)."""
    return LETTERS[rng.integers(0, 4, length)]


def spell(
    sequence: Bases, starts: NDArray[np.int64], alts: Bases, indels: float, rng: np.random.Generator
) -> tuple[pa.StringArray, pa.StringArray]:
    """REF and ALT texts of variants; some of the substitutions become insertions or deletions.

    All are trimmed and left-aligned: the base before an inserted or deleted text differs from
    its last base.

    Args:
        sequence: The reference, shape (length,).
        starts: 0-based positions, shape (variants,).
        alts: ALT base where the variant stays a substitution, shape (variants,).
        indels: Share of variants that become insertions or deletions, half of each.
        rng: Where chance comes from.
    """
    count = len(starts)
    kind = rng.random(count)
    _, first_rows = np.unique(starts, return_index=True)
    others = np.ones(count, np.bool_)
    others[first_rows] = False
    kind[others] = 1.0  # one indel a position at most, so that no two spellings are the same
    size = np.minimum(rng.geometric(0.4, count), _LONGEST)
    inserted = kind < indels / 2
    deleted = (kind >= indels / 2) & (kind < indels)
    ends = starts + size
    fits = ends < len(sequence)
    deleted &= fits & (sequence[np.where(fits, ends, 0)] != sequence[starts])
    refs, texts = [], []
    tails = LETTERS[rng.integers(0, 4, (count, _LONGEST))]
    for row in range(count):  # over variants of the simulation, not over records of a genome
        start = int(starts[row])
        first = sequence[start : start + 1].tobytes()
        if deleted[row]:
            refs.append(sequence[start : int(ends[row]) + 1].tobytes())
            texts.append(first)
        elif inserted[row]:
            tail = tails[row, : size[row]]
            if tail[-1] == first[0]:
                tail[-1] = LETTERS[(np.searchsorted(LETTERS, first[0]) + 1) % 4]
            refs.append(first)
            texts.append(first + tail.tobytes())
        else:
            refs.append(first)
            texts.append(alts[row : row + 1].tobytes())
    return pa.array(refs, pa.binary()).cast(pa.string()), pa.array(texts, pa.binary()).cast(
        pa.string()
    )
