"""FASTQ lanes of a sample as one verified stream of interleaved reads.

The aligner gets all lanes of a sample through one pipe. Each read carries its read group and
library as SAM tags in its comment (``bwa mem -C`` copies them), so that one aligner process and
one sort serve any number of lanes. The stream checks what the aligner would pass over in silence:
a truncated gzip, mates that do not belong together, files of different length, an empty file.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from isal import igzip_lib, igzip_threaded
from numpy.typing import NDArray

from wgs_pipeline.errors import ReadsError

CHUNK_BYTES = 8 << 20
_ISAL_ERROR = cast(type[Exception], igzip_lib.IsalError)
_BROKEN_GZIP = (EOFError, gzip.BadGzipFile, _ISAL_ERROR)
_GZIP_MAGIC = b"\x1f\x8b"
_NEWLINE, _RETURN, _SPACE, _TAB = (ord(character) for character in "\n\r \t")
_AT, _PLUS, _SLASH = (ord(character) for character in "@+/")
_PHRED_30 = 33 + 30


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
    """

    read_group: str
    pairs: int = 0
    bases: int = 0
    bases_q30: int = 0


@dataclass(frozen=True)
class _Records:
    """Whole records of one FASTQ chunk, one row a read."""

    names: pa.BinaryArray
    sequences: pa.BinaryArray
    qualities: pa.BinaryArray


def verify_md5(path: Path, expected: str) -> None:
    """Compare the MD5 digest of a file with the one its sheet gives.

    Raises:
        ReadsError: The digests differ, or the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "md5").hexdigest()
    except OSError as error:
        raise ReadsError(f"{path}: cannot be read: {error.strerror}") from error
    if found != expected.lower():
        raise ReadsError(
            f"{path}: its MD5 is {found}; expected {expected}. Copy the file again from the "
            "sequencer, or mend the md5 in the units sheet"
        )


def stream_lanes(lanes: Iterable[Lane], out: BinaryIO) -> list[LaneTally]:
    r"""Write the read pairs of all lanes to ``out`` as interleaved FASTQ.

    The comment of each read is ``RG:Z:<read group>\tLB:Z:<library>``.

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
        for first, second in read_pairs(lane.fastq_1, lane.fastq_2):
            out.write(_interleave(first, second, comment))
            tally = _count(tally, first, second)
        if tally.pairs == 0:
            raise ReadsError(
                f"{lane.fastq_1}: holds no reads; expected at least one. Remove the lane from "
                "the units sheet, or copy the file again from the sequencer"
            )
        tallies.append(tally)
    return tallies


def tally_json(tallies: Iterable[LaneTally]) -> dict[str, object]:
    """The tallies of a sample's lanes with their sums, as written beside the alignment."""
    rows = [asdict(tally) for tally in tallies]
    total = {key: sum(row[key] for row in rows) for key in ("pairs", "bases", "bases_q30")}
    return {**total, "read_groups": rows}


def read_pairs(fastq_1: Path, fastq_2: Path) -> Iterator[tuple[_Records, _Records]]:
    """Read two FASTQ files in step, in chunks of equally many whole records.

    Raises:
        ReadsError: See `stream_lanes`.
    """
    first, second = _Reader(fastq_1), _Reader(fastq_2)
    done = 0
    while True:
        count = min(first.fill(), second.fill())
        if count == 0:
            break
        records_1, records_2 = first.take(count), second.take(count)
        _check_names(records_1, records_2, fastq_1, fastq_2, done)
        done += count
        yield records_1, records_2
    for longer, shorter in ((first, second), (second, first)):
        if longer.available:
            raise ReadsError(
                f"{longer.path}: has more reads than its mate {shorter.path}, which ends after "
                f"{done} reads; expected equally many. Copy both files again from the sequencer"
            )


