"""Bounds of a metric and the level that a value comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How good a finding is; of several, the last in this order decides."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    HOLD = "hold"

    @property
    def severity(self) -> int:
        """Position in the order from pass to hold."""
        return list(Level).index(self)


@dataclass(frozen=True)
class Bounds:
    """Inclusive bounds of a metric; None is no bound.

    A value within the pass bounds passes. Outside them it is a warning while within the warn
    bounds, and fails beyond those or where there are none. Warn bounds alone separate pass from
    fail.
    """

    pass_min: float | None = None
    pass_max: float | None = None
    warn_min: float | None = None
    warn_max: float | None = None

    @classmethod
    def of(cls, bounds: Mapping[str, float]) -> Bounds:
        """Bounds of one metric of ``qc.thresholds`` in the configuration."""
        return cls(**bounds)

    def level(self, value: float) -> Level:
        """Level of a value."""
        return max(
            _below(value, self.pass_min, self.warn_min),
            # An upper bound is a lower bound of the negated value.
            _below(-value, _negated(self.pass_max), _negated(self.warn_max)),
            key=lambda level: level.severity,
        )

    def threshold(self, value: float) -> float | None:
        """The outermost bound that a value is beyond; None where it is within all of them."""
        lower = [b for b in (self.warn_min, self.pass_min) if b is not None and value < b]
        upper = [b for b in (self.warn_max, self.pass_max) if b is not None and value > b]
        crossed = lower + upper
        return crossed[0] if crossed else None

    def __str__(self) -> str:
        return ", ".join(
            f"{level} {sign} {bound:.12g}"
            for level, sign, bound in (
                ("pass", "≥", self.pass_min),
                ("pass", "≤", self.pass_max),
                ("warn", "≥", self.warn_min),
                ("warn", "≤", self.warn_max),
            )
            if bound is not None
        )


def _negated(bound: float | None) -> float | None:
    return None if bound is None else -bound


def _below(value: float, pass_min: float | None, warn_min: float | None) -> Level:
    if pass_min is None:
        return Level.FAIL if warn_min is not None and value < warn_min else Level.PASS
    if value >= pass_min:
        return Level.PASS
    return Level.WARN if warn_min is not None and value >= warn_min else Level.FAIL
