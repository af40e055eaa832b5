"""Rows of the variant index: counts under a mask, carriers, and several tiers made one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

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
    """Carriers of variants with one genotype.

    Attributes:
        variants: pos, ref, alt; sorted, none twice.
        kind: The genotype.
        slots: Carriers of one variant after the other, shape (calls,).
        counts: Carriers of each variant, shape (variants,).
    """

    variants: pa.Table
    kind: int
    slots: NDArray[np.uint32]
    counts: NDArray[np.int64]


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


def numbers(values: NDArray[Any]) -> pa.Array:
    """A column of numbers, none missing, where they lie.

    ``pa.array`` asks whether they are masked, for which it imports all of ``numpy.ma``.
    """
    values = np.ascontiguousarray(values)
    dtype = pa.from_numpy_dtype(values.dtype)
    return pa.Array.from_buffers(dtype, len(values), [None, pa.py_buffer(values)])


def by_place(places: NDArray[np.int32], values: pa.Array) -> pa.DictionaryArray:
    """A column of values by their places, all of which are there.

    Arrow would look at each place again, which costs a tenth of an answer with a million rows.
    """
    return pa.DictionaryArray.from_arrays(numbers(places), values, safe=False)


def calls_of_bin(table: pa.Table, mask: masks.Mask) -> list[Calls]:
    """Carriers, among those that a mask has, of rows in bin form."""
    table = table.combine_chunks()
    variants = table.select(list(VARIANT))
    return [
        Calls(variants, kind, *masks.members(_only_chunk(table, name), mask))
        for name, kind in KINDS.items()
    ]


def calls_of_rows(table: pa.Table, mask: NDArray[np.bool_]) -> list[Calls]:
    """Carriers, among those that a mask by slot has, of rows in long form, in any order."""
    table = table.filter(pa.array(mask[np.asarray(table["slot"])])).combine_chunks()
    variants = table.select(list(VARIANT))
    firsts, places = _distinct(variants)
    variants = variants.take(pa.array(firsts))
    order = np.argsort(places, kind="stable")
    places = places[order]
    slots, kinds = np.asarray(table["slot"])[order], np.asarray(table["kind"])[order]
    return [
        Calls(variants, kind, slots[mine], np.bincount(places[mine], minlength=len(firsts)))
        for kind in KINDS.values()
        for mine in (kinds == kind,)
    ]


def joined(parts: Sequence[Calls]) -> pa.Table:
    """Calls of several tiers: columns of ``CALLS``, sorted by variant, then by genotype."""
    if not parts:
        return CALLS.empty_table()
    parts = sorted(parts, key=lambda part: part.kind)
    variants, where = _common(parts)
    counts = np.zeros((variants.num_rows, len(parts)), np.int64)
    firsts = np.zeros_like(counts)
    for number, part in enumerate(parts):
        places = where[id(part.variants)]
        counts[places, number] = part.counts
        firsts[places, number] = np.cumsum(part.counts) - part.counts
    kinds = np.tile(np.array([part.kind for part in parts], np.uint8), variants.num_rows)
    carriers = counts.sum(axis=1)
    columns = {
        "pos": pa.array(np.repeat(np.asarray(variants["pos"]), carriers)),
        "ref": _repeated(variants["ref"], carriers),
        "alt": _repeated(variants["alt"], carriers),
        "slot": pa.array(_in_order(parts, firsts, counts)),
        "kind": pa.array(np.repeat(kinds, counts.ravel())),
    }
    return pa.table(columns, schema=CALLS)


def _in_order(
    parts: Sequence[Calls], firsts: NDArray[np.int64], counts: NDArray[np.int64]
) -> NDArray[np.uint32]:
    """Slots of all parts, by variant and then by part.

    Args:
        parts: Where the slots lie.
        firsts: Where those of each variant begin in each part, shape (variants, parts).
        counts: How many they are.
    """
    rows, numbers = np.nonzero(counts)
    starts, stops = firsts[rows, numbers], (firsts + counts)[rows, numbers]
    pieces = zip(numbers.tolist(), starts.tolist(), stops.tolist(), strict=True)
    slots = [parts[number].slots[start:stop] for number, start, stop in pieces]
    return np.concatenate(slots, dtype=np.uint32) if slots else np.empty(0, np.uint32)


def _common(parts: Sequence[Calls]) -> tuple[pa.Table, dict[int, NDArray[np.int64]]]:
    """The variants of all parts, and the places there of those of each table of variants."""
    tables = list({id(part.variants): part.variants for part in parts}.values())
    if len(tables) == 1:
        return tables[0], {id(tables[0]): np.arange(tables[0].num_rows)}
    together = pa.concat_tables(tables).combine_chunks()
    firsts, places = _distinct(together)
    ends = np.cumsum([table.num_rows for table in tables])
    split = np.split(places, ends[:-1])
    return together.take(pa.array(firsts)), {
        id(table): mine for table, mine in zip(tables, split, strict=True)
    }


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
        table: pos, ref, alt and any others; sorted by pos.
        positions: 1-based positions of the variants, ascending.
        keys: The variants.
    """
    found = np.asarray(table["pos"])
    firsts, ends = (np.searchsorted(found, positions, side) for side in ("left", "right"))
    candidates = np.repeat(ends - np.cumsum(ends - firsts), ends - firsts)
    candidates += np.arange(len(candidates))
    alleles = table.select(list(VARIANT)).take(pa.array(candidates)).to_pydict()
    chosen = [key in keys for key in zip(*alleles.values(), strict=True)]
    return table.take(pa.array(candidates[np.array(chosen, np.bool_)]))


def _distinct(variants: pa.Table) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First row of each distinct variant, in order, and the place of each row's variant there.

    Variants are of one bin: their positions lie within 1 Mb.
    """
    positions = np.asarray(variants["pos"]).astype(np.int64)
    (refs, ref_count), (alts, alt_count) = (_ranks(variants[name]) for name in ("ref", "alt"))
    keys = ((positions - positions.min(initial=1 << 31)) * ref_count + refs) * alt_count + alts
    order = np.argsort(keys, kind="stable")  # quick where what follows one another is sorted
    keys = keys[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = keys[1:] != keys[:-1]
    places = np.empty(len(order), np.int64)
    places[order] = np.cumsum(new) - 1
    return order[new], places


def _ranks(column: pa.ChunkedArray) -> tuple[NDArray[np.int32], int]:
    """Place of each value among the distinct values in order, and how many those are."""
    encoded = column.combine_chunks().dictionary_encode()
    values = encoded.dictionary.to_pylist()
    rank = np.empty(len(values), np.int32)
    rank[sorted(range(len(values)), key=values.__getitem__)] = np.arange(len(values))
    ranks: NDArray[np.int32] = rank[np.asarray(encoded.indices)]
    return ranks, len(values)


def _repeated(column: pa.ChunkedArray, counts: NDArray[np.int64]) -> pa.DictionaryArray:
    encoded = column.combine_chunks().dictionary_encode()
    indices = np.repeat(np.asarray(encoded.indices).astype(np.int32), counts)
    return by_place(indices, encoded.dictionary)


def _only_chunk(table: pa.Table, name: str) -> pa.Array:
    column = table[name]
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)
