"""Reading Parquet by condition, without the cost of importing Arrow's dataset layer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from wgs_pipeline.errors import NgdError

#: Column, comparison (``=``, ``<``, ``<=``, ``>`` or ``>=``) and value.
Condition = tuple[str, str, Any]

#: What is read at once to find a footer; most are shorter.
_TAIL_BYTES = 65_536
#: Last bytes of a file: of a plain one, and of one whose footer is encrypted.
_MAGIC = (b"PAR1", b"PARE")
_COMPARE = {
    "=": pc.equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}


def footer_digest(path: Path) -> str:
    """Digest of a file's footer, which no checksum of the format covers: 16 hexadecimal digits.

    Raises:
        NgdError: The file does not end as Parquet does.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(size - _TAIL_BYTES, 0))
        tail = file.read()
        length = int.from_bytes(tail[-8:-4], "little") + 8
        if tail[-4:] not in _MAGIC or length > size:
            raise damaged(path)
        if length > len(tail):
            file.seek(size - length)
            tail = file.read()
    return hashlib.sha256(tail[-length:]).hexdigest()[:16]


def open_parquet(
    path: Path,
    footer: str | None = None,
    read_dictionary: Sequence[str] = (),
    decryption: Any = None,
) -> pq.ParquetFile:
    """Open a file whose pages are checked as they are read.

    Args:
        path: The file.
        footer: What ``footer_digest`` gave when it was written; None: not known.
        read_dictionary: Columns of text to be read as dictionaries.
        decryption: How Arrow decrypts it; None: it is plain.

    Raises:
        FileNotFoundError: There is no such file.
        NgdError: The file is damaged, or encrypted under another key.
    """
    if footer is not None and footer_digest(path) != footer:
        raise damaged(path)
    with damage_named(path):
        return pq.ParquetFile(
            path,
            page_checksum_verification=True,
            read_dictionary=list(read_dictionary),
            decryption_properties=decryption,
        )


def read_where(
    path: Path,
    conditions: Sequence[Condition] = (),
    columns: Sequence[str] | None = None,
    footer: str | None = None,
    read_dictionary: Sequence[str] = (),
) -> pa.Table:
    """Rows that meet all conditions; row groups whose statistics rule them out are not read.

    Args:
        path: The file.
        conditions: What rows must meet.
        columns: Columns to read; None: all.
        footer: What ``footer_digest`` gave when the file was written; None: not known.
        read_dictionary: Columns of text to be read as dictionaries.

    Raises:
        FileNotFoundError: There is no such file.
        NgdError: The file is damaged.
    """
    asked = None
    if columns is not None:
        asked = list(dict.fromkeys((*columns, *(name for name, _, _ in conditions))))
    with open_parquet(path, footer, read_dictionary) as file, damage_named(path):
        groups = [
            group
            for group in range(file.metadata.num_row_groups)
            if _possible(file.metadata.row_group(group), conditions)
        ]
        table = file.read_row_groups(groups, asked, use_threads=False)
    table = conditions_met(table, conditions)
    return table if columns is None else table.select(list(columns))


def row_groups(
    path: Path, file: pq.ParquetFile, conditions: Sequence[Condition], columns: Sequence[str]
) -> Iterator[pa.Table]:
    """Rows of an open file that meet all conditions, a row group at a time.

    Raises:
        NgdError: The file is damaged.
    """
    asked = list(dict.fromkeys((*columns, *(name for name, _, _ in conditions))))
    for group in range(file.metadata.num_row_groups):
        with damage_named(path):
            if not _possible(file.metadata.row_group(group), conditions):
                continue
            table = file.read_row_group(group, asked, use_threads=False)
        yield conditions_met(table, conditions).select(list(columns))


def conditions_met(table: pa.Table, conditions: Sequence[Condition]) -> pa.Table:
    """The rows that meet all conditions."""
    if not conditions:
        return table
    met = [
        _COMPARE[sign](table[name], pa.scalar(value, table.schema.field(name).type))
        for name, sign, value in conditions
    ]
    return table.filter(reduce(pc.and_, met))


@contextmanager
def damage_named(path: Path) -> Iterator[None]:
    """Let what Arrow says of a file that it cannot read name the file.

    Raises:
        FileNotFoundError: There is no such file.
        NgdError: The file is damaged.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except (OSError, pa.ArrowException, KeyError, UnicodeDecodeError) as error:
        raise damaged(path) from error


def damaged(path: Path) -> NgdError:
    """The error of a file that is not as it was written."""
    return NgdError(f"{path}: damaged; run 'wgs ngd verify'")


def _possible(group: Any, conditions: Sequence[Condition]) -> bool:
    """Whether a row group may hold a row that meets the conditions."""
    columns = {group.column(at).path_in_schema: at for at in range(group.num_columns)}
    for name, sign, value in conditions:
        statistics = group.column(columns[name]).statistics
        if statistics is None or not statistics.has_min_max:
            continue
        low, high = statistics.min, statistics.max
        if sign in ("=", "<", "<=") and low > value:
            return False
        if sign in ("=", ">", ">=") and high < value:
            return False
    return True
