"""Loss of AT-rich and GC-rich sequence, as Picard CollectGcBiasMetrics defines it."""

from __future__ import annotations

import numpy as np

from wgs_pipeline.metrics.catalogue import Finding, NotApplicable
from wgs_pipeline.metrics.tally import AlignmentTally

_MIDDLE = 50


def gc_metrics(tally: AlignmentTally) -> dict[str, Finding]:
    """Percent of the reads that lack where the reference has little (much) GC.

    Against reads spread evenly over its windows of 100 bases; a window of 50 % counts as AT.
    """
    names = ("at_dropout", "gc_dropout")
    windows, reads = tally.gc_windows.sum(), tally.gc_reads.sum()
    if not windows or not reads:
        return dict.fromkeys(names, NotApplicable("there are no mapped reads"))
    lacking = np.maximum(100 * (tally.gc_windows / windows - tally.gc_reads / reads), 0)
    at, gc = lacking[: _MIDDLE + 1].sum(), lacking[_MIDDLE + 1 :].sum()
    return dict(zip(names, (float(at), float(gc)), strict=True))


def gc_curve(tally: AlignmentTally) -> dict[str, list[float]]:
    """Reads at each GC percent relative to the mean of all windows, where there are windows."""
    occurring = np.flatnonzero(tally.gc_windows)
    mean = tally.gc_reads.sum() / max(int(tally.gc_windows.sum()), 1)
    if not mean:
        return {"gc_percent": [], "relative_coverage": []}
    relative = tally.gc_reads[occurring] / tally.gc_windows[occurring] / mean
    return {"gc_percent": occurring.tolist(), "relative_coverage": relative.tolist()}
