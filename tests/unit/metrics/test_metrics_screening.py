"""A sample that was stopped before it was called, and what brings it back."""

import json

import pytest
import yaml

from report_builders import make_project
from wgs_pipeline.metrics.screening import basis, forget_stale_stops


@pytest.fixture
def project(tmp_path):
    """S1 was stopped by what it is judged by now, S2 goes on."""
    made = make_project(tmp_path / "project", {"S1": "F1", "S2": "F1"})
    bounds = made.load().config.qc.bounds("wgs", "germline")
    for name, proceeds in (("S1", ""), ("S2", "S2\n")):
        made.write(f"qc/{name}/proceeds.txt", proceeds)
        made.write(f"qc/{name}/screening.json", json.dumps({"basis": basis(bounds, [])}))
    return made


def set_qc(project, **qc):
    values = yaml.safe_load(project.config.read_text())
    project.config.write_text(yaml.safe_dump({**values, "qc": qc}))


def forgotten(project):
    return [
        name for name in ("S1", "S2") if not (project.results / f"qc/{name}/proceeds.txt").exists()
    ]


def test_a_stop_stands_while_it_is_judged_by_the_same(project):
    assert forget_stale_stops(project.load()) == []
    assert forgotten(project) == []


def test_other_bounds_bring_back_who_was_stopped(project):
    set_qc(project, thresholds={"duplication": {"pass_max": 0.11}})
    assert forget_stale_stops(project.load()) == ["S1"]
    assert forgotten(project) == ["S1"]


def test_without_early_stop_none_stands(project):
    set_qc(project, early_stop=False)
    assert forget_stale_stops(project.load()) == ["S1"]
    assert forgotten(project) == ["S1"]
