"""Identity: whether genomes are related as the sheet says, and nobody is there twice."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wgs_pipeline.errors import WgsError
from wgs_pipeline.fingerprints import Fingerprint, dosage_matrix
from wgs_pipeline.metrics.relatedness import Kinship, Relation, kinship_of_one
from wgs_pipeline.metrics.thresholds import Level
from wgs_pipeline.metrics.verdict import Findings, Reason
from wgs_pipeline.sheets import Sample

#: Findings of the comparison with samples of the run, and with genomes of the database.
RELATEDNESS, DATABASE = "relatedness", "database_identity"


@dataclass(frozen=True)
class Pair:
    """A genome compared with another.

    Attributes:
        other: sample_id of the other.
        metric: ``relatedness`` or ``database_identity``.
        found: How they are related.
        expected: How the sheet says that they are; None: any way but the same person.
    """

    other: str
    metric: str
    found: Kinship
    expected: Relation | None

    @property
    def spoken(self) -> str:
        """What was found, in words."""
        found = self.found
        return (
            f"{self.other}: {found.relation} (kinship {found.kinship:.3f}, {found.ibs0} of "
            f"{found.sites:,} sites without a common allele)"
        )


def too_few(one: Fingerprint, min_sites: int) -> str:
    """Why a genome cannot be compared with any; empty where it can.

    Two strangers vary at some twice as many sites as one of them carries variants at. By the
    genome alone, so that the verdict does not tell in which order samples were judged.
    """
    if not len(one.starts):
        return "the sample was not called"
    if 2 * len(one.keys) < min_sites:
        return (
            f"it carries {len(one.keys):,} SNVs where genomes are compared; expected "
            f"{min_sites // 2:,}"
        )
    return ""


def compare(one: Fingerprint, other: Fingerprint, metric: str, expected: Relation | None) -> Pair:
    """Compare two genomes at every site where one of them varies."""
    (found,) = kinship_of_one(dosage_matrix([one, other]))
    return Pair(other.sample, metric, found, expected)


def expected_relation(one: Sample, other: Sample) -> Relation | None:
    """How the sheet says that two samples are related; None: of one family, but it is not said."""
    if one.patient_id == other.patient_id:
        return Relation.SAME
    for child, parent in ((one, other), (other, one)):
        if parent.sample_id in (child.father_id, child.mother_id):
            return Relation.PARENT_CHILD
    parents = (one.father_id, one.mother_id)
    if all(parents) and parents == (other.father_id, other.mother_id):
        return Relation.SIBLINGS
    return None if one.family_id == other.family_id else Relation.UNRELATED


@dataclass
class Identity:
    """What the comparison of one sample with others came to.

    Attributes:
        sample: sample_id.
        findings: What the verdict takes over.
        pairs: Pairs that are related, or ought to be.
    """

    sample: str
    findings: Findings
    pairs: list[Pair] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The content of ``identity.json``."""
        return {
            "sample": self.sample,
            "reasons": [reason.as_json() for reason in self.findings.reasons],
            "passed": self.findings.passed,
            "not_judged": self.findings.not_judged,
            "pairs": [
                {
                    "other": pair.other,
                    "metric": pair.metric,
                    "kinship": _finite(pair.found.kinship),
                    "ibs0": pair.found.ibs0,
                    "both_het": pair.found.both_het,
                    "sites": pair.found.sites,
                    "relation": pair.found.relation.value,
                    "expected": pair.expected.value if pair.expected else None,
                }
                for pair in self.pairs
            ],
        }


def _finite(value: float) -> float | None:
    return round(value, 4) if value == value else None


def judge_identity(
    sample: str, pairs: Iterable[Pair], min_sites: int, absent: dict[str, str]
) -> Identity:
    """Judge a sample by its relations.

    Args:
        sample: sample_id.
        pairs: Its pairs.
        min_sites: Pairs with fewer sites are not judged.
        absent: By metric, why there is no pair of it.
    """
    identity = Identity(sample, Findings())
    judged: dict[str, int] = {}
    few: dict[str, Pair] = {}
    for pair in pairs:
        if pair.found.sites < min_sites:
            few[pair.metric] = min(pair, few.get(pair.metric, pair), key=lambda p: p.found.sites)
            continue
        judged[pair.metric] = judged.get(pair.metric, 0) + 1
        if pair.expected is not Relation.UNRELATED or pair.found.relation is not Relation.UNRELATED:
            identity.pairs.append(pair)
        reason = _judge_pair(pair)
        if reason:
            identity.findings.reasons.append(reason)
    bad = {reason.metric for reason in identity.findings.reasons}
    for metric in (RELATEDNESS, DATABASE):
        why = absent.get(metric)
        if metric in few:
            worst = few[metric]
            why = (
                f"{worst.found.sites:,} sites in common with {worst.other}; expected {min_sites:,}"
            )
        if why:
            identity.findings.not_judged.append((metric, why))
        elif metric not in bad:
            identity.findings.passed.append(metric)
    return identity


