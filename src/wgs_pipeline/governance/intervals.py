"""Confidence intervals of counts of events.

Exact limits below ten events (Garwood, Biometrika 1936;28:437-442), Byar's approximation from ten
on (Breslow and Day, Statistical Methods in Cancer Research II, IARC 1987, p. 69). That is how
public-health observatories do it (Eayres, APHO Technical Briefing 3, 2008).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

#: Below this count the limits are exact; from here on Byar's differ by less than 0.1 %.
_EXACT_BELOW = 10


def poisson_limits(count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Two-sided limits of the expected number of events, given the number observed.

    Args:
        count: Events observed.
        confidence: Such as 0.95.
    """
    tail = (1.0 - confidence) / 2.0
    if count < _EXACT_BELOW:
        return _exact(count, tail)
    z = NormalDist().inv_cdf(1.0 - tail)
    above = count + 1
    lower = count * (1 - 1 / (9 * count) - z / (3 * math.sqrt(count))) ** 3
    upper = above * (1 - 1 / (9 * above) + z / (3 * math.sqrt(above))) ** 3
    return lower, upper


def _exact(count: int, tail: float) -> tuple[float, float]:
    """Means under which so many events or more (fewer) have the probability ``tail``."""
    lower = 0.0 if count == 0 else _solve(lambda mean: 1.0 - _at_most(count - 1, mean) - tail)
    upper = _solve(lambda mean: tail - _at_most(count, mean))
    return lower, upper


def _at_most(count: int, mean: float) -> float:
    """Probability of at most ``count`` events."""
    return sum(math.exp(-mean + k * math.log(mean) - math.lgamma(k + 1)) for k in range(count + 1))


def _solve(rising: Callable[[float], float]) -> float:
    """Where a rising function of a mean is zero; bisection to the last digit."""
    low, high = 1e-9, 100.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < 0 else (low, middle)
    return (low + high) / 2
