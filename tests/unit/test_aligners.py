"""Which aligner a project takes, before, between and after runs."""

from __future__ import annotations

import json

import pytest

from report_builders import make_project
from wgs_pipeline.aligners import (
    ALIGNERS,
    PREFERENCE,
    change_notice,
    recorded_aligner,
    resolve,
    resolve_for_run,
)
from wgs_pipeline.tables import load_schema


@pytest.fixture
def project(tmp_path):
    """A project whose configuration names an aligner as asked for."""

    def load(name):
        made = make_project(tmp_path, {"S1": "F1"})
        text = made.config.read_text().replace("{name: bwa}", f"{{name: {name}}}")
        made.config.write_text(text)
        return made.load()

    return load


def of(*names):
    return lambda name: name in names


def ran(project, name, aligned=True):
    """Leave what a run with an aligner leaves."""
    results = project.config.results
    (results / "alignment").mkdir(parents=True, exist_ok=True)
    (results / "config.json").write_text(json.dumps({"aligner": {"name": name}}))
    if aligned:
        (results / "alignment/S1.cram").write_bytes(b"CRAM")


def test_the_schema_names_every_aligner():
    allowed = load_schema("config")["properties"]["aligner"]["properties"]["name"]["enum"]
    assert allowed == ["auto", *ALIGNERS]


@pytest.mark.parametrize(
    ("installed", "expected"),
    [
        (("minibwa", "bwa"), "minibwa"),
        (("bwa",), "bwa"),
        (("minibwa",), "minibwa"),
        (("bwa-mem2", "bwa"), "bwa"),  # never taken without being named
        ((), "bwa"),
    ],
)
def test_auto_is_the_first_that_is_found(project, installed, expected):
    assert PREFERENCE == ("minibwa", "bwa")
    for decide in (resolve, resolve_for_run):
        assert decide(project("auto").config, of(*installed)).name == expected


def test_a_name_is_taken_whether_it_is_found_or_not(project):
    for decide in (resolve, resolve_for_run):
        assert decide(project("bwa-mem2").config, of("minibwa")).name == "bwa-mem2"


def test_results_stay_with_the_aligner_they_were_begun_with(project):
    begun = project("auto")
    ran(begun, "bwa")
    assert resolve_for_run(begun.config, of("minibwa", "bwa")).name == "bwa"
    ran(begun, "minibwa")
    assert resolve_for_run(begun.config, of("bwa")).name == "minibwa"


def test_a_run_that_aligned_nothing_binds_its_jobs_and_not_the_next_run(project):
    begun = project("auto")
    ran(begun, "bwa", aligned=False)
    # A job on a node where minibwa is installed too.
    assert resolve(begun.config, of("minibwa", "bwa")).name == "bwa"
    assert resolve_for_run(begun.config, of("minibwa", "bwa")).name == "minibwa"


def test_alignments_made_elsewhere_bind_nothing(project, tmp_path):
    begun = project("auto")
    ran(begun, "bwa", aligned=False)
    (begun.config.results / "alignment/S1.cram").symlink_to(tmp_path / "elsewhere.cram")
    assert resolve_for_run(begun.config, of("minibwa")).name == "minibwa"


def test_a_change_is_announced_with_the_way_back(project):
    begun = project("minibwa")
    assert change_notice(begun.config, ALIGNERS["minibwa"]) is None
    ran(begun, "bwa")
    notice = change_notice(begun.config, ALIGNERS["minibwa"])
    assert "were made with bwa" in notice
    assert notice.endswith("set aligner.name: bwa.")
    assert change_notice(begun.config, ALIGNERS["bwa"]) is None


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"aligner": 3}', '{"aligner": {"name": "x"}}', "{"]
)
def test_a_record_that_is_none_is_ignored(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    assert recorded_aligner(tmp_path) is None
    assert recorded_aligner(tmp_path / "missing") is None


def test_the_decision_is_among_the_values_that_are_written_down(project):
    decided = project("auto").with_aligner("minibwa")
    assert decided.config.aligner.name == "minibwa"
    assert decided.config.values["aligner"]["name"] == "minibwa"
