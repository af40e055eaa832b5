"""FASTQ lanes of a sample as one verified stream of interleaved reads.

The aligner gets all lanes of a sample through one pipe. Each read carries its read group and
library as SAM tags in its comment (``bwa mem -C`` copies them), so that one aligner process and
one sort serve any number of lanes. The stream checks what the aligner would pass over in silence:
a truncated gzip, mates that do not belong together, files of different length, an empty file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from wgs_pipeline.errors import ReadsError
from wgs_pipeline.fastq.pairs import interleave, read_pairs
from wgs_pipeline.fastq.reader import CHUNK_BYTES, FastqReader
from wgs_pipeline.fastq.records import Records

_PHRED_30 = 33 + 30
_HASHED_AT_ONCE = 4


@dataclass(frozen=True)
class Lane:
    """The FASTQ pair of one library on one lane: one read group."""

    read_group: str
    library: str
    fastq_1: Path
    fastq_2: Path


@dataclass(frozen=True)
class LaneTally:
    """What was read of one lane.

    Attributes:
        read_group: ID of the read group.
        pairs: Read pairs.
        bases: Sequenced bases of both reads.
        bases_q30: Bases whose quality is at least Q30.
        sha256_1: Digest of the file of read 1 as it lies on the disk.
        sha256_2: The same of read 2.
    """

    read_group: str
    pairs: int = 0
    bases: int = 0
    bases_q30: int = 0
    sha256_1: str = ""
    sha256_2: str = ""


def verify_md5(path: Path, expected: str) -> None:
    """Compare the MD5 digest of a file with the one its sheet gives.

    Raises:
        ReadsError: The digests differ, or the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "md5").hexdigest()
    except OSError as error:
        raise ReadsError(f"{path}: cannot be read: {error.strerror or error}") from error
    if found != expected.lower():
        raise ReadsError(
            f"{path}: its MD5 is {found}; expected {expected}. Copy the file again from the "
            "sequencer, or mend the md5 in the units sheet"
        )


def verify_digests(digests: Sequence[tuple[Path, str]]) -> None:
    """Compare the MD5 digests of files with those their sheet gives, several files at a time.

    Raises:
        ReadsError: See `verify_md5`; of several, the first in the order given.
    """
    with ThreadPoolExecutor(_HASHED_AT_ONCE) as pool:
        list(pool.map(lambda digest: verify_md5(*digest), digests))


def stream_lanes(
    lanes: Iterable[Lane], out: BinaryIO, chunk_bytes: int = CHUNK_BYTES
) -> list[LaneTally]:
    r"""Write the read pairs of all lanes to ``out`` as interleaved FASTQ.

    The comment of each read is ``RG:Z:<read group>\tLB:Z:<library>``.

    Args:
        lanes: At least one.
        out: Binary stream.
        chunk_bytes: Bytes of each FASTQ that are read at a time; bounds the memory.

    Returns:
        One tally a lane, in the order given.

    Raises:
        ReadsError: A FASTQ is missing, truncated, malformed or empty, or its mate has other
            names or another number of reads.
    """
    tallies = []
    for lane in lanes:
        comment = f" RG:Z:{lane.read_group}\tLB:Z:{lane.library}\n".encode()
        tally = LaneTally(lane.read_group)
        files = FastqReader(lane.fastq_1, chunk_bytes), FastqReader(lane.fastq_2, chunk_bytes)
        for first, second in read_pairs(*files):
            out.write(interleave(first, second, comment))
            tally = _count(tally, first, second)
        if tally.pairs == 0:
            raise ReadsError(
                f"{lane.fastq_1}: holds no reads; expected at least one. Remove the lane from "
                "the units sheet, or copy the file again from the sequencer"
            )
        tallies.append(replace(tally, sha256_1=files[0].sha256, sha256_2=files[1].sha256))
    return tallies


def tally_json(tallies: Iterable[LaneTally]) -> dict[str, object]:
    """The tallies of a sample's lanes with their sums, as written beside the alignment."""
    rows = [asdict(tally) for tally in tallies]
    total = {key: sum(row[key] for row in rows) for key in ("pairs", "bases", "bases_q30")}
    return {**total, "read_groups": rows}


def _count(tally: LaneTally, first: Records, second: Records) -> LaneTally:
    qualities = (first.qualities, second.qualities)
    return replace(
        tally,
        pairs=tally.pairs + len(first),
        bases=tally.bases + sum(len(each) for each in qualities),
        bases_q30=tally.bases_q30
        + sum(int(np.count_nonzero(each >= _PHRED_30)) for each in qualities),
    )
