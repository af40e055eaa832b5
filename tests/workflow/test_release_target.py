"""The target of every night: a compaction, then a release."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from running import Project, make_toy

sys.path.insert(0, str(Path(__file__).parents[1] / "unit/ngd"))
from export_builders import Study

pytest.importorskip("snakemake")


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    """A database of twelve persons who may be used for research."""
    made = Study(tmp_path_factory.mktemp("release"))
    for number in range(12):
        made.add(number)
    return made


@pytest.fixture(scope="module")
def project(study, tmp_path_factory) -> Project:
    """A project whose samples go into that database."""
    made = make_toy(tmp_path_factory.mktemp("toy") / "toy", 0.1)
    made.edit_config(ngd={"root": str(study.path), "vault": str(study.folder / "vault")})
    return made


def in_force(project: Project, study: Study) -> dict | None:
    return json.loads(project.wgs("ngd", "info", str(study.path)))["release"]


def test_a_release_follows_a_compaction(project, study):
    run = project.complete("--", "release_database")
    assert run.jobs.keys() == {
        *("plan_compaction", "build_contigs", "publish_compaction", "release_database"),
    }
    release = in_force(project, study)
    assert release is not None
    assert project.wgs("ngd", "info", str(study.path)).count('"open": 0')


def test_without_newcomers_it_fails_and_the_one_before_stays(project, study):
    before = in_force(project, study)
    run = project.run("--", "release_database")
    assert run.code != 0
    assert "fewer than 5 persons were in no release before" in run.output
    assert in_force(project, study) == before
