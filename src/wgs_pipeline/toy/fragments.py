"""DNA fragments of a sample: where each begins and ends on the molecules it was cut from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.toy.haplotypes import Molecule
from wgs_pipeline.toy.nucleotides import Codes
from wgs_pipeline.toy.reference import MITOCHONDRION

READ_LENGTH = 150
#: Copies of chrM per cell relative to one autosome copy: 10x the autosomal depth.
_MITOCHONDRIAL_DEPTH = 10
_MEAN_LENGTH, _LENGTH_SPREAD = 400, 50
_SHORTEST, _LONGEST = 160, 700
_READ_THROUGH_SHARE = 0.003
_SHORTEST_READ_THROUGH = 60
_CHIMERA_SHARE = 0.003
_DUPLICATE_SHARE = 0.02


#: Depth that does not count: bases below Q20, reads that map poorly or not, overlapping mates,
#: and the spread of the mean over the contigs.
_UNCOUNTED_SHARE = 0.055


@dataclass(frozen=True)
class Fragments:
    """Fragments on the template, the molecules laid end to end.

    Attributes:
        starts: First base on the template, shape (fragments,).
        ends: After the last base, shape (fragments,); of a chimera, on another molecule.
        lengths: Length in bp, shape (fragments,); shorter than a read in read-throughs.
        reverse: Whether read 1 is the one that ends at ``ends``, shape (fragments,).
    """

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    lengths: NDArray[np.int64]
    reverse: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.starts)

    def take(self, rows: NDArray[np.integer]) -> Fragments:
        """The fragments of ``rows``, in their order."""
        return Fragments(self.starts[rows], self.ends[rows], self.lengths[rows], self.reverse[rows])


def sequenced_coverage(coverage: float) -> float:
    """The depth to sequence so that ``coverage`` is reached in bases and alignments of Q20."""
    return coverage / (1 - _UNCOUNTED_SHARE)


def lay_template(molecules: list[Molecule]) -> Codes:
    """Lay molecules end to end; a ring is followed by its beginning once more."""
    return np.concatenate([_unrolled(molecule) for molecule in molecules])


def draw_fragments(
    molecules: list[Molecule], coverage: float, rng: np.random.Generator
) -> Fragments:
    """Draw the distinct fragments of a sample, uniform along each molecule.

    Args:
        molecules: The person's chromosome copies, in the order of ``lay_template``.
        coverage: Mean depth of a pair of autosomes; each copy gets half of it.
        rng: Random numbers.
    """
    offset, parts = 0, []
    for molecule in molecules:
        depth = (
            coverage / 2 if molecule.contig != MITOCHONDRION else coverage * _MITOCHONDRIAL_DEPTH
        ) * molecule.share
        number = round(depth * len(molecule.codes) / (2 * READ_LENGTH))
        lengths = _draw_lengths(number, rng)
        room = len(molecule.codes) - (0 if molecule.circular else lengths)
        starts = offset + np.floor(rng.random(number) * room).astype(np.int64)
        parts.append(np.stack([starts, starts + lengths, lengths]))
        offset += len(_unrolled(molecule))
    starts, ends, lengths = np.concatenate(parts, axis=1)
    reverse = rng.random(len(starts)) < 0.5
    _join_chimeras(ends, lengths, rng)
    return Fragments(starts, ends, lengths, reverse)


def spread_over_lanes(
    number: int, libraries: list[str], shares: list[float], rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Spread fragments over lanes, and add PCR duplicates within each library.

    Args:
        number: Number of distinct fragments.
        libraries: Library of each lane.
        shares: Share of each lane in the fragments; their sum is 1.
        rng: Random numbers.

    Returns:
        Per lane, the rows of the fragments read there, in random order. A duplicate is a row
        that occurs twice within the lanes of a library.
    """
    lane_of = rng.choice(len(shares), size=number, p=shares)
    rows: list[list[NDArray[np.int64]]] = [
        [np.flatnonzero(lane_of == i)] for i in range(len(shares))
    ]
    for library in sorted(set(libraries)):
        lanes = np.flatnonzero(np.array(libraries) == library)
        members = np.flatnonzero(np.isin(lane_of, lanes))
        count = round(len(members) * _DUPLICATE_SHARE / (1 - _DUPLICATE_SHARE))
        copies = rng.choice(members, size=count, replace=False)
        lane_of_copy = rng.choice(lanes, size=count)
        for lane in lanes:
            rows[lane].append(copies[lane_of_copy == lane])
    return [rng.permutation(np.concatenate(parts)) for parts in rows]


def _unrolled(molecule: Molecule) -> Codes:
    if not molecule.circular:
        return molecule.codes
    return np.concatenate([molecule.codes, molecule.codes[:_LONGEST]])


def _draw_lengths(number: int, rng: np.random.Generator) -> NDArray[np.int64]:
    lengths = np.clip(rng.normal(_MEAN_LENGTH, _LENGTH_SPREAD, number), _SHORTEST, _LONGEST)
    short = rng.random(number) < _READ_THROUGH_SHARE
    lengths[short] = rng.integers(_SHORTEST_READ_THROUGH, READ_LENGTH, int(short.sum()))
    return lengths.astype(np.int64)


def _join_chimeras(
    ends: NDArray[np.int64], lengths: NDArray[np.int64], rng: np.random.Generator
) -> None:
    """Give a few fragments the end of another one, in place."""
    long_enough = np.flatnonzero(lengths >= READ_LENGTH)
    joined = long_enough[rng.random(len(long_enough)) < _CHIMERA_SHARE]
    ends[joined] = ends[rng.permutation(joined)]
