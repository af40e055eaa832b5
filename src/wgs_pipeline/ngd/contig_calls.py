"""From the records of a gVCF to the calls and callable bases of one contig at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wgs_pipeline.errors import GvcfError
from wgs_pipeline.ngd.alleles import Alleles, normalise
from wgs_pipeline.ngd.called_alleles import Calls
from wgs_pipeline.ngd.genotypes import Genotypes, parse_genotypes, split_text
from wgs_pipeline.ngd.gvcf_source import Header, malformed, read_header, text_blocks
from wgs_pipeline.ngd.intervals import Bases, union
from wgs_pipeline.ngd.records import Records, Rule, parse_records
from wgs_pipeline.ngd.reference import Reference
from wgs_pipeline.ngd.shard import VARIANTS


@dataclass(frozen=True)
class ContigCalls:
    """One contig of one genome.

    Attributes:
        name: The contig.
        variants: Columns of ``VARIANTS``, sorted by pos, ref, alt, each variant once.
        callable: Bases at which the genome counts.
    """

    name: str
    variants: pa.Table
    callable: Bases


def parse_contigs(
    gvcf: Path,
    sample_id: str,
    reference: Reference,
    karyotype: str,
    rule: Rule,
    target: Mapping[str, Bases] | None,
    fasta: Path | None,
) -> Iterator[ContigCalls]:
    """Calls and callable bases, contig by contig in the order of the file.

    Raises:
        GvcfError: The gVCF is malformed, truncated, or of another sample or reference.
    """
    check_header(gvcf, read_header(gvcf), sample_id, reference)
    seen: set[str] = set()
    open_: _Contig | None = None
    for line, block in text_blocks(gvcf):
        records = parse_records(gvcf, line, block, rule)
        for name, rows in _by_contig(records):
            if open_ is None or open_.name != name:
                if open_ is not None:
                    yield open_.finish(target, fasta)
                first = line + rows.start
                if name in seen:
                    raise malformed(gvcf, first, f"contig {name} again", "records sorted by contig")
                if name not in reference.contigs:
                    raise malformed(gvcf, first, f"contig {name}", "a contig of the reference")
                seen.add(name)
                open_ = _Contig(gvcf, name, reference, karyotype)
            open_.add(records, rows, line)
    if open_ is not None:
        yield open_.finish(target, fasta)


def check_header(gvcf: Path, header: Header, sample_id: str, reference: Reference) -> None:
    """Refuse a gVCF of another sample or another reference.

    Raises:
        GvcfError: Names what differs.
    """
    if header.sample != sample_id:
        raise GvcfError(
            f"{gvcf}: the gVCF of sample {header.sample!r}; expected {sample_id!r}. "
            "Give the right file, or rename the sample with bcftools reheader"
        )
    if not header.contigs:
        raise GvcfError(
            f"{gvcf}: no ##contig lines, so its reference is unknown; expected them. "
            "Add them with bcftools reheader --fai"
        )
    for name, length in header.contigs.items():
        expected = reference.contigs.get(name, length)  # one without records is no matter
        if length not in (None, expected):
            raise GvcfError(
                f"{gvcf}: contig {name} of {length} bp, where the reference of this database has "
                f"{expected} bp: called against another reference. Call it again against the "
                "database's reference"
            )


def _by_contig(records: Records) -> Iterator[tuple[str, slice]]:
    codes = records.contig
    borders = np.flatnonzero(np.diff(codes)) + 1
    for low, high in zip([0, *borders], [*borders, len(codes)], strict=True):
        yield records.contigs[int(codes[low])], slice(int(low), int(high))


@dataclass
class _Contig:
    """Accumulates one contig; memory grows with its calls and merged runs, not its records."""

    gvcf: Path
    name: str
    reference: Reference
    karyotype: str
    last_start: int = -1
    passed: list[Bases] = field(default_factory=list)
    failed: list[Bases] = field(default_factory=list)
    pieces: list[pa.Table] = field(default_factory=list)

    def add(self, records: Records, rows: slice, line: int) -> None:
        kept = np.flatnonzero(records.based[rows]) + rows.start
        starts, ends = records.starts[kept], records.ends[kept]
        length = self.reference.contigs[self.name]
        if (ends > length).any():
            at = int(line + kept[np.argmax(ends > length)])
            found = "a record that ends beyond its contig"
            raise malformed(self.gvcf, at, found, f"an end within {length} bp")
        self._check_order(starts, line + kept)
        passed = records.passed[kept] & self._fits(records, kept)
        self._cover(starts[passed], ends[passed], starts[~passed], ends[~passed])
        calls = records.calls
        chosen = (calls.row >= rows.start) & (calls.row < rows.stop)
        if chosen.any():
            self.pieces.append(_piece(records, calls, chosen))

    def finish(self, target: Mapping[str, Bases] | None, fasta: Path | None) -> ContigCalls:
        """Normalise the calls, and settle which bases are callable."""
        calls = pa.concat_tables(self.pieces).combine_chunks() if self.pieces else None
        if calls is None:
            return ContigCalls(self.name, _finished(None), self._callable(target))
        alleles = Alleles(*(_column(calls, name) for name in ("start", "ref", "alt")))
        alleles = normalise(alleles, self.name, self.reference.contigs[self.name], fasta)
        genotypes, code = _genotype_table(calls)
        allele = np.asarray(_column(calls, "allele"))
        ploidy = self.reference.ploidy(self.name, self.karyotype, alleles.starts)
        kind = genotypes.kind(code, allele, ploidy)
        fits = np.asarray(_column(calls, "passed")) & genotypes.fits(code, ploidy)
        ends = alleles.starts + np.asarray(pc.binary_length(alleles.ref)).astype(np.int64)
        self._cover(alleles.starts[fits], ends[fits], alleles.starts[~fits], ends[~fits])
        bases = self._callable(target)
        counts = bases.contains(alleles.starts) & (kind > 0)
        named = calls.select(["gt", "dp", "ad_ref", "ad_alt", "gq"])
        columns = {
            "contig": pa.array([self.name]).take(pa.array(np.zeros(len(kind), np.int64))),
            "pos": alleles.starts + 1,
            "ref": alleles.ref,
            "alt": alleles.alt,
            "kind": kind,
            "passed": counts,
        } | {name: named[name] for name in named.column_names}
        return ContigCalls(self.name, _finished(pa.table(columns)), bases)

    def _fits(self, records: Records, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each genotype fits the ploidy at POS; asked of records with a sequence ALT."""
        codes = records.genotype[rows]
        asked = np.flatnonzero(records.literal[rows] & (codes >= 0))
        fits = np.ones(len(codes), np.bool_)
        ploidy = self.reference.ploidy(self.name, self.karyotype, records.starts[rows][asked])
        fits[asked] = records.genotypes.fits(codes[asked], ploidy)
        return fits

    def _check_order(self, starts: NDArray[np.int64], lines: NDArray[np.int64]) -> None:
        if not len(starts):
            return
        back = starts < np.concatenate(([self.last_start], starts[:-1]))
        if back.any():
            at = int(lines[np.argmax(back)])
            found = "a record before the one above it"
            raise malformed(self.gvcf, at, found, "records sorted by position")
        self.last_start = int(starts[-1])

    def _cover(
        self,
        passed_starts: NDArray[np.int64],
        passed_ends: NDArray[np.int64],
        failed_starts: NDArray[np.int64],
        failed_ends: NDArray[np.int64],
    ) -> None:
        self.passed.append(union(passed_starts, passed_ends))
        self.failed.append(union(failed_starts, failed_ends))

    def _callable(self, target: Mapping[str, Bases] | None) -> Bases:
        bases = _joined(self.passed).minus(_joined(self.failed))
        if target is None:
            return bases
        return bases.intersect(target.get(self.name, Bases.empty()))


