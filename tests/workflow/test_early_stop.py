"""What is certain to fail is not called; the others go on, and a signature lets it go on too.

One run of the toy with planted faults (70 s), and one after they were signed off (20 s).
"""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess

import pytest

from isec import bcftools
from running import BIN, loaded, make_toy

LANE = "HSYN2DSXX.L001.toy_proband_B"
OVERRIDDEN = ("mean_autosome_coverage", "pct_autosomes_15x", "yield_bp_q30")


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """Father at half depth; a lane of the son from the stranger; the stranger said to be male."""
    folder = tmp_path_factory.mktemp("early")
    project, again = make_toy(folder / "toy", 0.7), folder / "again"
    subprocess.run([BIN / "wgs", "toy", again, "--scale", "0.7"], check=True, capture_output=True)
    units = project.rows("units.tsv")
    units = [row for row in units if (row["sample_id"], row["lane"]) != ("toy_father", "L002")]
    for row in units:
        if row["library_id"] == "toy_proband_B":
            for mate in (1, 2):
                name = f"reads/another_person_R{mate}.fastq.gz"
                stranger = again / f"reads/toy_withdrawn_A_HSYN2DSXX_L002_R{mate}.fastq.gz"
                shutil.move(stranger, project / name)
                row[f"fastq_{mate}"], row[f"md5_{mate}"] = name, ""
    project.write_rows("units.tsv", units[0], units)
    people = project.rows("samples.tsv")
    for row in people:
        if row["sample_id"] == "toy_unrelated":
            row["sex"] = "male"
    project.write_rows("samples.tsv", people[0], people)
    return project, project.complete()


@pytest.fixture(scope="module")
def project(first):
    return first[0]


def verdict(project, sample):
    return json.loads((project.results / f"qc/{sample}/verdict.json").read_text())


def levels(project, sample):
    return {
        (each["metric"], each.get("other", "")): each["level"]
        for each in verdict(project, sample)["reasons"]
    }


def test_low_coverage_fails_with_what_to_top_up(project):
    judged = verdict(project, "toy_father")
    assert judged["verdict"] == "fail"
    assert judged["next_action"].startswith("top up ")
    assert judged["next_action"].endswith(" Gb to reach 30x")
    metrics = json.loads((project.results / "qc/toy_father/metrics.json").read_text())["metrics"]
    depth, bases = (metrics[name]["value"] for name in ("mean_autosome_coverage", "yield_bp"))
    lacking = (30 - depth) / depth * bases / 1e9
    assert float(judged["next_action"].split()[2]) == pytest.approx(lacking, rel=0.01)


def test_the_lane_of_another_person_is_named(project):
    judged = verdict(project, "toy_proband")
    assert (judged["verdict"], judged["next_action"]) == ("hold", "resolve identity")
    assert levels(project, "toy_proband")["lane_concordance", LANE] == "hold"


def test_the_wrong_sex_is_held(project):
    assert verdict(project, "toy_unrelated")["verdict"] == "hold"
    assert levels(project, "toy_unrelated")["inferred_karyotype", ""] == "hold"


def test_what_was_stopped_has_no_record_and_says_so(project):
    for sample in ("toy_father", "toy_proband"):
        gvcf = project.results / f"gvcf/{sample}.g.vcf.gz"
        assert bcftools("view", "-H", gvcf) == ""
        assert "wgs_pipeline_not_called=" in bcftools("view", "-h", gvcf)
        skipped = {each["metric"] for each in verdict(project, sample)["not_judged"]}
        assert {"calling", "relatedness"} <= skipped
        metrics = json.loads((project.results / f"qc/{sample}/metrics.json").read_text())["metrics"]
        assert metrics["count_snvs"]["value"] is None
    # Whose sex is in doubt is called: genotypes tell with whom it was exchanged.
    assert bcftools("view", "-H", project.results / "gvcf/toy_unrelated.g.vcf.gz")


def test_the_others_go_on(first):
    project, run = first
    assert loaded(project) == {"toy_mother"}
    assert bcftools("query", "-l", project.results / "callset/toy_trio.vcf.gz").split() == [
        "toy_mother"
    ]
    report = json.loads((project.results / "report/run.json").read_text())
    assert report["run"]["status"] == "complete"
    rows = {row["sample"]: row for row in report["samples"]}
    assert rows["toy_father"]["database"]["reason"] == "QC verdict fail"
    # No time was spent on calling it.
    text = gzip.decompress((project.results / "callset/toy_trio.vcf.gz").read_bytes())
    assert b"toy_father" not in text.splitlines()[-1]
    assert run.code == 0


def test_a_second_run_has_nothing_to_call(project):
    jobs = project.run("--dry-run").jobs
    assert not {"align", "call_piece", "call_family_piece", "screen_alignment"} & set(jobs)


def test_who_was_signed_off_is_called_and_loaded(project):
    rows = [
        {
            **{"sample_id": "toy_father", "metric": metric, "signed_by": "A. Olsen"},
            **{"signed_at": "2025-03-01T09:00:00Z", "reason": "no more blood to be had"},
        }
        for metric in OVERRIDDEN
    ]
    project.write_rows("overrides.tsv", rows[0], rows)
    project.edit_config(qc={**{"overrides": "overrides.tsv"}, **project_qc(project)})
    jobs = project.complete().jobs
    assert jobs["call_piece"] == 2  # the father's pieces, nobody else's
    assert "align" not in jobs
    judged = verdict(project, "toy_father")
    assert (judged["verdict"], judged["next_action"]) == ("warn", "load")
    assert loaded(project) == {"toy_father", "toy_mother"}
    called = bcftools("query", "-l", project.results / "callset/toy_trio.vcf.gz").split()
    assert called == ["toy_father", "toy_mother"]
    log = json.loads(project.wgs("audit", "show", str(project / "ngd"), "--format", "json"))
    signed = [each for each in log if each["action"] == "override"]
    assert {each["actor"] for each in signed} == {"A. Olsen"}
    assert len(signed) == 3


def test_freebayes_stops_too(tmp_path):
    """Two of the toy, of whom one has half his reads, called by the other engine. 45 s."""
    project = make_toy(tmp_path / "toy", 0.3)
    engine = {"engine": "freebayes", "scatter_count": 2}
    project.edit_config(calling=engine, truth={}, structural={"enabled": False})
    kept = {"toy_father", "toy_mother"}
    for name in ("samples.tsv", "units.tsv"):
        rows = [row for row in project.rows(name) if row["sample_id"] in kept]
        rows = [
            row for row in rows if (row["sample_id"], row.get("lane")) != ("toy_father", "L002")
        ]
        project.write_rows(name, rows[0], rows)
    run = project.complete()
    assert run.jobs["call_variants_piece"] == 2 * 2  # of each sample; of the father they are empty
    gvcf = project.results / "gvcf/toy_father.g.vcf.gz"
    assert "wgs_pipeline_not_called=" in bcftools("view", "-h", gvcf)
    assert bcftools("view", "-H", gvcf) == ""
    assert verdict(project, "toy_father")["verdict"] == "fail"
    assert loaded(project) == {"toy_mother"}
    assert bcftools("query", "-l", project.results / "callset/toy_trio.vcf.gz").split() == [
        "toy_mother"
    ]


def project_qc(project):
    import yaml

    return yaml.safe_load(project.config.read_text())["qc"]
