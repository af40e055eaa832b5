"""The published tables: exact where they may be, silent where they must, the same in all forms."""

import dataclasses
import re

import pyarrow.csv as csv
import pyarrow.parquet as pq
import pytest
from governance_builders import NOW, gathered, genome, held, holdings, line, many, said
from national_year import NOW as YEAR_END
from national_year import national_year

from wgs_pipeline.governance.page import render
from wgs_pipeline.governance.publish import publish, write_tables

RELEVANT = {"North": {"rare": 100, "cancer": 50}, "South": {"rare": 100, "cancer": 50}}


def cells(report):
    names = ("month", "region", "patient_group", "outcome")
    return {tuple(row[n] for n in names): row["genomes"] for row in report.tables["genomes"]}


@pytest.fixture(scope="module")
def year():
    return national_year(referrals=2500)


@pytest.fixture(scope="module")
def published(year):
    return publish(year, YEAR_END)


def test_shown_numbers_are_true(year, published):
    shown = {key: value for key, value in cells(published).items() if value is not None}
    for (month, region, group, outcome), value in shown.items():
        mine = [
            g for g in year.genomes
            if month in ("All", g.month) and region in ("All", g.region)
            and group in ("All", g.patient_group) and outcome in ("sequenced", g.outcome)
        ]  # fmt: skip
        assert value == len(mine)
    assert shown["All", "All", "All", "loaded"] == len(year.holdings.held)


def test_no_small_number_is_shown_and_none_follows_by_subtraction(published):
    found = cells(published)
    assert not [key for key, value in found.items() if value is not None and 0 < value < 5]
    axes = [list(dict.fromkeys(key[axis] for key in found)) for axis in range(4)]
    totals = ("All", "All", "All", "sequenced")
    for axis, total in enumerate(totals):
        for key in found:
            if key[axis] != total:
                continue
            whole = found[key]
            line = [(*key[:axis], each, *key[axis + 1 :]) for each in axes[axis] if each != total]
            parts = [found[each] for each in line]
            missing = parts.count(None)
            assert not (whole is None and missing == 0)
            if whole is not None and missing == 1:
                assert not 0 < whole - sum(part or 0 for part in parts) < 5


def test_equal_access_says_nothing_that_the_genomes_withhold():
    genomes = [*many(60, "a"), *many(3, "b", region="South"), *many(40, "c", region="West")]
    relevant = {region: {"rare": 100} for region in ("North", "South", "West")}
    report = publish(gathered(genomes, {"relevant_patients": relevant}), NOW)
    counts = cells(report)
    rows = {row["region"]: row for row in report.tables["equal_access"]}
    for region, row in rows.items():
        assert row["withheld"] == (counts["All", region, "All", "sequenced"] is None)
        assert row["withheld"] == (row["patients"] is None) == (row["index"] is None)
    assert rows["South"]["withheld"]
    assert sum(row["withheld"] for row in rows.values()) == 2
    assert not rows["All"]["withheld"]


def test_patients_outside_equal_access_are_no_small_difference():
    """North has 30 patients, of whom 2 in a group without relevant patients."""
    genomes = [*many(28, "a"), *many(2, "b", group="other"), *many(30, "c", region="South")]
    report = publish(gathered(genomes, {"relevant_patients": RELEVANT}), NOW)
    total = cells(report)["All", "North", "All", "sequenced"]
    counted = {row["region"]: row["patients"] for row in report.tables["equal_access"]}["North"]
    assert None in (total, counted)
    assert any("other" in note for note in report.notes)


def test_a_few_persons_with_many_genomes_are_withheld():
    genomes = [genome(f"g{n}", region="South", person=f"secret-{n % 2}") for n in range(8)]
    report = publish(gathered([*genomes, *many(60, "a"), *many(50, "b", region="West")]), NOW)
    assert cells(report)["All", "South", "All", "sequenced"] is None


def test_groups_without_a_single_genome_count_among_the_relevant():
    report = publish(gathered(many(50, "a"), {"relevant_patients": RELEVANT}), NOW)
    rows = {row["region"]: row for row in report.tables["equal_access"]}
    assert (rows["North"]["relevant_patients"], rows["North"]["rate"]) == (150, 333.3)
    assert (rows["South"]["patients"], rows["South"]["index"]) == (0, 0.0)


