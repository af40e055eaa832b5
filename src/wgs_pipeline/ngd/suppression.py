"""Small numbers: counts of few people are not shown in research and statistics."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wgs_pipeline.ngd.tiers import COUNTS

WITHHELD = "withheld"


def suppress(table: pa.Table, minimum: int) -> pa.Table:
    """Replace counts from 1 to ``minimum - 1`` by ``<minimum``; counts become text.

    AC equals n_het + 2 n_hom + n_hemi, so one small n_* could be worked out from the rest: where
    one is small, the others of that row are withheld. Where fewer than ``minimum`` persons carry
    the variant, AC is small too, and AF, which would give it away, is empty.

    Args:
        table: Columns AC, AN, AF, n_het, n_hom, n_hemi.
        minimum: Least count that is shown.
    """
    few, few_copies = pa.scalar(f"<{minimum}"), pa.scalar(f"<{2 * minimum}")
    counts = {name: np.asarray(table[name]).astype(np.int64) for name in ("AC", "AN", *COUNTS)}
    carriers = sum((counts[name] for name in COUNTS), np.zeros(table.num_rows, np.int64))
    small = {name: (counts[name] > 0) & (counts[name] < minimum) for name in COUNTS}
    row_small = pa.array(np.any(list(small.values()), axis=0))
    ac_small = (carriers > 0) & (carriers < minimum)
    an_small = (counts["AN"] > 0) & (counts["AN"] < 2 * minimum)
    shown = {name: pc.cast(pa.array(counts[name]), pa.string()) for name in counts}
    for name in COUNTS:
        shown[name] = pc.if_else(row_small, WITHHELD, shown[name])
        shown[name] = pc.if_else(pa.array(small[name]), few, shown[name])
    shown["AC"] = pc.if_else(pa.array(ac_small), few, shown["AC"])
    shown["AN"] = pc.if_else(pa.array(an_small), few_copies, shown["AN"])
    for name, values in shown.items():
        table = _replaced(table, name, values)
    frequencies = pa.array(np.asarray(table["AF"]), mask=ac_small | an_small | _nan(table["AF"]))
    return _replaced(table, "AF", frequencies)


def suppress_count(count: int, minimum: int) -> str:
    """One count as text."""
    return f"<{minimum}" if 0 < count < minimum else str(count)


def _nan(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    missing: NDArray[np.bool_] = np.isnan(np.asarray(column).astype(np.float64))
    return missing


def _replaced(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, values)
