"""Compactions take what waits in open tiers from there; the result is that of the shards."""

from __future__ import annotations

from pathlib import Path

import pytest
from ngd_cohort import CONTIGS, Cohort, Person

from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd import derive, waiting
from wgs_pipeline.ngd.compact import compact
from wgs_pipeline.ngd.layout import open_file
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
        assert verify_contig(cohort.root, contig).problems == ()


def test_merging_new_genomes_opens_no_shard(cohort: Cohort) -> None:
    shards = cohort.root.path / "shards"
    shards.rename(shards.with_name("elsewhere"))
    assert compact(cohort.root, cohort.vault).merged == 4
    shards.with_name("elsewhere").rename(shards)
    whole(cohort)


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
