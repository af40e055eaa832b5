"""The person-level files of an export: calls, callable runs, and the matrix of all genomes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd.export_calls import ContigRows
from wgs_pipeline.ngd.export_cohort import Cohort
from wgs_pipeline.ngd.export_reading import contig_groups, read_genomes
from wgs_pipeline.ngd.export_regions import Regions
from wgs_pipeline.ngd.genotype_matrix import Matrix, Sites, record_leads, sites_of
from wgs_pipeline.ngd.interchange import counts
from wgs_pipeline.ngd.intervals import Bases
from wgs_pipeline.ngd.layout import Root, folder_name
from wgs_pipeline.ngd.snapshot import Snapshot
from wgs_pipeline.ngd.tiers import COUNTS
from wgs_pipeline.ngd.vcf_writer import Bcf, BgzipVcf, VcfSink, header
from wgs_pipeline.ngd.vcf_writer import field as vcf_field

FORMATS = ("parquet", "vcf", "bcf", "vcf-zarr")
GENOTYPES, CALLABLE = "genotypes", "callable"
VCF, BCF, ZARR = "genotypes.vcf.gz", "genotypes.bcf", "genotypes.vcz"
_KINDS = pa.array(["", "het", "hom", "hemi"])
_GENOTYPES = pa.schema(
    [
        ("contig", pa.string()),
        ("pos", pa.int32()),
        ("ref", pa.string()),
        ("alt", pa.string()),
        ("sample", pa.string()),
        ("kind", pa.string()),
        ("gt", pa.string()),
        *((name, pa.int16()) for name in ("dp", "gq", "ad_ref", "ad_alt")),
    ]
)
_CALLABLE = pa.schema(
    [("sample", pa.string()), ("contig", pa.string()), ("start", pa.int32()), ("end", pa.int32())]
)
_CARRIERS = pa.schema(
    [
        ("pos", pa.int32()),
        ("ref", pa.string()),
        ("alt", pa.string()),
        *((name, pa.int32()) for name in COUNTS),
    ]
)
HEADER_LINES = (
    vcf_field("INFO", "AC", "A", "Integer", "Copies of ALT in this file"),
    vcf_field("INFO", "AN", "1", "Integer", "Alleles called in this file"),
    vcf_field("FORMAT", "GT", "1", "String", "Genotype; other ALT alleles at POS count as REF"),
    vcf_field("FORMAT", "DP", "1", "Integer", "Read depth"),
    vcf_field("FORMAT", "GQ", "1", "Integer", "Genotype quality"),
    vcf_field("FORMAT", "AD", "R", "Integer", "Reads for REF and ALT"),
)


@dataclass(frozen=True)
class Request:
    """What person-level files to write.

    Attributes:
        folder: Where.
        regions: Bases in which variants start, and to which callable runs are cut.
        formats: Of ``FORMATS``.
        source: Further header lines of VCF.
    """

    folder: Path
    regions: Regions
    formats: Collection[str]
    source: tuple[str, ...]


@dataclass
class Written:
    """How much was written."""

    sites: int = 0
    calls: int = 0
    cells: int = 0
    runs: int = 0


def write_genotypes(root: Root, snapshot: Snapshot, cohort: Cohort, request: Request) -> Written:
    """Write what is asked for, in bounded memory.

    The shards say who has what, the index how many: both must agree, or nothing is exported.

    Raises:
        NgdError: The database is damaged, bcftools fails, or bio2zarr is not installed.
    """
    if "vcf-zarr" in request.formats:
        _require_bio2zarr()
    work = request.folder / ".work"
    work.mkdir()
    written = Written()
    with ExitStack() as stack:
        sinks = _sinks(request, snapshot, cohort, work, stack)
        for group in contig_groups(root, cohort, request.regions, snapshot.reference, work):
            _write_group(root, snapshot, cohort, request, group, sinks, written)
        for sink in sinks:
            sink.finish()
        stack.pop_all()
    if "parquet" in request.formats:
        _leave_something(request)
        pq.write_table(
            cohort.table.select(["sample", "person", "karyotype", "assay"]),
            request.folder / "samples.parquet", compression="zstd", store_schema=False,
        )  # fmt: skip
    if "vcf-zarr" in request.formats:
        source = request.folder if "vcf" in request.formats else work
        _to_zarr(source / VCF, request.folder / ZARR, work)
    shutil.rmtree(work)
    return written


def _sinks(
    request: Request, snapshot: Snapshot, cohort: Cohort, work: Path, stack: ExitStack
) -> list[VcfSink]:
    contigs = {name: snapshot.reference.contigs[name] for name in request.regions}
    sinks: list[VcfSink] = []
    if {"vcf", "vcf-zarr"} & set(request.formats):
        folder = request.folder if "vcf" in request.formats else work
        sinks.append(BgzipVcf(folder / VCF, contigs))
    if "bcf" in request.formats:
        sinks.append(Bcf(request.folder / BCF))
    text = header(contigs, (*request.source, *HEADER_LINES), cohort.samples)
    for sink in sinks:
        stack.callback(sink.abandon)
        sink.write(text)
    return sinks


def _write_group(
    root: Root,
    snapshot: Snapshot,
    cohort: Cohort,
    request: Request,
    group: Sequence[ContigRows],
    sinks: Sequence[VcfSink],
    written: Written,
) -> None:
    """Read the cohort's shards once for some contigs, and write these."""
    parquet = "parquet" in request.formats
    names = cohort.samples
    with ExitStack() as stack:
        files = {
            rows.contig: stack.enter_context(_Later.of(request, CALLABLE, rows, _CALLABLE))
            for rows in group
        }
        for column, rows, runs in read_genomes(root, cohort, group):
            written.runs += len(runs)
            if parquet:
                files[rows.contig].write(_run_rows(rows.contig, names[column], runs))
    for rows in group:
        _write_contig(snapshot, cohort, request, rows, sinks, written)
        rows.clear()


