"""Which rules run and how often, under every shipped profile and engine. 2 s each, no job runs."""

from __future__ import annotations

import pytest
import yaml

from running import DEFAULT_ALIGNER, REPOSITORY, Project, make_toy
from wgs_pipeline.aligners import ALIGNERS

PROFILES = sorted(path.name for path in (REPOSITORY / "profiles").iterdir() if path.is_dir())

# By hand from the sheets of the toy: four samples with consent, on 3 + 2 + 2 + 1 lanes; a family
# of three and one of one; two pieces of the genome.
SAMPLES, LANES, FAMILIES, JOINT, PIECES = 4, 8, 2, 1, 2
ONCE = (
    *("stage_reference", "index_fasta", "scatter_intervals", "list_regions"),
    *("initialise_database", "tabulate_cohort", "run_multiqc", "write_run_report", "all"),
    *("write_cohort_report", "exclude_regions"),
)
PER_SAMPLE = (
    *("align", "verify_alignment", "measure_depth", "count_reads", "gather_gvcf"),
    *("screen_alignment", "measure_sample", "judge_sample"),
    *("register_genome", "load_genome", "compare_with_truth"),
    *("call_structural", "call_copy_number", "call_mitochondrion"),
)
OF_STRUCTURAL = ("exclude_regions", "call_structural", "call_copy_number")
COMMON = {
    ALIGNERS[DEFAULT_ALIGNER].index_rule: 1,
    **dict.fromkeys(ONCE, 1),
    **dict.fromkeys(PER_SAMPLE, SAMPLES),
    "screen_lane": LANES,
    "call_family_piece": JOINT * PIECES,
    "gather_callset": JOINT,
    "merge_callset": FAMILIES - JOINT,
    "analyse_family": FAMILIES,
}
#: gatk and deepvariant genotype the family of one too.
FROM_GVCFS = {
    "genotype_family_piece": FAMILIES * PIECES,
    "call_family_piece": 0,
    "gather_callset": FAMILIES,
    "merge_callset": 0,
}
OF_ENGINE = {
    "bcftools": {"call_piece": SAMPLES * PIECES},
    "freebayes": {"call_variants_piece": SAMPLES * PIECES},
    "gatk": {"call_haplotypes_piece": SAMPLES * PIECES, "make_dictionary": 1, **FROM_GVCFS},
    "deepvariant": {
        "call_deepvariant_piece": SAMPLES * PIECES,
        "filter_family_piece": FAMILIES * PIECES,
        **FROM_GVCFS,
    },
}


def expected(engine, **changed):
    jobs = {**COMMON, **OF_ENGINE[engine], **changed}
    return {rule: count for rule, count in jobs.items() if count}


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return make_toy(tmp_path_factory.mktemp("dry") / "toy", 0.1)


def dry_run(project: Project, *arguments, profile="local"):
    run = project.run("--dry-run", *arguments, profile=profile)
    assert run.code == 0, run.output
    assert "toy_withdrawn" not in run.output
    return run.jobs


@pytest.mark.parametrize("engine", OF_ENGINE)
@pytest.mark.parametrize("profile", PROFILES)
def test_rules_of_the_toy(toy, profile, engine):
    toy.edit_config(calling={"engine": engine, "scatter_count": PIECES})
    assert dry_run(toy, profile=profile) == expected(engine)


@pytest.mark.parametrize("name", ALIGNERS)
def test_each_aligner_has_an_index_of_its_own(toy, name):
    toy.edit_config(calling={"scatter_count": PIECES}, aligner={"name": name})
    jobs = dry_run(toy)
    toy.edit_config(aligner={})
    own = ALIGNERS[name].index_rule
    others = {aligner.index_rule for aligner in ALIGNERS.values()} - {own}
    assert jobs[own] == 1
    assert not others & set(jobs)


def test_a_dry_run_runs_nothing(toy):
    dry_run(toy)
    written = {path.name for path in toy.results.rglob("*") if path.is_file()}
    assert not {
        name for name in written if name.endswith((".fa", ".fai", ".cram", ".json", ".bed"))
    }
    assert not (toy / "ngd").exists()
    assert not (toy / "vault").exists()


@pytest.mark.parametrize("pieces", [1, 5])
def test_scatter_count(toy, pieces):
    toy.edit_config(calling={"scatter_count": pieces})
    jobs = dry_run(toy)
    assert jobs["call_piece"] == SAMPLES * pieces
    assert jobs["call_family_piece"] == JOINT * pieces


def test_without_truth_nothing_is_compared(toy):
    toy.edit_config(calling={"scatter_count": PIECES}, truth={})
    assert dry_run(toy) == expected("bcftools", compare_with_truth=0)


def test_without_structural_variants_none_are_called(toy):
    toy.edit_config(calling={"scatter_count": PIECES}, structural={"enabled": False}, truth={})
    jobs = dry_run(toy)
    toy.edit_config(structural={})
    assert jobs == expected("bcftools", **dict.fromkeys(OF_STRUCTURAL, 0), compare_with_truth=0)


def test_heteroplasmies_are_called_where_the_mitochondrion_is_named(toy):
    named = yaml.safe_load(toy.config.read_text())["reference"]
    unnamed = {key: value for key, value in named.items() if key != "mitochondrion"}
    toy.edit_config(calling={"scatter_count": PIECES}, reference=unnamed)
    jobs = dry_run(toy)
    toy.edit_config(reference=named)
    assert "call_mitochondrion" not in jobs
    assert jobs["call_piece"] == SAMPLES * PIECES


def test_when_everybody_withdrew_no_sample_has_a_job(toy):
    consents = toy.rows("consents.tsv")
    kept = (toy / "consents.tsv").read_bytes()
    withdrawn = [{**row, "decision": "withdrawn"} for row in consents if row["scope"] == "analysis"]
    toy.write_rows("consents.tsv", consents[0], withdrawn)
    try:
        jobs = dry_run(toy)
    finally:
        (toy / "consents.tsv").write_bytes(kept)
    assert not set(jobs) & set(PER_SAMPLE)
    assert "screen_lane" not in jobs


def test_a_parent_who_withdrew_leaves_a_family_of_two(toy):
    rows = toy.rows("consents.tsv")
    kept = (toy / "consents.tsv").read_bytes()
    late = {"effective_from": "2025-01-01T00:00:00Z", "recorded_at": "2025-01-01T00:00:00Z"}
    event = {**rows[0], "patient_id": "SYN-0002", "scope": "analysis", "decision": "withdrawn"}
    toy.write_rows("consents.tsv", rows[0], [*rows, {**event, **late}])
    try:
        jobs = dry_run(toy)
    finally:
        (toy / "consents.tsv").write_bytes(kept)
    assert jobs["align"] == SAMPLES - 1
    assert jobs["screen_lane"] == LANES - 2
    assert jobs["call_family_piece"] == PIECES
