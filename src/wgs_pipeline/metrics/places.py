"""The places at which genomes are compared, as a configuration names them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from wgs_pipeline.fingerprints import Ints, Panel
from wgs_pipeline.metrics.contigs import Part, contig_parts
from wgs_pipeline.metrics.pipes import read_pipe
from wgs_pipeline.reference import Contig, read_bed


def panel_of(contigs: Sequence[Contig], sites: Path | None) -> Panel:
    """The places on a reference.

    Args:
        contigs: Contigs of the reference.
        sites: VCF, BCF or BED; None: windows spread over the autosomes.

    Raises:
        WgsError: The sites cannot be read.
    """
    parts = contig_parts(contigs)
    autosomes = {each.name: each.length for each in contigs if parts[each.name] is Part.AUTOSOME}
    return Panel.of(autosomes, None if sites is None else read_sites(sites))


def read_sites(path: Path) -> dict[str, Ints]:
    """0-based positions by contig of a VCF, BCF or BED; of a BED every base.

    Raises:
        WgsError: The file cannot be read.
    """
    if path.name.removesuffix(".gz").endswith(".bed"):
        bases: dict[str, list[Ints]] = {}
        for each in read_bed(path):
            bases.setdefault(each.contig, []).append(np.arange(each.start, each.end))
        return {contig: np.concatenate(runs) for contig, runs in bases.items()}
    text = read_pipe([["bcftools", "query", "-f", "%CHROM\\t%POS\\n", str(path)]])
    if not text:
        return {}
    table = pa.csv.read_csv(
        io.BytesIO(text),
        pa.csv.ReadOptions(column_names=["contig", "pos"]),
        pa.csv.ParseOptions(delimiter="\t", quote_char=False),
        pa.csv.ConvertOptions(
            column_types={"contig": pa.string(), "pos": pa.int64()}, strings_can_be_null=False
        ),
    )
    contig = table["contig"].combine_chunks().dictionary_encode()
    codes, at = np.asarray(contig.indices), np.asarray(table["pos"]) - 1
    return {name: at[codes == code] for code, name in enumerate(contig.dictionary.to_pylist())}