def test_a_database_of_few_persons_shows_no_number_of_them():
    genomes = many(4, "a")
    planes = ("research", "care_only", "care_only", "care_only")
    database = holdings([held(n, f"secret-a{n}", plane) for n, plane in enumerate(planes)])
    report = publish(gathered(genomes, database=database), NOW)
    assert all(row["genomes"] is None for row in report.tables["database"])
    assert cells(report)["All", "All", "All", "loaded"] is None
    assert "Too few genomes" in render(report)
    assert "generation" not in render(report)  # nearly as many as loads


def test_reasons_do_not_tell_a_number_of_failures_that_is_withheld():
    failed = many(7, "f", outcome="failed", reasons=("coverage",))
    report = publish(gathered([*many(91, "a"), *failed, *many(2, "n", outcome="not_loaded")]), NOW)
    counts = cells(report)
    assert counts["All", "All", "All", "not_loaded"] is None
    total = counts["All", "All", "All", "failed"]
    (reason,) = report.tables["failures"]
    assert reason["withheld"] == (total is None) == (reason["genomes"] is None)


def test_refusals_of_few_are_hidden_in_the_planes_too():
    genomes = [held(n, f"p{n}", "care_only" if n < 3 else "research") for n in range(40)]
    events = [said(f"p{n}", "research", "refused", NOW) for n in range(3)]
    report = publish(gathered(many(40, "a"), database=holdings(genomes, events)), NOW)
    planes = {row["plane"]: row["genomes"] for row in report.tables["database"]}
    assert planes == {"research": None, "care_only": None, "All": 40}
    refused = [row for row in report.tables["consent"] if row["decision"] == "research refused"]
    assert {row["state"]: row["persons"] for row in refused if row["state"] in ("done", "All")} == {
        "done": None, "All": None,
    }  # fmt: skip


def test_no_identifier_leaves_the_house(year, published, tmp_path):
    write_tables(published, tmp_path)
    (tmp_path / "page.html").write_text(render(published))
    for path in tmp_path.iterdir():
        content = path.read_bytes()
        assert b"secret" not in content
        assert not re.search(rb"S\d{5}", content), path  # no sample either


def test_every_table_is_the_same_as_csv_and_parquet(published, tmp_path):
    write_tables(published, tmp_path)
    for name, rows in published.tables.items():
        table = pq.read_table(tmp_path / f"{name}.parquet")
        assert table.to_pylist() == rows
        assert csv.read_csv(tmp_path / f"{name}.csv").num_rows == len(rows)


def test_the_page_shows_what_the_tables_say(published):
    page = render(published)
    loaded = cells(published)["All", "All", "All", "loaded"]
    assert f"{loaded:,} of 60,000 genomes" in page
    for row in published.tables["equal_access"]:
        assert f"{row['index']:.2f}" in page


def test_nothing_at_all():
    report = publish(gathered(), NOW)
    page = render(report)
    assert "No genome has been sequenced yet" in page
    assert "Nobody has asked the database anything yet" in page
    assert report.tables["equal_access"] == report.tables["failures"] == []
    assert cells(report)["All", "All", "All", "loaded"] == 0


def test_one_region_only(tmp_path):
    report = publish(gathered(many(30, "a"), {"relevant_patients": {"North": {"rare": 40}}}), NOW)
    (north, _) = report.tables["equal_access"]
    assert (north["index"], north["withheld"]) == (1.0, False)
    write_tables(report, tmp_path)
    assert "North" in render(report)


def test_hostile_words_are_shown_as_text():
    word = '<script>alert("x")</script>'
    genomes = many(20, "a", region=word, group=word + "&", outcome="failed", reasons=(word,))
    settings = {
        "programme": word,
        "relevant_patients": {word: {word + "&": 30}},
        "tiles": {word: [0, 0]},
        "prices": {"currency": "<b>x</b>", "core_hour": 1},
    }
    log = [line("region", purpose=word), line(word, purpose="care")]
    page = render(publish(gathered(genomes, settings, database=holdings(log=log)), NOW))
    assert "<script" not in page
    assert "<b>x" not in page
    assert "&lt;script&gt;" in page


def test_the_page_fetches_nothing(published):
    page = render(published)
    assert "default-src 'none'" in page
    assert not re.search(r"""(src|href)\s*=\s*["'](?!#)""", page)
    assert "url(" not in page
    assert "://" not in page


def test_the_order_of_genomes_changes_nothing(year, published):
    turned = dataclasses.replace(year, genomes=list(reversed(year.genomes)))
    assert publish(turned, YEAR_END).tables == published.tables
