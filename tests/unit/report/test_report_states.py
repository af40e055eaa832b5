"""States of stages and the causes shown, from results written by hand."""

from __future__ import annotations

import pytest

from report_builders import MADE, half_finished, make_project, receipt, verdict

DONE, NOT_REACHED = "done", "not_reached"


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path / "project", {"S1": "F1", "S2": "F1"})


def sample_of(project, name):
    return next(each for each in project.document()["samples"] if each["sample"] == name)


def states_of(project, name):
    return sample_of(project, name)["stages"]


def test_nothing_begun(project):
    assert set(states_of(project, "S1").values()) == {NOT_REACHED}
    assert project.document()["run"]["status"] == "incomplete"


def test_everything_done(project):
    for name in ("S1", "S2"):
        project.make(name, "F1", *MADE)
    assert set(states_of(project, "S1").values()) == {DONE}
    assert project.document()["run"]["status"] == "complete"


@pytest.mark.parametrize(
    ("stage", "which"),
    [(stage, which) for stage in MADE for which in (0, -1)],
)
def test_a_stage_is_done_only_with_all_its_outputs(project, stage, which):
    project.make("S1", "F1", *MADE)
    (project.results / MADE[stage][which].format(s="S1", f="F1")).unlink()
    states = states_of(project, "S1")
    assert states.pop(stage) == NOT_REACHED
    assert set(states.values()) == {DONE}


@pytest.mark.parametrize(
    ("stage", "rule", "key"),
    [
        ("reads", "screen_lane", "S1.FLOW.1.L"),
        ("alignment", "align", "S1"),
        ("alignment", "verify_alignment", "S1"),
        ("gvcf", "call_piece", "S1.0001"),
        ("gvcf", "gather_gvcf", "S1"),
        ("callset", "call_family_piece", "F1.0000"),
        ("callset", "gather_callset", "F1"),
        ("callset", "analyse_family", "F1"),
        ("qc", "measure_depth", "S1"),
        ("qc", "measure_sample", "S1"),
        ("verdict", "judge_sample", "S1"),
        ("database", "register_genome", "S1"),
        ("database", "load_genome", "S1"),
    ],
)
def test_a_log_without_output_is_a_failure(project, stage, rule, key):
    before = list(MADE)[: list(MADE).index(stage)]
    project.make("S1", "F1", *before)
    project.log(rule, key, "first\nwgs: what went wrong\n")
    sample = sample_of(project, "S1")
    expected = {name: DONE if name in before else NOT_REACHED for name in MADE}
    assert sample["stages"] == {**expected, stage: "failed"}
    (cause,) = sample["causes"]
    assert (cause["stage"], cause["rule"]) == (stage, rule)
    assert cause["log"] == f"logs/{rule}/{key}.log"
    assert cause["lines"] == ["first", "wgs: what went wrong"]
    assert project.document()["run"]["status"] == "failed"


def test_a_family_callset_that_fails_is_a_failure_of_each_member(project):
    project.log("gather_callset", "F1", "boom\n")
    assert states_of(project, "S1")["callset"] == "failed"
    assert states_of(project, "S2")["callset"] == "failed"


def test_temporary_pieces_are_done_once_they_are_gathered(project):
    project.make("S1", "F1", "gvcf")
    (project.results / "gvcf/S1.json").unlink()
    for piece in ("0000", "0001"):
        project.log("call_piece", f"S1.{piece}", "[mpileup] said something\n")
    sample = sample_of(project, "S1")
    assert sample["stages"]["gvcf"] == NOT_REACHED
    assert sample["causes"] == []


def test_a_piece_that_fails_beside_one_that_is_there(project):
    project.write("gvcf/pieces/S1/0000.g.vcf.gz")
    for piece in ("0000", "0001"):
        project.log("call_piece", f"S1.{piece}", f"of piece {piece}\n")
    (cause,) = sample_of(project, "S1")["causes"]
    assert cause["lines"] == ["of piece 0001"]


def test_what_is_marked_as_begun_is_neither_done_nor_failed(project):
    project.make("S1", "F1", "alignment")
    project.log("verify_alignment", "S1", "reading\n")
    project.mark_unfinished("alignment/S1.json")
    sample = sample_of(project, "S1")
    assert sample["stages"]["alignment"] == "unfinished"
    assert [cause["state"] for cause in sample["causes"]] == ["unfinished"]
    assert project.document()["run"]["status"] == "incomplete"


def test_a_long_marker_is_cut_over_folders_as_snakemake_does(project):
    project.make("S1", "F1", "alignment")
    project.mark_unfinished("alignment/S1.json")
    folder = project.results / ".snakemake/incomplete"
    (marker,) = folder.iterdir()
    name = marker.name
    marker.unlink()
    (folder / f"@{name[:10]}").mkdir()
    (folder / f"@{name[:10]}" / name[10:]).write_text("{}")
    assert states_of(project, "S1")["alignment"] == "unfinished"


def test_not_applicable_by_how_a_sample_enters(tmp_path):
    project = make_project(tmp_path, {"G": "G", "C": "C"}, kinds={"G": "gvcf", "C": "cram"})
    assert [states_of(project, "G")[name] for name in ("reads", "alignment", "gvcf")] == [
        *("not_applicable", "not_applicable"),
        NOT_REACHED,
    ]
    assert states_of(project, "C")["reads"] == "not_applicable"
    project.log("import_gvcf", "G", "wgs: truncated\n")
    assert states_of(project, "G")["gvcf"] == "failed"


