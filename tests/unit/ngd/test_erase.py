"""Erasure: nothing is left, nothing else is lost, and it is finished however often it is killed."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ngd_cohort import CONTIGS, Cohort, Person

from wgs_pipeline import audit
from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd import erase as erasure
from wgs_pipeline.ngd.build import build_contig
from wgs_pipeline.ngd.certificate import Certificate
from wgs_pipeline.ngd.commit import commit
from wgs_pipeline.ngd.compact import compact, plan, publish_plan
from wgs_pipeline.ngd.erase import erase, withdrawn
from wgs_pipeline.ngd.generation import pinned
from wgs_pipeline.ngd.plan import with_lent_keys
from wgs_pipeline.ngd.verify import verify

CPR = "0101701234"


@pytest.fixture
def cohort(tmp_path: Path) -> Iterator[Cohort]:
    made = Cohort(tmp_path)
    made.add(Person.random(number) for number in range(1, 7))
    compact(made.root, made.vault)
    made.add([replace(Person.random(7), patient_id=CPR, sample_id="genome-of-seven")])
    yield made
    made.vault.close()


def erased(cohort: Cohort, *persons: str, **options: object) -> Certificate | None:
    return erase(cohort.root, cohort.vault, persons, lambda _: None, **options)  # type: ignore[arg-type]


def whole(cohort: Cohort) -> None:
    report = verify(cohort.root, cohort.vault)
    assert (report.problems, report.orphans) == ((), ())


def holding(cohort: Cohort, *words: str) -> list[Path]:
    """Files below ROOT and in the vault that hold one of some words."""
    found = []
    for folder in (cohort.root.path, cohort.vault.path):
        for path in folder.rglob("*"):
            if path.is_file() and any(word.encode() in path.read_bytes() for word in words):
                found.append(path)
    return found


def content(cohort: Cohort) -> dict[str, str]:
    """Bins and counts by folder."""
    files = cohort.generation().files
    return {name.rpartition("/")[0]: each for name, each in files.items() if "/bin=" in name}


def test_nothing_is_left_and_nothing_else_is_lost(cohort: Cohort, tmp_path: Path) -> None:
    gone = cohort.persons[2]
    (genome,) = cohort.vault.genomes_of(gone.patient_id)
    (seventh,) = cohort.vault.genomes_of(CPR)
    words = [gone.patient_id, gone.sample_id, genome.shard, CPR, "010170-1234", "genome-of-seven"]
    assert holding(cohort, *words)
    certificate = erased(cohort, gone.patient_id, "010170-1234", "patient-unknown")
    assert certificate is not None
    assert holding(cohort, *words, seventh.shard) == []
    whole(cohort)
    assert (certificate.persons, certificate.slots) == (2, (genome.slot, seventh.slot))
    assert set(certificate.shards_deleted) == {genome.shard, seventh.shard}
    assert certificate.proof["difference"] == certificate.proof["rebuild"] == "equal"
    assert certificate.proof["rows_gone"] > 0
    for text in (certificate.as_text(), json.dumps(certificate.as_json())):
        assert not any(word in text for word in (gone.patient_id, gone.sample_id, CPR))
    # As if they had never been there: another database, loaded without them, has the same bins.
    (tmp_path / "other").mkdir()
    other = Cohort(tmp_path / "other")
    stand_in = Person("patient-x", "sample-x", "XX")  # keeps the slots of the others the same
    others = [stand_in if each is gone else each for each in cohort.persons[:-1]]
    other.add(others)
    compact(other.root, other.vault)
    assert erased(other, "patient-x") is not None
    assert content(other) == content(cohort)
    other.vault.close()


def test_a_slot_is_never_given_again(cohort: Cohort) -> None:
    last = max(each.slot for each in cohort.vault.genomes())
    assert erased(cohort, CPR) is not None
    cohort.add([Person.random(9)])
    assert cohort.slot(Person.random(9)) == last + 1
    assert cohort.vault.erased() == [last]
    compact(cohort.root, cohort.vault)
    whole(cohort)


def test_erasing_again_and_erasing_strangers_does_nothing(cohort: Cohort) -> None:
    assert erased(cohort, CPR) is not None
    before = cohort.generation().number
    assert erased(cohort, CPR) is None
    assert erased(cohort, "never-seen") is None
    assert cohort.generation().number == before


def test_shards_that_another_person_needs_stay(cohort: Cohort) -> None:
    twin = replace(cohort.persons[0], patient_id="patient-twin", sample_id="sample-twin")
    cohort.add([twin])
    (genome,) = cohort.vault.genomes_of("patient-twin")
    assert [each.shard for each in cohort.vault.genomes_of("patient-00001")] == [genome.shard]
    certificate = erased(cohort, "patient-00001")
    assert certificate is not None
    assert (certificate.shards_deleted, certificate.shards_shared) == ((), 1)
    whole(cohort)
    certificate = erased(cohort, "patient-twin")
    assert certificate is not None
    assert certificate.shards_deleted == (genome.shard,)
    whole(cohort)


def test_every_analysis_of_a_person_goes(cohort: Cohort) -> None:
    again = replace(Person.random(1, seed=99), assay="wgs")
    cohort.add([replace(again, sample_id="second-sample", karyotype="XX")])
    replaced = cohort.persons[1]
    cohort.add([replace(Person.random(2, seed=98), assay=replaced.assay)], replace=True)
    certificate = erased(cohort, "patient-00001", "patient-00002")
    assert certificate is not None
    assert len(certificate.slots) == 4
    assert holding(cohort, "patient-00001", "patient-00002", "second-sample") == []
    whole(cohort)


def test_what_waits_to_be_loaded_goes_too(cohort: Cohort) -> None:
    person = Person.random(8)
    cohort.consents.add(person.patient_id, "analysis", "given")
    cohort.register(person)
    certificate = erased(cohort, person.patient_id)
    assert certificate is not None
    assert (certificate.slots, certificate.registrations_deleted) == ((), 1)
    assert list(cohort.root.inbox.glob("*.json")) == []
    whole(cohort)
    assert commit(cohort.root, cohort.vault) == cohort.generation().number


def test_a_damaged_shard_is_erased_by_a_rebuild(cohort: Cohort) -> None:
    (genome,) = cohort.vault.genomes_of("patient-00003")
    (cohort.root.shard(genome.shard) / "variants.parquet").unlink()
    certificate = erased(cohort, "patient-00003")
    assert certificate is not None
    assert certificate.proof["rebuild"] == "equal"
    assert not cohort.root.shard(genome.shard).exists()
    whole(cohort)


def test_withdrawn_persons_are_erased_in_one_rewrite(cohort: Cohort) -> None:
    cohort.consents.add("patient-00004", "analysis", "withdrawn")
    cohort.consents.add("patient-00005", "analysis", "withdrawn")
    cohort.consents.add("patient-00006", "research", "refused")
    persons = withdrawn(cohort.root, cohort.vault)
    assert persons == ["patient-00004", "patient-00005"]
    before = cohort.generation().number
    certificate = erased(cohort, *persons)
    assert certificate is not None
    assert certificate.generation_after == before + 1
    whole(cohort)
    assert withdrawn(cohort.root, cohort.vault) == []


def test_sealed_persons_are_kept(tmp_path: Path) -> None:
    cohort = Cohort(tmp_path, on_withdrawal="seal")
    with pytest.raises(NgdError, match="on_withdrawal is seal"):
        withdrawn(cohort.root, cohort.vault)
    cohort.vault.close()


def test_a_reader_of_an_old_generation_is_waited_for(cohort: Cohort) -> None:
    with pinned(cohort.root), pytest.raises(NgdError, match="are being read"):
        erased(cohort, CPR, wait_seconds=0)
    assert cohort.vault.genomes_of(CPR) == []
    problems = verify(cohort.root, cohort.vault).problems
    assert any("an erasure of 1 genomes is not finished" in each for each in problems)
    reading = threading.Thread(target=lambda: _read_for(cohort, 0.5))
    reading.start()
    time.sleep(0.1)
    assert erased(cohort, wait_seconds=60) is not None
    reading.join()
    whole(cohort)


def _read_for(cohort: Cohort, seconds: float) -> None:
    with pinned(cohort.root):
        time.sleep(seconds)


def test_a_person_who_is_being_erased_is_not_loaded(cohort: Cohort) -> None:
    seventh = cohort.persons[-1]
    with pinned(cohort.root), pytest.raises(NgdError, match="are being read"):
        erased(cohort, CPR, wait_seconds=0)
    registration = cohort.register(replace(seventh, calls=seventh.calls[1:]))
    commit(cohort.root, cohort.vault)
    outcome = cohort.vault.outcome(registration.id)
    assert outcome is not None
    assert "being erased" in outcome.reason
    assert not cohort.root.shard(registration.shard).exists()
    assert erased(cohort, CPR) is not None
    whole(cohort)


def test_a_plan_that_was_being_built_is_called_off(cohort: Cohort) -> None:
    planned = plan(cohort.root, cohort.vault)
    parts = [
        build_contig(with_lent_keys(cohort.root, planned), planned, contig) for contig in CONTIGS
    ]
    assert erased(cohort, "patient-00001") is not None
    with pytest.raises(NgdError, match=r"missing|out of date"):
        publish_plan(cohort.root, cohort.vault, planned, parts)
    whole(cohort)


def test_an_identifier_that_is_left_over_is_found(cohort: Cohort) -> None:
    stray = cohort.root.path / "audit" / "notes.txt"
    stray.parent.mkdir(exist_ok=True)
    stray.write_text("see 010170-1234")
    with pytest.raises(NgdError, match=r"notes\.txt.*still holds") as caught:
        erased(cohort, CPR)
    assert "010170" not in str(caught.value)
    stray.unlink()
    assert erased(cohort, CPR) is not None


def test_an_identifier_within_another_is_not_mistaken(cohort: Cohort) -> None:
    longer = replace(Person.random(8), patient_id="patient-000011", sample_id="sample-000011")
    cohort.add([longer])
    assert erased(cohort, "patient-00001") is not None
    assert len(cohort.vault.genomes_of("patient-000011")) == 1


def test_the_log_names_slots_and_the_certificate(cohort: Cohort) -> None:
    certificate = erased(cohort, CPR)
    assert certificate is not None
    *_, entry = audit.entries(cohort.root.audit)
    assert entry["action"] == "erase"
    assert entry["reason"] == f"certificate {certificate.digest}"
    assert audit.verify(cohort.root.audit, cohort.vault) == []


STEPS = ("_rewritten", "build_all", "flip", "_proved", "prove", "_deleted", "_scanned", "_finish")


class Killed(BaseException):
    """As if the process were gone."""


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", STEPS)
def test_an_erasure_cut_short_is_finished_when_called_again(
    cohort: Cohort, monkeypatch: pytest.MonkeyPatch, step: str, after: bool
) -> None:
    original: Callable[..., object] = getattr(erasure, step)

    def killed(*arguments: object, **options: object) -> object:
        if after:
            original(*arguments, **options)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(erasure, step, killed)
        with pytest.raises(Killed):
            erased(cohort, "patient-00003", CPR)
    assert cohort.vault.genomes_of(CPR) == []
    commit(cohort.root, cohort.vault)
    if step == "_finish" and after:
        assert erased(cohort, "patient-00003") is None
    else:
        certificate = erased(cohort, CPR)
        assert certificate is not None
        assert certificate.persons == 2
    assert holding(cohort, "patient-00003", CPR, "genome-of-seven") == []
    whole(cohort)
