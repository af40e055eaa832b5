"""Waves of a queue: who comes into the next one, and how it is written."""

from __future__ import annotations

import json
import stat

import pytest
from click.testing import CliRunner

from running import UNIT_COLUMNS, write_project
from wgs_pipeline.cli import main
from wgs_pipeline.cli.batch import command
from wgs_pipeline.project import Project
from wgs_pipeline.waves import write


def lane_of(folder, sample, lane="1"):
    mates = [folder / f"{sample}_{lane}_R{mate}.fastq.gz" for mate in (1, 2)]
    for mate in mates:
        mate.touch()
    names = {"fastq_1": str(mates[0]), "fastq_2": str(mates[1])}
    return {"sample_id": sample, "library_id": "L", "flowcell": "FC", "lane": lane, **names}


class Queue:
    """A queue of a trio and three single persons, and the commands that are tested."""

    def __init__(self, folder):
        trio = [
            {"sample_id": "T1", "father_id": "T2", "mother_id": "T3", "sex": "male"},
            {"sample_id": "T2", "sex": "male"},
            {"sample_id": "T3", "sex": "female"},
        ]
        people = [{**row, "family_id": "TRIO"} for row in trio]
        people += [{"sample_id": name} for name in ("A", "B", "C")]
        people = [{**row, "patient_id": f"person-{row['sample_id']}"} for row in people]
        (folder / "reads").mkdir(parents=True)
        self.reads = folder / "reads"
        self.units = [lane_of(self.reads, row["sample_id"]) for row in people]
        fasta = folder / "genome.fa"
        fasta.write_text(">chr1\nACGT\n")
        reference = {"build": "small", "fasta": str(fasta)}
        self.project = write_project(folder / "queue", people, self.units, reference)
        self.waves = folder / "waves"
        self.plan = folder / "plan.tsv"

    def add_lane(self, sample):
        self.units.append(lane_of(self.reads, sample, "2"))
        self.project.write_rows("units.tsv", UNIT_COLUMNS, self.units)

    def batch(self, *arguments):
        run = CliRunner().invoke(
            command, [str(self.project.config), "--waves", str(self.waves), *arguments]
        )
        assert run.exit_code == 0, run.output
        self.said = run.stderr
        return self.wave() if run.stdout else None

    def wave(self):
        last = sorted(path for path in self.waves.iterdir() if path.name.isdecimal())[-1]
        return Project.load(last / "config.yaml")

    def end(self, sample, loaded=True, verdict="pass", action="load"):
        """What the workflow leaves of a sample that came to its end."""
        results = self.wave().config.results
        for path, content in (
            (f"ngd/{sample}.loaded.json", {"loaded": loaded}),
            (f"qc/{sample}/verdict.json", {"verdict": verdict, "next_action": action}),
        ):
            (results / path).parent.mkdir(parents=True, exist_ok=True)
            (results / path).write_text(json.dumps(content))

    def plan_of(self, *rows):
        lines = ["sample_id\tweek\tpriority", *("\t".join(row) for row in rows)]
        self.plan.write_text("\n".join(lines) + "\n")
        return ("--plan", str(self.plan))


@pytest.fixture
def queue(tmp_path):
    return Queue(tmp_path)


def test_a_wave_is_a_project_of_its_own(queue):
    wave = queue.batch("--size", "4")
    assert wave.analysed == ["T1", "T2", "T3", "A"]
    whole = Project.load(queue.project.config)
    assert wave.config.ngd == whole.config.ngd
    assert wave.config.consents == whole.config.consents
    assert wave.config.results == queue.waves / "0001" / "results"
    for sample in wave.analysed:
        assert wave.samples[sample].patient_id == whole.samples[sample].patient_id
        assert [unit.paths for unit in wave.units[sample]] == [
            unit.paths for unit in whole.units[sample]
        ]
    assert "4 in wave 0001: new" in queue.said
    assert "2 wait for the next wave" in queue.said


def test_the_next_wave_has_those_who_are_left(queue):
    queue.batch("--size", "4")
    assert queue.batch("--size", "4").analysed == ["B", "C"]
    assert queue.batch("--size", "4") is None
    assert "4 left out: in wave 0001" in queue.said
    assert "2 left out: in wave 0002" in queue.said


