"""Fitted tables: planted coefficients are found, and small runs change what they can tell only."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from report_builders import make_project
from wgs_pipeline.cli.resources import command
from wgs_pipeline.errors import WgsError
from wgs_pipeline.resources.fit import (
    Observation,
    fit,
    quantile_regression,
    read_observations,
)
from wgs_pipeline.resources.inputs import Inputs
from wgs_pipeline.resources.table import Coefficients, read_table


def observations(rule, quantity, count, truth, noise=0.0, megabytes=(1000.0, 90_000.0)):
    """Jobs that used what ``truth`` says, and up to ``noise`` of it more."""
    random = np.random.default_rng(7)
    for size in np.linspace(*megabytes, count):
        inputs = Inputs(3100.0, float(size), threads=int(random.choice([4, 8, 16])))
        used = truth.value(quantity, inputs) * (1 + noise * random.random())
        yield Observation(rule, quantity, inputs, used)


def test_planted_coefficients_of_time():
    truth = Coefficients(40.0, reference=0.2, input=3.0)
    table = fit(observations("align", "wall_s", 60, truth), {})
    line = table["align", "wall_s"]
    assert (line.base, line.reference, line.input) == pytest.approx((40, 0.2, 3.0), rel=1e-4)
    assert (line.samples, line.jobs, line.source) == (0, 60, "fitted")


def test_planted_coefficients_of_memory():
    """The reference is the same for all jobs: what it needs is in the base."""
    truth = Coefficients(500.0, reference=2.0, input=0.01, threads=700)
    line = fit(observations("align", "mem_mb", 60, truth), {})["align", "mem_mb"]
    assert line.base == pytest.approx(500 + 2 * 3100, rel=1e-4)
    assert (line.input, line.threads) == pytest.approx((0.01, 700), rel=1e-3)
    assert line.reference == 0


def test_noisy_jobs_are_covered():
    truth = Coefficients(100.0, input=2.0)
    jobs = list(observations("align", "wall_s", 200, truth, noise=0.3))
    line = fit(jobs, {})["align", "wall_s"]
    covered = sum(job.used <= line.value("wall_s", job.inputs) * (1 + 1e-9) for job in jobs)
    assert 0.93 <= covered / len(jobs) <= 0.98


def test_small_jobs_change_only_the_base():
    before = Coefficients(500.0, reference=2.0, input=0.01, threads=700, source="book")
    truth = Coefficients(50.0, reference=2.0, input=0.01, threads=700)
    jobs = observations("align", "mem_mb", 20, truth, megabytes=(1.0, 100.0))
    line = fit(jobs, {("align", "mem_mb"): before, ("x", "mem_mb"): before})
    assert line["align", "mem_mb"].base == pytest.approx(50, rel=1e-4)
    assert line["align", "mem_mb"].threads == 700
    assert line["align", "mem_mb"].source == "base fitted; sizes as before"
    assert line["x", "mem_mb"] == before


def test_jobs_of_one_size_change_only_the_base():
    before = Coefficients(0.0, input=0.5)
    jobs = [Observation("r", "mem_mb", Inputs(3100, 60_000), used) for used in (30_010, 30_020)]
    line = fit(jobs, {("r", "mem_mb"): before})["r", "mem_mb"]
    assert (line.base, line.input) == (pytest.approx(20, abs=0.1), 0.5)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=30), st.sampled_from([0.5, 0.95]))
def test_the_quantile_of_a_constant_is_the_quantile(values, quantile):
    """As many values above and below as numpy's own quantile allows."""
    (found,) = quantile_regression([[1.0]] * len(values), values, quantile)
    low = np.quantile(values, quantile, method="lower")
    high = np.quantile(values, quantile, method="higher")
    room = 1e-6 * max(values) + 1e-9
    rank = quantile * len(values)
    if abs(rank - round(rank)) > 1e-9:  # else every value between two neighbours does
        above = sorted(values)[int(rank)]
        assert found == pytest.approx(above, abs=room)
    assert found <= max(values) + room
    assert low <= high


@pytest.fixture
def finished(tmp_path):
    project = make_project(tmp_path / "project", {"S1": "F1", "S2": "F1"})
    project.write_json("config.json", dict(project.load().config.values))
    reads = project.load().units["S1"][0].fastq_1
    reads.parent.mkdir(parents=True, exist_ok=True)
    return project


def test_from_benchmark_files_to_a_table(finished, tmp_path):
    of = {"S1": {"sample": "S1"}, "S2": {"sample": "S2"}, "gone": {"sample": "gone"}}
    for sample, wall, rss in (("S1", "20", "900"), ("S2", "30", "1000"), ("gone", "999", "999")):
        finished.benchmark(
            *("count_reads", sample, wall, "9", rss), threads=2, mem_mb=1500, wildcards=of[sample]
        )
    output = tmp_path / "own.tsv"
    run = CliRunner().invoke(command, ["fit", str(finished.results), "-o", str(output)])
    assert run.exit_code == 0, run.output
    shipped, table = read_table(), read_table(output)
    # The 0.95 quantile of two is the larger; the sample that left the project does not count.
    assert table["count_reads", "mem_mb"].jobs == 2
    inputs = Inputs(0.0, 0.0, threads=2)
    assert table["count_reads", "mem_mb"].value("mem_mb", inputs) == pytest.approx(1000, rel=1e-3)
    assert table["align", "mem_mb"] == shipped["align", "mem_mb"]


def test_what_is_no_run_is_refused(finished, tmp_path):
    with pytest.raises(WgsError, match=r"no config\.json"):
        read_observations(tmp_path)
    finished.benchmark("count_reads", "S1", "2", "1")
    with pytest.raises(WgsError, match="benchmark-extended"):
        read_observations(finished.results)
