"""FASTQ text of read pairs, with names as Illumina instruments write them."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wgs_pipeline.files import replacing
from wgs_pipeline.toy.fragments import Fragments
from wgs_pipeline.toy.nucleotides import Codes, letters
from wgs_pipeline.toy.people import Lane
from wgs_pipeline.toy.reads import Reads, read_pairs

_INSTRUMENT, _RUN = "SYN01", 1
#: Tiles of one swath each on both surfaces; x and y stay at five digits, so that all records
#: of a lane have the same length.
_TILES = np.array([1101 + tile for tile in range(78)] + [2101 + tile for tile in range(78)])
_FIRST_X, _FIRST_Y, _SPAN_X, _SPAN_Y = 10_000, 10_000, 20_000, 40_000
#: Pairs rendered at a time; bounds the memory.
_BLOCK = 16_384
#: Level 1 takes a third of the time of the usual 6, and these files live for one demonstration.
_GZIP_LEVEL = 1


def write_lane(
    paths: tuple[Path, Path],
    lane: Lane,
    template: Codes,
    fragments: Fragments,
    rng: np.random.Generator,
) -> None:
    """Sequence ``fragments`` on ``lane`` and write read 1 and read 2, in the order of clusters.

    The bytes depend on the arguments only: no time and no name goes into the gzip header.
    """
    clusters = draw_clusters(len(fragments), rng)
    with (
        replacing(paths[0]) as path_1,
        replacing(paths[1]) as path_2,
        _compressed(path_1) as file_1,
        _compressed(path_2) as file_2,
    ):
        for start in range(0, len(fragments), _BLOCK):
            block = np.arange(start, min(start + _BLOCK, len(fragments)))
            first, second = read_pairs(template, fragments.take(block), rng)
            file_1.write(render(lane, 1, clusters[block], first))
            file_2.write(render(lane, 2, clusters[block], second))


def draw_clusters(number: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw distinct places on the lane: tile, x, y in scanning order, shape (number, 3)."""
    places = len(_TILES) * _SPAN_X * _SPAN_Y
    place = np.sort(rng.integers(0, places - number, number)) + np.arange(number)
    tile, within = np.divmod(place, _SPAN_X * _SPAN_Y)
    x, y = np.divmod(within, _SPAN_Y)
    return np.stack([_TILES[tile], x + _FIRST_X, y + _FIRST_Y], axis=1)


def render(lane: Lane, mate: int, clusters: NDArray[np.int64], reads: Reads) -> bytes:
    """FASTQ records as bytes.

    Args:
        lane: Flowcell, lane and sample index for the names.
        mate: 1 or 2.
        clusters: Tile, x and y, shape (reads, 3).
        reads: Bases and qualities.
    """
    start = f"@{_INSTRUMENT}:{_RUN}:{lane.flowcell}:{lane.lane}:"
    colon = ":"
    tile, x, y = (_digits(clusters[:, i], width) for i, width in enumerate((4, 5, 5)))
    end = f" {mate}:N:0:{lane.index}\n"
    bases, qualities = letters(reads.bases), reads.qualities + np.uint8(33)
    parts = (start, tile, colon, x, colon, y, end, bases, "\n+\n", qualities, "\n")
    number = len(clusters)
    fields = [_repeat(part, number) if isinstance(part, str) else part for part in parts]
    return np.concatenate(fields, axis=1).tobytes()


def _digits(numbers: NDArray[np.int64], width: int) -> NDArray[np.uint8]:
    powers = 10 ** np.arange(width - 1, -1, -1)
    return (numbers[:, np.newaxis] // powers % 10 + ord("0")).astype(np.uint8)


def _repeat(text: str, number: int) -> NDArray[np.uint8]:
    row = np.frombuffer(text.encode("ascii"), dtype=np.uint8)
    return np.broadcast_to(row, (number, len(row)))


@contextmanager
def _compressed(path: Path) -> Iterator[gzip.GzipFile]:
    with path.open("wb") as raw, gzip.GzipFile("", "wb", _GZIP_LEVEL, raw, mtime=0) as file:
        yield file
