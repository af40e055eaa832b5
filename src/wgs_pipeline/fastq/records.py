"""FASTQ records in columns: names, bases and qualities, with what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wgs_pipeline.errors import ReadsError
from wgs_pipeline.fastq.reader import Chunk

_RETURN, _SPACE, _TAB = b"\r \t"
_AT, _PLUS, _SLASH, _ONE, _TWO = b"@+/12"
_LETTERS, _DOT = 26, ord(".")
#: Qualities are the printable characters from Q0 on (Cock et al. 2010, Nucleic Acids Research).
_Q0, _HIGHEST_QUALITY = ord("!"), ord("~")
#: Longest QNAME of SAM (its specification, section 1.4).
_LONGEST_NAME = 254


@dataclass(frozen=True)
class Records:
    r"""Records of one chunk as ``@name comment\nbases\n+\nqualities\n``, one row a read.

    Attributes:
        chunk: The text, whose third lines are ``+`` and whose lines end without return.
        names: Names without comment and without ``/1`` or ``/2``.
        bounds: Where each record, what follows its name, and its bases begin in the text, shape
            (records, 3).
        bases: The bases of all reads, one after the other.
        qualities: The qualities of all reads, likewise.
    """

    chunk: Chunk
    names: pa.BinaryArray
    bounds: NDArray[np.int64]
    bases: NDArray[np.uint8]
    qualities: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class _Lines:
    """Where the lines of a chunk begin, and end without their line ends, shape (records, 4)."""

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts)


def parse(chunk: Chunk) -> Records:
    """Cut whole records into names, bases and qualities.

    Raises:
        ReadsError: A record is not FASTQ.
    """
    lines = _lines(chunk)
    _check_marks(chunk, lines)
    _check_lengths(chunk, lines)
    if (lines.ends[:, 2] - lines.starts[:, 2] > 1).any() or _has_returns(lines):
        chunk = _plain(chunk, lines)
        lines = _lines(chunk)
    name_ends = _name_ends(chunk, lines)
    _check_name_lengths(chunk, name_ends - lines.starts[:, 0] - 1)
    cuts = np.empty((len(lines), 6), np.int64)
    cuts[:, 0], cuts[:, 1] = lines.starts[:, 0] + 1, name_ends
    cuts[:, 2::2], cuts[:, 3::2] = lines.starts[:, 1::2], lines.ends[:, 1::2]
    pieces = slices(chunk.text, cuts.ravel())
    index = np.arange(len(lines)) * 6
    names, bases, qualities = (pieces.take(pa.array(index + part)) for part in (0, 2, 4))
    bounds = np.stack([lines.starts[:, 0], name_ends, lines.starts[:, 1]], axis=1)
    records = Records(chunk, names, bounds, values(bases), values(qualities))
    _check_characters(records, lines)
    return records


def slices(text: NDArray[np.uint8], bounds: NDArray[np.int64]) -> pa.BinaryArray:
    """The pieces of ``text`` between each of the ascending ``bounds`` and the next."""
    buffers = [None, pa.py_buffer(bounds.astype(np.int32)), pa.py_buffer(text)]
    return pa.BinaryArray.from_buffers(pa.binary(), len(bounds) - 1, buffers)


def values(array: pa.BinaryArray) -> NDArray[np.uint8]:
    """The bytes of all elements, one after the other."""
    offsets = np.frombuffer(array.buffers()[1], np.int32)[array.offset :][: len(array) + 1]
    text = np.frombuffer(array.buffers()[2] or b"", np.uint8)
    return text[offsets[0] : offsets[-1]]


def first_true(mask: NDArray[np.bool_]) -> int | None:
    """Index of the first true element, None where there is none."""
    index = int(np.argmax(mask)) if len(mask) else 0
    return index if len(mask) and mask[index] else None


def _lines(chunk: Chunk) -> _Lines:
    newlines = chunk.newlines
    starts = np.concatenate(([0], newlines[:-1] + 1))
    ends = newlines - ((chunk.text[newlines - 1] == _RETURN) & (newlines > starts))
    return _Lines(starts.reshape(-1, 4), ends.reshape(-1, 4))


def _has_returns(lines: _Lines) -> bool:
    return bool((lines.starts.ravel()[1:] - lines.ends.ravel()[:-1] > 1).any())


def _plain(chunk: Chunk, lines: _Lines) -> Chunk:
    """The chunk without returns at line ends and without the name repeated after the plus."""
    ends = lines.ends.copy()
    ends[:, 2] = lines.starts[:, 2] + 1
    cuts = np.stack([lines.starts, ends], axis=2).ravel()
    # The newline that ends all lines of the new text is added after the chunk.
    text = np.append(chunk.text, np.uint8(ord("\n")))
    pieces = slices(text, np.concatenate((cuts, [len(chunk.text), len(text)])))
    index = np.full((ends.size, 2), len(pieces) - 1)
    index[:, 0] = np.arange(ends.size) * 2
    plain = values(pieces.take(pa.array(index.ravel())))
    newlines = np.cumsum((ends - lines.starts).ravel() + 1) - 1
    return Chunk(chunk.path, chunk.line, plain, newlines)


def _name_ends(chunk: Chunk, lines: _Lines) -> NDArray[np.int64]:
    """Ends of the read names: before the comment and before a trailing ``/1`` or ``/2``."""
    text, starts, ends = chunk.text, lines.starts[:, 0], lines.ends[:, 0]
    cuts = np.stack([starts, ends], axis=1).ravel()
    heads = slices(text, cuts).take(pa.array(np.arange(len(lines)) * 2))
    characters = values(heads)
    blanks = np.flatnonzero((characters == _SPACE) | (characters == _TAB))
    head_ends = np.cumsum(ends - starts)
    head_starts = head_ends - (ends - starts)
    blanks = np.append(blanks, len(characters))[np.searchsorted(blanks, head_starts)]
    name_ends = starts + np.minimum(blanks, head_ends) - head_starts
    mate = text[name_ends - 1]
    numbered = (text[name_ends - 2] == _SLASH) & ((mate == _ONE) | (mate == _TWO))
    return cast("NDArray[np.int64]", name_ends - 2 * numbered)


def _check_marks(chunk: Chunk, lines: _Lines) -> None:
    for part, mark in ((0, _AT), (2, _PLUS)):
        found = chunk.text[lines.starts[:, part]]
        wrong = first_true(found != mark)
        if wrong is not None:
            raise ReadsError(
                f"{_place(chunk, wrong, part)}: the line begins with {chr(found[wrong])!r}; "
                f"expected {chr(mark)!r}. The file is not FASTQ, or is damaged: copy it again "
                "from the sequencer"
            )


def _check_lengths(chunk: Chunk, lines: _Lines) -> None:
    lengths = lines.ends - lines.starts
    wrong = first_true(lengths[:, 1] != lengths[:, 3])
    if wrong is not None:
        raise ReadsError(
            f"{_place(chunk, wrong, 3)}: {lengths[wrong, 3]} qualities for "
            f"{lengths[wrong, 1]} bases; expected equally many. The file is damaged: copy it "
            "again from the sequencer"
        )


def _check_name_lengths(chunk: Chunk, lengths: NDArray[np.int64]) -> None:
    wrong = first_true((lengths < 1) | (lengths > _LONGEST_NAME))
    if wrong is not None:
        raise ReadsError(
            f"{_place(chunk, wrong, 0)}: a read name of {lengths[wrong]} characters; expected "
            f"1 to {_LONGEST_NAME}. The file is damaged: copy it again from the sequencer"
        )


def _check_characters(records: Records, lines: _Lines) -> None:
    checks = (
        (1, "base", "letters", records.bases, _strange_bases),
        (3, "quality", "printable characters", records.qualities, _strange_qualities),
    )
    for part, noun, expected, characters, strange in checks:
        wrong = first_true(strange(characters))
        if wrong is not None:
            ends = np.cumsum(lines.ends[:, part] - lines.starts[:, part])
            record = int(np.searchsorted(ends, wrong, side="right"))
            raise ReadsError(
                f"{_place(records.chunk, record, part)}: holds the {noun} "
                f"{chr(characters[wrong])!r}; expected {expected}. The file is damaged: copy it "
                "again from the sequencer"
            )


def _strange_bases(bases: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Whatever is no letter; old base callers write a dot for N."""
    # Upper and lower case differ in one bit; what is below 'a' wraps around.
    letter = (bases | np.uint8(0x20)) - np.uint8(ord("a")) < _LETTERS
    strange: NDArray[np.bool_] = ~(letter | (bases == _DOT))
    return strange


def _strange_qualities(qualities: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return qualities - np.uint8(_Q0) > _HIGHEST_QUALITY - _Q0


def _place(chunk: Chunk, record: int, part: int) -> str:
    return f"{chunk.path}:{chunk.line + 4 * record + part + 1}"