def test_a_receipt_that_says_no_is_not_loaded(project):
    project.make("S1", "F1", *MADE)
    refused = {"sample": "S1", "loaded": False, "reason": "QC verdict fail"}
    project.write_json("ngd/S1.loaded.json", refused)
    sample = sample_of(project, "S1")
    assert sample["stages"]["database"] == "not_loaded"
    assert sample["database"] == {"loaded": False, "reason": "QC verdict fail"}


def test_without_consent_nothing_is_looked_at(tmp_path):
    project = make_project(tmp_path, {"S1": "S1", "S2": "S2"}, without_consent=["S2"])
    project.make("S2", "S2", *MADE)  # as if consent had been withdrawn after a run
    project.log("align", "S2", "boom\n")
    project.benchmark("align", "S2", "5.0", "4.0")
    sample = sample_of(project, "S2")
    assert set(sample["stages"].values()) == {"left_out"}
    assert sample["left_out"] == "analysis withdrawn from 2024-01-01T00:00:00+00:00"
    for key in ("verdict", "metrics", "truth", "database", "cost"):
        assert sample[key] is None
    assert sample["causes"] == []
    assert project.document()["run"]["status"] == "incomplete"  # S1 is not done


def test_the_last_twenty_lines_without_identifiers(project):
    lines = [f"line {number}" for number in range(40)]
    lines += ["wgs: of person-S1 and person-S2.bam, not person-S10", "of 010190-1234"]
    project.log("align", "S1", "\n".join(lines) + "\n\n")
    (cause,) = sample_of(project, "S1")["causes"]
    assert len(cause["lines"]) == 20
    assert cause["lines"][0] == "line 22"
    assert cause["lines"][-2] == "wgs: of [withheld] and [withheld].bam, not person-S10"
    assert cause["lines"][-1] == "of [withheld]"


def test_what_wgs_said_is_kept_when_tools_go_on_talking(project):
    lines = ["[bwa] reading", "wgs: S1_R1.fastq.gz: truncated", "wgs: a later one"]
    project.log("align", "S1", "\n".join([*lines, *["[bwa] still talking"] * 50]) + "\n")
    (cause,) = sample_of(project, "S1")["causes"]
    assert cause["said"] == "wgs: S1_R1.fastq.gz: truncated"
    assert cause["lines"] == ["[bwa] still talking"] * 20


def test_a_log_of_one_endless_line_or_of_bytes(project):
    project.log("align", "S1", "x" * 1_000_000)
    (project.results / "logs/align/S2.log").write_bytes(
        b"\xff\xfe\x00 bad\r\n10 %\r50 %\r99 %\n\x1b[31mred"
    )
    first, second = (sample_of(project, name)["causes"][0]["lines"] for name in ("S1", "S2"))
    assert len(first) == 1
    assert len(first[0]) == 501
    assert second[1:] == ["99 %", " [31mred"]
    assert "\x00" not in second[0]


def test_shared_steps_that_failed(project):
    project.log("index_bwa", "genome", "[bwa_idx_build] fail to open file\n")
    document = project.document()
    (cause,) = document["shared"]["causes"]
    assert cause["rule"] == "index_bwa"
    assert document["run"]["status"] == "failed"
    assert document["shared"]["steps"]["index_fasta/genome"] == NOT_REACHED


@pytest.mark.parametrize("content", ["", "[]", "null", "{", '{"sample": 1}', '{"verdict": "good"}'])
@pytest.mark.parametrize(
    "path",
    [
        *("qc/S1/metrics.json", "qc/S1/verdict.json"),
        *("qc/S1/concordance.json", "ngd/S1.loaded.json"),
    ],
)
def test_files_that_are_not_what_they_should_be_are_named(project, path, content):
    project.make("S1", "F1", *MADE)
    project.write(path, content)
    document = project.document()
    if content[:1] == "{" and path.startswith("ngd") and content != "{":
        assert document["samples"][0]["stages"]["database"] == "not_loaded"
    else:
        assert document["unreadable"] == [path]


def test_numbers_of_samples(tmp_path):
    document = half_finished(tmp_path).document()
    assert document["summary"] == {
        "samples": 6,
        "analysed": 5,
        "left_out": 1,
        "verdicts": {"pass": 1, "warn": 1, "fail": 1, "hold": 0},
        "without_verdict": 2,
        "loaded": 2,
        "failed": 1,
        "unfinished": 1,
    }


def test_the_slot_stays_out(project):
    project.make("S1", "F1", *MADE)
    project.write_json("ngd/S1.loaded.json", receipt("S1", slot=987654321))
    project.write_json("qc/S1/verdict.json", verdict("S1"))
    assert "987654321" not in str(project.document())


def test_the_digest_is_of_the_configuration_as_used(project):
    import hashlib
    import json

    values = project.load().config.values
    project.write_json("config.json", values)
    project.folder.joinpath("config.yaml").write_text(project.config.read_text() + "# a comment\n")
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    document = project.document()
    assert document["project"]["config_sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert document["run"]["started_at"].endswith("+00:00")
