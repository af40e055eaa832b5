"""Genotypes of many persons at many sites, as the text of VCF records, without a loop over cells.

A cell is ``0/0`` or ``0`` where the person is callable, ``./.`` or ``.`` where not (one allele
where one copy is expected, or none), and GT:DP:GQ:AD where the person carries the ALT allele; the
trailing fields of other cells are dropped, as VCF allows. A cell without its fields is one 32-bit
word, padded with zero bytes; what is longer is put in between, and the zero bytes go at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wgs_pipeline.ngd.export_cohort import Cohort
from wgs_pipeline.ngd.genotypes import HEMI, HET, HOM
from wgs_pipeline.ngd.reference import Reference

#: Cells per block: what is held in memory at once is some 40 bytes per cell.
BLOCK_CELLS = 2_000_000

Words = NDArray[np.uint32]


def _words(*texts: bytes) -> Words:
    return np.frombuffer(b"".join(text.ljust(4, b"\0") for text in texts), np.uint32)


#: By expected copies: 0, 1 or 2.
_MISSING = _words(b"\t.", b"\t.", b"\t./.")
_REFERENCE = _words(b"\t.", b"\t0", b"\t0/0")
#: By kind of call: none, het, hom, hemi.
_CARRIED = _words(b"", b"\t0/1", b"\t1/1", b"\t1")
assert (HET, HOM, HEMI) == (1, 2, 3)


@dataclass(frozen=True)
class Sites:
    """Sites of one window and who carries them.

    Attributes:
        table: pos (1-based), ref, alt and n_het, n_hom, n_hemi; one row per site, sorted.
        calls: Columns of ``export_calls.CALLS``, sorted by site and column.
        row: Site of each call, shape (calls,), ascending.
    """

    table: pa.Table
    calls: pa.Table
    row: NDArray[np.int64]


def sites_of(calls: pa.Table) -> Sites:
    """Group sorted calls by site.

    Args:
        calls: Columns of ``export_calls.CALLS``, sorted by pos, ref, alt and column.
    """
    first = np.ones(calls.num_rows, np.bool_)
    same = np.ones(max(calls.num_rows - 1, 0), np.bool_)
    for name in ("pos", "ref", "alt"):
        column = calls[name].combine_chunks()
        same &= np.asarray(pc.equal(column[1:], column[:-1]))
    first[1:] = ~same
    row = np.cumsum(first) - 1
    table = calls.select(["pos", "ref", "alt"]).filter(pa.array(first))
    kinds = np.asarray(calls["kind"])
    for name, kind in (("n_het", HET), ("n_hom", HOM), ("n_hemi", HEMI)):
        count = np.bincount(row[kinds == kind], minlength=table.num_rows).astype(np.int32)
        table = table.append_column(name, pa.array(count))
    return Sites(table, calls, row)


@dataclass(frozen=True)
class Matrix:
    """The cells of one window.

    Attributes:
        sites: Its sites.
        runs: Callable runs that overlap it, columns of ``export_calls.RUNS``.
        copies: Expected copies by site and karyotype, shape (sites, karyotypes).
        karyotype: Karyotype of each genome, shape (genomes,).
    """

    sites: Sites
    runs: pa.Table
    copies: NDArray[np.int8]
    karyotype: NDArray[np.int64]

    @classmethod
    def of(
        cls, sites: Sites, runs: pa.Table, contig: str, cohort: Cohort, reference: Reference
    ) -> Matrix:
        """The cells of some sites of a contig."""
        names, karyotype = cohort.karyotypes()
        at = np.asarray(sites.table["pos"]).astype(np.int64) - 1
        copies = [reference.ploidy(contig, name, at) for name in names]
        return cls(sites, runs, np.stack(copies, axis=1), karyotype)

    def blocks(self) -> Iterator[tuple[slice, NDArray[np.int8]]]:
        """Blocks of sites: which, and whether each genome is callable there, as 0 or 1.

        The second has shape (sites of the block, genomes).
        """
        genomes = len(self.karyotype)
        height = max(1, BLOCK_CELLS // max(genomes, 1))
        opened, closed = self._events()
        state = np.zeros(genomes, np.int8)
        for low in range(0, self.sites.table.num_rows, height):
            high = min(low + height, self.sites.table.num_rows)
            change = np.zeros((high - low, genomes), np.int8)
            for (site, column), sign in ((opened, 1), (closed, -1)):
                part = slice(*np.searchsorted(site, (low, high)))
                # A genome's runs are disjoint: no cell is named twice.
                change[site[part] - low, column[part]] += np.int8(sign)
            change[0] += state
            callable_ = np.cumsum(change, axis=0, dtype=np.int8)
            state = callable_[-1]
            yield slice(low, high), callable_

    def _events(self) -> tuple[tuple[NDArray[np.int64], NDArray[np.int64]], ...]:
        """Site and genome where a run begins to cover sites, and where it has ceased to."""
        at = np.asarray(self.sites.table["pos"]).astype(np.int64) - 1
        starts, ends, column = (
            np.asarray(self.runs[name]).astype(np.int64) for name in ("start", "end", "column")
        )
        first, last = np.searchsorted(at, starts), np.searchsorted(at, ends)
        covers = last > first
        events = []
        for site in (first[covers], last[covers]):
            order = np.argsort(site, kind="stable")
            events.append((site[order], column[covers][order]))
        return tuple(events)

    def allele_number(self, rows: slice, callable_: NDArray[np.int8]) -> NDArray[np.int64]:
        """AN of the sites of a block."""
        number = np.zeros(len(callable_), np.int64)
        for kind in range(self.copies.shape[1]):
            mine = self.karyotype == kind
            number += callable_[:, mine].sum(axis=1, dtype=np.int64) * self.copies[rows, kind]
        return number

    def text(self, rows: slice, callable_: NDArray[np.int8], leads: pa.Array) -> bytes:
        """Records of the sites of a block.

        Args:
            rows: The sites.
            callable_: Whether each genome is callable, as 0 or 1; shape (sites, genomes).
            leads: CHROM to FORMAT of each of the sites.
        """
        genomes = len(self.karyotype)
        copies = self.copies[rows]
        alike = bool((copies == copies[0, 0]).all())  # then one word does for all cells
        copies = copies[:1, :1] if alike else copies[:, self.karyotype]
        missing, called = _MISSING[copies], _REFERENCE[copies]
        cells = missing + callable_.astype(np.uint32) * (called - missing)
        part = slice(*np.searchsorted(self.sites.row, (rows.start, rows.stop)))
        calls = self.sites.calls.slice(part.start, part.stop - part.start)
        place = (self.sites.row[part] - rows.start) * genomes + np.asarray(calls["column"])
        cells = cells.ravel()
        cells[place] = _CARRIED[np.asarray(calls["kind"])]
        at = np.concatenate((place + 1, np.arange(len(callable_)) * genomes))
        texts = pa.concat_arrays([_fields(calls), leads.cast(pa.large_string())])
        return _spliced(cells, at, texts).translate(None, b"\0")


def record_leads(contig: str, sites: pa.Table, info: pa.Array) -> pa.Array:
    """CHROM to FORMAT of records, each after the new line that ends what is before it."""
    size = sites.num_rows
    columns = [
        pa.array([contig] * size, pa.string()),
        pc.cast(sites["pos"], pa.string()),
        pa.array(["."] * size, pa.string()),
        sites["ref"],
        sites["alt"],
        pa.array([".\tPASS"] * size, pa.string()),
        info,
        pa.array(["GT:DP:GQ:AD"] * size, pa.string()),
    ]
    joined = pc.binary_join_element_wise("", pc.binary_join_element_wise(*columns, "\t"), "\n")
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined


def _fields(calls: pa.Table) -> pa.Array:
    """``:DP:GQ:AD`` of calls."""
    dp, gq, ad_ref, ad_alt = (
        pc.fill_null(pc.cast(calls[name], pa.string()), ".")
        for name in ("dp", "gq", "ad_ref", "ad_alt")
    )
    depths = pc.binary_join_element_wise(ad_ref, ad_alt, ",")
    text = pc.binary_join_element_wise("", dp, gq, depths, ":")
    if isinstance(text, pa.ChunkedArray):
        text = text.combine_chunks()
    return pc.cast(text, pa.large_string())


def _spliced(cells: Words, at: NDArray[np.int64], texts: pa.Array) -> bytes:
    """Put texts between cells.

    Args:
        cells: One word per cell, shape (cells,).
        at: Each text goes before the cell of this number; of equal ones in the order given.
        texts: The texts, shape as ``at``.
    """
    order = np.argsort(at, kind="stable")
    words, counts = _padded(texts.take(pa.array(order)))
    owner = np.repeat(at[order], counts)
    place = owner + np.arange(len(words))
    result = np.empty(len(cells) + len(words), np.uint32)
    is_cell = np.ones(len(result), np.bool_)
    is_cell[place] = False
    result[place] = words
    result[is_cell] = cells
    return result.tobytes()


def _padded(texts: pa.Array) -> tuple[Words, NDArray[np.int64]]:
    """Texts as words, each padded with zero bytes; and how many words each takes."""
    _, offset_buffer, data_buffer = texts.buffers()
    ends = np.frombuffer(offset_buffer, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(data_buffer or b"", np.uint8)
    sizes = np.diff(ends)
    counts = -(-sizes // 4)
    result = np.zeros(int(counts.sum()) * 4, np.uint8)
    begin = 4 * (np.cumsum(counts) - counts)
    shift = np.repeat(begin - (ends[:-1] - ends[0]), sizes)
    result[np.arange(int(sizes.sum())) + shift] = data[ends[0] : ends[-1]]
    return result.view(np.uint32), counts
