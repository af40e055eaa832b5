"""The calls of a callset, turned from record by record to sample by sample through scratch files.

What comes in order of records is written, sorted by sample, in parts of bounded size; afterwards
each sample takes its slice of every part. Memory holds one contig's alleles and one part.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wgs_pipeline.ngd.alleles import Alleles, normalise
from wgs_pipeline.ngd.callset_records import CALL, Records
from wgs_pipeline.ngd.callset_source import malformed_record
from wgs_pipeline.ngd.contig_calls import ContigCalls
from wgs_pipeline.ngd.genotypes import Genotypes, parse_genotypes, split_text
from wgs_pipeline.ngd.intervals import Bases, union
from wgs_pipeline.ngd.reference import Reference
from wgs_pipeline.ngd.shard import VARIANTS

#: Calls and failed records that wait in memory before a part is written.
PART_ROWS = 4_000_000


@dataclass(frozen=True)
class _Part:
    """Rows of a scratch file, sorted by sample; those of sample i are borders[i]:borders[i+1]."""

    path: Path
    borders: NDArray[np.int64]

    def of(self, sample: int) -> NDArray[Any]:
        rows: NDArray[Any] = np.load(self.path, mmap_mode="r")
        return np.array(rows[self.borders[sample] : self.borders[sample + 1]])


@dataclass(frozen=True)
class ContigSites:
    """What a contig's records say of everyone, and where each sample's part of it is.

    Attributes:
        name: The contig.
        variants: Distinct normalised alleles: pos, ref, alt; sorted.
        rank: Row of ``variants`` of each sequence ALT allele of the file, shape (alleles,); -1
            for those that are no sequences.
        number: Which ALT allele of its record each is, shape (alleles,).
        covered: Bases that a record covers and no filtered one does.
        span_starts: First base of each span, ordered by record, shape (spans,): REF of each
            record, and what its normalised alleles replace.
        span_ends: One past the last.
        span_offsets: Spans of record i are span_offsets[i]:span_offsets[i+1].
        calls: Scratch files of the calls.
        failed: Scratch files of the records that did not pass.
    """

    name: str
    variants: pa.Table
    rank: NDArray[np.int64]
    number: NDArray[np.int32]
    covered: Bases
    span_starts: NDArray[np.int64]
    span_ends: NDArray[np.int64]
    span_offsets: NDArray[np.int64]
    calls: Sequence[_Part]
    failed: Sequence[_Part]


def spill(
    callset: Path,
    records: Iterator[Records],
    samples: int,
    reference: Reference,
    fasta: Path | None,
    folder: Path,
) -> list[ContigSites]:
    """Read all records, contig by contig, and leave what concerns single samples in files.

    Args:
        callset: The file, for messages.
        records: Its records in order.
        samples: How many samples are loaded.
        reference: Reference of the database.
        fasta: Indexed reference for left-alignment; None: alleles are only trimmed.
        folder: For scratch files; the caller removes it.

    Raises:
        GvcfError: Records are not sorted, or REF is not what stands in the FASTA.
    """
    finished: list[ContigSites] = []
    open_: _Contig | None = None
    for each in records:
        if open_ is None or open_.name != each.contig:
            if open_ is not None:
                finished.append(open_.finish())
            if each.contig in {contig.name for contig in finished}:
                found = f"contig {each.contig} again"
                raise malformed_record(callset, each.line, found, "records sorted by contig")
            stem = folder / str(len(finished))
            length = reference.contigs[each.contig]
            open_ = _Contig(callset, each.contig, length, fasta, samples, stem)
        open_.add(each)
    if open_ is not None:
        finished.append(open_.finish())
    return finished


@dataclass(frozen=True)
class SampleCalls:
    """Gives the calls of one sample after the other.

    Attributes:
        contigs: What ``spill`` gave.
        texts: Genotypes, in order of their codes.
        reference: Reference of the database.
        target: Bases that count, by contig; None: all.
    """

    contigs: Sequence[ContigSites]
    texts: Sequence[str]
    reference: Reference
    target: Mapping[str, Bases] | None
    _genotypes: list[Genotypes] = field(default_factory=list, repr=False)

    def of(self, sample: int, karyotype: str) -> Iterator[ContigCalls]:
        """Calls and callable bases of one sample, contig by contig in the order of the file."""
        for contig in self.contigs:
            yield self._contig(contig, sample, karyotype)

    def _contig(self, contig: ContigSites, sample: int, karyotype: str) -> ContigCalls:
        calls = np.concatenate([np.empty(0, CALL), *(each.of(sample) for each in contig.calls)])
        genotypes, allele = self.genotypes, contig.number[calls["allele"]]
        row, code = contig.rank[calls["allele"]], calls["code"].astype(np.int64)
        sites = contig.variants.take(pa.array(row))
        starts = np.asarray(sites["pos"]).astype(np.int64) - 1
        ploidy = self.reference.ploidy(contig.name, karyotype, starts)
        kind = genotypes.kind(code, allele, ploidy)
        misfit = ~genotypes.fits(code, ploidy)
        ends = starts + np.asarray(pc.binary_length(sites["ref"])).astype(np.int64)
        failed = _failed(contig, sample)
        bases = contig.covered.minus(
            union(
                np.concatenate((failed[0], starts[misfit])),
                np.concatenate((failed[1], ends[misfit])),
            )
        )
        if self.target is not None:
            bases = bases.intersect(self.target.get(contig.name, Bases.empty()))
        once = _once(row, kind, calls)
        columns = {
            "contig": pa.array([contig.name]).take(pa.array(np.zeros(len(once), np.int64))),
            "gt": self._split(code[once], allele[once]),
            "kind": kind[once],
            "passed": (bases.contains(starts) & (kind > 0))[once],
        } | {name: sites[name].take(pa.array(once)) for name in ("pos", "ref", "alt")}
        for name in ("dp", "ad_ref", "ad_alt", "gq"):
            values = calls[name][once]
            columns[name] = pa.array(values, mask=values < 0)
        table = pa.table(columns).select(VARIANTS.names).cast(VARIANTS)
        return ContigCalls(contig.name, table, bases)

    @property
    def genotypes(self) -> Genotypes:
        """The distinct genotypes of the file."""
        if not self._genotypes:
            self._genotypes.append(parse_genotypes(tuple(self.texts)))
        return self._genotypes[0]

    def _split(self, code: NDArray[np.int64], allele: NDArray[np.int32]) -> pa.Array:
        """GT of each call as in a biallelic record."""
        pairs, index = np.unique(np.stack((code, allele)), axis=1, return_inverse=True)
        texts = [split_text(self.texts[c], int(a)) for c, a in pairs.T.tolist()]
        return pa.array(texts, pa.string()).take(pa.array(index.ravel()))


def _failed(contig: ContigSites, sample: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Spans of the records that did not pass for a sample."""
    records = np.concatenate([np.empty(0, np.int64), *(each.of(sample) for each in contig.failed)])
    first, last = contig.span_offsets[records], contig.span_offsets[records + 1]
    count = last - first
    at = np.repeat(first - np.cumsum(count) + count, count) + np.arange(count.sum())
    return contig.span_starts[at], contig.span_ends[at]


