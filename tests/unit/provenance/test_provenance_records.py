"""Records of jobs and runs, whatever state they are in; identifiers stay out of the document."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime, timedelta

import pytest
from jsonschema import Draft202012Validator

from report_builders import make_project
from wgs_pipeline.provenance.document import Source, provenance, write_provenance
from wgs_pipeline.provenance.jobs import read_job, record_path
from wgs_pipeline.provenance.runs import RUNS, read_runs, record_run, run_of
from wgs_pipeline.tables import load_schema

RECORD = {
    **{"rule": "align", "shellcmd": "\n  bwa mem x\n", "starttime": 1.7e9, "endtime": 1.7e9 + 2},
    **{"incomplete": False, "conda_env": None},
}
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def keep(results, output, **changed):
    path = record_path(results, output)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(RECORD | changed))


@pytest.mark.parametrize("output", ["alignment/S1.cram", "a/" + "b" * 400, "æ/ø.vcf"])
def test_a_record_is_found_by_the_name_that_snakemake_gives_it(tmp_path, output):
    from snakemake.persistence.file import FilePersistence

    theirs = FilePersistence._record_path
    folder = tmp_path / ".snakemake/metadata"

    class Names:
        _fetch_max_len = staticmethod(lambda subject: 255)

    assert os.fspath(record_path(tmp_path, output)) == theirs(Names(), os.fspath(folder), output)
    keep(tmp_path, output)
    job = read_job(tmp_path, output)
    assert (job.rule, job.command, job.ended - job.started) == ("align", "bwa mem x", 2)


@pytest.mark.parametrize(
    "changed", [{"incomplete": True}, {"shellcmd": None}, {"starttime": None}, {"rule": []}]
)
def test_a_record_that_says_nothing_is_none(tmp_path, changed):
    keep(tmp_path, "a", **changed)
    assert read_job(tmp_path, "a") is None or changed == {"rule": []}
    assert read_job(tmp_path, "missing") is None
    record_path(tmp_path, "a").write_text("{")
    assert read_job(tmp_path, "a") is None


def test_a_job_belongs_to_the_last_run_before_it(tmp_path):
    project = make_project(tmp_path, {"S1": "F1"}).load()
    for day in (0, 1, 2):
        record_run(project, ["conda"], NOW + timedelta(days=day))
    path = project.config.results / RUNS
    path.write_text(path.read_text() + '{"started_at": "20')  # a crash
    runs = read_runs(project.config.results)
    assert [run["started_at"][:10] for run in runs] == ["2026-01-01", "2026-01-02", "2026-01-03"]
    noon = NOW.timestamp()
    assert [run_of(runs, noon + hours * 3600) for hours in (-1, 0, 23, 24, 99)] == [
        *(None, 0, 0, 1, 2)
    ]
    assert re.fullmatch(r"[0-9a-f]{40}", runs[0]["git_commit"])
    assert runs[0]["software"]["samtools"]


def test_what_was_not_made_has_no_digest(tmp_path):
    project = make_project(tmp_path, {"S1": "F1", "C1": "C1", "G1": "G1"}, kinds=KINDS).load()
    source = Source.of(project)
    for sample, aligner in (("S1", "bwa"), ("C1", None), ("G1", None)):
        document = provenance(source, sample)
        Draft202012Validator(load_schema("provenance")).validate(document)
        assert not document["complete"]
        assert document["aligner"] == aligner
        assert not any(each["sha256"] for each in document["inputs"] + document["outputs"])
    assert document["outputs"][0]["path"] == "gvcf/G1.g.vcf.gz"


KINDS = {"C1": "cram", "G1": "gvcf"}


def test_identifiers_are_withheld_from_commands_and_paths(tmp_path):
    made = make_project(tmp_path, {"S1": "F1"})
    units = (tmp_path / "units.tsv").read_text()
    (tmp_path / "units.tsv").write_text(units.replace("S1_R1", "person-S1_R1"))
    project = made.load()
    results = project.config.results
    keep(results, "alignment/S1.cram", shellcmd="wgs reads stream /in/person-S1_R1 010203-4123")
    write_provenance(project, tmp_path / "out")
    text = (tmp_path / "out/S1.json").read_text()
    assert "person-S1" not in text
    assert "010203" not in text
    (job,) = json.loads(text)["jobs"]
    assert job["identifiers_withheld"]
    assert job["command"].startswith("wgs reads stream /in/")


def test_overrides_of_the_verdict_are_told_without_identifiers(tmp_path):
    project = make_project(tmp_path, {"S1": "F1"}).load()
    verdict = project.config.results / "qc/S1/verdict.json"
    verdict.parent.mkdir(parents=True, exist_ok=True)
    signed = {"metric": "duplication", "other": "", "signed_by": "A. Olsen"}
    signed |= {"signed_at": "2025-03-01T09:00:00Z", "reason": "010203-4123 cannot give more blood"}
    verdict.write_text(json.dumps({"overrides": [{"sample_id": "S1"} | signed]}))
    document = provenance(Source.of(project), "S1")
    Draft202012Validator(load_schema("provenance")).validate(document)
    (told,) = document["overrides"]
    assert told.pop("reason").endswith(" cannot give more blood")
    assert "010203" not in json.dumps(document)
    assert told == {name: value for name, value in signed.items() if name != "reason"}
