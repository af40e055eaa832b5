"""Depth whose copies and bias are known."""

import numpy as np

from wgs_pipeline.copy_number.bins import Bins


def bins_of(contig, copies, rng, *, expected=2, mean=30.0, bias=None, size=1000, usable=None):
    """Bins of a contig: depth is Poisson over 200 reads of 150 bp a bin at two copies.

    Args:
        contig: Its name.
        copies: True copies of every bin.
        rng: Random numbers.
        expected: Copies expected, of all bins or of each.
        mean: Depth at two copies.
        bias: Factor of depth as a function of GC.
        size: Bases of a bin.
        usable: Which bins are; all of them.
    """
    copies = np.asarray(copies, float)
    starts = np.arange(len(copies)) * size
    gc = np.clip(rng.normal(0.41, 0.06, len(copies)), 0, 1)
    level = mean * copies / 2 * (bias(gc) if bias else 1)
    reads = rng.poisson(level * size / 150)
    return Bins(
        contig,
        starts,
        starts + size,
        reads * 150 / size,
        gc,
        np.ones(len(copies), bool) if usable is None else usable,
        np.broadcast_to(np.int8(expected), len(copies)).astype(np.int8),
    )