def _judge_pair(pair: Pair) -> Reason | None:
    found, expected = pair.found.relation, pair.expected

    def reason(level: Level, rule: str) -> Reason:
        wanted = expected.value if expected else "another person"
        return Reason(pair.metric, pair.spoken, wanted, rule, level, pair.other)

    if expected is Relation.SAME:
        if found is Relation.SAME:
            return None
        return reason(Level.HOLD, "hold where samples of one patient are of two persons")
    if found is Relation.SAME:
        return reason(Level.HOLD, "hold where samples of two patients are of one person")
    if expected is Relation.PARENT_CHILD and found is not expected:
        return reason(Level.HOLD, "hold where a stated parent is none")
    if expected is Relation.SIBLINGS and found is not expected:
        if found is Relation.SECOND:
            return reason(Level.WARN, "warn where stated siblings are half-siblings")
        return reason(Level.HOLD, "hold where stated siblings are none")
    if expected is Relation.UNRELATED and found in (Relation.PARENT_CHILD, Relation.SIBLINGS):
        return reason(Level.WARN, "warn where close relatives are of two families")
    return None


def exchanges(
    me: Sample,
    pairs: Iterable[Pair],
    samples: Mapping[str, Sample],
    prints: Mapping[str, Fingerprint],
) -> list[Reason]:
    """Samples that seem to be exchanged with one: each is to a third what the other should be.

    Args:
        me: The sample that is judged.
        pairs: Its pairs with samples of the run.
        samples: The sheet.
        prints: Fingerprints of the samples of the run that are there, the judged one's too.
    """
    close = (Relation.PARENT_CHILD, Relation.SIBLINGS)
    found: dict[str, Reason] = {}
    for pair in pairs:
        relation, expected = pair.found.relation, pair.expected
        lacking = expected in close and relation is not expected
        unexpected = expected is Relation.UNRELATED and relation in close
        if not lacking and not unexpected:
            continue
        third = samples[pair.other]
        for name in prints.keys() - {me.sample_id, third.sample_id} - found.keys():
            stated = expected_relation(samples[name], third)
            sought = Relation.UNRELATED if lacking else relation
            if stated is not sought:
                continue
            is_ = compare(prints[third.sample_id], prints[name], RELATEDNESS, stated).found.relation
            if (is_ is expected) if lacking else (is_ is not stated):
                found[name] = _exchange(me.sample_id, name, third.sample_id, lacking)
    return [found[name] for name in sorted(found)]


def _exchange(me: str, other: str, third: str, lacking: bool) -> Reason:
    relative, stranger = (other, me) if lacking else (me, other)
    said = f"{relative} is to {third} what {stranger} should be and is not"
    rule = "hold where two samples seem to be exchanged"
    return Reason(RELATEDNESS, said, None, rule, Level.HOLD, other)


def read_findings(paths: Sequence[Path], sample: str) -> Findings:
    """What some ``identity.json`` and ``lanes.json`` found, together.

    Raises:
        WgsError: A file cannot be read, is none, or is of another sample.
    """
    findings = Findings()
    for path in paths:
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            of_sample = document["sample"]
            for each in document["reasons"]:
                findings.reasons.append(Reason(**{**each, "level": Level(each["level"])}))
            findings.passed += [str(name) for name in document["passed"]]
            findings.not_judged += [(str(name), str(why)) for name, why in document["not_judged"]]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise WgsError(
                f"{path}: not the output of wgs qc identity ({error!r}); make it again"
            ) from error
        if of_sample != sample:
            raise WgsError(f"{path}: is of sample {of_sample}; expected {sample}")
    return findings
