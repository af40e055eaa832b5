"""Changing an option makes again what depends on it, and nothing else. Dry runs, 4 s each."""

from __future__ import annotations

import pytest

from running import DEFAULT_ALIGNER
from wgs_pipeline.aligners import ALIGNERS

OTHER_ALIGNER = next(name for name in ALIGNERS if name != DEFAULT_ALIGNER)
REFERENCE = {"stage_reference", "index_fasta", "list_regions"}
ALIGNING = {"align", "verify_alignment", "measure_depth", "count_reads"}
CALLING = {"call_piece", "gather_gvcf", "verify_gvcf", "count_variants", "call_family_piece"}
JUDGING = {"judge_sample"}
REPORTING = {"write_run_report"}
EVERYTHING = REFERENCE | {"screen_lane"} | ALIGNING | CALLING | JUDGING | REPORTING

#: By option: what is made again.
TABLE = {
    f"aligner={{name: {OTHER_ALIGNER}}}": ALIGNING | CALLING | JUDGING | REPORTING,
    "aligner={platform: ELEMENT}": ALIGNING | CALLING | JUDGING | REPORTING,
    "aligner={optical_distance: 100}": ALIGNING | CALLING | JUDGING | REPORTING,
    "calling={min_qual: 31}": CALLING | JUDGING | REPORTING,
    "calling={min_depth: 7}": CALLING | JUDGING | REPORTING,
    "qc={thresholds: {duplication: {pass_max: 0.11}}}": JUDGING | REPORTING,
    "costs={currency: SEK}": REPORTING,
}


def dry_run(project, option=None):
    arguments = ["--config", option] if option else []
    run = project.run("--dry-run", *arguments)
    assert run.code == 0, run.output
    return run


@pytest.mark.parametrize("option", TABLE)
def test_an_option_makes_again_what_depends_on_it(toy_run, option):
    jobs = dry_run(toy_run.project, option).jobs
    assert set(jobs) & EVERYTHING == TABLE[option]


def test_nothing_changed_nothing_to_do(toy_run):
    assert not dry_run(toy_run.project).jobs


def test_another_aligner_is_announced(toy_run):
    said = dry_run(toy_run.project, f"aligner={{name: {OTHER_ALIGNER}}}").output
    assert f"were made with {DEFAULT_ALIGNER}" in said
    assert f"set aligner.name: {DEFAULT_ALIGNER}" in said
    assert "were made with" not in dry_run(toy_run.project).output
