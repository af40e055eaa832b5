"""The genome shard: one analysis of one person, two immutable Parquet files and their hashes.

variants           contig, pos (1-based, as in VCF), ref, alt, gt, kind (0 none, 1 het, 2 hom,
                   3 hemi), passed, dp, ad_ref, ad_alt, gq; sorted by contig, pos, ref, alt
callable           contig, start, end (0-based half-open)
shard.json         what made it, the SHA-256 of both files, and the digests of their footers

``shard_columns`` says how the files store them, ``shard_keys`` how they are encrypted.

The folder's name is the digest of the content, so that the same calls are the same shard whatever
wrote the bytes. A base is callable if at least one record covers it and every record that covers
it passed; a variant's normalised REF covers too. A call counts if its position is callable.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd.layout import Root, sha256_of
from wgs_pipeline.ngd.parquet import damage_named, damaged, open_parquet
from wgs_pipeline.ngd.shard_columns import (
    DICTIONARIES,
    STORED_CALLABLE,
    STORED_VARIANTS,
    RowGroup,
    read_row_groups,
    stored_columns,
    unpack_runs,
    unpack_variants,
)
from wgs_pipeline.ngd.shard_keys import decryption

FORMAT = 3
#: Last format whose files were not encrypted.
_PLAIN = 2
_BEYOND = 1 << 40
FILES = ("variants.parquet", "callable.parquet")
#: Fewest row groups for a thread of its own, which has to open the file.
_LEAST_GROUPS = 8
#: Columns of a shard's calls; pos is 1-based, as in VCF.
VARIANTS = pa.schema(
    [
        ("contig", pa.string()),
        ("pos", pa.int32()),
        ("ref", pa.string()),
        ("alt", pa.string()),
        ("gt", pa.string()),
        ("kind", pa.uint8()),
        ("passed", pa.bool_()),
        ("dp", pa.int16()),
        ("ad_ref", pa.int16()),
        ("ad_alt", pa.int16()),
        ("gq", pa.int16()),
    ]
)
CALLABLE = pa.schema([("contig", pa.string()), ("start", pa.int32()), ("end", pa.int32())])


@dataclass(frozen=True)
class Analysis:
    """How one genome was examined, as far as the database needs it.

    Attributes:
        karyotype: One of ``SEX_CHROMOSOMES``, or ``unknown``.
        assay: ``wgs``, ``exome``, ….
        target: Digest of the target intervals; empty without a target.
    """

    karyotype: str
    assay: str = "wgs"
    target: str = ""

    @property
    def counted(self) -> bool:
        """Whether its callable bases are known: whole genomes, and others with a target."""
        return self.assay == "wgs" or bool(self.target)


def read_variants(
    root: Root,
    digest: str,
    contig: str | None = None,
    start: int | None = None,
    end: int | None = None,
    *,
    columns: Sequence[str] | None = None,
    dictionaries: bool = False,
    description: str | None = None,
    threads: int = 1,
) -> pa.Table:
    """Calls of a shard, of one contig, or of a part of a contig.

    Args:
        root: The database.
        digest: The shard.
        contig: Only this contig.
        start: Only calls whose first base is at or after this one, 0-based.
        end: Only calls whose first base is before this one, 0-based.
        columns: Columns of ``VARIANTS``; None: all of them.
        dictionaries: Whether texts come as dictionaries.
        description: SHA-256 that ``shard.json`` has; None: not known.
        threads: How many share the work where a whole shard is read.

    Raises:
        NgdError: The shard is missing or damaged, or there is no key for it.
    """
    names = VARIANTS.names if columns is None else list(columns)
    asked = stored_columns(names if contig is None else ["pos", *names])
    if contig is None and columns is None:
        asked = STORED_VARIANTS.names  # all of them, so that damage anywhere is found
    low, high = _bounds(contig, start, end)
    file = _File.of(root, digest, FILES[0], description)

    def read(groups: Sequence[RowGroup] | None = None) -> pa.Table:
        stored, groups = file.read((contig, low + 1, high), asked, groups)
        rows = [(each.contig, each.rows) for each in groups]
        if contig is not None:
            pos = np.asarray(stored["pos"])
            first, last = np.searchsorted(pos, (low, max(low, high)), side="right").tolist()
            stored, rows = stored.slice(first, last - first), [(contig, last - first)]
        return unpack_variants(stored, rows, names, dictionaries)

    if threads == 1 or contig is not None:
        return read()
    from concurrent.futures import ThreadPoolExecutor

    with file.opened() as parquet:
        portions = _portions(read_row_groups(parquet.metadata.metadata, None, 0, _BEYOND), threads)
    with ThreadPoolExecutor(threads) as pool:
        return pa.concat_tables(pool.map(read, portions))


def read_callable(
    root: Root,
    digest: str,
    contig: str | None = None,
    start: int | None = None,
    end: int | None = None,
    *,
    description: str | None = None,
) -> pa.Table:
    """Callable runs of a shard, of one contig, or those that overlap a part of a contig, uncut.

    Args:
        root: The database.
        digest: The shard.
        contig: Only this contig.
        start: Only runs that end after this base, 0-based.
        end: Only runs that start before this base, 0-based.
        description: SHA-256 that ``shard.json`` has; None: not known.

    Returns:
        Columns of ``CALLABLE``.

    Raises:
        NgdError: The shard is missing or damaged, or there is no key for it.
    """
    low, high = _bounds(contig, start, end)
    file = _File.of(root, digest, FILES[1], description)
    stored, groups = file.read((contig, low, high), STORED_CALLABLE.names)
    runs = unpack_runs(stored, groups)
    names = [pa.repeat(each.contig, each.rows) for each in groups]
    column = pa.chunked_array(names, pa.string())
    starts, ends = runs.starts, runs.ends
    if contig is not None:
        first = np.searchsorted(ends, low, side="right")
        last = max(np.searchsorted(starts, high, side="left"), first)
        column = column.slice(first, last - first)
        starts, ends = starts[first:last], ends[first:last]
    return pa.table([column, starts.astype(np.int32), ends.astype(np.int32)], schema=CALLABLE)


def read_description(root: Root, digest: str) -> dict[str, Any]:
    """``shard.json`` of a shard."""
    file = root.shard(digest) / "shard.json"
    try:
        value: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NgdError(f"{file}: cannot be read; run 'wgs ngd verify'") from error
    return value


def problems(root: Root, digest: str, description: str | None = None) -> list[str]:
    """What is wrong with the files of a shard; empty if they are as written.

    Args:
        root: The database.
        digest: The shard.
        description: SHA-256 of its shard.json, where it is known.
    """
    folder = root.shard(digest)
    try:
        if description is not None and sha256_of(folder / "shard.json") != description:
            return [f"{folder / 'shard.json'}: its bytes have changed"]
        files = read_description(root, digest)["files"]
        return [
            f"{folder / name}: its bytes have changed"
            for name in FILES
            if sha256_of(folder / name) != files[name]
        ]
    except (NgdError, OSError, KeyError, TypeError) as error:
        return [f"{folder}: cannot be read ({error})"]


def key_problems(root: Root, digest: str) -> list[str]:
    """Why a shard, whose files are as written, cannot be read all the same; empty if it can."""
    try:
        key = shard_key(root, digest)
        for name in FILES:
            opens(root.shard(digest), name, key)
    except NgdError as error:
        return [str(error)]
    return []


def opens(folder: Path, name: str, key: bytes) -> None:
    """See that a key opens a file of a shard.

    Raises:
        NgdError: It does not, or the file is missing or damaged.
    """
    try:
        open_parquet(folder / name, decryption=decryption(key, name)).close()
    except FileNotFoundError as error:
        raise NgdError(f"{folder / name}: missing; run 'wgs ngd verify'") from error


def shard_key(root: Root, digest: str) -> bytes:
    """Data key of a shard.

    Raises:
        NgdError: There is none, or the database was opened without its keys.
    """
    folder = root.shard(digest)
    if root.keys is None:
        raise NgdError(
            f"{folder}: genome shards are encrypted; expected their keys, which the vault has. Run "
            "this where the vault is, or with a plan that was made there"
        )
    key = root.keys.shard_key(digest)
    if key is None:
        try:
            written = int(read_description(root, digest)["format"])
        except (NgdError, KeyError, TypeError, ValueError):
            written = FORMAT
        if written <= _PLAIN:
            raise NgdError(
                f"{folder}: was written without encryption, by an earlier release; expected format "
                f"{FORMAT}. Make a new database with 'wgs ngd init', and load the genomes into it"
            )
        raise NgdError(
            f"{folder}: there is no key for it; expected one in the vault, or lent to the plan. If "
            "it was destroyed, the genome cannot be read any more: erase it, and load it again"
        )
    return key


def _bounds(contig: str | None, start: int | None, end: int | None) -> tuple[int, int]:
    if contig is None and (start, end) != (None, None):
        raise ValueError("a part of a contig needs the contig")
    return (-1 if start is None else start), (_BEYOND if end is None else end)


def _portions(groups: list[RowGroup], count: int) -> list[list[RowGroup]]:
    """Row groups in so many parts of about the same size, or fewer; at least one part."""
    size = max(-(-len(groups) // count), _LEAST_GROUPS)
    return [groups[low : low + size] for low in range(0, max(len(groups), 1), size)]


@dataclass(frozen=True)
class _File:
    """A file of a shard, as it is read.

    Attributes:
        path: The file.
        footer: Digest of its footer.
        key: Data key of the shard.
    """

    path: Path
    footer: str
    key: bytes = field(repr=False)

    @classmethod
    def of(cls, root: Root, digest: str, name: str, description: str | None) -> _File:
        """One of ``FILES`` of a shard.

        Args:
            root: The database.
            digest: The shard.
            name: Which file.
            description: SHA-256 that ``shard.json`` has; None: not known.

        Raises:
            NgdError: The shard is missing or damaged, or there is no key for it.
        """
        path = root.shard(digest) / name
        try:
            return cls(path, _footer(root, digest, name, description), shard_key(root, digest))
        except FileNotFoundError as error:
            raise NgdError(f"{path}: missing; run 'wgs ngd verify'") from error

    @contextmanager
    def opened(self, texts: Sequence[str] = ()) -> Iterator[pq.ParquetFile]:
        """The file, opened; these columns are read as dictionaries.

        Raises:
            NgdError: It is missing or damaged.
        """
        secret = decryption(self.key, self.path.name)
        try:
            with (
                open_parquet(self.path, self.footer, texts, secret) as file,
                damage_named(self.path),
            ):
                yield file
        except FileNotFoundError as error:
            raise NgdError(f"{self.path}: missing; run 'wgs ngd verify'") from error
        except ValueError as error:
            raise damaged(self.path) from error

    def read(
        self,
        where: tuple[str | None, int, int],
        columns: Sequence[str],
        groups: Sequence[RowGroup] | None = None,
    ) -> tuple[pa.Table, Sequence[RowGroup]]:
        """Stored columns of row groups, and these row groups.

        Args:
            where: Contig (None: all of them), and the first and last position on it.
            columns: Stored columns.
            groups: Row groups; None: those that may hold what is asked.
        """
        with self.opened([each for each in DICTIONARIES if each in columns]) as file:
            if groups is None:
                groups = read_row_groups(file.metadata.metadata, *where)
            numbers = [each.number for each in groups]
            return file.read_row_groups(numbers, columns, use_threads=False), groups


def _footer(root: Root, digest: str, name: str, description: str | None) -> str:
    """Digest that the footer of a file has."""
    file = root.shard(digest) / "shard.json"
    content = file.read_bytes()
    if description is not None and hashlib.sha256(content).hexdigest() != description:
        raise damaged(file)
    try:
        footer: str = json.loads(content)["footers"][name]
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(file) from error
    return footer
