"""``wgs report`` as a user calls it."""

from __future__ import annotations

import json

import pytest

from report_builders import half_finished, make_project
from wgs_pipeline.cli import main
from wgs_pipeline.report import FORMAT, VERSION
from wgs_pipeline.report.page import render


@pytest.fixture
def wgs(capsys):
    def call(*arguments):
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        return stop.value.code or 0, capsys.readouterr()

    return call


def test_page_and_data_of_a_half_finished_run(tmp_path, wgs):
    project = half_finished(tmp_path / "half")
    html, data = tmp_path / "out/run.html", tmp_path / "data/run.json"
    code, said = wgs("report", "run", project.config, "-o", html, "--json", data)
    assert (code, said.out) == (0, "")
    document = json.loads(data.read_text())
    assert (document["format"], document["version"]) == (FORMAT, VERSION)
    assert html.read_text() == render(document, "../half/results")
    for text in (html.read_text(), data.read_text()):
        assert "person-" not in text
        assert str(tmp_path) not in text


def test_the_same_from_the_effective_configuration(tmp_path, wgs):
    """The workflow gives config.json: every key, absolute paths."""
    project = half_finished(tmp_path / "half")
    project.write_json("config.json", project.load().config.values)
    documents = []
    for config in (project.config, project.results / "config.json"):
        html, data = tmp_path / "run.html", tmp_path / "run.json"
        assert wgs("report", "run", config, "-o", html, "--json", data)[0] == 0
        document = json.loads(data.read_text())
        for moving in ("generated_at", "ended_at", "consent_as_of"):
            document.pop(moving, None)
            document["run"].pop(moving, None)
            document["project"].pop(moving, None)
        documents.append(document)
    assert documents[0] == documents[1]


def test_a_project_that_cannot_be_read_leaves_the_last_report(tmp_path, wgs):
    project = make_project(tmp_path, {"S1": "S1"})
    html = project.write("report/run.html", "the last report")
    project.config.write_text("samples: nowhere.tsv\n")
    code, said = wgs("report", "run", project.config, "-o", html, "--json", tmp_path / "j")
    assert code == 1
    assert "Traceback" not in said.err
    assert html.read_text() == "the last report"
    assert not (tmp_path / "j").exists()


def test_summary(tmp_path, wgs):
    code, said = wgs("report", "summary", half_finished(tmp_path).config)
    assert code == 0
    assert said.err == ""
    assert [each.split()[0] for each in said.out.splitlines()[1:7]] == [
        *("S-done", "S-warn", "S-low", "S-broken", "S-begun", "S-gone"),
    ]


def test_usage(wgs):
    assert wgs("report", "run", "config.yaml")[0] == 2
