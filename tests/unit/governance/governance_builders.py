"""Single genomes, runs and databases for the tests of the governance report."""

from datetime import UTC, datetime

from wgs_pipeline.consent.events import ConsentEvent, Decision, Scope
from wgs_pipeline.consent.register import ConsentRegister
from wgs_pipeline.governance.gather import Gathered
from wgs_pipeline.governance.genomes import Genome
from wgs_pipeline.governance.holdings import Held, Holdings
from wgs_pipeline.governance.settings import parse_settings

NOW = datetime(2026, 6, 30, tzinfo=UTC)


def at(month, day, hour=0):
    return datetime(2026, month, day, hour, tzinfo=UTC)


def genome(name, region="North", group="rare", month="2026-01", outcome="loaded", **more):
    dates = ("referred_at", "sequenced_at", "analysed_at", "loaded_at", "reported_at")
    values = dict.fromkeys(dates) | {"person": f"secret-{name}", "reasons": ()} | more
    return Genome(
        sample_id=name, region=region, patient_group=group, month=month, outcome=outcome, **values
    )


def many(count, prefix, **more):
    return [genome(f"{prefix}{number}", **more) for number in range(count)]


def held(slot, person, plane="research", loaded_at=None, assay="wgs"):
    return Held(f"S{slot}", person, slot, assay, plane, loaded_at)


def said(person, scope, decision, moment):
    return ConsentEvent(person, Scope(scope), Decision(decision), moment, moment)


def holdings(genomes=(), events=(), log=(), on_withdrawal="erase"):
    register = ConsentRegister.from_events(events)
    return Holdings(1, tuple(genomes), tuple(log), register, on_withdrawal)


def line(action, time=NOW, decision="answered", purpose="", slots=()):
    return {"time": time.isoformat(), "action": action, "decision": decision,
            "purpose": purpose, "slots": list(slots), "generation": 1}  # fmt: skip


def gathered(genomes=(), settings=None, runs=(), database=None, left_out=0):
    return Gathered(
        parse_settings(settings or {}), list(genomes), list(runs), database or holdings(), left_out
    )
