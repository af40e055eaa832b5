"""Compaction in three steps: plan, build by contig, publish."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from ngd_cohort import CONTIGS, Cohort, Person

from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd import build, derive
from wgs_pipeline.ngd.build import build_contig, read_parts, write_parts
from wgs_pipeline.ngd.compact import compact, plan, publish_plan, research_refusals
from wgs_pipeline.ngd.generation import SEGMENT, member_at, pinned
from wgs_pipeline.ngd.plan import read_plan, with_lent_keys, write_plan
from wgs_pipeline.ngd.verify import verify, verify_contig


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    made = Cohort(tmp_path)
    made.add(Person.random(number) for number in range(1, 7))
    return made


def whole(cohort: Cohort) -> None:
    report = verify(cohort.root, cohort.vault)
    assert (report.problems, report.orphans) == ((), ())
    for contig in CONTIGS:
        assert verify_contig(cohort.root.unlocked(cohort.vault.keys), contig).problems == ()


def bins(cohort: Cohort) -> dict[str, str]:
    return {name: each for name, each in cohort.generation().files.items() if "/bin=" in name}


def build_all(cohort: Cohort, path: Path, folder: Path) -> list[Path]:
    parts = []
    for contig in CONTIGS:
        parts.append(folder / f"{contig}.json")
        planned = read_plan(path, cohort.root)
        write_parts(
            parts[-1], [build_contig(with_lent_keys(cohort.root, planned), planned, contig)]
        )
    return parts


def test_a_plan_is_built_elsewhere_and_published(cohort: Cohort, tmp_path: Path) -> None:
    planned = plan(cohort.root, cohort.vault)
    write_plan(tmp_path / "plan.json", planned)
    text = (tmp_path / "plan.json").read_text()
    assert not any(each.patient_id in text or each.sample_id in text for each in cohort.persons)
    assert read_plan(tmp_path / "plan.json", cohort.root) == planned
    before = cohort.generation()
    parts = [
        part
        for each in build_all(cohort, tmp_path / "plan.json", tmp_path)
        for part in read_parts(each)
    ]
    assert cohort.generation().files == before.files
    assert compact_is_deterministic(cohort, tmp_path, parts)
    done = publish_plan(cohort.root, cohort.vault, planned, parts)
    assert (done.generation, done.merged, done.kept) == (before.number + 1, 6, ())
    assert set(cohort.generation().table["tier"].to_pylist()) == {SEGMENT}
    whole(cohort)
    assert compact(cohort.root, cohort.vault).merged == 0
    assert plan(cohort.root, cohort.vault).empty


def compact_is_deterministic(cohort: Cohort, tmp_path: Path, parts: list[build.Part]) -> bool:
    again = [
        part
        for each in build_all(cohort, tmp_path / "plan.json", tmp_path)
        for part in read_parts(each)
    ]
    return again == parts


def test_what_is_loaded_replaced_or_refused_meanwhile_stays_right(
    cohort: Cohort, tmp_path: Path
) -> None:
    compact(cohort.root, cohort.vault)
    cohort.add([Person.random(7), Person.random(8)])
    planned = plan(cohort.root, cohort.vault)
    cohort.add([Person.random(9)])
    first, second = cohort.persons[0], Person.random(7, seed=70)
    cohort.add([replace(Person.random(1, seed=10), karyotype=first.karyotype)], replace=True)
    cohort.add([second], replace=True)
    cohort.consents.add("patient-00002", "research", "refused")
    parts = [
        build_contig(with_lent_keys(cohort.root, planned), planned, contig) for contig in CONTIGS
    ]
    assert not research_refusals(cohort.root, cohort.vault)  # the plan is being built
    publish_plan(cohort.root, cohort.vault, planned, parts)
    generation = cohort.generation()
    member = member_at(generation, cohort.slot(Person.random(9)))
    assert member is not None
    assert member.tier != SEGMENT
    replaced = [each for each in generation.members if each.retired]
    assert [each.tier for each in replaced] == [SEGMENT, SEGMENT]
    whole(cohort)
    assert research_refusals(cohort.root, cohort.vault)
    done = compact(cohort.root, cohort.vault)
    assert (done.moved, done.retired) == (1, 2)
    whole(cohort)


def test_bins_that_nothing_touches_keep_their_files(cohort: Cohort) -> None:
    compact(cohort.root, cohort.vault)
    before = bins(cohort)
    one = Person("patient-77", "sample-77", "XX")
    one.calls, one.runs = [("chr1", 7, "G", "A", 1)], [("chr1", 0, 20)]
    cohort.add([one])
    compact(cohort.root, cohort.vault)
    after = bins(cohort)
    changed = dict(after.items() ^ before.items())
    folders = {name.rpartition("/")[0] for name in changed}
    assert folders == {
        "index/research/segment=0/chr1/bin=0",
        "counts/research/all/chr1/bin=0",
    }
    whole(cohort)


def test_a_plan_is_out_of_date_after_another(cohort: Cohort) -> None:
    planned = plan(cohort.root, cohort.vault)
    parts = [
        build_contig(with_lent_keys(cohort.root, planned), planned, contig) for contig in CONTIGS
    ]
    with pytest.raises(NgdError, match="not built"):
        publish_plan(cohort.root, cohort.vault, planned, parts[1:])
    other = replace(parts[0], plan="0" * 64)
    with pytest.raises(NgdError, match="another plan"):
        publish_plan(cohort.root, cohort.vault, planned, [other, *parts[1:]])
    second = plan(cohort.root, cohort.vault)
    with pytest.raises(NgdError, match="out of date"):
        publish_plan(cohort.root, cohort.vault, planned, parts)
    compact(cohort.root, cohort.vault)
    with pytest.raises(NgdError, match=r"was dropped|not there any more"):
        build_contig(with_lent_keys(cohort.root, second), second, "chr1")
    whole(cohort)


def test_files_of_a_plan_are_not_swept_while_it_is_built(cohort: Cohort) -> None:
    planned = plan(cohort.root, cohort.vault)
    part = build_contig(with_lent_keys(cohort.root, planned), planned, "chr1")
    cohort.add([Person.random(8)])
    assert verify(cohort.root, cohort.vault).orphans == ()
    assert all((cohort.root.path / name).exists() for name in part.files)


def test_a_rebuild_gives_the_same_bins(cohort: Cohort) -> None:
    compact(cohort.root, cohort.vault)
    cohort.add([Person.random(7, seed=70)])
    compact(cohort.root, cohort.vault)
    before = bins(cohort)
    compact(cohort.root, cohort.vault, rebuild=True)
    after = bins(cohort)
    assert sorted(after.values()) == sorted(before.values())
    assert not set(after) & set(before)
    whole(cohort)


def test_a_rebuild_mends_a_bin_that_disagrees(cohort: Cohort) -> None:
    compact(cohort.root, cohort.vault)
    name = next(name for name in bins(cohort) if name.startswith("index/"))
    with (cohort.root.path / name).open("r+b") as file:
        file.seek(40)
        file.write(b"\xff")
    cohort.add([Person.random(8)])
    with pytest.raises(NgdError, match="compact --rebuild"):
        compact(cohort.root, cohort.vault)
    compact(cohort.root, cohort.vault, rebuild=True)
    whole(cohort)


def test_many_genomes_are_merged_some_at_a_time(
    cohort: Cohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(derive, "_GENOMES", 2)
    cohort.add(Person.random(number) for number in range(10, 15))
    compact(cohort.root, cohort.vault)
    monkeypatch.setattr(derive, "_GENOMES", 256)
    monkeypatch.setattr(build, "WINDOW_BINS", 1)
    whole(cohort)


def test_processes_build_the_same(cohort: Cohort) -> None:
    assert compact(cohort.root, cohort.vault, jobs=2).merged == 6
    whole(cohort)


def test_a_generation_that_someone_reads_is_kept(cohort: Cohort) -> None:
    with pinned(cohort.root) as number:
        assert compact(cohort.root, cohort.vault).kept == (number,)
        cohort.add([Person.random(9)])
    assert compact(cohort.root, cohort.vault).kept == ()
    whole(cohort)