def _write_contig(
    snapshot: Snapshot,
    cohort: Cohort,
    request: Request,
    rows: ContigRows,
    sinks: Sequence[VcfSink],
    written: Written,
) -> None:
    """Write the sites of one contig, window by window."""
    contig = rows.contig
    with _Later.of(request, GENOTYPES, rows, _GENOTYPES) as file:
        for low, high in rows.windows():
            sites = sites_of(rows.calls_in(low, high))
            counted = counts(snapshot, contig, rows.bases, low, high)
            _require_same(_carriers(sites.table).equals(_carriers(counted)), contig)
            written.sites += sites.table.num_rows
            written.calls += sites.calls.num_rows
            if "parquet" in request.formats:
                file.write(_call_rows(contig, sites, cohort))
            if sinks and sites.table.num_rows:
                runs = rows.runs_in(low, high)
                matrix = Matrix.of(sites, runs, contig, cohort, snapshot.reference)
                written.cells += _write_records(contig, matrix, counted, sinks)


def _write_records(contig: str, matrix: Matrix, counted: pa.Table, sinks: Sequence[VcfSink]) -> int:
    """Write the records of one window; gives the number of cells."""
    cells = 0
    for rows, callable_ in matrix.blocks():
        table = counted.slice(rows.start, rows.stop - rows.start)
        number = matrix.allele_number(rows, callable_)
        _require_same(np.array_equal(number, np.asarray(table["AN"])), contig)
        info = pc.binary_join_element_wise(
            pc.binary_join_element_wise("AC", pc.cast(table["AC"], pa.string()), "="),
            pc.binary_join_element_wise("AN", pc.cast(table["AN"], pa.string()), "="),
            ";",
        )
        text = matrix.text(rows, callable_, record_leads(contig, table, info))
        for sink in sinks:
            sink.write(text)
        cells += callable_.size
    return cells


