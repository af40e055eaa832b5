"""Rows of the variant index: counts under a mask, carriers, and several tiers made one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wgs_pipeline.ngd import masks
from wgs_pipeline.ngd.tiers import COUNTS, KINDS

VARIANT = ("pos", "ref", "alt")
#: A call that a question asks for: 1-based position, REF, ALT.
Key = tuple[int, str, str]
_TEXT = pa.dictionary(pa.int32(), pa.string())
#: Columns of calls; text as dictionaries, so that a million rows are made at once.
CALLS = pa.schema(
    [
        ("pos", pa.int32()),
        ("ref", _TEXT),
        ("alt", _TEXT),
        ("slot", pa.uint32()),
        ("kind", pa.uint8()),
    ]
)
#: Columns of counts.
COUNTED = pa.schema(
    [("pos", pa.int32()), ("ref", pa.string()), ("alt", pa.string())]
    + [(name, pa.int32()) for name in COUNTS]
)


@dataclass(frozen=True)
class Calls:
    """Variants of one tier and who carries them.

    Attributes:
        variants: pos, ref, alt; sorted, none twice.
        rows: Variant of each call, shape (calls,).
        slots: Carrier of each call, shape (calls,).
        kinds: Its genotype, shape (calls,).
    """

    variants: pa.Table
    rows: NDArray[np.int64]
    slots: NDArray[np.uint32]
    kinds: NDArray[np.uint8]


def masked(table: pa.Table, mask: masks.Mask) -> pa.Table:
    """Counts of rows in bin form, of the carriers that a mask has.

    Returns:
        pos, ref, alt, n_het, n_hom, n_hemi.
    """
    table = table.combine_chunks()
    result = table.select(list(VARIANT))
    for name in KINDS:
        counts = masks.masked_counts(_only_chunk(table, name), mask)
        result = result.append_column(f"n_{name}", pa.array(counts))
    return result


def calls_of_bin(table: pa.Table, mask: masks.Mask) -> Calls:
    """Carriers, among those that a mask has, of rows in bin form."""
    table = table.combine_chunks()
    slots, rows, kinds = [], [], []
    for name, kind in KINDS.items():
        found, of_row = masks.members(_only_chunk(table, name), mask)
        slots.append(found)
        rows.append(of_row)
        kinds.append(np.full(len(found), kind, np.uint8))
    variants = table.select(list(VARIANT))
    return Calls(variants, np.concatenate(rows), np.concatenate(slots), np.concatenate(kinds))


def calls_of_rows(table: pa.Table, mask: NDArray[np.bool_]) -> Calls:
    """Carriers, among those that a mask by slot has, of rows in long form, sorted by variant."""
    table = table.filter(pa.array(mask[np.asarray(table["slot"])])).combine_chunks()
    variants = table.select(list(VARIANT))
    firsts, rows = _distinct(variants)
    slots, kinds = np.asarray(table["slot"]), np.asarray(table["kind"])
    return Calls(variants.take(pa.array(firsts)), rows, slots, kinds)


def joined(parts: Sequence[Calls]) -> pa.Table:
    """Calls of several tiers: columns of ``CALLS``, sorted by variant."""
    if not parts:
        return CALLS.empty_table()
    variants = pa.concat_tables([each.variants for each in parts]).combine_chunks()
    sizes = [each.variants.num_rows for each in parts]
    starts = np.cumsum([0, *sizes[:-1]])
    rows = np.concatenate([each.rows + start for each, start in zip(parts, starts, strict=True)])
    if len(parts) > 1:
        firsts, places = _distinct(variants)
        variants, rows = variants.take(pa.array(firsts)), places[rows]
    # NumPy sorts 16-bit numbers by counting, many times faster than wider ones.
    small = variants.num_rows <= 1 << 16
    order = np.argsort(rows.astype(np.uint16) if small else rows, kind="stable")
    counts = np.bincount(rows, minlength=variants.num_rows)
    columns = {
        "pos": pa.array(np.repeat(np.asarray(variants["pos"]), counts)),
        "ref": _repeated(variants["ref"], counts),
        "alt": _repeated(variants["alt"], counts),
        "slot": pa.array(np.concatenate([each.slots for each in parts])[order]),
        "kind": pa.array(np.concatenate([each.kinds for each in parts])[order]),
    }
    return pa.table(columns, schema=CALLS)


def summed(parts: Sequence[pa.Table]) -> pa.Table:
    """Counts of several tiers added: pos, ref, alt, n_het, n_hom, n_hemi; sorted.

    Args:
        parts: The same columns, each sorted and without a variant twice.
    """
    filled = [each.select(COUNTED.names) for each in parts if each.num_rows]
    if not filled:
        return COUNTED.empty_table()
    table = pa.concat_tables(filled).combine_chunks()
    if len(filled) == 1:
        return table
    firsts, places = _distinct(table)
    result = table.select(list(VARIANT)).take(pa.array(firsts))
    for name in COUNTS:
        counts = np.bincount(places, np.asarray(table[name]), minlength=len(firsts))
        result = result.append_column(name, pa.array(counts.astype(np.int32)))
    return result


def matching(table: pa.Table, positions: NDArray[np.int32], keys: Collection[Key]) -> pa.Table:
    """The rows that are one of some variants.

    Args:
        table: pos, ref, alt and any others.
        positions: 1-based positions of the variants, ascending.
        keys: The variants.
    """
    found = np.asarray(table["pos"])
    places = np.minimum(np.searchsorted(positions, found), len(positions) - 1)
    candidates = np.flatnonzero(positions[places] == found)
    alleles = table.select(list(VARIANT)).take(pa.array(candidates)).to_pydict()
    chosen = [key in keys for key in zip(*alleles.values(), strict=True)]
    return table.take(pa.array(candidates[np.array(chosen, np.bool_)]))


def _distinct(variants: pa.Table) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First row of each distinct variant, in order, and the place of each row's variant there."""
    positions = np.asarray(variants["pos"])
    refs, alts = _ranks(variants["ref"]), _ranks(variants["alt"])
    order = np.lexsort((alts, refs, positions))
    new = np.zeros(len(order), np.bool_)
    new[:1] = True
    for column in (positions, refs, alts):
        new[1:] |= column[order[1:]] != column[order[:-1]]
    places = np.empty(len(order), np.int64)
    places[order] = np.cumsum(new) - 1
    return order[new], places


def _ranks(column: pa.ChunkedArray) -> NDArray[np.int32]:
    """Place of each value among the distinct values in order."""
    encoded = column.combine_chunks().dictionary_encode()
    values = encoded.dictionary.to_pylist()
    rank = np.empty(len(values), np.int32)
    rank[sorted(range(len(values)), key=values.__getitem__)] = np.arange(len(values))
    ranks: NDArray[np.int32] = rank[np.asarray(encoded.indices)]
    return ranks


def _repeated(column: pa.ChunkedArray, counts: NDArray[np.int64]) -> pa.DictionaryArray:
    encoded = column.combine_chunks().dictionary_encode()
    indices = np.repeat(np.asarray(encoded.indices), counts).astype(np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(indices), encoded.dictionary)


def _only_chunk(table: pa.Table, name: str) -> pa.Array:
    column = table[name]
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)
