"""Read pairs: two FASTQ files in step, and as one interleaved FASTQ."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wgs_pipeline.errors import ReadsError
from wgs_pipeline.fastq.reader import FastqReader
from wgs_pipeline.fastq.records import Records, first_true, parse, slices, values


def read_pairs(first: FastqReader, second: FastqReader) -> Iterator[tuple[Records, Records]]:
    """Read two FASTQ files in step, in chunks of equally many whole records.

    Args:
        first: Read 1 of each pair.
        second: Read 2 of each pair, in the same order.

    Raises:
        ReadsError: A file is missing, truncated or malformed, or the two have other names or
            another number of reads.
    """
    done = 0
    while count := min(first.fill(), second.fill()):
        pair = parse(first.take(count)), parse(second.take(count))
        _check_names(*pair)
        done += count
        yield pair
    for longer, shorter in ((first, second), (second, first)):
        if longer.available:
            raise ReadsError(
                f"{longer.path}:{4 * done + 1}: has more reads than its mate {shorter.path}, "
                f"which ends after {done} reads; expected equally many. Copy both files again "
                "from the sequencer"
            )


def interleave(first: Records, second: Records, comment: bytes) -> memoryview:
    """FASTQ text of read pairs, read 1 before read 2.

    Args:
        first: Read 1 of each pair.
        second: Read 2 of each pair.
        comment: What follows every name, line end included.
    """
    texts = (first.chunk.text, second.chunk.text, np.frombuffer(comment, np.uint8))
    sizes = np.cumsum([0, *map(len, texts)])
    bounds = (first.bounds.ravel(), second.bounds.ravel() + sizes[1], sizes[2:])
    pieces = slices(np.concatenate(texts), np.concatenate(bounds))
    # Each read is its name (the first of three pieces), the comment, and what follows its head.
    count = len(first)
    order = np.empty((count, 2, 3), np.int64)
    order[:, 0, 0] = np.arange(count) * 3
    order[:, 1, 0] = order[:, 0, 0] + 3 * count
    order[:, :, 1] = len(pieces) - 1
    order[:, :, 2] = order[:, :, 0] + 2
    return values(pieces.take(pa.array(order.ravel()))).data


def _check_names(first: Records, second: Records) -> None:
    equal = pc.equal(first.names, second.names).to_numpy(zero_copy_only=False)
    wrong = first_true(~equal)
    if wrong is not None:
        names = [
            records.names[wrong].as_py().decode(errors="replace") for records in (first, second)
        ]
        raise ReadsError(
            f"{second.chunk.path}:{second.chunk.line + 4 * wrong + 1}: read {names[1]!r} stands "
            f"beside {names[0]!r} of {first.chunk.path}; expected equal names. Put the two files "
            "of one lane in one row of the units sheet"
        )
