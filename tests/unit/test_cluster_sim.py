"""The simulated cluster, on programmes that can be worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from wgs_pipeline.resources.table import Coefficients


@pytest.fixture
def sim(monkeypatch):
    """The benchmark, which is no part of the package."""
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "benchmarks"))
    import cluster_sim

    return cluster_sim


def simulate(sim, tasks, cluster, arrivals, commit_s=0.0):
    exact = {"spread": 0.0, "start_s": 0.0, "commit_s": commit_s}
    return sim.Simulation(tasks, cluster, arrivals, **exact).run()


def test_genomes_wait_for_cores_and_for_the_database(sim):
    tasks = [sim.Task("one", 1, 100, 200, 100)]
    found = simulate(sim, tasks, sim.Cluster(1, 2, 1000), [0.0, 0.0, 0.0], commit_s=1.0)
    # Two run at once; the second waits for the database, the third for a core.
    assert found.ended == [101, 102, 201]
    assert (found.makespan_s, found.core_s, found.mb_s) == (201, 300, 30_000)
    assert found.waited == {"one": 100}


def test_memory_is_a_limit_as_cores_are(sim):
    tasks = [sim.Task("one", 1, 600, 200, 100)]
    found = simulate(sim, tasks, sim.Cluster(1, 2, 1000), [0.0, 0.0])
    assert found.ended == [100, 200]


def test_jobs_follow_each_other(sim):
    tasks = [
        sim.Task("first", 1, 1, 100, 10),
        sim.Task("second", 1, 1, 100, 20),
        sim.Task("both", 1, 1, 100, 5, after=(0, 1)),
    ]
    assert simulate(sim, tasks, sim.Cluster(1, 4, 1000), [7.0]).ended == [25]


def test_backfill_delays_no_reservation(sim):
    tasks = [
        sim.Task("three cores", 3, 1, 100, 100),
        sim.Task("short", 1, 1, 10, 10),
        sim.Task("whole node", 4, 1, 100, 100, after=(1,)),
        sim.Task("fits before", 1, 1, 60, 50, after=(1,)),
        sim.Task("does not", 1, 1, 60, 50, after=(3,)),
    ]
    found = simulate(sim, tasks, sim.Cluster(1, 4, 1000), [0.0])
    # From 10 s the whole node is reserved for 100 s. One job runs before it, to 60 s; the next
    # might go on past 100 s, and waits until the node is free again at 200 s.
    assert found.waited["whole node"] == 90
    assert found.waited["does not"] == 140
    assert found.makespan_s == 250


def test_snakemake_holds_back_what_the_queue_has_no_place_for(sim):
    tasks = [sim.Task("one", 1, 1, 100, 100)]
    found = simulate(sim, tasks, sim.Cluster(1, 8, 1000, most_jobs=2), [0.0] * 4)
    assert found.ended == [100, 100, 200, 200]


def test_core_hours_of_a_genome_by_hand(sim):
    rules = "screen_lane align verify_alignment call_piece measure_depth count_reads gather_gvcf"
    rules += " measure_sample judge_sample register_genome call_structural call_copy_number"
    table = {}
    for rule in rules.split():
        table[rule, "mem_mb"] = Coefficients(1000)
        table[rule, "wall_s"] = Coefficients(100)
    table["align", "wall_s"] = Coefficients(0, input=8)
    tasks = sim.genome_tasks(table)
    core_s = sum(task.cores * task.takes_s for task in tasks)
    # 60,000 MB x 8; lanes 2 x 100; 24 pieces and verify_alignment; depth and counts on 2 cores;
    # two rules of the gVCF on 2 cores; two small ones; structural variants and copy number on 2.
    assert core_s == pytest.approx(480_000 + 200 + 2500 + 400 + 400 + 200 + 400)
    apart = sim.genome_tasks(table, grouped=False)
    assert len(apart) - len(tasks) == 18 + 1 + 1 + 1
    assert {name for task in apart for name in task.name.split("+")} == set(rules.split())


def test_the_bound_of_each_part(sim):
    tasks = [sim.Task("one", 2, 4000, 100, 3600 - sim.START_S)]
    bounds = sim.bounds_per_day(tasks, sim.Cluster(2, 32, 64_000, most_jobs=10), disk_gb_s=1.0)
    assert bounds["cores"] == pytest.approx(2 * 32 / 2 * 24)
    assert bounds["memory"] == pytest.approx(2 * 16 * 24)
    assert bounds["queue"] == pytest.approx(10 * 24)
    assert bounds["disk"] == pytest.approx(86_400 / sum(sim.IO_GB.values()))
