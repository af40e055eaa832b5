"""A database whose genomes lie in two segments, and one whose segments are of another width."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ngd_builders import pass_over_slots
from ngd_cohort import Cohort, Person

from wgs_pipeline import ngd
from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd import erase as erasure
from wgs_pipeline.ngd import generation as generations
from wgs_pipeline.ngd.commit import commit
from wgs_pipeline.ngd.compact import compact, plan
from wgs_pipeline.ngd.erase import erase
from wgs_pipeline.ngd.layout import SEGMENT_SLOTS
from wgs_pipeline.ngd.plan import read_plan, write_plan
from wgs_pipeline.ngd.verify import verify

KIND = {1: "het", 2: "hom", 3: "hemi"}


@pytest.fixture
def cohort(tmp_path: Path) -> Iterator[Cohort]:
    """Three genomes in the last slots of a segment, three in the first ones of the next."""
    cohort = Cohort(tmp_path)
    pass_over_slots(cohort.vault, SEGMENT_SLOTS - 3)
    cohort.add(Person.random(number) for number in range(1, 7))
    compact(cohort.root, cohort.vault)
    yield cohort
    cohort.vault.close()


def bins(cohort: Cohort) -> dict[str, str]:
    """Files of the index to their SHA-256."""
    files = cohort.generation().files
    return {name: digest for name, digest in files.items() if "/segment=" in name}


def asked(cohort: Cohort) -> set[tuple[object, ...]]:
    """All carriers on chr1, as the database tells them."""
    with ngd.open(cohort.root.path, "care") as database:
        rows = database.carriers_in("chr1").to_pylist()
    names = ("sample_id", "contig", "pos", "ref", "alt", "genotype")
    return {tuple(row[name] for name in names) for row in rows}


def expected(persons: list[Person]) -> set[tuple[object, ...]]:
    return {
        (each.sample_id, *call[:-1], KIND[call[-1]])
        for each in persons
        for call in each.calls
        if call[0] == "chr1"
    }


def test_carriers_of_both_segments_are_told_and_one_is_rewritten(cohort: Cohort) -> None:
    before = bins(cohort)
    folders = {name.split("/")[2] for name in before}
    assert folders == {"segment=0", "segment=1"}
    assert asked(cohort) == expected(cohort.persons)
    gone, left = cohort.persons[4], [*cohort.persons[:4], *cohort.persons[5:]]
    assert cohort.slot(gone) == SEGMENT_SLOTS + 1
    certificate = erase(cohort.root, cohort.vault, [gone.patient_id], lambda _: None)
    assert certificate is not None
    assert certificate.proof["difference"] == certificate.proof["rebuild"] == "equal"
    after = bins(cohort)
    assert {name for name in before if "segment=0" in name} == {n for n in after if n in before}
    assert asked(cohort) == expected(left)
    assert verify(cohort.root, cohort.vault).problems == ()


def test_a_refusal_moves_the_bits_of_one_segment(cohort: Cohort) -> None:
    moved = cohort.persons[1]
    before = bins(cohort)
    cohort.consents.add(moved.patient_id, "research", "refused")
    compact(cohort.root, cohort.vault)
    new = {name.split("/gen-")[0].split("/chr")[0] for name in bins(cohort).keys() - before.keys()}
    assert new == {"index/research/segment=0", "index/care_only/segment=0"}
    assert asked(cohort) == expected(cohort.persons)
    assert verify(cohort.root, cohort.vault).problems == ()


def test_a_proof_looks_for_a_slot_in_its_own_segment(
    cohort: Cohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "_SMALL", -1)  # a database too large to be read again
    gone = cohort.persons[0]
    certificate = erase(cohort.root, cohort.vault, [gone.patient_id], lambda _: None)
    assert certificate is not None
    assert certificate.proof["rebuild"] == "not asked"
    assert certificate.proof["bins"] == sum("segment=0" in name for name in bins(cohort))
    assert verify(cohort.root, cohort.vault).problems == ()


def test_bins_of_another_width_are_refused_and_built_anew(
    cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(generations, "SEGMENT_SLOTS", 65_536)
        compact(cohort.root, cohort.vault, rebuild=True)
        planned = plan(cohort.root, cohort.vault, rebuild=True)
    write_plan(tmp_path / "plan.json", replace(planned, segment_slots=65_536))
    refused = (
        lambda: asked(cohort),
        lambda: compact(cohort.root, cohort.vault),
        lambda: cohort.add([Person.random(8)]),
        lambda: verify(cohort.root, cohort.vault),
        lambda: erase(cohort.root, cohort.vault, [cohort.persons[2].patient_id], lambda _: None),
    )
    for refuses in refused:
        with pytest.raises(NgdError, match=r"segments of 65,536 slots.*compact .* --rebuild"):
            refuses()
    with pytest.raises(NgdError, match="another release"):
        read_plan(tmp_path / "plan.json", cohort.root)
    compact(cohort.root, cohort.vault, rebuild=True)
    commit(cohort.root, cohort.vault)
    certificate = erase(cohort.root, cohort.vault, [], lambda _: None)  # goes on where it stopped
    assert certificate is not None
    persons = [*cohort.persons[:2], *cohort.persons[3:]]
    assert asked(cohort) == expected(persons)
    assert verify(cohort.root, cohort.vault).problems == ()
