"""Compactions take what waits in open tiers from there; the result is that of the shards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ngd_cohort import CONTIGS, Cohort, Person

from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd import derive, waiting
from wgs_pipeline.ngd.build import build_contig
from wgs_pipeline.ngd.compact import compact, plan, publish_plan
from wgs_pipeline.ngd.layout import Root, open_file
from wgs_pipeline.ngd.verify import verify, verify_contig


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    made = Cohort(tmp_path)
    made.add(Person.random(number) for number in range(1, 5))
    return made


def whole(cohort: Cohort) -> None:
    report = verify(cohort.root, cohort.vault)
    assert (report.problems, report.orphans) == ((), ())
    for contig in CONTIGS:
        assert verify_contig(cohort.root.unlocked(cohort.vault.keys), contig).problems == ()


def lent(cohort: Cohort) -> int:
    (file,) = (cohort.root.path / "loans").glob("*.json")
    return len(json.loads(file.read_text()))


def test_merging_new_genomes_needs_no_key_of_theirs(cohort: Cohort) -> None:
    planned = plan(cohort.root, cohort.vault)
    assert lent(cohort) == 0
    locked = Root.open(cohort.root.path)
    parts = [build_contig(locked, planned, contig) for contig in CONTIGS]
    assert publish_plan(cohort.root, cohort.vault, planned, parts).merged == 4
    whole(cohort)
    cohort.add([Person.random(5)])
    cohort.consents.add("patient-00002", "research", "refused")
    assert len(plan(cohort.root, cohort.vault).changes) == 3
    assert lent(cohort) == 1  # of the one who moves


def test_a_rebuild_is_lent_all_keys(cohort: Cohort) -> None:
    plan(cohort.root, cohort.vault, rebuild=True)
    assert lent(cohort) == 4


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_tiers_in_groups_beside_shards_of_those_who_move_or_go(
    cohort: Cohort, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(waiting, "GENOMES_AT_ONCE", at_once)
    monkeypatch.setattr(derive, "GENOMES_AT_ONCE", at_once)
    compact(cohort.root, cohort.vault)
    for number in range(5, 10):  # a tier each, and then one of three of whom one is wanted
        cohort.add([Person.random(number)])
    cohort.add(Person.random(number) for number in range(10, 13))
    for number in (11, 12):
        person = Person.random(number, seed=number * 10)
        cohort.add([Person(person.patient_id, person.sample_id, person.karyotype)], replace=True)
    for patient in ("patient-00002", "patient-00007", "patient-00010"):
        cohort.consents.add(patient, "research", "refused")
    done = compact(cohort.root, cohort.vault)
    assert (done.merged, done.retired) == (8, 2)
    whole(cohort)


def test_a_changed_byte_of_a_tier_is_carried_nowhere(cohort: Cohort) -> None:
    (tier,) = set(cohort.generation().table["tier"].to_pylist())
    path = cohort.root.path / open_file("research", int(tier))
    content = bytearray(path.read_bytes())
    content[len(content) // 4] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(NgdError, match=path.name):
        compact(cohort.root, cohort.vault)
    assert compact(cohort.root, cohort.vault, rebuild=True).merged == 4
    whole(cohort)
