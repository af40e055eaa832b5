"""The report's table of steps against the rules of the workflow."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from report_builders import make_project
from wgs_pipeline.aligners import ALIGNERS
from wgs_pipeline.engines import ENGINES
from wgs_pipeline.report.stages import STAGES, cohort_steps, preparing_steps, sample_stages

RULES = Path(__file__).parents[3] / "workflow" / "rules"
#: The report itself, archive copies, and the upkeep of the database, asked for by itself.
NOT_STEPS = {
    *("archive_alignment", "archive_gvcf"),
    *("write_run_report", "compact_database", "plan_compaction", "build_contigs"),
    *(
        "publish_compaction",
        "release_database",
        "plan_verification",
        "verify_database",
        "verify_contigs",
        "verify_registry",
    ),
}


def rules():
    """Text of every rule, by name; a rule that both engines have is the text of both."""
    texts = {}
    for path in sorted(RULES.rglob("*.smk")):
        for block in re.split(r"(?m)^(?=rule \w+:)", path.read_text())[1:]:
            name = re.match(r"rule (\w+):", block)[1]
            texts[name] = texts.get(name, "") + block
    return texts


def every_step(folder, engine):
    """Steps of a trio from FASTQ, a CRAM and a gVCF, with wildcards in place of names."""
    samples = {"S1": "F1", "S2": "F1", "C1": "C1", "G1": "G1"}
    truth = "truth: {S1: {vcf: t.vcf.gz, bed: t.bed}}\n"
    project = make_project(folder, samples, kinds={"C1": "cram", "G1": "gvcf"}, config=truth)
    text = project.config.read_text()
    text = text.replace("fasta: reference.fa}", "fasta: reference.fa, mitochondrion: chrM}")
    project.config.write_text(text.replace("calling: {", f"calling: {{engine: {engine}, "))
    loaded = project.load()
    steps = [*preparing_steps(loaded), *cohort_steps()]
    return steps + [
        step for name in samples for stage in sample_stages(loaded, name) for step in stage.steps
    ]


def as_pattern(text):
    text = re.sub(r"FLOW\.1\.L", "{lane}", text)
    text = re.sub(r"(?<=[./])000[01](?=$|[./])", "{piece}", text)
    return re.sub(r"(?<![A-Za-z])[SCG]1|(?<![A-Za-z])S2|F1", "{name}", text)


@pytest.mark.parametrize("engine", ENGINES)
def test_each_step_is_a_rule_with_that_log_and_output(tmp_path, engine):
    texts = {
        name: re.sub(r"\{\{?(sample|family)\}\}?", "{name}", text) for name, text in rules().items()
    }
    for step in every_step(tmp_path, engine):
        text = texts[step.rule]
        assert f'"{as_pattern(step.log)}"' in text, step
        for output in step.outputs:
            if step.rule.startswith("index_b") or step.rule == "index_minibwa":
                assert "ALIGNER.index_files" in text
                continue
            assert f'"{as_pattern(output)}' in text, (step, output)


def test_no_rule_of_the_workflow_is_unknown(tmp_path):
    known = {step.rule for engine in ENGINES for step in every_step(tmp_path / engine, engine)}
    known |= {aligner.index_rule for aligner in ALIGNERS.values()}
    assert set(rules()) - NOT_STEPS == known


def test_stages_of_a_sample_depend_on_how_it_enters(tmp_path):
    samples = {"S1": "S1", "C1": "C1", "G1": "G1"}
    project = make_project(tmp_path, samples, kinds={"C1": "cram", "G1": "gvcf"}).load()
    applying = {
        name: [stage.id for stage in sample_stages(project, name) if stage.applies]
        for name in samples
    }
    assert applying["S1"] == list(STAGES)
    assert applying["C1"] == [name for name in STAGES if name != "reads"]
    without = ("reads", "alignment", "structural")
    assert applying["G1"] == [name for name in STAGES if name not in without]


def test_names_with_dots_are_told_apart(tmp_path):
    """The logs of piece 0001 of S and of sample S.0001 have different names."""
    project = make_project(tmp_path, {"S": "S", "S.0001": "S.0001"}).load()
    logs = [
        {step.log for stage in sample_stages(project, name) for step in stage.steps}
        for name in ("S", "S.0001")
    ]
    assert not logs[0] & logs[1]
