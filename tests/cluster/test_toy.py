"""The toy project on a cluster of several nodes, with the profile as it is shipped. 180 s.

What ran where is asked of SLURM's own accounting, not of Snakemake.
"""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest
from submitting import PAUSE, SOON, Job, accounted

from running import loaded, make_toy

SAMPLES = ("toy_father", "toy_mother", "toy_proband", "toy_unrelated")
#: Seconds that the run may take, on a machine with other work.
LONGEST_RUN = 1500
#: A genome may cost the queue this many submissions, besides those of the scatter.
MOST_JOBS = 12
pytestmark = pytest.mark.timeout(LONGEST_RUN + 300)


@pytest.fixture(scope="module")
def ran(cluster, tmp_path_factory):
    """A run to the end in which one rule asks for more time than partition short allows."""
    project = make_toy(tmp_path_factory.mktemp("slurm") / "toy", 0.2)
    project.edit_config(cluster=PAUSE)
    asked = ("--set-resources", "align:runtime=1500")
    run = project.run(*SOON, *asked, profile="slurm", longest_s=LONGEST_RUN)
    assert run.code == 0, run.output[-8000:]
    return project, run, accounted(cluster, project.results)


def of_sample(jobs: list[Job], sample: str) -> list[Job]:
    """Jobs of a sample or of its family."""
    family = "toy_unrelated" if sample == "toy_unrelated" else "toy_trio"
    return [job for job in jobs if re.search(rf"[._]({sample}|{family})(_|$)", job.comment)]


def test_every_sample_reaches_the_database(ran):
    project, _, _ = ran
    assert loaded(project) == set(SAMPLES)
    report = json.loads((project.results / "report/run.json").read_text())
    assert report["run"]["status"] == "complete"
    assert report["slurm"] == {"failed_jobs": [], "classes": {}, "problem": ""}


def test_jobs_ran_on_several_nodes_of_both_partitions(ran):
    _, _, jobs = ran
    assert {job.state for job in jobs} == {"COMPLETED"}
    nodes = {partition: set() for partition in ("short", "long")}
    for job in jobs:
        nodes[job.partition].add(job.node)
    assert nodes == {"short": {"n1", "n2"}, "long": {"n3"}}
    assert {job.account for job in jobs} == {"wgs"}


def test_jobs_have_what_their_rules_ask_for(ran):
    """Cores and time of the aligner; memory as Snakemake says that it asks."""
    _, run, jobs = ran
    aligned = [job for job in jobs if job.comment.startswith("rule_align_")]
    assert len(aligned) == len(SAMPLES)
    asked = re.findall(
        r"(?m)^rule align:\n(?:    .*\n)*?    resources: .*\bmem_mb=(\d+)", run.output
    )
    assert [(job.cpus, job.limit_min, job.partition) for job in aligned] == [(16, 1500, "long")] * 4
    assert Counter(job.mem_mb for job in aligned) == Counter(map(int, asked))
    assert all(job.limit_min <= 12 * 60 for job in jobs if job.partition == "short")


def test_a_genome_is_few_jobs(ran):
    _, _, jobs = ran
    for sample in SAMPLES:
        own = of_sample(jobs, sample)
        scatter = [job for job in own if re.match(r"rule_call(_family)?\.", job.comment)]
        assert len(scatter) <= 2, "the pieces of a sample or family are one job"
        # align, aligned, structural, measured, compare_with_truth, register_genome; callset, of its
        # family.
        assert len(own) - len(scatter) == 7 <= MOST_JOBS
    shared = [job for job in jobs if not any(job in of_sample(jobs, each) for each in SAMPLES)]
    assert len(shared) <= 3


def test_structural_variants_and_copy_number_of_a_sample_are_one_job(ran):
    project, _, jobs = ran
    for sample in SAMPLES:
        (job,) = [each for each in jobs if f"structural.{sample}_" in each.comment]
        # Side by side, on two cores each.
        assert (job.state, job.cpus) == ("COMPLETED", 4)
        (log,) = project.results.glob(f".snakemake/slurm_logs/**/{job.id}.log")
        rules = re.findall(r"(?m)^rule (\w+):$", log.read_text())
        assert set(rules) == {"call_structural", "call_copy_number"}
        for made in (f"structural/{sample}.vcf.gz.tbi", f"copy_number/{sample}.vcf.gz.tbi"):
            assert (project.results / made).stat().st_size
    assert sum("call_copy_number" in each.comment for each in jobs) == len(SAMPLES)


def test_what_the_kernel_counted_on_the_nodes_is_in_slurms_own_count(cluster, ran):
    """Of a rule that is a job by itself; the start of Snakemake on the node is SLURM's only."""
    project, _, jobs = ran
    for sample in SAMPLES:
        (job,) = [
            each for each in jobs if each.comment.startswith(f"rule_align_wildcards_{sample}")
        ]
        counted = json.loads(
            (project.results / f"benchmarks/align/{sample}.usage.json").read_text()
        )
        # The first line is of the job, the others of its steps.
        said = cluster.ask("sacct", "-nPo", "TotalCPU", "-j", job.id).split()[0]
        by_slurm = sum(float(part) * 60**n for n, part in enumerate(reversed(said.split(":"))))
        assert 0 < counted["user_s"] + counted["system_s"] < by_slurm
    report = json.loads((project.results / "report/run.json").read_text())
    assert all(rule["counted_jobs"] == rule["jobs"] for rule in report["rules"])


def test_rules_that_need_the_vault_ran_here(ran):
    _, run, jobs = ran
    assert not [job for job in jobs if re.search("load_genome|initialise_database", job.comment)]
    assert len(re.findall(r"(?m)^localrule load_genome:", run.output)) == len(SAMPLES)


def test_nothing_is_left_to_do(ran):
    project, _, jobs = ran
    again = project.run(*SOON, profile="slurm")
    assert "Nothing to be done" in again.output
    assert len(jobs) == len(list(project.results.glob(".snakemake/slurm_logs/**/*.log")))