def _joined(pieces: list[Bases]) -> Bases:
    empty = [Bases.empty()]
    return union(
        np.concatenate([each.starts for each in empty + pieces]),
        np.concatenate([each.ends for each in empty + pieces]),
    )


def _piece(records: Records, calls: Calls, chosen: NDArray[np.bool_]) -> pa.Table:
    rows = calls.row[chosen]
    mask = pa.array(chosen)
    texts = pa.array(records.genotypes.texts, pa.string())
    columns = {
        "start": records.starts[rows],
        "ref": calls.ref.filter(mask),
        "alt": calls.alt.filter(mask),
        "text": texts.take(pa.array(calls.genotype[chosen])),
        "allele": calls.allele[chosen],
        "passed": records.passed[rows],
    }
    for name in ("dp", "ad_ref", "ad_alt", "gq"):
        values = getattr(calls, name)[chosen]
        columns[name] = pa.array(values, pa.int16(), mask=values < 0)
    pairs = pc.binary_join_element_wise(
        columns["text"], pa.array(calls.allele[chosen]).cast(pa.string()), ">"
    ).dictionary_encode()
    texts = [split_text(*_pair(pair)) for pair in pairs.dictionary.to_pylist()]
    columns["gt"] = pa.array(texts, pa.string()).take(pairs.indices)
    return pa.table(columns)


def _pair(text: str) -> tuple[str, int]:
    genotype, allele = text.split(">")
    return genotype, int(allele)


def _genotype_table(calls: pa.Table) -> tuple[Genotypes, NDArray[np.int64]]:
    encoded = _column(calls, "text").dictionary_encode()
    genotypes = parse_genotypes(encoded.dictionary.to_pylist())
    return genotypes, np.asarray(encoded.indices).astype(np.int64)


def _column(table: pa.Table, name: str) -> pa.Array:
    column = table[name].combine_chunks()
    return np.asarray(column) if pa.types.is_integer(column.type) else column


def _finished(calls: pa.Table | None) -> pa.Table:
    """Sorted, each variant once: of several records of one allele the highest copy number."""
    if calls is None:
        return VARIANTS.empty_table()
    calls = calls.select(VARIANTS.names)
    pos = np.asarray(_column(calls, "pos"))
    order = np.argsort(pos, kind="stable")
    pos = pos[order]
    again = np.concatenate(([False], pos[1:] == pos[:-1]))
    tied = np.flatnonzero(again | np.concatenate((again[1:], [False])))
    if not len(tied):
        return calls.take(pa.array(order))
    order[tied] = order[tied][_ranks(calls.take(pa.array(order[tied])))]
    calls = calls.take(pa.array(order))
    there = calls.take(pa.array(tied))
    same = np.ones(len(tied) - 1, np.bool_)
    for name in ("pos", "ref", "alt"):
        column = there[name].combine_chunks()
        same &= np.asarray(pc.equal(column[1:], column[:-1]))
    first = np.ones(calls.num_rows, np.bool_)
    first[tied[1:]] = ~same
    return calls.filter(pa.array(first))


def _ranks(calls: pa.Table) -> NDArray[np.int64]:
    """The order of calls by pos, ref, alt, then by the one that is kept of several."""
    ascending = [(name, "ascending") for name in ("pos", "ref", "alt")]
    keys = [*ascending, *((name, "descending") for name in ("kind", "dp", "gq"))]
    return np.asarray(pc.sort_indices(calls, sort_keys=keys)).astype(np.int64)
