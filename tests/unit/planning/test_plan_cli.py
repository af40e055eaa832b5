"""``wgs plan``: from the files of a project to plan, waves and report."""

from __future__ import annotations

import csv
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from planning_builders import MONDAY, capacity, referral

from wgs_pipeline.cli import main
from wgs_pipeline.planning.capacity import Site, read_capacity
from wgs_pipeline.planning.project import read_inputs
from wgs_pipeline.planning.simulated_project import write_project

CONFIG = Path(__file__).parents[3] / "config"
NOW = f"{MONDAY}T12:00:00Z"
PEOPLE = [
    referral("S1", family_id="F", urgency="acute"),
    referral("S2", family_id="F"),
    referral("S3", region="B"),
    referral("S4", sample_ids=("S4n", "S4t"), materials=("germline", "tumour")),
]


@pytest.fixture
def wgs(tmp_path, capsys):
    """Run ``wgs plan`` on the project folder; its exit code and what it said."""

    def run(*arguments, as_of=NOW, out="plan"):
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main(
                [
                    *("plan", str(tmp_path / "config.yaml"), "-o", str(tmp_path / out)),
                    *("--as-of", as_of, *map(str, arguments)),
                ]
            )
        said = capsys.readouterr()
        return int(stop.value.code or 0), said.out, said.err

    return run


def table(path):
    with path.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


def test_plan_waves_and_report(tmp_path, wgs):
    write_project(tmp_path, PEOPLE, capacity())
    code, out, _ = wgs()
    assert code == 0
    assert out.splitlines()[0] == "goal\tvalue\tbound\tgap"
    assert "breaches\t0\t0\t0.0000" in out.splitlines()
    rows = {row["sample_id"]: row for row in table(tmp_path / "plan/plan.tsv")}
    assert list(sorted(rows)) == ["S1", "S2", "S3", "S4n", "S4t"]
    slot = ("week", "site", "flowcell")
    assert [rows["S1"][c] for c in slot] == [rows["S2"][c] for c in slot]
    assert [rows["S4n"][c] for c in slot] == [rows["S4t"][c] for c in slot]
    # Monday's referral is sequenced in the next week, which ends 14 days later.
    assert (rows["S1"]["week"], rows["S1"]["priority"]) == ("2026-W03", "acute")
    assert float(rows["S1"]["wait_weeks"]) == 2.0
    assert rows["S3"]["site"] == "west"
    waves = [path.name for path in sorted((tmp_path / "plan/waves").iterdir())]
    assert waves == ["2026-W03.tsv"]
    assert len(table(tmp_path / "plan/waves/2026-W03.tsv")) == 5


def test_no_output_names_a_patient(tmp_path, wgs):
    write_project(tmp_path, PEOPLE, capacity(), refused=["patient-S3"])
    _, out, err = wgs()
    written = [path for path in (tmp_path / "plan").rglob("*") if path.is_file()]
    assert len(written) == 3
    for text in (out, err, *(path.read_text() for path in written)):
        assert "patient-" not in text
    assert "patient" not in "".join(path.name for path in written)


def test_without_consent_there_is_no_slot(tmp_path, wgs):
    write_project(tmp_path, PEOPLE, capacity(), refused=["patient-S2"])
    code, _, err = wgs()
    assert code == 0
    assert "1 referrals get no slot: no analysis consent: lines 3" in err
    samples = [row["sample_id"] for row in table(tmp_path / "plan/plan.tsv")]
    assert sorted(samples) == ["S1", "S3", "S4n", "S4t"]


def test_samples_that_the_project_knows_come_as_a_sheet(tmp_path, wgs):
    write_project(tmp_path, PEOPLE, capacity())
    known = "sample_id\tpatient_id\tsex\nearlier-1\tearlier-1\tunknown\nS3\tpatient-S3\tmale\n"
    (tmp_path / "samples.tsv").write_text(known)
    wgs()
    sheet = tmp_path / "plan/waves/2026-W03.samples.tsv"
    assert sheet.read_text() == "sample_id\tpatient_id\tsex\nS3\tpatient-S3\tmale\n"
    assert stat.S_IMODE(sheet.stat().st_mode) == 0o600


