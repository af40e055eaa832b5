"""Settings, run reports, referrals and milestones: what is read, and what is refused."""

import json
import os
from datetime import UTC, datetime

import pytest
from governance_builders import at, held, holdings

from wgs_pipeline.errors import ConfigError, ProblemsError
from wgs_pipeline.governance.genomes import genomes
from wgs_pipeline.governance.milestones import Milestones, read_milestones, read_referrals
from wgs_pipeline.governance.runs import Run, RunReportError, RunSample, read_run, read_runs
from wgs_pipeline.governance.settings import parse_settings, read_settings
from wgs_pipeline.sheets import Sample


def test_defaults():
    settings = read_settings(None)
    assert (settings.target, settings.minimum_count, settings.prices) == (60_000, 5, None)
    assert settings.tiles["Zealand"] == (1, 2)
    carbon = parse_settings({"carbon": {"intensity_g_per_kwh": 50}}).carbon
    assert (carbon.pue, carbon.watts_per_core, carbon.watts_per_gb) == (1.67, 12, 0.3725)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("targett: {}", "targett"),
        ("minimum_count: 4", "minimum_count"),
        ("carbon: {pue: 1.2}", "intensity_g_per_kwh"),
        ("target: {from: 2026-13}", "target.from"),
        ("target: {from: 2026-05, by: 2026-02}", "before target.from"),
        ("relevant_patients: {North: {rare: -3}}", "relevant_patients.North.rare"),
        ("- 1", "no YAML mapping"),
        ("a: [", "not YAML"),
    ],
)
def test_wrong_settings_are_named(tmp_path, text, said):
    path = tmp_path / "governance.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        read_settings(path)


def test_an_empty_settings_file_is_the_defaults(tmp_path):
    path = tmp_path / "governance.yaml"
    path.write_text("# nothing yet\n")
    assert read_settings(path) == read_settings(None)


def report(samples=(), rules=(), generated="2026-03-01T12:00:00+00:00"):
    return {
        "format": "wgs run report", "version": 1, "generated_at": generated,
        "run": {"started_at": "2026-02-28T12:00:00+00:00"},
        "samples": list(samples), "rules": list(rules),
    }  # fmt: skip


def entry(name, verdict="pass", stage="done", left_out=None, loaded=True, metrics=()):
    reasons = [{"metric": metric} for metric in metrics]
    return {
        "sample": name, "left_out": left_out, "stages": {"alignment": stage},
        "causes": [{"state": "failed", "stage": "alignment"}] if stage == "failed" else [],
        "verdict": {"verdict": verdict, "reasons": reasons} if verdict else None,
        "database": {"loaded": loaded},
    }  # fmt: skip


def write(path, document):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return path


def test_a_run_report_is_read(tmp_path):
    rules = [{"cpu_s": 7200, "wall_s": 3600, "max_rss_mb": 2000}]
    stopped = entry("S2", None, "failed", loaded=False)
    samples = [entry("S1"), stopped, entry("S3", "fail", metrics=["duplication"])]
    read = read_run(write(tmp_path / "run.json", report(samples, rules)))
    assert (read.cpu_hours, read.gb_hours, read.memory_is_bound) == (2.0, 2.0, True)
    assert [each.failed for each in read.samples] == [False, True, False]
    assert read.samples[1].reasons == ("stopped at alignment",)
    assert read.samples[2].reasons == ("duplication",)


def test_memory_hours_come_from_the_benchmark_files(tmp_path):
    path = write(tmp_path / "results/report/run.json", report([entry("S1")]))
    jobs = tmp_path / "results/benchmarks/align"
    jobs.mkdir(parents=True)
    (jobs / "S1.tsv").write_text("s\tmax_rss\tcpu_time\n1800\t4000\t3600\n")
    (jobs / "S2.tsv").write_text("s\tmax_rss\tcpu_time\n3600\t1000\t1800\n")
    read = read_run(path)
    assert (read.cpu_hours, read.gb_hours, read.memory_is_bound) == (1.5, 3.0, False)


def test_the_same_report_given_twice_counts_once(tmp_path):
    path = write(tmp_path / "run.json", report([entry("S1")]))
    assert len(read_runs([path, tmp_path / "." / "run.json"])) == 1


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": "other", "version": 1}'])
def test_what_is_no_run_report_is_refused(tmp_path, content):
    path = tmp_path / "run.json"
    path.write_text(content)
    with pytest.raises(RunReportError, match=r"run\.json"):
        read_run(path)
    with pytest.raises(RunReportError, match=r"missing\.json"):
        read_run(tmp_path / "missing.json")


SAMPLES = [
    Sample("S1", "person-1", "female", "F1"),
    Sample("S2", "person-2", "male", "F1"),
    Sample("S3", "0101010001", "male", "S3"),
]


def referrals(tmp_path, *rows):
    path = tmp_path / "referrals.tsv"
    columns = (
        "patient_id\tsample_ids\tfamily_id\tregion\tpatient_group\turgency\treferred_at\tdue_by"
    )
    path.write_text("\n".join([columns, *("\t".join(row) for row in rows)]) + "\n")
    return path


