"""Depth and heterozygosity of X and Y in a gVCF that was made elsewhere.

Windows are sampled as for alignments, and only these are read. A gVCF whose X is written haploid
cannot show heterozygosity there: then its depths decide alone.
"""

from __future__ import annotations

import io
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from wgs_pipeline.metrics.catalogue import Finding, NotApplicable, ratio
from wgs_pipeline.metrics.contigs import Part, contig_parts, interval_part
from wgs_pipeline.metrics.heterozygosity import (
    LEAST_DEPTH,
    SAMPLED,
    Heterozygosity,
    heterozygosity_ratio,
    sampled_windows,
)
from wgs_pipeline.metrics.karyotype import infer_karyotype
from wgs_pipeline.metrics.pipes import read_pipe
from wgs_pipeline.reference import Contig, Interval, format_bed

Longs = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_PARTS = (Part.AUTOSOME, Part.X, Part.Y)
#: Fewer variants do not tell the depth.
_LEAST_VARIANTS = 5
_MOST = 0.5
_COLUMNS = {
    **{"contig": pa.string(), "start": pa.int64(), "end": pa.int64(), "filter": pa.string()},
    **{"gt": pa.string(), "dp": pa.float64(), "min_dp": pa.float64()},
}


def sex_metrics(
    gvcf: Path, contigs: Sequence[Contig], intervals: Sequence[Interval], par: Sequence[Interval]
) -> dict[str, Finding]:
    """The metrics of the sex chromosomes, of an indexed gVCF.

    Args:
        gvcf: gVCF of one sample, compressed with bgzip and indexed.
        contigs: Contigs of the reference.
        intervals: The reference without N, cut where PAR begins and ends (``wgs qc regions``).
        par: Pseudoautosomal regions on X and Y.

    Raises:
        WgsError: bcftools cannot read the gVCF.
    """
    parts = contig_parts(contigs)
    inside: dict[Part, list[Interval]] = {part: [] for part in _PARTS}
    for each in intervals:
        part = interval_part(each, parts, par)
        if part in inside:
            inside[part].append(each)
    windows = {part: sampled_windows(inside[part]) for part in SAMPLED}
    windows[Part.Y] = tuple(inside[Part.Y])  # all of it: it has few variants
    if not windows[Part.X]:
        return _not_applicable("the reference has no X")
    if not windows[Part.Y]:
        return _not_applicable("the reference has no Y")
    header = read_pipe([["bcftools", "view", "--header-only", str(gvcf)]]).decode()
    if "##FORMAT=<ID=DP," not in header and "##FORMAT=<ID=MIN_DP," not in header:
        return _not_applicable("the gVCF has no depths (FORMAT/DP or MIN_DP)")
    rows = _read_records(gvcf, header, windows)
    measured = {part: _measure(rows, each) for part, each in windows.items()}
    return _findings(measured, _is_haploid(rows, windows[Part.X]))


def _findings(
    measured: dict[Part, tuple[float, Heterozygosity]], haploid_x: bool
) -> dict[str, Finding]:
    depth = {part: mean for part, (mean, _) in measured.items()}
    no_depth = "the autosomes have no coverage"
    x, y = (ratio(depth[part], depth[Part.AUTOSOME], no_depth) for part in (Part.X, Part.Y))
    heterozygosity = (
        NotApplicable("the gVCF has haploid genotypes on X")
        if haploid_x
        else heterozygosity_ratio({part: each for part, (_, each) in measured.items()})
    )
    return {
        "x_coverage_ratio": x,
        "y_coverage_ratio": y,
        "x_heterozygosity_ratio": heterozygosity,
        "inferred_karyotype": infer_karyotype(x, y, depth[Part.AUTOSOME], heterozygosity),
    }


def _not_applicable(reason: str) -> dict[str, Finding]:
    names = ("x_coverage_ratio", "y_coverage_ratio", "x_heterozygosity_ratio", "inferred_karyotype")
    return dict.fromkeys(names, NotApplicable(reason))


@dataclass(frozen=True)
class _Records:
    """Records of a gVCF; arrays of one length.

    Attributes:
        contig: Name of the contig.
        start: First base, 0-based.
        end: One past the last base.
        depth: Reads (DP, else MIN_DP); 0 where there is neither.
        alleles: Alleles of the genotype; 0 where it is missing.
        variant: Whether it has an ALT allele and passes the filter.
        heterozygous: Whether its alleles differ, too.
    """

    contig: NDArray[np.object_]
    start: Longs
    end: Longs
    depth: Floats
    alleles: Longs
    variant: Flags
    heterozygous: Flags

    def of(self, contig: str) -> _Records:
        """Those of one contig."""
        here = self.contig == contig
        return _Records(*(getattr(self, each.name)[here] for each in fields(self)))