def test_a_week_later_the_frozen_stay(tmp_path, wgs):
    people = [referral(f"S{number:02d}") for number in range(30)]
    tight = capacity(freeze_weeks=2, sites=(Site("east", 1, 8), Site("west", 0, 8)))
    write_project(tmp_path, people, tight)
    wgs()
    before = {row["sample_id"]: row for row in table(tmp_path / "plan/plan.tsv")}
    news = [referral(f"N{number}", urgency="soon") for number in range(6)]
    write_project(tmp_path, [*news, *people], tight)
    code, _, _ = wgs(
        "--previous", tmp_path / "plan/plan.tsv", as_of="2026-01-12T08:00:00Z", out="again"
    )
    assert code == 0
    after = {row["sample_id"]: row for row in table(tmp_path / "again/plan.tsv")}
    assert len(after) == 36
    frozen = [name for name, row in before.items() if row["week"] in ("2026-W03", "2026-W04")]
    assert len(frozen) == 16
    for name in frozen:
        assert all(after[name][c] == before[name][c] for c in ("week", "site", "flowcell"))
        assert after[name]["frozen"] == "yes"


def test_where_there_is_no_plan_nothing_is_written(tmp_path, wgs):
    people = [referral(f"S{number:02d}", region="B") for number in range(20)]
    short = capacity(horizon_weeks=3)
    write_project(tmp_path, people, short)
    code, out, err = wgs()
    assert (code, out) == (1, "")
    assert "sequencing: site west needs 1 more flowcells (4 places)" in err
    assert not (tmp_path / "plan").exists()


def test_all_problems_of_all_inputs_at_once(tmp_path, wgs):
    write_project(tmp_path, [*PEOPLE, referral("S9", region="Atlantis")], capacity())
    (tmp_path / "old.tsv").write_text("sample_id\tweek\n")
    text = (tmp_path / "consents.tsv").read_text()
    (tmp_path / "consents.tsv").write_text(text.replace("analysis\tgiven", "analysis\tmaybe", 1))
    code, _, err = wgs("--previous", tmp_path / "old.tsv")
    assert code == 1
    assert "consents.tsv:2" in err
    assert "referrals.tsv:6: region 'Atlantis'; expected one of A, B" in err
    assert "old.tsv:1: no column site, flowcell" in err


def test_problems_of_the_capacity_file(tmp_path, wgs):
    write_project(tmp_path, PEOPLE, capacity())
    path = tmp_path / "capacity.yaml"
    text = path.read_text().replace("horizon_weeks", "horizon_weks")
    path.write_text(text)
    code, _, err = wgs()
    assert code == 1
    assert "capacity.yaml:1: unknown key horizon_weks" in err
    assert "Did you mean horizon_weeks?" in err
    outage = Site("east", 1, 8, (("2026-W09", "2026-W03", 0),))
    faraway = {"A": {"east": 1, "moon": 2}, "B": {"east": 1}}
    write_project(tmp_path, PEOPLE, capacity(sites=(outage,), transport_days=faraway))
    code, _, err = wgs()
    assert "a change from 2026-W09 to 2026-W03" in err
    assert "transport to 'moon'" in err


def test_capacity_must_be_named(tmp_path, wgs):
    config = write_project(tmp_path, PEOPLE, capacity())
    text = config.read_text()
    config.write_text(text.replace("planning: {referrals: referrals.tsv, capacity", "truth: {}\n#"))
    code, _, err = wgs()
    assert code == 1
    assert "no planning.referrals" in err
    assert "--referrals" in err


def test_simulated_files_are_read_back(tmp_path):
    limits = replace(capacity(), freeze_weeks=3)
    config = write_project(tmp_path, PEOPLE, limits)
    assert read_capacity(tmp_path / "capacity.yaml") == limits
    read = read_inputs(config)
    assert [replace(r, line=0) for r in read.referrals] == PEOPLE


def test_the_examples_of_the_repository_make_a_plan(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        main(
            [
                *("plan", str(CONFIG / "config.yaml"), "-o", str(tmp_path)),
                *("--referrals", str(CONFIG / "referrals.tsv")),
                *("--capacity", str(CONFIG / "capacity.yaml")),
                *("--as-of", "2026-01-14T12:00:00Z"),
            ]
        )
    assert not stop.value.code
    rows = table(tmp_path / "plan.tsv")
    assert {row["within_limit"] for row in rows} == {"yes"}


def keys_of(schema, prefix=()):
    for key, inner in schema.get("properties", {}).items():
        yield ".".join((*prefix, key))
        yield from keys_of(inner, (*prefix, key))
        below = inner.get("additionalProperties")
        if isinstance(below, dict):
            name = "<site>" if key == "sites" else "<region>"
            yield from keys_of(below, (*prefix, key, name))
        yield from keys_of(inner.get("items", {}), (*prefix, f"{key}[]"))


def test_every_key_of_capacity_is_explained():
    from wgs_pipeline.tables import load_schema

    lines = (CONFIG / "README.md").read_text(encoding="utf-8").splitlines()
    for key in keys_of(load_schema("capacity")):
        assert any(line.startswith(f"- `{key}`") for line in lines), key
