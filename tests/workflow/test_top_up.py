"""A sample that is sequenced once more, or called in another way, replaces what was loaded.

Three runs of one sample: 40 s.
"""

from __future__ import annotations

import json

import pytest

from running import THRESHOLDS, loaded, make_toy


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    toy = make_toy(tmp_path_factory.mktemp("top_up") / "toy", 0.1)
    rows = toy.rows("samples.tsv")
    alone = {**rows[1], "family_id": "", "father_id": "", "mother_id": ""}
    toy.write_rows("samples.tsv", rows[0], [alone])
    assert alone["sample_id"] == "toy_father"
    toy.edit_config(calling={"scatter_count": 1}, truth={}, qc={"thresholds": THRESHOLDS})
    return toy


@pytest.fixture(scope="module")
def lanes(project):
    return [row for row in project.rows("units.tsv") if row["sample_id"] == "toy_father"]


def digest(project):
    receipt = json.loads((project.results / "ngd/toy_father.loaded.json").read_text())
    return receipt["digest"]


def reads(project):
    return json.loads((project.results / "alignment/toy_father.json").read_text())["reads"]


def test_a_lane_more_and_other_settings_replace_the_genome(project, lanes):
    assert len(lanes) == 2
    project.write_rows("units.tsv", lanes[0], lanes[:1])
    project.complete()
    first, fewer = digest(project), reads(project)

    project.write_rows("units.tsv", lanes[0], lanes)
    again = project.complete()
    assert again.jobs["screen_lane"] == 1  # the new lane alone
    assert again.jobs["align"] == 1
    assert reads(project) > 1.8 * fewer
    second = digest(project)
    assert second != first

    project.edit_config(calling={"scatter_count": 1, "min_qual": 200})
    again = project.complete()
    assert "align" not in again.jobs
    assert digest(project) != second

    assert loaded(project) == {"toy_father"}
    root = str(project / "ngd")
    assert json.loads(project.wgs("ngd", "info", root))["genomes"] == 1
    project.wgs("ngd", "verify", root)
