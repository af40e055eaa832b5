"""Looking for a person in every byte of some files: identifiers, and digests of erased shards.

Identifiers of eight bytes and more are looked for as bytes in everything, and in the decoded text
columns of Parquet files. Shorter ones cannot be told from chance or from other words; they are
looked for as whole words of text files only, and what is found is said but proves nothing.
"""

from __future__ import annotations

import mmap
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from wgs_pipeline.identifiers import canonical_patient_id, has_cpr_shape

#: Fewer bytes than this turn up in compressed data by chance.
_LEAST = 8
_TEXT_SUFFIXES = frozenset({".json", ".jsonl", ".tsv", ""})
_FOOTER_BYTES = 1 << 16


@dataclass(frozen=True)
class Needles:
    """What is looked for.

    Attributes:
        long: Looked for as bytes.
        short: Looked for as words of text.
    """

    long: tuple[bytes, ...]
    short: tuple[bytes, ...]

    @classmethod
    def of(cls, identifiers: Iterable[str]) -> Needles:
        """Spellings of identifiers: CPR numbers also with their hyphen."""
        spelled = set()
        for each in identifiers:
            plain = canonical_patient_id(each)
            spelled.add(plain)
            if has_cpr_shape(plain) and len(plain) == 10:
                spelled.add(f"{plain[:6]}-{plain[6:]}")
        encoded = sorted(each.encode() for each in spelled if each)
        return cls(
            tuple(each for each in encoded if len(each) >= _LEAST),
            tuple(each for each in encoded if len(each) < _LEAST),
        )


@dataclass
class Scan:
    """What was looked through, and what was found.

    Attributes:
        files: Files looked through.
        bytes: Bytes looked through.
        columns: Text columns decoded and looked through.
        footers: Files of which only the footer was looked through.
        found: Files in which an identifier stands.
        words: Text files that hold a word equal to a short identifier.
    """

    files: int = 0
    bytes: int = 0
    columns: int = 0
    footers: int = 0
    found: list[Path] = field(default_factory=list)
    words: list[Path] = field(default_factory=list)


def _plain(_: Path) -> None:
    """No file is encrypted."""


def scan_files(
    base: Path,
    paths: Iterable[Path],
    needles: Needles,
    footers_only: Set[Path],
    decrypted: Callable[[Path], Any] = _plain,
) -> Scan:
    """Look through files.

    Args:
        base: Folder that they are below; their names from there on are looked at too.
        paths: The files.
        needles: What to look for.
        footers_only: Parquet files of which the footer is enough.
        decrypted: How Arrow decrypts a Parquet file; None: it is plain.
    """
    scan = Scan()
    above = len(os.fsencode(base))
    for path in paths:
        try:
            found = _in_file(path, needles, path in footers_only, scan, decrypted)
        except FileNotFoundError:
            continue  # a temporary file of a process at work
        name = os.fsencode(path)[above:]
        if found or any(each in name for each in needles.long):
            scan.found.append(path)
    return scan


def unexplained(path: Path, needles: Needles, texts: Collection[str]) -> int:
    """Places where an identifier stands in a file and no longer text explains it.

    Args:
        path: A file of the vault.
        needles: What to look for.
        texts: All texts that the vault holds; one that contains an identifier of another person
            (``patient-10`` contains ``patient-1``) explains its places.
    """
    content = path.read_bytes()
    count = 0
    for needle in needles.long:
        hits = [hit.start() for hit in re.finditer(re.escape(needle), content)]
        if hits:
            longer = {each.encode() for each in texts if needle in each.encode()} - {needle}
            count += sum(
                not any(_explains(content, hit, needle, each) for each in longer) for hit in hits
            )
    return count


def _explains(content: bytes, at: int, needle: bytes, text: bytes) -> bool:
    begins = (at - hit.start() for hit in re.finditer(re.escape(needle), text))
    return any(begin >= 0 and content[begin : begin + len(text)] == text for begin in begins)


def _in_file(
    path: Path,
    needles: Needles,
    footer_only: bool,
    scan: Scan,
    decrypted: Callable[[Path], Any],
) -> bool:
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        scan.files += 1
        if not size:
            return False
        if footer_only:
            file.seek(max(size - _FOOTER_BYTES, 0))
            tail = file.read()
            scan.footers += 1
            scan.bytes += len(tail)
            return any(each in tail for each in needles.long)
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            scan.bytes += size
            if path.suffix in _TEXT_SUFFIXES:
                if any(True for each in needles.short for _ in _words(content, each)):
                    scan.words.append(path)
                return any(True for each in needles.long for _ in _words(content, each))
            if any(content.find(each) >= 0 for each in needles.long):
                return True
    return path.suffix == ".parquet" and _in_columns(path, needles, scan, decrypted(path))


def _words(content: mmap.mmap, needle: bytes) -> Iterator[int]:
    """Places where an identifier stands as a word by itself."""
    at = content.find(needle)
    while at >= 0:
        around = content[max(at - 1, 0) : at] + content[at + len(needle) : at + len(needle) + 1]
        if not re.search(rb"[A-Za-z0-9]", around):
            yield at
        at = content.find(needle, at + 1)


def _in_columns(path: Path, needles: Needles, scan: Scan, decryption: Any) -> bool:
    """Whether an identifier stands in a text column, once decrypted and decompressed."""
    try:
        with pq.ParquetFile(path, decryption_properties=decryption) as file:
            schema = file.schema_arrow
            names = [each.name for each in schema if pa.types.is_string(each.type)]
        with pq.ParquetFile(path, read_dictionary=names, decryption_properties=decryption) as file:
            table = file.read(columns=names, use_threads=False)
    except (OSError, pa.ArrowInvalid):
        return False  # no whole Parquet file; its bytes were looked at
    for name in names:
        scan.columns += 1
        for chunk in table[name].chunks:
            joined = "\0".join(each for each in chunk.dictionary.to_pylist() if each).encode()
            if any(each in joined for each in needles.long):
                return True
    return False
