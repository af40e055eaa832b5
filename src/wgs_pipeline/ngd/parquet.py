"""Reading Parquet by condition, without the cost of importing Arrow's dataset layer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
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
        if tail[-4:] != b"PAR1" or length > size:
            raise NgdError(f"{path}: damaged; run 'wgs ngd verify'")
        if length > len(tail):
            file.seek(size - length)
            tail = file.read()
    return hashlib.sha256(tail[-length:]).hexdigest()[:16]


def read_where(path: Path, conditions: Sequence[Condition] = ()) -> pa.Table:
    """Rows that meet all conditions; row groups whose statistics rule them out are not read.

    Raises:
        FileNotFoundError: There is no such file.
        NgdError: The file is damaged.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            groups = [
                group
                for group in range(file.metadata.num_row_groups)
                if _possible(file.metadata.row_group(group), conditions)
            ]
            table = file.read_row_groups(groups, use_threads=False)
    except FileNotFoundError:
        raise
    except (OSError, pa.ArrowInvalid) as error:
        raise NgdError(f"{path}: damaged; run 'wgs ngd verify'") from error
    if not conditions:
        return table
    met = [
        _COMPARE[sign](table[name], pa.scalar(value, table.schema.field(name).type))
        for name, sign, value in conditions
    ]
    return table.filter(reduce(pc.and_, met))


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
