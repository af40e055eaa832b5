"""Changing an option makes again what depends on it, and nothing else. Dry runs, 4 s each."""

from __future__ import annotations

import pytest
import yaml

from running import DEFAULT_ALIGNER
from wgs_pipeline.aligners import ALIGNERS

OTHER_ALIGNER = next(name for name in ALIGNERS if name != DEFAULT_ALIGNER)
REFERENCE = {"stage_reference", "index_fasta", "list_regions"}
ALIGNING = {"align", "verify_alignment", "measure_depth", "count_reads"}
CALLING = {"call_piece", "gather_gvcf", "call_family_piece"}
JUDGING = {"judge_sample"}
REPORTING = {"write_run_report"}
EVERYTHING = REFERENCE | {"screen_lane"} | ALIGNING | CALLING | JUDGING | REPORTING

AFTER_ALIGNING = ALIGNING | CALLING | JUDGING | REPORTING
#: By option: its keys, and what is made again.
TABLE = {
    "aligner.name": ({"aligner": {"name": OTHER_ALIGNER}}, AFTER_ALIGNING),
    "aligner.platform": ({"aligner": {"platform": "ELEMENT"}}, AFTER_ALIGNING),
    "aligner.optical_distance": ({"aligner": {"optical_distance": 100}}, AFTER_ALIGNING),
    "calling.min_qual": ({"calling": {"min_qual": 31}}, CALLING | JUDGING | REPORTING),
    "calling.min_depth": ({"calling": {"min_depth": 7}}, CALLING | JUDGING | REPORTING),
    "qc.thresholds": (
        {"qc": {"thresholds": {"duplication": {"pass_max": 0.11}}}},
        JUDGING | REPORTING,
    ),
    "costs": ({"costs": {"currency": "SEK"}}, REPORTING),
}


def merged(values, changed):
    """Nested keys with some replaced."""
    both = {**values, **changed}
    for key in values.keys() & changed.keys():
        if isinstance(values[key], dict) and isinstance(changed[key], dict):
            both[key] = merged(values[key], changed[key])
    return both


def dry_run(project, changed=None):
    """A dry run of the project, with some keys of its configuration replaced."""
    variant = project / "variant.yaml"
    values = yaml.safe_load(project.config.read_text())
    variant.write_text(yaml.safe_dump(merged(values, changed or {}), sort_keys=False))
    try:
        run = project.run("--dry-run", "--configfile", str(variant))
    finally:
        variant.unlink()
    assert run.code == 0, run.output
    return run


@pytest.mark.parametrize("option", TABLE)
def test_an_option_makes_again_what_depends_on_it(toy_run, option):
    changed, expected = TABLE[option]
    assert set(dry_run(toy_run.project, changed).jobs) & EVERYTHING == expected


def test_nothing_changed_nothing_to_do(toy_run):
    assert not dry_run(toy_run.project).jobs


def test_another_aligner_is_announced(toy_run):
    said = dry_run(toy_run.project, {"aligner": {"name": OTHER_ALIGNER}}).output
    assert f"were made with {DEFAULT_ALIGNER}" in said
    assert f"set aligner.name: {DEFAULT_ALIGNER}" in said
    assert "were made with" not in dry_run(toy_run.project).output
