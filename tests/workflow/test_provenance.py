"""Provenance of a toy run: its digests are right, and its commands give the same bytes again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest
from jsonschema import Draft202012Validator

from running import BIN, DEFAULT_ALIGNER
from wgs_pipeline.aligners import ALIGNERS
from wgs_pipeline.tables import load_schema

SAMPLE = "toy_proband"


@pytest.fixture(scope="module")
def documents(toy_run):
    """Provenance of every analysed sample."""
    folder = toy_run.project.results / "provenance"
    return {path.stem: json.loads(path.read_text()) for path in folder.glob("toy_*.json")}


def digest(path):
    """SHA-256 as coreutils have it."""
    return subprocess.run(
        ["sha256sum", path], check=True, capture_output=True, text=True
    ).stdout.split()[0]


def test_every_sample_has_one_and_it_follows_the_schema(toy_run, documents):
    loaded = {row["sample_id"] for row in toy_run.project.rows("samples.tsv")}
    assert set(documents) == loaded - {"toy_withdrawn"}
    for document in documents.values():
        Draft202012Validator(load_schema("provenance")).validate(document)
        assert document["complete"]
        assert document["aligner"] == DEFAULT_ALIGNER


def test_digests_are_those_of_the_files(toy_run, documents):
    results = toy_run.project.results
    for document in documents.values():
        files = document["inputs"] + document["outputs"]
        assert len(document["outputs"]) == 7
        for each in files:
            assert each["sha256"] == digest(results / each["path"]), each["path"]
        assert document["reference"]["sha256"] == digest(results / "reference/genome.fa")
    assert len(documents[SAMPLE]["inputs"]) == 6  # three lanes


def test_every_job_of_a_sample_has_its_command_and_run(documents):
    document = documents[SAMPLE]
    rules = [job["rule"] for job in document["jobs"]]
    assert rules[:2] == ["stage_reference", "index_fasta"]
    assert {"align", "verify_alignment", "gather_gvcf", "judge_sample", "load_genome"} <= set(rules)
    assert {job["run"] for job in document["jobs"]} == {0}
    assert document["runs"][0]["software"][DEFAULT_ALIGNER]
    assert not any(job["identifiers_withheld"] for job in document["jobs"])
    (align,) = [job for job in document["jobs"] if job["rule"] == "align"]
    assert f"| {DEFAULT_ALIGNER} " in align["command"]


def test_the_ploidy_is_that_of_a_man(documents):
    regions = documents[SAMPLE]["ploidy"]["regions"]
    assert {row["ploidy"] for row in regions if row["contig"] == "chrX"} == {1}


def content(path):
    """What a file holds: of a CRAM its header and records, as threads compress it by turns."""
    if path.suffix != ".cram":
        return path.read_bytes()
    reference = path.parents[1] / "reference/genome.fa"
    command = ["samtools", "view", "--no-PG", "-h", "--reference", reference, path]
    return subprocess.run(command, check=True, capture_output=True).stdout


@pytest.mark.parametrize(
    ("rule", "output"),
    [
        ("align", "alignment/toy_proband.cram"),
        ("index_fasta", "reference/genome.fa.fai"),
        (ALIGNERS[DEFAULT_ALIGNER].index_rule, ALIGNERS[DEFAULT_ALIGNER].index_files[-1]),
        ("screen_alignment", "reference/ploidy/toy_proband.bed"),
    ],
)
def test_a_recorded_command_makes_the_same_again(toy_run, documents, tmp_path, rule, output):
    results = toy_run.project.results
    (job,) = [each for each in documents[SAMPLE]["jobs"] if each["rule"] == rule]
    assert output in job["outputs"]
    before = content(results / output)
    shutil.copytree(results, tmp_path / "results", symlinks=True)  # with their times
    try:
        environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
        subprocess.run(
            ["bash", "-euo", "pipefail", "-c", job["command"]],
            check=True, cwd=results, env=environment,
        )  # fmt: skip
        assert content(results / output) == before
    finally:
        shutil.rmtree(results)
        shutil.copytree(tmp_path / "results", results, symlinks=True)
