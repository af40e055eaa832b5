"""The tables that answers are: counts with frequencies, calls with samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wgs_pipeline.ngd.genotypes import HEMI, HET, HOM
from wgs_pipeline.ngd.names import Variant
from wgs_pipeline.ngd.segments import by_place
from wgs_pipeline.ngd.snapshot import Snapshot
from wgs_pipeline.ngd.tiers import COUNTS

#: Columns of counts.
SITE_COLUMNS = ("contig", "pos", "ref", "alt", "AC", "AN", "AF", *COUNTS)
#: Columns of carriers.
CARRIER_COLUMNS = ("contig", "pos", "ref", "alt", "sample_id", "assay", "genotype")
_GENOTYPES = {HET: "het", HOM: "hom", HEMI: "hemi"}


def with_frequency(table: pa.Table) -> pa.Table:
    """Counts with AF = AC / AN, which is empty where AN is 0."""
    ac, an = (table[name].cast(pa.float64()) for name in ("AC", "AN"))
    known = pc.if_else(pc.greater(an, 0), an, pa.scalar(None, pa.float64()))
    return table.append_column("AF", pc.divide(ac, known))


def absent(variant: Variant, one_copy: int, two_copies: int) -> pa.Table:
    """The row of a variant that no one carries: AC 0, AN as of the genomes callable there."""
    zero = np.zeros(1, np.int32)
    columns = {
        "contig": [variant.contig],
        "pos": np.array([variant.pos], np.int32),
        "ref": [variant.ref],
        "alt": [variant.alt],
        **dict.fromkeys((*COUNTS, "AC"), zero),
        "AN": np.array([one_copy + 2 * two_copies], np.int32),
        "one_copy": np.array([one_copy], np.int32),
        "two_copies": np.array([two_copies], np.int32),
    }
    return pa.table(columns)


def carrier_table(
    calls: pa.Table, samples: Mapping[str, pa.Array], columns: Sequence[str]
) -> pa.Table:
    """Calls with the columns of their samples, and genotypes in words."""
    for name, values in samples.items():
        calls = calls.append_column(name, values)
    kinds = pa.array(np.asarray(calls["kind"]).astype(np.int8) - np.int8(min(_GENOTYPES)))
    genotypes = pa.DictionaryArray.from_arrays(kinds, list(_GENOTYPES.values()))
    return calls.append_column("genotype", genotypes).select(list(columns))


def with_genes(names: Sequence[str], parts: Sequence[pa.Table]) -> pa.Table:
    """Tables of genes as one, with a column that says which."""
    codes = np.repeat(np.arange(len(parts), dtype=np.int32), [part.num_rows for part in parts])
    table = pa.concat_tables(parts).unify_dictionaries()
    genes = pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(names, pa.string()))
    return table.append_column("gene", genes)


def on_contig(table: pa.Table, contig: str) -> pa.Table:
    """A table with the contig that it is of."""
    places = np.zeros(table.num_rows, np.int32)
    return table.append_column("contig", by_place(places, pa.array([contig])))


def stated(table: pa.Table, snapshot: Snapshot, **more: str) -> pa.Table:
    """A table that says which generation it is of, and how many genomes may be counted."""
    said = {"generation": str(snapshot.generation.number), "eligible": str(snapshot.eligible)}
    return table.replace_schema_metadata(said | more)
