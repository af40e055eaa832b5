"""Genomes by month, region, group and outcome, against counting by hand and by loops."""

from collections import Counter

from governance_builders import genome
from national_year import national_year

from wgs_pipeline.governance.counting import count, months_between
from wgs_pipeline.governance.genomes import OUTCOMES


def test_by_hand():
    cube = count(
        [
            genome("a", "North", "rare", "2026-01"),
            genome("b", "North", "rare", "2026-01", "failed"),
            genome("c", "South", "cancer", "2026-03", person="secret-a"),
        ]
    )
    assert cube.months == ("2026-01", "2026-02", "2026-03")
    assert cube.regions == ("North", "South")
    assert cube.groups == ("cancer", "rare")
    assert cube.table[0, 0, 1].tolist() == [1, 1, 0, 2]  # loaded, failed, not loaded, sequenced
    assert cube.table[-1, -1, -1].tolist() == [2, 1, 0, 3]
    assert cube.table[1].sum() == 0
    assert cube.persons[-1, -1, -1, -1] == 2  # one person has two genomes


def test_a_region_without_genomes_and_no_genomes_at_all():
    assert count([], ["North"]).regions == ("North",)
    assert count([]).table.tolist() == [[[[0, 0, 0, 0]]]]


def test_what_nobody_stated_stands_last():
    cube = count([genome("a", "not stated", month="not stated"), genome("b", "Zealand")])
    assert cube.regions == ("Zealand", "not stated")
    assert cube.months == ("2026-01", "not stated")


def test_months_run_over_the_year():
    assert months_between("2025-11", "2026-02") == ["2025-11", "2025-12", "2026-01", "2026-02"]


def test_a_national_year_equals_counting_by_loops():
    genomes = national_year(referrals=800).genomes
    cube = count(genomes)
    naive = Counter()
    for each in genomes:
        for month in (each.month, "All"):
            for region in (each.region, "All"):
                for group in (each.patient_group, "All"):
                    for outcome in (each.outcome, "All"):
                        naive[month, region, group, outcome] += 1
    for m, month in enumerate((*cube.months, "All")):
        for r, region in enumerate((*cube.regions, "All")):
            for g, group in enumerate((*cube.groups, "All")):
                for o, outcome in enumerate((*OUTCOMES, "All")):
                    assert cube.table[m, r, g, o] == naive[month, region, group, outcome]