def _once(
    row: NDArray[np.int64], kind: NDArray[np.uint8], calls: NDArray[np.void]
) -> NDArray[np.int64]:
    """Each variant once, in order: of several records of one allele the highest copy number."""
    order = np.lexsort((-calls["gq"], -calls["dp"], -kind.astype(np.int16), row))
    ranked = row[order]
    first = np.ones(len(order), np.bool_)
    first[1:] = ranked[1:] != ranked[:-1]
    return order[first]


@dataclass
class _Contig:
    """Accumulates the records of one contig."""

    callset: Path
    name: str
    length: int
    fasta: Path | None
    samples: int
    stem: Path
    last_start: int = -1
    records: int = 0
    alleles: int = 0
    pieces: list[Records] = field(default_factory=list)
    waiting: int = 0
    calls: list[tuple[NDArray[np.int32], NDArray[Any]]] = field(default_factory=list)
    failed: list[tuple[NDArray[np.int32], NDArray[Any]]] = field(default_factory=list)
    call_parts: list[_Part] = field(default_factory=list)
    failed_parts: list[_Part] = field(default_factory=list)

    def add(self, records: Records) -> None:
        """Take in some records."""
        before = np.concatenate(([self.last_start], records.starts[:-1]))
        if (records.starts < before).any():
            line = records.line + int(np.argmax(records.starts < before))
            found = "a record before the one above it"
            raise malformed_record(self.callset, line, found, "records sorted by position")
        self.last_start = int(records.starts[-1])
        calls = records.calls.copy()
        calls["allele"] += self.alleles
        self.calls.append((records.call_sample, calls))
        self.failed.append((records.failed_sample, records.failed_record + self.records))
        self.waiting += len(calls) + len(records.failed_sample)
        self.records += len(records.starts)
        self.alleles += len(records.allele_record)
        self.pieces.append(records.shared())
        if self.waiting >= PART_ROWS:
            self._write()

    def finish(self) -> ContigSites:
        """Normalise the alleles, and settle what each record covers."""
        self._write()
        pieces, shift = self.pieces, np.cumsum([0, *(len(each.starts) for each in self.pieces)])
        record = np.concatenate(
            [each.allele_record + at for each, at in zip(pieces, shift[:-1], strict=True)]
        )
        sequence = np.concatenate([each.sequence for each in pieces])
        starts = np.concatenate([each.starts for each in pieces])
        alleles = normalise(
            Alleles(
                starts[record[sequence]],
                pa.concat_arrays([each.ref for each in pieces]).filter(pa.array(sequence)),
                pa.concat_arrays([each.alt for each in pieces]).filter(pa.array(sequence)),
            ),
            self.name, self.length, self.fasta,
        )  # fmt: skip
        variants, ranks = _ranked(alleles)
        rank = np.full(len(record), -1, np.int64)
        rank[sequence] = ranks
        ends = alleles.starts + np.asarray(pc.binary_length(alleles.ref)).astype(np.int64)
        owner = np.concatenate((np.arange(len(starts)), record[sequence]))
        span_starts = np.concatenate((starts, alleles.starts))
        span_ends = np.concatenate((*(each.ends for each in pieces), ends))
        filtered = np.concatenate([each.filtered for each in pieces])[owner]
        order = np.argsort(owner, kind="stable")
        return ContigSites(
            self.name, variants, rank, np.concatenate([each.allele_number for each in pieces]),
            union(span_starts, span_ends).minus(union(span_starts[filtered], span_ends[filtered])),
            span_starts[order], span_ends[order],
            np.concatenate(([0], np.cumsum(np.bincount(owner, minlength=len(starts))))),
            self.call_parts, self.failed_parts,
        )  # fmt: skip

    def _write(self) -> None:
        if not self.calls:
            return
        number = len(self.call_parts)
        for kind, waiting, parts in (
            ("calls", self.calls, self.call_parts), ("failed", self.failed, self.failed_parts)
        ):  # fmt: skip
            sample = np.concatenate([each[0] for each in waiting])
            rows = np.concatenate([each[1] for each in waiting])
            order = np.argsort(sample, kind="stable")
            path = Path(f"{self.stem}.{kind}.{number}.npy")
            np.save(path, rows[order])
            counts = np.bincount(sample, minlength=self.samples)
            parts.append(_Part(path, np.concatenate(([0], np.cumsum(counts)))))
            waiting.clear()
        self.waiting = 0


def _ranked(alleles: Alleles) -> tuple[pa.Table, NDArray[np.int64]]:
    """The distinct alleles in order of position, REF and ALT, and where among them each is."""
    table = pa.table({"pos": alleles.starts + 1, "ref": alleles.ref, "alt": alleles.alt})
    keys = [(name, "ascending") for name in table.column_names]
    order = np.asarray(pc.sort_indices(table, sort_keys=keys)).astype(np.int64)
    ordered = table.take(pa.array(order)).combine_chunks()
    first = np.ones(len(order), np.bool_)
    same = np.ones(max(len(order) - 1, 0), np.bool_)
    for name in table.column_names:
        column = ordered[name].combine_chunks()
        same &= np.asarray(pc.equal(column[1:], column[:-1]))
    first[1:] = ~same
    rank = np.empty(len(order), np.int64)
    rank[order] = np.cumsum(first) - 1
    return ordered.filter(pa.array(first)), rank
