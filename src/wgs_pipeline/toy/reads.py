"""Sequencing fragments: paired reads with binned qualities and the errors they announce."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.toy.fragments import READ_LENGTH, Fragments
from wgs_pipeline.toy.nucleotides import UNKNOWN, Codes, encode, substitute

#: Quality bins of recent Illumina instruments; 2 is a base that was not called.
Q_NO_CALL, Q_LOW, Q_MIDDLE, Q_HIGH = 2, 12, 23, 37
#: Of the bases below Q37: shares that are not called, and that are at most Q12.
_NO_CALL_SHARE, _LOW_SHARE = 0.01, 0.30
#: TruSeq adapters, as read 1 and read 2 run into them; then the flow cell, which reads as G.
_ADAPTERS = ("AGATCGGAAGAGCACACGTCTGAACTCCAGTCA", "AGATCGGAAGAGCGTCGTGTAGGGAAAGAGTGT")


@dataclass(frozen=True)
class Reads:
    """Reads of one end.

    Attributes:
        bases: Codes 0-4, shape (reads, ``READ_LENGTH``).
        qualities: Phred scale, shape (reads, ``READ_LENGTH``).
    """

    bases: Codes
    qualities: NDArray[np.uint8]


def read_pairs(
    template: Codes, fragments: Fragments, rng: np.random.Generator
) -> tuple[Reads, Reads]:
    """Sequence both ends of each fragment.

    Args:
        template: The molecules laid end to end, codes 0-3.
        fragments: Where the fragments are on it.
        rng: Random numbers.

    Returns:
        Read 1 and read 2, in the order of the fragments.
    """
    reads = []
    for mate, bases in enumerate(copy_ends(template, fragments)):
        qualities = draw_qualities(len(fragments), mate, rng)
        reads.append(Reads(add_errors(bases, qualities, rng), qualities))
    return reads[0], reads[1]


def copy_ends(template: Codes, fragments: Fragments) -> tuple[Codes, Codes]:
    """Read both ends of each fragment without errors; past a short fragment comes the adapter.

    Returns:
        Bases of read 1 and of read 2, codes 0-3, each of shape (fragments, ``READ_LENGTH``).
    """
    cycles = np.arange(READ_LENGTH)
    forward = template.take(fragments.starts[:, np.newaxis] + cycles, mode="clip")
    backward = 3 - template.take(fragments.ends[:, np.newaxis] - 1 - cycles, mode="clip")
    swapped = fragments.reverse[:, np.newaxis]
    first = np.where(swapped, backward, forward)
    second = np.where(swapped, forward, backward)
    for bases, adapter in zip((first, second), _ADAPTERS, strict=True):
        _run_into_adapter(bases, fragments.lengths, encode(adapter))
    return first, second


def draw_qualities(number: int, mate: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw qualities that fall along the read, more in read 2, and more in some reads.

    Args:
        number: Number of reads.
        mate: 0 for read 1, 1 for read 2.
        rng: Random numbers.

    Returns:
        Qualities, shape (number, ``READ_LENGTH``).
    """
    cycle = np.arange(READ_LENGTH, dtype=np.float32) / READ_LENGTH
    start, fall = ((0.035, 0.070), (0.045, 0.100))[mate]
    below = start + fall * cycle**2 + 0.03 * np.exp(-cycle * READ_LENGTH / 3)
    spread = rng.gamma(2.0, 0.5, (number, 1)).astype(np.float32)
    rank = rng.random((number, READ_LENGTH), dtype=np.float32) / (below * spread)
    qualities = np.full(rank.shape, Q_HIGH, dtype=np.uint8)
    qualities[rank < 1] = Q_MIDDLE
    qualities[rank < _LOW_SHARE] = Q_LOW
    qualities[rank < _NO_CALL_SHARE] = Q_NO_CALL
    return qualities


def add_errors(bases: Codes, qualities: NDArray[np.uint8], rng: np.random.Generator) -> Codes:
    """Substitute bases at the rate 10^(-Q/10); a base of quality 2 becomes N."""
    rates = np.power(10, -np.arange(64, dtype=np.float32) / 10)
    draw = rng.random(bases.shape, dtype=np.float32)
    rate = rates[qualities]
    wrong = draw < rate
    result = bases.copy()
    # Given that a base is wrong, draw / rate is uniform: it also chooses among the other three.
    shifts = 1 + np.minimum(draw[wrong] / rate[wrong] * 3, 2).astype(np.uint8)
    result[wrong] = substitute(bases[wrong], shifts)
    result[qualities == Q_NO_CALL] = UNKNOWN
    return result


def _run_into_adapter(bases: Codes, lengths: NDArray[np.int64], adapter: Codes) -> None:
    """Overwrite what lies past the fragment, in place."""
    tail = np.concatenate([adapter, np.full(READ_LENGTH, 2, dtype=np.uint8)])
    short = np.flatnonzero(lengths < READ_LENGTH)
    past = np.arange(READ_LENGTH) - lengths[short, np.newaxis]
    bases[short] = np.where(past >= 0, tail[np.maximum(past, 0)], bases[short])
