"""Independent streams of random numbers, one per thing that is drawn.

Every part of the toy draws from its own stream, so that adding a draw to one part changes no
other part of the project.
"""

from __future__ import annotations

import zlib

import numpy as np


def stream(seed: int, *names: str) -> np.random.Generator:
    """Give the stream of ``names`` for ``seed``; the same arguments give the same numbers."""
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])