def test_families_stay_together_and_let_smaller_ones_pass(queue):
    assert queue.batch("--size", "2").analysed == ["A", "B"]
    assert queue.batch("--size", "2").analysed == ["C"]
    assert queue.batch("--size", "2") is None
    assert queue.batch("--size", "3").analysed == ["T1", "T2", "T3"]


def test_the_plan_decides_who_is_first(queue):
    plan = queue.plan_of(
        ("A", "2026-W03", "routine"),
        ("T2", "2026-W05", "soon"),
        ("C", "2026-W09", "acute"),
        ("B", "2026-W02", "routine"),
    )
    wave = queue.batch("--size", "5", *plan)
    assert wave.analysed == ["C", "T1", "T2", "T3", "B"]
    queue.plan.write_text("sample_id\tweek\tpriority\nA\t2026-W03\turgent\n")
    with pytest.raises(SystemExit):
        main(["batch", str(queue.project.config), "--waves", str(queue.waves), *plan])


def test_without_consent_nobody_comes_and_no_parent_is_named(queue):
    kept = [row for row in queue.project.rows("consents.tsv") if row["patient_id"] != "person-T2"]
    queue.project.write_rows("consents.tsv", list(kept[0]), kept)
    wave = queue.batch()
    assert wave.analysed == ["T1", "T3", "A", "B", "C"]
    assert (wave.samples["T1"].father_id, wave.samples["T1"].mother_id) == (None, "T3")
    text = "".join(path.read_text() for path in (queue.waves / "0001").glob("*.*"))
    assert "person-T2" not in text
    assert "1 left out: no consent to analysis" in queue.said


def test_a_withdrawal_after_the_wave_was_written_holds_in_it(queue):
    wave = queue.batch()
    kept = [row for row in queue.project.rows("consents.tsv") if row["patient_id"] != "person-A"]
    queue.project.write_rows("consents.tsv", list(kept[0]), kept)
    assert "A" in wave.analysed
    assert "A" not in queue.wave().analysed


def test_who_was_done_stays_out_and_lanes_that_came_since_bring_back(queue):
    queue.batch()
    for sample in ("T1", "T2", "T3", "A"):
        queue.end(sample)
    queue.end("B", loaded=False, verdict="fail", action="top up 12 Gb")
    assert queue.batch() is None
    assert "4 left out: loaded" in queue.said
    assert "1 left out: judged fail" in queue.said
    for sample in ("B", "C", "T1"):
        queue.add_lane(sample)
    wave = queue.batch()
    # B is topped up; T1 too, and its parents come as they are called together; C is still open.
    assert wave.analysed == ["T1", "T2", "T3", "B"]
    assert len(wave.units["B"]) == 2
    assert "2 in wave 0002: family" in queue.said
    assert "2 in wave 0002: top-up" in queue.said


def test_a_wave_that_was_given_up_is_reopened(queue):
    queue.batch()
    queue.end("A")
    assert queue.batch() is None
    assert queue.batch("--reopen", "0001").analysed == ["T1", "T2", "T3", "B", "C"]
    assert "5 in wave 0002: again" in queue.said
    run = CliRunner().invoke(
        command,
        [str(queue.project.config), "--waves", str(queue.waves), "--reopen", "7"],
    )
    assert "no wave 7; expected one of 0001, 0002" in str(run.exception)


def test_missing_input_waits(queue):
    next(queue.reads.glob("A_1_R2*")).unlink()
    assert "A" not in queue.batch().analysed
    assert "1 left out: input files are missing" in queue.said


def test_only_the_owner_may_read_a_wave(queue):
    queue.batch()
    folder = queue.waves / "0001"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_what_breaks_leaves_no_wave(queue, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(write, "_config", full)
    run = CliRunner().invoke(command, [str(queue.project.config), "--waves", str(queue.waves)])
    assert isinstance(run.exception, OSError)
    assert [path.name for path in queue.waves.iterdir()] == [".lock"]


def test_two_at_once_do_not_take_the_same_samples(queue):
    with write.sole_writer(queue.waves):
        run = CliRunner().invoke(command, [str(queue.project.config), "--waves", str(queue.waves)])
    assert "another wgs batch is writing here" in str(run.exception)


def test_an_earlier_wave_that_cannot_be_read_stops(queue):
    queue.batch("--size", "1")
    (queue.waves / "0001" / "units.tsv").write_text("nonsense\n")
    run = CliRunner().invoke(command, [str(queue.project.config), "--waves", str(queue.waves)])
    assert "0001: no wave that can be read" in str(run.exception)