def _read_records(gvcf: Path, header: str, windows: Mapping[Part, Sequence[Interval]]) -> _Records:
    """The records in the windows."""
    formats = [
        f"[%{name}]" if f"##FORMAT=<ID={name}," in header else "."
        for name in ("GT", "DP", "MIN_DP")
    ]
    shape = "\\t".join(["%CHROM", "%POS0", "%END", "%FILTER", *formats])
    with tempfile.TemporaryDirectory() as folder:
        bed = Path(folder, "windows.bed")
        everything = sorted(each for part in windows.values() for each in part)
        bed.write_text(format_bed(everything), encoding="ascii")
        query = ["bcftools", "query", "-R", str(bed), "-f", f"{shape}\\n", str(gvcf)]
        text = read_pipe([query])
    if not text:
        text = b".\t0\t0\t.\t.\t.\t.\n"
    table = pacsv.read_csv(
        io.BytesIO(text),
        pacsv.ReadOptions(column_names=list(_COLUMNS)),
        pacsv.ParseOptions(delimiter="\t", quote_char=False),
        pacsv.ConvertOptions(column_types=_COLUMNS, null_values=["."], strings_can_be_null=False),
    )
    # A record that reaches over several windows is printed for each of them.
    table = table.group_by(table.column_names, use_threads=False).aggregate([])
    genotype = table["gt"].combine_chunks().dictionary_encode()
    known = np.array([_read_genotype(each) for each in genotype.dictionary.to_pylist()])
    alleles, has_alt, differ = known[np.asarray(genotype.indices)].T
    passes = np.isin(table["filter"].to_numpy(), ["PASS", "."])
    return _Records(
        table["contig"].to_numpy(),
        table["start"].to_numpy(),
        table["end"].to_numpy(),
        np.asarray(pc.coalesce(table["dp"], table["min_dp"], 0.0), np.float64),
        alleles,
        passes & (has_alt > 0),
        passes & (differ > 0),
    )


def _read_genotype(text: str) -> tuple[int, bool, bool]:
    """Alleles (0 where any is missing), whether one is ALT, whether they differ."""
    alleles = re.split("[/|]", text)
    if "." in alleles:
        return 0, False, False
    return len(alleles), any(each != "0" for each in alleles), len(set(alleles)) > 1


def _measure(rows: _Records, windows: Sequence[Interval]) -> tuple[float, Heterozygosity]:
    """Mean depth over windows, and the heterozygous records in them.

    The depth of a reference block is often its lowest. That of a variant is its own: their median,
    times the share of the bases that have reads, is what the mean comes to.
    """
    total = sum(len(each) for each in windows)
    covered, weighted, examined = 0, 0.0, 0
    variant_depths, heterozygous = [], 0
    for contig in {each.contig for each in windows}:
        here = rows.of(contig)
        overlap = _overlap([each for each in windows if each.contig == contig], here)
        covered += int(overlap[here.depth > 0].sum())
        weighted += float(overlap @ here.depth)
        examined += int(overlap[here.depth >= LEAST_DEPTH].sum())
        inside = overlap > 0
        variant_depths.append(here.depth[inside & here.variant])
        enough = inside & (here.depth >= LEAST_DEPTH)
        heterozygous += int((here.heterozygous & enough).sum())
    depths = np.concatenate([np.zeros(0), *variant_depths])
    if not covered:
        return 0.0, Heterozygosity(0, 0)
    typical = float(np.median(depths)) if len(depths) >= _LEAST_VARIANTS else weighted / covered
    return typical * covered / total, Heterozygosity(examined, heterozygous)


def _overlap(windows: Sequence[Interval], rows: _Records) -> Longs:
    """Bases of each record that lie in the sorted, disjoint windows of a contig."""
    edges = np.array([(each.start, each.end) for each in windows], np.int64)
    before = np.concatenate([[0], np.cumsum(edges[:, 1] - edges[:, 0])])

    def up_to(positions: Longs) -> Longs:
        window = np.searchsorted(edges[:, 0], positions, side="right") - 1
        inside = np.clip(positions - edges[window, 0], 0, edges[window, 1] - edges[window, 0])
        return np.where(window < 0, 0, before[np.maximum(window, 0)] + inside)

    return up_to(rows.end) - up_to(rows.start)


def _is_haploid(rows: _Records, windows: Sequence[Interval]) -> bool:
    """Whether most genotypes in the windows are written with one allele."""
    written = np.concatenate([rows.of(c).alleles for c in {each.contig for each in windows}])
    called = written[written > 0]
    return len(called) > 0 and float(np.mean(called == 1)) > _MOST
