"""What the workflow promises a cluster: few submissions, and outputs that appear whole. 10 s."""

from __future__ import annotations

import re
import shutil
from collections import Counter

import pytest
import yaml

from rules import RULES
from running import REPOSITORY, make_toy

MOST_JOBS = 12
#: What stands for a sample that does not proceed: nothing, and the same at every attempt.
NOTHING = ("touch ", "echo null >", "tabix --preset vcf --force ")
#: Tools that exit with 0 when the disk is full: what they write goes through cat, which does not.
SILENT = (
    "fastp ",
    "samtools faidx",
    "samtools dict",
    "bcftools view",
    "bcftools stats",
    "freebayes",
)
FILES = sorted(RULES.rglob("*.smk"))
#: Rules that are run where snakemake is: they open the vault, or take a moment.
LOCAL = {
    *("initialise_database", "judge_sample", "load_genome", "publish_compaction"),
    *("plan_compaction", "verify_registry", "write_run_report"),
}


def add_lane(toy, unit, lane):
    """Another lane of a library, with files of its own."""
    files = {}
    for mate in ("fastq_1", "fastq_2"):
        files[mate] = unit[mate].replace("L001", f"L{lane:03d}")
        shutil.copy(toy / unit[mate], toy / files[mate])

    return {**unit, **files, "lane": f"L{lane:03d}"}


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """A sample with eight lanes, and three of a family."""
    toy = make_toy(tmp_path_factory.mktemp("slurm") / "toy", 0.1)
    units = toy.rows("units.tsv")
    (last,) = [unit for unit in units if unit["sample_id"] == "toy_unrelated"]
    more = [add_lane(toy, last, lane) for lane in range(2, 9)]
    toy.write_rows("units.tsv", units[0], [*units, *more])
    return toy


@pytest.mark.parametrize(
    ("engine", "pieces", "scatter_jobs"),
    [("bcftools", 1, 1), ("bcftools", 40, 3), ("freebayes", 16, 1), ("gatk", 16, 1)],
)
def test_a_genome_is_few_slurm_jobs(toy, engine, pieces, scatter_jobs):
    calling = {"engine": engine, "scatter_count": pieces}
    toy.edit_config(calling=calling, structural={"enabled": True})
    run = toy.run("--dry-run", profile="slurm")
    assert run.code == 0, run.output
    grouped = Counter(re.findall(r"Group job (\S+) \(", run.output))
    single = Counter(
        (rule, sample)
        for rule, block in re.findall(r"(?m)^rule (\w+):\n((?:    .*\n)+)", run.output)
        for sample in re.findall(r"\bwildcards: .*\bsample=([\w.-]+)", block)
        if rule not in LOCAL
    )
    for sample in ("toy_father", "toy_mother", "toy_proband", "toy_unrelated"):
        family = "toy_unrelated" if sample == "toy_unrelated" else "toy_trio"
        assert grouped[f"call.{sample}"] == scatter_jobs
        assert grouped[f"structural.{sample}"] == 1
        own = {
            name: n for name, n in grouped.items() if name.endswith((f".{sample}", f".{family}"))
        }
        scatter = sum(n for name, n in own.items() if name.startswith("call"))
        alone = sum(n for (_, name), n in single.items() if name == sample)
        assert alone == 3  # align, compare_with_truth, register_genome
        assert sum(own.values()) - scatter + alone <= 7 <= MOST_JOBS
    assert grouped["call_family.toy_trio"] == scatter_jobs


def test_a_group_is_of_one_sample_or_family():
    """One that fails takes no other with it."""
    profile = yaml.safe_load((REPOSITORY / "profiles/slurm/config.yaml").read_text())
    once = {"reference", "cohort"}
    for rule, group in profile["groups"].items():
        assert group in once or re.search(r"\{(sample|family)\}$", group), rule
    assert set(profile["group-components"]) <= set(profile["groups"].values())


def shell_commands():
    for path in FILES:
        text = path.read_text()
        for rule, body in re.findall(r"(?ms)^rule (\w+):\n(.*?)(?=^\w|\Z)", text):
            if "    shell:\n" in body:
                yield pytest.param(body.split("    shell:\n")[1], id=rule)


def writes_whole(command: str, output: str) -> bool:
    """Whether one command makes an output at once: renames to it, or is ours."""
    words = command.split()
    if words[0].startswith("part=$(mktemp") or command.startswith(NOTHING):
        return True
    if words[0] == "mv":
        return words[-1] == output and words[1].startswith('"$part')
    return words[0] == "wgs" or " | wgs " in command


@pytest.mark.parametrize("shell", list(shell_commands()))
def test_an_output_has_its_name_when_it_is_whole(shell):
    """Two jobs that make one file, one on a node that was given up, must not write one file.

    What ``wgs`` writes it renames (``files.replacing``).
    """
    text = re.sub(r"(?m)^\s*#.*$", "", re.sub(r"\\\n\s*", "", shell))
    commands = [line.strip().strip('"') for line in text.splitlines()]
    for command in filter(None, commands):
        for output in re.findall(r"\{output[^}]*\}", command):
            assert writes_whole(command, output), command


@pytest.mark.parametrize("shell", list(shell_commands()))
def test_no_tool_writes_to_the_disk_that_does_not_say_when_it_is_full(shell):
    text = re.sub(r"(?m)^\s*#.*$", "", re.sub(r"\\\n\s*", "", shell))
    for command in map(str.strip, text.splitlines()):
        last = re.split(r" \|\s*", command)[-1]
        assert not last.startswith(SILENT), command


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_rule_repeats_inside_its_job(path):
    """Rule-level retries repeat within the allocation, with the memory that was too little."""
    assert not re.search(r"(?m)^\s+retries:", path.read_text())


@pytest.mark.parametrize("profile", ["slurm"])
def test_the_profile_is_commented(profile):
    """Every setting has a comment beside it or above."""
    lines = (REPOSITORY / f"profiles/{profile}/config.yaml").read_text().splitlines()
    said = False
    for line in lines:
        if line.startswith("#"):
            said = "---" not in line or said
        elif re.match(r"[a-z_-]+:", line):
            assert said or "#" in line, line
        elif not line:
            said = False
