"""What rules ask for: by hand from a small table, and the shipped one at both ends of its range."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from running import REPOSITORY
from wgs_pipeline.config import ResourcesConfig
from wgs_pipeline.errors import ConfigError
from wgs_pipeline.resources.inputs import Inputs, ProjectInputs
from wgs_pipeline.resources.requests import Requests, memory_mb, minutes, scratch_mb
from wgs_pipeline.resources.table import Coefficients, read_table, write_table

RULES = {
    rule: body
    for path in (REPOSITORY / "workflow" / "rules").rglob("*.smk")
    for rule, body in re.findall(r"(?ms)^rule (\w+):\n(.*?)(?=^\w|\Z)", path.read_text())
}
TOY = Inputs(reference_mb=0.34, input_mb=8.0, threads=2)
GENOME = Inputs(reference_mb=3100.0, input_mb=60_000.0, threads=16)


def test_sizes_of_a_family(family):
    inputs = ProjectInputs(family)
    assert inputs.of_job({"sample": "child"}, 16) == Inputs(3100, 60_000, threads=16)
    assert inputs.of_job({"sample": "father"}).input_mb == pytest.approx(3 * 18_000)
    assert inputs.of_job({"sample": "child", "lane": "FLOW.L1.A"}).input_mb == pytest.approx(30_000)
    piece = inputs.of_job({"family": "F1", "piece": "0003"}, 2)
    assert piece == Inputs(3100, 174_000, samples=3, threads=2, share=0.1)
    assert inputs.of_job({}).samples == 3


def test_a_reference_without_index_is_measured_by_its_size(family):
    (family.config.reference.fasta.parent / "genome.fa.fai").unlink()
    assert ProjectInputs(family).reference_mb == pytest.approx(3150)


def test_a_request_by_hand():
    table = {
        ("align", "mem_mb"): Coefficients(1000, reference=2, input=0.01, samples=10, threads=500),
        ("align", "wall_s"): Coefficients(100, reference=0.5, input=1, samples=7),
        ("align", "disk_mb"): Coefficients(50, input=2),
    }
    inputs = Inputs(reference_mb=3000, input_mb=6400, samples=2, threads=8, share=0.25)
    # 1000 + 6000 + 64 + 20 + 8 x 500 = 11,084; x 1.15 + 200 = 12,946.6, in steps of 100.
    assert memory_mb(table, "align", inputs) == 13_000
    assert memory_mb(table, "align", inputs, attempt=3) == 39_000
    # 100 + (1500 + 6400) x 0.25 / 8 + 14 = 360.875 s; twice that in minutes.
    assert minutes(table, "align", inputs) == 13
    assert minutes(table, "align", inputs, attempt=2) == 26
    assert scratch_mb(table, "align", inputs) == 15_420  # (50 + 12,800) x 1.2
    # 32 MB of reads fill half the buffer of one thread, whatever the threads.
    small = replace(inputs, input_mb=32, reference_mb=0, samples=0)
    assert table["align", "mem_mb"].value("mem_mb", small) == pytest.approx(1000 + 0.32 + 250)


def test_least_is_asked_for():
    table = {("r", "mem_mb"): Coefficients(1), ("r", "wall_s"): Coefficients(1)}
    assert memory_mb(table, "r", TOY) == 500
    assert minutes(table, "r", TOY) == 10
    assert scratch_mb(table, "r", TOY) == 0


def test_every_rule_asks_by_the_table():
    for rule, body in RULES.items():
        if "shell:" in body:
            said = f"rule {rule}: give it lines in workflow/resources.tsv, and **needs(...)"
            assert f'    resources:\n        **needs("{rule}"),\n' in body, said


@pytest.mark.parametrize("rule", [rule for rule, body in RULES.items() if "shell:" in body])
def test_shipped_requests_suit_a_toy_and_a_genome(rule):
    table = read_table()
    assert 500 <= memory_mb(table, rule, TOY) <= 8000
    assert 10 <= minutes(table, rule, TOY) <= 60
    threads = int(next(iter(re.findall(r"threads: (\d+)", RULES[rule])), 1))
    piece = 0.25 if "{piece}" in RULES[rule] else 1.0
    genome = replace(GENOME, threads=threads, share=piece)
    # An index is made once; bwa-mem2's takes 28 bytes a base.
    most = 110_000 if rule in ("index_minibwa", "index_bwa_mem2") else 64_000
    assert 500 <= memory_mb(table, rule, genome) <= most
    assert 10 <= minutes(table, rule, genome) <= 24 * 60


def test_the_alignment_of_a_genome_at_30x():
    table = read_table()
    assert 16_000 <= memory_mb(table, "align", GENOME) <= 40_000
    assert 6 * 60 <= minutes(table, "align", GENOME) <= 24 * 60
    assert 50_000 <= scratch_mb(table, "align", GENOME) <= 300_000


def test_a_table_of_the_project(family, tmp_path):
    path = tmp_path / "own.tsv"
    write_table(
        path, {("align", "mem_mb"): Coefficients(7000), ("align", "wall_s"): Coefficients(60)}
    )
    own = replace(family, config=replace(family.config, resources=ResourcesConfig(path)))
    ask = Requests(own).of("align")
    assert ask["mem_mb"]({"sample": "child"}, threads=4, attempt=2) == 2 * 8300
    assert ask["disk_mb"] == 1000  # no line: nothing to work out at each job
    with pytest.raises(ConfigError, match=r"own\.tsv: no mem_mb and wall_s of rule screen_lane"):
        Requests(own).of("screen_lane")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("align\tmem_mb\t1\t1\t1\t1\t1\t0", "2: 8 cells; expected 9"),
        ("align\tmemory\t1\t1\t1\t1\t1\t0\t", "2: quantity is 'memory'"),
        ("align\tmem_mb\t-1\t1\t1\t1\t1\t0\t", "2: -1 is below 0"),
        ("align\tmem_mb\tnan\t1\t1\t1\t1\t0\t", "2: nan is below 0 or no number"),
        ("align\tmem_mb\tx\t1\t1\t1\t1\t0\t", "2: could not convert"),
        ("align\tmem_mb\t1\t1\t1\t1\t1\t0\t\nalign\tmem_mb\t1\t1\t1\t1\t1\t0\t", "3: align mem_mb"),
    ],
)
def test_a_broken_table_is_refused_with_its_line(tmp_path, line, said):
    path = tmp_path / "resources.tsv"
    header = "rule quantity base reference input samples threads jobs source"
    path.write_text(header.replace(" ", "\t") + f"\n{line}\n")
    with pytest.raises(ConfigError, match=re.escape(f"resources.tsv:{said}")):
        read_table(path)


def test_a_table_that_is_missing_or_none(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_table(tmp_path / "missing.tsv")
    (tmp_path / "other.tsv").write_text("a\tb\n")
    with pytest.raises(ConfigError, match="no header"):
        read_table(tmp_path / "other.tsv")