class _Reader:
    """A FASTQ file, plain or gzip, as chunks of whole records."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pending = b""
        self._newlines: NDArray[np.int64] = np.empty(0, np.int64)
        self._line = 0
        self._ended = False
        self._chunks = _decompressed(path)

    @property
    def available(self) -> int:
        """Whole records that are in memory."""
        return len(self._newlines) // 4

    def fill(self) -> int:
        """Read on until at least one whole record is in memory; its count, 0 at the end."""
        while not self.available and not self._ended:
            chunk = next(self._chunks, b"")
            if not chunk:
                self._ended = True
                if self._pending and not self._pending.endswith(b"\n"):
                    chunk = b"\n"
            self._pending += chunk
            self._newlines = np.flatnonzero(
                np.frombuffer(self._pending, np.uint8) == _NEWLINE
            ).astype(np.int64)
            if self._ended and len(self._newlines) % 4:
                raise ReadsError(
                    f"{self.path}:{self._line + len(self._newlines)}: ends within a record; "
                    "expected four lines a read. The file is truncated: copy it again"
                )
        return self.available

    def take(self, count: int) -> _Records:
        """Remove the first ``count`` records from memory and return them."""
        newlines = self._newlines[: 4 * count]
        size = int(newlines[-1]) + 1
        data = self._pending[:size]
        self._pending = self._pending[size:]
        self._newlines = self._newlines[4 * count :] - size
        records = _parse(data, newlines, self.path, self._line)
        self._line += 4 * count
        return records


def _decompressed(path: Path) -> Iterator[bytes]:
    """The content of a plain or gzip file in chunks."""
    try:
        with path.open("rb") as raw:
            compressed = raw.read(2) == _GZIP_MAGIC
        opener = cast(BinaryIO, igzip_threaded.open(path, "rb") if compressed else path.open("rb"))
        with opener as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except _BROKEN_GZIP as error:
        raise ReadsError(
            f"{path}: the gzip stream is broken ({error}); expected it to end with a checksum. "
            "The file is truncated or damaged: copy it again from the sequencer"
        ) from error
    except OSError as error:
        raise ReadsError(f"{path}: cannot be read: {error.strerror or error}") from error


def _parse(data: bytes, newlines: NDArray[np.int64], path: Path, line: int) -> _Records:
    """Cut whole records into names, sequences and qualities.

    Args:
        data: Text of whole records.
        newlines: Offsets of its line ends, four a record.
        path: The file, for messages.
        line: Lines of the file before this chunk, for messages.
    """
    text = np.frombuffer(data, np.uint8)
    starts = np.concatenate(([0], newlines[:-1] + 1))
    ends = newlines - (text[newlines - 1] == _RETURN)
    head, sequence, plus, quality = (starts[part::4] for part in range(4))
    head_end, sequence_end, quality_end = ends[0::4], ends[1::4], ends[3::4]
    _check_marks(text, head, plus, path, line)
    lengths, expected = quality_end - quality, sequence_end - sequence
    if wrong := _first(lengths != expected):
        raise ReadsError(
            f"{path}:{line + 4 * wrong}: {lengths[wrong - 1]} qualities for "
            f"{expected[wrong - 1]} bases; expected equally many. The file is damaged: copy it "
            "again from the sequencer"
        )
    name_end = _name_ends(text, head, head_end)
    bounds = np.stack(
        [head + 1, name_end, sequence, sequence_end, quality, quality_end], axis=1
    ).ravel()
    pieces = pa.BinaryArray.from_buffers(
        pa.binary(),
        len(bounds) - 1,
        [None, pa.py_buffer(bounds.astype(np.int32)), pa.py_buffer(data)],
    )
    index = np.arange(len(head)) * 6
    return _Records(*(pieces.take(pa.array(index + part)) for part in (0, 2, 4)))


def _name_ends(
    text: NDArray[np.uint8], head: NDArray[np.int64], head_end: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Ends of the read names: before the comment and before a trailing ``/1`` or ``/2``."""
    blanks = np.append(np.flatnonzero((text == _SPACE) | (text == _TAB)), len(text))
    name_end = np.minimum(blanks[np.searchsorted(blanks, head)], head_end)
    mate = text[name_end - 1]
    numbered = (text[name_end - 2] == _SLASH) & ((mate == ord("1")) | (mate == ord("2")))
    return cast("NDArray[np.int64]", name_end - 2 * numbered)


def _check_marks(
    text: NDArray[np.uint8],
    head: NDArray[np.int64],
    plus: NDArray[np.int64],
    path: Path,
    line: int,
) -> None:
    for starts, mark, offset in ((head, _AT, 1), (plus, _PLUS, 3)):
        if wrong := _first(text[starts] != mark):
            raise ReadsError(
                f"{path}:{line + 4 * (wrong - 1) + offset}: the line begins with "
                f"{chr(text[starts[wrong - 1]])!r}; expected {chr(mark)!r}. The file is not "
                "FASTQ, or is damaged: copy it again from the sequencer"
            )


def _check_names(
    first: _Records, second: _Records, fastq_1: Path, fastq_2: Path, done: int
) -> None:
    equal = pc.equal(first.names, second.names).to_numpy(zero_copy_only=False)
    if wrong := _first(~equal):
        names = [records.names[wrong - 1].as_py().decode() for records in (first, second)]
        raise ReadsError(
            f"{fastq_2}:{4 * (done + wrong) - 3}: read {names[1]!r} stands beside {names[0]!r} "
            f"of {fastq_1}; expected equal names. Put the two files of one lane in one row of "
            "the units sheet"
        )


def _first(mask: NDArray[np.bool_]) -> int:
    """1-based index of the first true element, 0 where there is none."""
    return int(np.argmax(mask)) + 1 if mask.any() else 0


def _interleave(first: _Records, second: _Records, comment: bytes) -> memoryview:
    parts: list[object] = []
    for records in (first, second):
        parts += [b"@", records.names, comment, records.sequences, b"\n+\n"]
        parts += [records.qualities, b"\n"]
    columns = [pa.scalar(part, pa.binary()) if isinstance(part, bytes) else part for part in parts]
    joined = pc.binary_join_element_wise(*columns, pa.scalar(b"", pa.binary()))
    return _values(joined)


def _values(array: pa.BinaryArray) -> memoryview:
    """The bytes of all elements, one after the other."""
    offsets = np.frombuffer(array.buffers()[1], np.int32)[array.offset :][: len(array) + 1]
    return memoryview(array.buffers()[2])[offsets[0] : offsets[-1]]


def _count(tally: LaneTally, first: _Records, second: _Records) -> LaneTally:
    qualities = [np.frombuffer(_values(each.qualities), np.uint8) for each in (first, second)]
    return replace(
        tally,
        pairs=tally.pairs + len(first.names),
        bases=tally.bases + sum(len(each) for each in qualities),
        bases_q30=tally.bases_q30 + sum(int((each >= _PHRED_30).sum()) for each in qualities),
    )
