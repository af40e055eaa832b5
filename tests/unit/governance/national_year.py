"""A synthetic national year: genomes, runs, referrals, consents and questions, from one seed.

Nothing in it is of a real person or programme; the numbers of patients and prices are invented.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from wgs_pipeline.consent.events import ConsentEvent, Decision, Scope
from wgs_pipeline.consent.register import ConsentRegister
from wgs_pipeline.governance.gather import Gathered
from wgs_pipeline.governance.genomes import FAILED, LOADED, OTHER, Genome
from wgs_pipeline.governance.holdings import Held, Holdings
from wgs_pipeline.governance.runs import Run, RunSample
from wgs_pipeline.governance.settings import parse_settings

#: Region to (share of the patients, how readily they are offered a genome, days on the way).
REGIONS = {
    "Capital Region": (0.32, 1.13, 0),
    "Central Denmark": (0.23, 1.02, 3),
    "North Denmark": (0.10, 0.80, 9),
    "Southern Denmark": (0.21, 0.97, 4),
    "Zealand": (0.14, 0.91, 6),
}
#: Patient group to (share of the patients, persons sequenced per referral).
GROUPS = {
    "rare disease in children": (0.26, 3),
    "rare disease in adults": (0.14, 1),
    "hereditary cancer": (0.17, 1),
    "childhood cancer": (0.03, 1),
    "hereditary heart disease": (0.13, 1),
    "primary immunodeficiency": (0.04, 1),
    "neurogenetic disease": (0.16, 1),
    "inherited kidney disease": (0.07, 1),
}
REASONS = ["mean_autosome_coverage", "pct_autosomes_15x", "cross_contamination_rate",
           "duplication", "stopped at alignment", "relatedness"]  # fmt: skip
NOW = datetime(2026, 12, 31, 12, tzinfo=UTC)
SETTINGS = {
    "programme": "Synthetic national programme",
    "target": {"genomes": 60_000, "from": "2026-01", "by": "2029-12"},
    "relevant_patients": {
        region: {group: round(24_000 * share * of) for group, (of, _) in GROUPS.items()}
        for region, (share, _, _) in REGIONS.items()
    },
    "prices": {"currency": "DKK", "core_hour": 0.25, "gb_hour": 0.02, "sequencing": 4200},
    "carbon": {"intensity_g_per_kwh": 100, "pue": 1.3},
}


def national_year(seed: int = 8, referrals: int = 9_000) -> Gathered:
    """A year of about ``referrals`` referrals."""
    draw = random.Random(seed)
    genomes = [genome for number in range(referrals) for genome in _referral(draw, number)]
    held = tuple(
        Held(g.sample_id, g.person, slot, "wgs", "research", g.loaded_at)
        for slot, g in enumerate(g for g in genomes if g.outcome == LOADED)
    )
    events, held = _consents(draw, held)
    holdings = Holdings(
        412, held, tuple(_log(draw)), ConsentRegister.from_events(events), "erase"
    )  # fmt: skip
    return Gathered(parse_settings(SETTINGS), genomes, _runs(draw, genomes), holdings, 37)


def _referral(draw: random.Random, number: int) -> list[Genome]:
    region = draw.choices(
        list(REGIONS), [share * readily for share, readily, _ in REGIONS.values()]
    )[0]
    group = draw.choices(list(GROUPS), [share for share, _ in GROUPS.values()])[0]
    late = REGIONS[region][2]
    start = datetime(2025, 11, 20, tzinfo=UTC)
    referred = start + timedelta(days=400 * draw.random() ** 0.8)
    sequenced = referred + timedelta(days=draw.gammavariate(5, 4) + late)
    analysed = sequenced + timedelta(days=0.8 + draw.gammavariate(2, 4))
    loaded = analysed + timedelta(days=draw.gammavariate(2, 1.5))
    reported = loaded + timedelta(days=draw.gammavariate(4, 3))
    sequenced = max(sequenced, datetime(2026, 1, 1, tzinfo=UTC))
    if sequenced > NOW:
        return []
    found = []
    for member in range(GROUPS[group][1] if draw.random() < 0.85 else 1):
        outcome = FAILED if draw.random() < 0.035 else LOADED if loaded < NOW else OTHER
        found.append(
            Genome(
                f"S{number:05d}-{member}", f"secret-person-{number}-{member}", region, group,
                sequenced.strftime("%Y-%m"), outcome, referred, sequenced,
                max(analysed, sequenced) if analysed < NOW else None,
                max(loaded, sequenced) if outcome == LOADED else None,
                max(reported, sequenced) if outcome == LOADED and reported < NOW else None,
                tuple(draw.choices(REASONS, [9, 6, 5, 4, 3, 2])) if outcome == FAILED else (),
            )
        )  # fmt: skip
    return found


def _runs(draw: random.Random, genomes: list[Genome]) -> list[Run]:
    runs = []
    for week in range(53):
        begin = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(weeks=week)
        end = min(begin + timedelta(weeks=1), NOW)
        mine = [g for g in genomes if g.analysed_at and begin <= g.analysed_at < end]
        samples = tuple(
            RunSample(g.sample_id, "fail" if g.outcome == FAILED else "pass", g.reasons,
                      False, False, g.outcome == LOADED)
            for g in mine
        )  # fmt: skip
        dearer = 1.0 - 0.004 * week + draw.uniform(-0.03, 0.03)
        n = len(mine)
        runs.append(Run(begin, end, samples, 118 * n * dearer, 460 * n * dearer, False))
    return runs


def _consents(
    draw: random.Random, held: tuple[Held, ...]
) -> tuple[list[ConsentEvent], tuple[Held, ...]]:
    events, planes = [], {}
    for each in held:
        recorded = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=364 * draw.random())
        given = datetime(2025, 6, 1, tzinfo=UTC)
        events.append(ConsentEvent(each.person, Scope.ANALYSIS, Decision.GIVEN, given, given))
        if draw.random() < 0.02:
            events.append(
                ConsentEvent(each.person, Scope.RESEARCH, Decision.REFUSED, recorded, recorded)
            )
            if draw.random() < 0.93:
                planes[each.slot] = "care_only"
    for number in range(64):
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=5 * number)
        events.append(
            ConsentEvent(f"secret-gone-{number}", Scope.ANALYSIS, Decision.WITHDRAWN, at, at)
        )
    moved = tuple(
        Held(e.sample_id, e.person, e.slot, e.assay, planes.get(e.slot, e.plane), e.loaded_at)
        for e in held
    )
    return events, moved


def _log(draw: random.Random) -> list[dict[str, object]]:
    rates = {
        ("care", "genome", "answered"): 610, ("care", "carriers", "answered"): 190,
        ("care", "variant", "answered"): 830, ("quality", "region", "answered"): 60,
        ("statistics", "region", "answered"): 45, ("research", "variant", "answered"): 260,
        ("research", "region", "answered"): 120, ("research", "carriers", "refused"): 2,
        ("insurance", "open", "refused"): 0.6, ("research", "region", "refused"): 3,
    }  # fmt: skip
    lines: list[dict[str, object]] = []
    for month in range(1, 13):
        for (purpose, action, decision), rate in rates.items():
            for _ in range(round(draw.gauss(rate, rate**0.5))):
                time = f"2026-{month:02d}-10T10:00:00.000000+00:00"
                lines.append({"time": time, "purpose": purpose, "action": action,
                              "decision": decision, "slots": [], "generation": 1})  # fmt: skip
    return lines
