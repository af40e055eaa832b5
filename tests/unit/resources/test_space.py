"""Room below results, predicted before a run and warned of."""

from __future__ import annotations

import shutil
from collections import namedtuple
from dataclasses import replace

import pytest
from click.testing import CliRunner

from running import make_toy
from wgs_pipeline.checks.space import predict_space
from wgs_pipeline.cli.check import command
from wgs_pipeline.config import ResourcesConfig
from wgs_pipeline.resources.table import Coefficients, write_table

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def own_table(tmp_path):
    path = tmp_path / "own.tsv"
    lines = {
        ("genome", "kept_mb"): Coefficients(100, input=0.5),
        ("genome", "temporary_mb"): Coefficients(10, input=0.1),
    }
    write_table(path, lines)
    return path


def test_prediction_by_hand(family, own_table):
    project = replace(family, config=replace(family.config, resources=ResourcesConfig(own_table)))
    space = predict_space(project)
    # 60,000 + 54,000 (18 GB of CRAM) + 60,000 MB of FASTQ; nothing is done yet.
    assert space.samples == 3
    assert space.kept_mb == pytest.approx(3 * 100 + 0.5 * 174_000)
    assert space.peak_mb == pytest.approx(3 * 110 + 0.6 * 174_000)
    receipt = project.config.results / "ngd" / "mother.loaded.json"
    receipt.parent.mkdir(parents=True)
    receipt.write_text("{}")
    assert predict_space(project).samples == 2


def test_a_genome_at_30x_is_predicted_from_the_shipped_table(family):
    space = predict_space(family)
    assert 10_000 <= space.kept_mb / 3 <= 60_000
    assert space.kept_mb < space.peak_mb <= 1.5 * space.kept_mb


def test_check_warns_where_there_is_too_little_room(tmp_path, monkeypatch):
    toy = make_toy(tmp_path / "toy", 0.1)
    run = CliRunner().invoke(command, [str(toy.config)])
    assert run.exit_code == 0, run.output
    assert "ok space for 4 samples: about " in run.stderr
    assert "warning" not in run.stderr
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, 1_000_000))
    run = CliRunner().invoke(command, [str(toy.config)])
    assert run.exit_code == 0
    assert "warning: space for 4 samples" in run.stderr
    assert "The run may fill the disk of results: free " in run.stderr