def test_referrals_by_sample_family_and_person(tmp_path):
    tail = ("North", "rare", "routine", "2026-01-05", "2026-03-05")
    path = referrals(
        tmp_path,
        ("person-1", "", "F1", *tail),
        ("person-2", "S2,S9", "", "North", "rare", "acute", "2026-01-02T08:00:00+01:00", ""),
        ("person-2", "", "F1", *tail),
        ("010101-0001", "", "", *tail),
        ("person-1", "", "F2", "North", "rare", "acute", "2026-01-01", ""),
    )
    found = read_referrals([path], SAMPLES)
    assert found["S1"] == datetime(2026, 1, 5, tzinfo=UTC)
    assert found["S2"] == datetime(2026, 1, 2, 7, tzinfo=UTC)  # the earlier of two
    assert set(found) == {"S1", "S2", "S3"}


def test_dates_that_are_none_are_refused(tmp_path):
    path = referrals(tmp_path, ("person-1", "", "", "North", "rare", "soon", "2026-02-30", ""))
    with pytest.raises(ProblemsError, match="no date of the calendar"):
        read_referrals([path], SAMPLES)
    path.write_text("sample_id\tsequenced_at\nS1\tyesterday\n")
    with pytest.raises(ProblemsError, match="sequenced_at"):
        read_milestones([path])


def test_milestones_are_read(tmp_path):
    path = tmp_path / "milestones.tsv"
    path.write_text("sample_id\tsequenced_at\treported_at\nS1\t2026-01-09\t\n")
    assert read_milestones([path]) == {"S1": Milestones(sequenced_at=at(1, 9))}


def judged(name, verdict="pass", failed=False, left_out=False, loaded=False):
    return RunSample(name, verdict, ("why",), failed, left_out, loaded)


def runs_of(*samples):
    return Run(at(3, 1), at(3, 2), samples, 0, 0, False)


def outcome_of(sample, *held_now):
    (found,) = genomes([runs_of(sample)], {}, holdings(held_now), {}, {})
    return found.outcome


def test_outcomes():
    assert outcome_of(judged("S0"), held(0, "p")) == "loaded"
    assert outcome_of(judged("S0", "fail"), held(0, "p")) == "loaded"  # the database has the say
    assert outcome_of(judged("S0", "fail")) == "failed"
    assert outcome_of(judged("S0", "hold")) == "failed"
    assert outcome_of(judged("S0", None, failed=True)) == "failed"
    assert outcome_of(judged("S0", None)) == "not_loaded"
    assert outcome_of(judged("S0", loaded=True)) == "not_loaded"  # erased since


def test_left_out_and_tumour_samples_are_no_genomes():
    tumour = Sample("T", "p", "female", "T", material="tumour")
    run = runs_of(judged("L", left_out=True), judged("T"))
    assert genomes([run], {"T": tumour}, holdings(), {}, {}) == []


def test_a_later_run_decides_and_the_first_one_dates():
    first = Run(at(1, 30), at(1, 31), (judged("S1", "fail"),), 0, 0, False)
    again = Run(at(2, 8), at(2, 9), (judged("S1", "pass"),), 0, 0, False)
    (found,) = genomes([first, again], {}, holdings(), {}, {})
    assert (found.outcome, found.month, found.analysed_at) == ("not_loaded", "2026-01", at(1, 31))


def test_when_a_sample_was_judged(tmp_path):
    """The verdict's own time; a run's end where that is gone, but not after the load."""
    path = write(tmp_path / "results/report/run.json", report([entry("S0"), entry("S1")]))
    verdict = write(tmp_path / "results/qc/S0/verdict.json", {})
    os.utime(verdict, (at(3, 1, 6).timestamp(),) * 2)
    read = read_run(path)  # from 28 February to 1 March, 12 o'clock
    assert [each.judged_at for each in read.samples] == [at(3, 1, 6), None]

    def analysed(name, loaded_at):
        place = int(name[1])
        found = genomes([read], {}, holdings([held(place, "p", loaded_at=loaded_at)]), {}, {})
        return next(each for each in found if each.sample_id == name).analysed_at

    assert analysed("S0", at(3, 1, 7)) == at(3, 1, 6)
    assert analysed("S1", at(3, 1, 7)) == at(3, 1, 7)  # before the run's report was made
    assert analysed("S1", at(1, 9)) is None  # loaded before this run: another analysis
    assert analysed("S1", at(3, 5)) == at(3, 1, 12)


def test_months_are_those_of_sequencing_where_it_is_known():
    given = {"S1": Milestones(sequenced_at=at(1, 15))}
    (found,) = genomes([runs_of(judged("S1"))], {}, holdings(), given, {"S1": at(1, 2)})
    assert (found.month, found.referred_at) == ("2026-01", at(1, 2))
    (found,) = genomes([], {}, holdings([held(0, "p", loaded_at=at(5, 1))]), {}, {})
    assert (found.month, found.region) == ("2026-05", "not stated")
