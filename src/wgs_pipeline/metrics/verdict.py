"""The verdict on a sample: pass, warn, fail or hold, why, and what to do next."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from wgs_pipeline.errors import WgsError
from wgs_pipeline.metrics.catalogue import NotApplicable
from wgs_pipeline.metrics.karyotype import EXPECTED, OTHER
from wgs_pipeline.metrics.sample import SampleMetrics
from wgs_pipeline.metrics.thresholds import Bounds, Level
from wgs_pipeline.overrides import Override

LOAD, RE_EXTRACT, RESOLVE_IDENTITY = "load", "re-extract", "resolve identity"
_COVERAGE, _YIELD, _KARYOTYPE = "mean_autosome_coverage", "yield_bp_q30", "inferred_karyotype"
#: What a verdict says of a sample that was stopped early.
STOPPED = ("calling", "stopped after alignment: it is certain not to be loaded")
#: Metrics that more sequencing of the same library mends.
_MENDED_BY_SEQUENCING = frozenset({_COVERAGE, "pct_autosomes_15x", _YIELD})


@dataclass(frozen=True)
class Reason:
    """A finding that is not a pass.

    Attributes:
        metric: Name of the metric.
        value: What was found.
        threshold: The bound that was crossed, or the word that was expected.
        rule: The rule in words.
        level: What the finding comes to.
        other: The other sample, or the read group, of a finding that compares; "" for others.
        overridden: What it would come to without the override that holds; None: there is none.
    """

    metric: str
    value: float | str
    threshold: float | str | None
    rule: str
    level: Level
    other: str = ""
    overridden: Level | None = None

    def as_json(self) -> dict[str, Any]:
        """The reason as it stands in ``verdict.json``; what does not apply is left out."""
        document = asdict(self)
        for name in ("other", "overridden"):
            if not document[name]:
                del document[name]
        return document


@dataclass(frozen=True)
class Verdict:
    """The verdict on a sample.

    Attributes:
        sample: sample_id.
        verdict: The gravest level of all reasons; pass where there is none.
        reasons: Findings that are not a pass, gravest first.
        passed: Metrics that were judged and passed.
        not_judged: Metrics that could not be judged: (metric, why).
        next_action: load, top up …, re-extract or resolve identity.
        top_up_gb: Gigabases that lack for the coverage to pass; None where it passes or is unknown.
        overrides: Signed-off findings that the verdict rests on.
        unused_overrides: Those of findings that there are not.
    """

    sample: str
    verdict: Level
    reasons: Sequence[Reason]
    passed: Sequence[str]
    not_judged: Sequence[tuple[str, str]]
    next_action: str
    top_up_gb: float | None
    overrides: Sequence[Override] = ()
    unused_overrides: Sequence[Override] = ()

    def as_json(self) -> dict[str, Any]:
        """The content of ``verdict.json``."""
        return {
            "sample": self.sample,
            "verdict": self.verdict.value,
            "next_action": self.next_action,
            "top_up_gb": self.top_up_gb,
            "reasons": [reason.as_json() for reason in self.reasons],
            "passed": list(self.passed),
            "not_judged": [{"metric": name, "reason": why} for name, why in self.not_judged],
            "overrides": [asdict(each) for each in self.overrides],
            "unused_overrides": [asdict(each) for each in self.unused_overrides],
        }


@dataclass
class Findings:
    """What the rules found of a sample, rule by rule.

    Attributes:
        reasons: Findings that are not a pass.
        passed: Metrics that passed.
        not_judged: Metrics that could not be judged, and why.
    """

    reasons: list[Reason] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)
    not_judged: list[tuple[str, str]] = field(default_factory=list)

    def add(self, metric: str, outcome: Reason | str) -> None:
        """Add what a rule said: a reason, or why it was not judged, or nothing for a pass."""
        if isinstance(outcome, Reason):
            self.reasons.append(outcome)
        elif outcome:
            self.not_judged.append((metric, outcome))
        else:
            self.passed.append(metric)


def judge(
    metrics: SampleMetrics,
    thresholds: Mapping[str, Mapping[str, float] | None],
    overrides: Sequence[Override] = (),
    identity: Findings | None = None,
) -> Verdict:
    """Judge a sample.

    Args:
        metrics: Its metrics.
        thresholds: Bounds a metric (``qc.thresholds`` of the configuration); None: not judged.
        overrides: Findings of this sample that were signed off: they only warn.
        identity: What the comparison with other genomes found.

    Raises:
        WgsError: A threshold is of a metric that there is not, or that is a word.
    """
    found = Findings()
    for name, bounds in thresholds.items():
        found.add(name, _judge_metric(metrics, name, bounds))
    found.add(_KARYOTYPE, _judge_sex(metrics))
    reasons = _yield_against_coverage(found.reasons, found.passed)
    if identity is not None:
        reasons += identity.reasons
        found.passed += identity.passed
        found.not_judged += identity.not_judged
    reasons, used = _overridden(reasons, overrides)
    reasons = sorted(reasons, key=lambda r: -r.level.severity)
    verdict = reasons[0].level if reasons else Level.PASS
    target = (thresholds.get(_COVERAGE) or {}).get("pass_min")
    top_up = _top_up_gb(metrics, target)
    action = _next_action(verdict, reasons, top_up, target)
    unused = [each for each in overrides if each not in used]
    return Verdict(
        metrics.sample, verdict, reasons, found.passed, found.not_judged, action, top_up,
        used, unused,
    )  # fmt: skip


def _overridden(
    reasons: Sequence[Reason], overrides: Sequence[Override]
) -> tuple[list[Reason], list[Override]]:
    """Reasons that were signed off as warnings, and the overrides that did it."""
    by_finding = {(each.metric, each.other): each for each in overrides}
    result, used = [], []
    for reason in reasons:
        override = by_finding.get((reason.metric, reason.other))
        if override is None or reason.level not in (Level.FAIL, Level.HOLD):
            result.append(reason)
            continue
        rule = f"{reason.rule}; signed off by {override.signed_by}"
        result.append(replace(reason, level=Level.WARN, overridden=reason.level, rule=rule))
        used.append(override)
    return result, used


def _judge_metric(
    metrics: SampleMetrics, name: str, bounds: Mapping[str, float] | None
) -> Reason | str:
    """A reason, or why it is not judged, or nothing where the metric passes."""
    if name not in metrics.findings:
        raise WgsError(
            f"qc.thresholds has {name}, which is not a metric; expected one of "
            f"{', '.join(metrics.findings)}"
        )
    finding = metrics.findings[name]
    if isinstance(finding, NotApplicable):
        return finding.reason
    if bounds is None:
        return "switched off in the configuration"
    if isinstance(finding, str):
        raise WgsError(f"qc.thresholds has {name}, which is a word; expected a number's metric")
    limits = Bounds.of(bounds)
    level = limits.level(finding)
    if level is Level.PASS:
        return ""
    return Reason(name, finding, limits.threshold(finding), str(limits), level)


def _judge_sex(metrics: SampleMetrics) -> Reason | str:
    """Opposite to the stated sex: hold, as it may be another person. Aneuploidy: warn."""
    karyotype = metrics.findings[_KARYOTYPE]
    called = f"ploidy is that of the stated sex ({metrics.stated_sex})"
    if isinstance(karyotype, NotApplicable):
        return f"{karyotype.reason}; {called}"
    expected = EXPECTED.get(metrics.stated_sex)
    if karyotype not in EXPECTED.values():
        rule = "warn where the karyotype is neither XX nor XY"
        if karyotype == OTHER:
            rule += f"; {called}"
        return Reason(_KARYOTYPE, str(karyotype), expected, rule, Level.WARN)
    if expected is None:
        return "the sheet states no sex"
    if karyotype == expected:
        return ""
    rule = "hold where the sex is opposite to the stated one"
    return Reason(_KARYOTYPE, str(karyotype), expected, rule, Level.HOLD)


def _yield_against_coverage(reasons: list[Reason], passed: Sequence[str]) -> list[Reason]:
    """A low yield only warns where the coverage, which is what it is for, does not fail."""
    levels = {reason.metric: reason.level for reason in reasons}
    coverage = Level.PASS if _COVERAGE in passed else levels.get(_COVERAGE)
    if coverage is None:
        return reasons
    level = Level.FAIL if coverage is Level.FAIL else Level.WARN
    rule = "low yield only warns while the coverage does not fail"
    return [
        replace(reason, level=level, rule=f"{reason.rule}; {rule}")
        if reason.metric == _YIELD
        else reason
        for reason in reasons
    ]


def _top_up_gb(metrics: SampleMetrics, target: float | None) -> float | None:
    """Gigabases to add: what lacks of the coverage, as a share of it, times the yield so far.

    This takes the new reads to be as duplicated and as well mapped as those there are.
    """
    coverage, bases = metrics.number(_COVERAGE), metrics.number("yield_bp")
    if target is None or not coverage or not bases or coverage >= target:
        return None
    return (target - coverage) / coverage * bases / 1e9


def _next_action(
    verdict: Level, reasons: Sequence[Reason], top_up_gb: float | None, target: float | None
) -> str:
    if verdict is Level.HOLD:
        return RESOLVE_IDENTITY
    if verdict is not Level.FAIL:
        return LOAD
    failed = {reason.metric for reason in reasons if reason.level is Level.FAIL}
    if top_up_gb is not None and failed <= _MENDED_BY_SEQUENCING:
        return f"top up {_rounded_up(top_up_gb)} Gb to reach {target:g}x"
    return RE_EXTRACT


def _rounded_up(amount: float) -> str:
    """Three significant digits, rounded up, so that the amount suffices."""
    scale = 10.0 ** (math.floor(math.log10(amount)) - 2)
    return f"{math.ceil(amount / scale - 1e-9) * scale:.3g}"


def read_verdict(path: Path) -> dict[str, Any]:
    """Read a ``verdict.json``.

    Raises:
        WgsError: The file cannot be read or is not one.
    """
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        Level(document["verdict"])
        _ = document["sample"], document["next_action"], document["reasons"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WgsError(
            f"{path}: not the output of wgs qc verdict ({error!r}); make it again"
        ) from error
    return document