def _carriers(table: pa.Table) -> pa.Table:
    """How many carry which variant."""
    return table.select(_CARRIERS.names).cast(_CARRIERS).combine_chunks()


def _require_same(same: bool, contig: str) -> None:
    """Refuse where the index counts other genomes than the shards hold."""
    if not same:
        raise NgdError(
            f"{contig}: the index does not count what the shards hold, so nothing is exported. "
            "Run 'wgs ngd verify'"
        )


def _call_rows(contig: str, sites: Sites, cohort: Cohort) -> pa.Table:
    calls = sites.calls
    columns = {name: calls[name] for name in ("pos", "ref", "alt", "gt", *_FIELDS)} | {
        "contig": pa.array([contig]).take(pa.array(np.zeros(calls.num_rows, np.int64))),
        "sample": cohort.table["sample"].take(calls["column"]),
        "kind": _KINDS.take(calls["kind"]),
    }
    return pa.table([columns[name] for name in _GENOTYPES.names], _GENOTYPES.names)


_FIELDS = ("dp", "gq", "ad_ref", "ad_alt")


def _run_rows(contig: str, sample: str, runs: Bases) -> pa.Table:
    zeros = pa.array(np.zeros(len(runs), np.int32))
    return pa.table(
        {
            "sample": pa.DictionaryArray.from_arrays(zeros, [sample]),
            "contig": pa.DictionaryArray.from_arrays(zeros, [contig]),
            "start": runs.starts.astype(np.int32),
            "end": runs.ends.astype(np.int32),
        }
    )


@dataclass
class _Later:
    """A Parquet file that is made with its first rows, in row groups of some size."""

    path: Path
    schema: pa.Schema
    _held: list[pa.Table] = field(default_factory=list)
    _rows: int = 0
    _writer: pq.ParquetWriter | None = None

    @classmethod
    def of(cls, request: Request, folder: str, rows: ContigRows, schema: pa.Schema) -> _Later:
        """File of a contig."""
        return cls(request.folder / folder / f"{folder_name(rows.contig)}.parquet", schema)

    def __enter__(self) -> _Later:
        return self

    def __exit__(self, *exception: object) -> None:
        self._flush()
        if self._writer is not None:
            self._writer.close()

    def write(self, table: pa.Table) -> None:
        if table.num_rows:
            self._held.append(table)
            self._rows += table.num_rows
        if self._rows >= _ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        if not self._held:
            return
        if self._writer is None:
            self.path.parent.mkdir(exist_ok=True)
            self._writer = pq.ParquetWriter(
                self.path, self.schema, compression="zstd", store_schema=False
            )
        table = pa.concat_tables(self._held).unify_dictionaries().cast(self.schema)
        self._writer.write_table(table, row_group_size=_ROW_GROUP)
        self._held, self._rows = [], 0


_ROW_GROUP = 1 << 18


def _leave_something(request: Request) -> None:
    """Where no one has anything, readers still find a file with the columns."""
    contig = next(iter(request.regions))
    for name, schema in ((GENOTYPES, _GENOTYPES), (CALLABLE, _CALLABLE)):
        folder = request.folder / name
        if not folder.exists():
            folder.mkdir()
            path = folder / f"{folder_name(contig)}.parquet"
            pq.write_table(schema.empty_table(), path, store_schema=False)


def _require_bio2zarr() -> Callable[..., None]:
    try:
        from bio2zarr.vcf import convert
    except ImportError:
        raise NgdError(
            "VCF-Zarr is written by bio2zarr, which is not installed; expected the extra vcfzarr. "
            "Run pip install 'wgs-pipeline[vcfzarr]', or leave out --format vcf-zarr"
        ) from None
    function: Callable[..., None] = convert
    return function


def _to_zarr(vcf: Path, target: Path, work: Path) -> None:
    convert = _require_bio2zarr()
    convert([str(vcf)], str(target), icf_path=str(work / "icf"), show_progress=False)
