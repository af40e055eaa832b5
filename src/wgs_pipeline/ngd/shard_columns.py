"""How a genome shard stores its calls and callable runs: what can be derived is left out.

variants.parquet   contig, pos, allele (``REF>ALT``), gt, kind (null where gt tells it), passed, dp,
                   ad_ref, ad_other (dp - ad_ref - ad_alt, with 0 for a missing dp or ad_ref), gq
callable.parquet   gap (bases since the end of the run before; in the first run of a row group,
                   since the start of the contig), length

A row group holds one contig. Under the key ``row_groups`` the footer holds, as JSON and in order,
pairs of a contig and its row groups, each row group as its rows and its first and last position.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wgs_pipeline.ngd.genotypes import usual_kind
from wgs_pipeline.ngd.intervals import Bases

STORED_VARIANTS = pa.schema(
    [
        ("contig", pa.string()),
        ("pos", pa.int32()),
        ("allele", pa.string()),
        ("gt", pa.string()),
        ("kind", pa.uint8()),
        ("passed", pa.bool_()),
        ("dp", pa.int16()),
        ("ad_ref", pa.int16()),
        ("ad_other", pa.int32()),
        ("gq", pa.int16()),
    ]
)
STORED_CALLABLE = pa.schema([("gap", pa.int32()), ("length", pa.int32())])
#: Most rows of a row group: a small read decodes one, and the footer names them all.
CALLS_PER_GROUP = 32_768
RUNS_PER_GROUP = 65_536
#: Stored columns that are read as dictionaries.
DICTIONARIES = ("contig", "allele", "gt")
#: Stored columns that each column of a call is made of.
_SOURCES = {
    "ref": ("allele",),
    "alt": ("allele",),
    "contig": (),  # the row group tells
    "kind": ("kind", "gt"),
    "ad_alt": ("dp", "ad_ref", "ad_other"),
}
_KEY = b"row_groups"
_DICTIONARY = pa.dictionary(pa.int32(), pa.string())


@dataclass(frozen=True)
class RowGroup:
    """One row group of a shard's file.

    Attributes:
        number: Its index in the file.
        contig: The contig of its rows.
        rows: How many rows it has.
        first: Least position: 1-based of calls, 0-based start of runs.
        last: Greatest position: 1-based of calls, end of the last run.
    """

    number: int
    contig: str
    rows: int
    first: int
    last: int


class RowGroups:
    """The row groups of a file that is being written."""

    def __init__(self) -> None:
        self._contigs: dict[str, list[tuple[int, int, int]]] = {}

    def add(self, contig: str, rows: int, first: int, last: int) -> None:
        """Note a row group."""
        self._contigs.setdefault(contig, []).append((rows, first, last))

    def metadata(self) -> dict[bytes, bytes]:
        """The entry of the footer."""
        return {_KEY: json.dumps(list(self._contigs.items()), separators=(",", ":")).encode()}


def read_row_groups(
    metadata: dict[bytes, bytes], contig: str | None, low: int, high: int
) -> list[RowGroup]:
    """What ``RowGroups.metadata`` wrote.

    Args:
        metadata: Entries of the footer.
        contig: Only row groups of this contig; None: all.
        low: Only row groups whose last position is this one or after it.
        high: Only row groups whose first position is this one or before it.

    Raises:
        KeyError: There is no such entry.
        ValueError: It is damaged.
    """
    groups: list[RowGroup] = []
    number = 0
    for name, parts in json.loads(metadata[_KEY]):
        if contig in (None, name):
            groups += [
                RowGroup(number + at, name, rows, first, last)
                for at, (rows, first, last) in enumerate(parts)
                if first <= high and last >= low
            ]
        number += len(parts)
    return groups


def stored_columns(columns: Sequence[str]) -> list[str]:
    """Stored columns from which columns of calls are made."""
    return list(dict.fromkeys(name for each in columns for name in _SOURCES.get(each, (each,))))


def pack_variants(calls: pa.Table) -> pa.Table:
    """Calls as they are stored, columns of ``STORED_VARIANTS``."""
    calls = calls.combine_chunks()
    gt = _chunk(calls["gt"]).dictionary_encode()
    kind = _chunk(calls["kind"])
    kind = pc.if_else(pc.equal(kind, _usual(gt)), pa.scalar(None, pa.uint8()), kind)
    known = _known_depth(calls["dp"], calls["ad_ref"])
    other = pc.subtract(known, calls["ad_alt"].cast(pa.int32()))
    columns = dict(zip(calls.column_names, calls.columns, strict=True)) | {
        "allele": pc.binary_join_element_wise(calls["ref"], calls["alt"], ">"),
        "kind": kind,
        "ad_other": other,
    }
    return pa.table([columns[name] for name in STORED_VARIANTS.names], schema=STORED_VARIANTS)


def unpack_variants(
    stored: pa.Table,
    contigs: Sequence[tuple[str, int]],
    columns: Sequence[str],
    dictionaries: bool,
) -> pa.Table:
    """Calls as they were.

    Args:
        stored: ``stored_columns`` of the columns, ``DICTIONARIES`` as such.
        contigs: Contigs of the rows, in their order: name, and how many rows.
        columns: Columns of ``shard.VARIANTS``.
        dictionaries: Whether texts are dictionaries.
    """
    named = _contigs(contigs, dictionaries) if "contig" in columns else None
    arrays = {
        name: named if name == "contig" else _unpacked(stored, name, dictionaries)
        for name in columns
    }
    return pa.table(arrays)


def pack_runs(bases: Bases, groups: RowGroups, contig: str) -> list[pa.Table]:
    """Callable runs as they are stored, one table a row group."""
    tables = []
    for low in range(0, len(bases), RUNS_PER_GROUP):
        starts, ends = (each[low : low + RUNS_PER_GROUP] for each in (bases.starts, bases.ends))
        gaps = starts - np.concatenate(([0], ends[:-1]))
        columns = [pa.array(each.astype(np.int32)) for each in (gaps, ends - starts)]
        tables.append(pa.table(columns, schema=STORED_CALLABLE))
        groups.add(contig, len(starts), int(starts[0]), int(ends[-1]))
    return tables


def unpack_runs(stored: pa.Table, groups: Sequence[RowGroup]) -> Bases:
    """Runs as they were, those of each row group after one another."""
    gaps, lengths = (np.asarray(stored[name]).astype(np.int64) for name in ("gap", "length"))
    ends = np.cumsum(gaps + lengths)
    sizes = np.array([each.rows for each in groups], np.int64)
    before = np.concatenate(([0], ends))[np.cumsum(sizes) - sizes]
    ends -= np.repeat(before, sizes)
    return Bases(ends - lengths, ends)


def _contigs(contigs: Sequence[tuple[str, int]], dictionaries: bool) -> pa.ChunkedArray:
    if not dictionaries:
        return pa.chunked_array([pa.repeat(*each) for each in contigs], pa.string())
    codes = pa.array(np.zeros(max((rows for _, rows in contigs), default=0), np.int32))
    chunks = [pa.DictionaryArray.from_arrays(codes[:rows], [name]) for name, rows in contigs]
    return pa.chunked_array(chunks, _DICTIONARY)


def _unpacked(stored: pa.Table, name: str, dictionaries: bool) -> pa.ChunkedArray:
    """One column of calls, from stored ones."""
    type_ = _DICTIONARY if dictionaries else pa.string()
    if name in ("ref", "alt"):
        element = ("ref", "alt").index(name)
        chunks = [_allele(each, element, dictionaries) for each in stored["allele"].chunks]
        return pa.chunked_array(chunks, type_)
    if name == "gt":
        return stored[name].cast(type_)
    if name == "kind":
        usual = pa.chunked_array([_usual(each) for each in stored["gt"].chunks], pa.uint8())
        kind = stored["kind"]
        return usual if kind.null_count == len(kind) else pc.coalesce(kind, usual)
    if name == "ad_alt":
        # what is left is an int16 as it was, and so it is in arithmetic modulo 2^16
        other = stored["ad_other"].cast(pa.int16(), safe=False)
        dp, ad_ref = (_filled(stored[each]) for each in ("dp", "ad_ref"))
        return pc.subtract(pc.subtract(dp, ad_ref), other)
    return stored[name]


def _allele(codes: pa.DictionaryArray, element: int, dictionaries: bool) -> pa.Array:
    """REF (element 0) or ALT (1) of alleles."""
    parts = pc.split_pattern(codes.dictionary, ">", max_splits=1)
    texts = pc.list_element(parts, element)
    if not dictionaries:
        return texts.take(codes.indices)
    distinct = texts.dictionary_encode()
    indices = distinct.indices.take(codes.indices)
    return pa.DictionaryArray.from_arrays(indices, distinct.dictionary)


def _usual(gt: pa.DictionaryArray) -> pa.Array:
    """The kind that each GT has where the expected copies are those it names."""
    kinds = [usual_kind(text) for text in gt.dictionary.to_pylist()]
    return pa.array(kinds, pa.uint8()).take(gt.indices)


def _known_depth(dp: Any, ad_ref: Any) -> Any:
    """DP less the depth of REF, a missing one as 0."""
    return pc.subtract(*(_filled(each.cast(pa.int32())) for each in (dp, ad_ref)))


def _filled(depths: Any) -> Any:
    """Depths, a missing one as 0."""
    return pc.fill_null(depths, 0) if depths.null_count else depths


def _chunk(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks()
