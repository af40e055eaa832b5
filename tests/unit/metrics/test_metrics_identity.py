"""Identity: fingerprints of gVCFs, what the sheet expects, and what each contradiction comes to."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from people import People
from wgs_pipeline.errors import WgsError
from wgs_pipeline.fingerprints import Panel, dosage_matrix, nothing_examined, read_fingerprint
from wgs_pipeline.metrics.identity import (
    DATABASE,
    RELATEDNESS,
    Pair,
    compare,
    expected_relation,
    judge_identity,
    read_findings,
    too_few,
)
from wgs_pipeline.metrics.places import read_sites
from wgs_pipeline.metrics.relatedness import Kinship, Relation
from wgs_pipeline.ngd.lookalikes import fingerprint_of_gvcf
from wgs_pipeline.ngd.records import Rule
from wgs_pipeline.sheets import Sample

CHILD = Sample("child", "p1", "male", "F", "father", "mother")
FATHER = Sample("father", "p2", "male", "F")
MOTHER = Sample("mother", "p3", "female", "F")
BROTHER = Sample("brother", "p4", "male", "F", "father", "mother")
STRANGER = Sample("stranger", "p5", "female", "G")

SAME, PARENT = Kinship(0.49, 1, 400, 1000), Kinship(0.25, 2, 300, 1000)
SIBLINGS, HALF = Kinship(0.25, 30, 300, 1000), Kinship(0.12, 60, 200, 1000)
NOBODY = Kinship(0.0, 120, 150, 1000)


@pytest.fixture(scope="module")
def people():
    people = People(n_sites=1500)
    for name in ("father", "mother", "stranger"):
        people.founder(name)
    people.child("child", "father", "mother")
    return people


@pytest.fixture
def take(people, tmp_path):
    panel = Panel.of({"chr1": people.length})

    def fingerprint(person, sample=None, hidden=None, panel=panel):
        name = sample or person
        gvcf = people.write_gvcf(tmp_path / f"{name}.g.vcf", person, name, hidden)
        return fingerprint_of_gvcf(gvcf, name, panel, {"chr1": people.length}, Rule(10, 20))

    return fingerprint


def test_a_fingerprint_holds_what_the_person_carries(people, take):
    found = take("child")
    dosages = people.dosages("child")
    assert (found.keys // 16).tolist() == people.positions[dosages > 0].tolist()
    assert found.dosages.tolist() == dosages[dosages > 0].tolist()
    assert (found.starts.tolist(), found.ends.tolist()) == ([0], [people.length])


def test_what_was_not_examined_is_missing_and_not_reference(people, take):
    low, high = 20_000, 50_000
    prints = [take("child"), take("father", hidden={low: high})]
    matrix = dosage_matrix(prints)
    either = (people.dosages("child") > 0) | (people.dosages("father") > 0)
    away = (people.positions >= low) & (people.positions < high)
    # In the stretch only the child says that there is a site.
    shown = either & (~away | (people.dosages("child") > 0))
    assert matrix[0].tolist() == people.dosages("child")[shown].tolist()
    expected = np.where(away, -1, people.dosages("father"))[shown]
    assert matrix[1].tolist() == expected.tolist()


def test_fingerprints_are_read_back_and_damage_is_named(take, tmp_path):
    one = take("child")
    path = tmp_path / "one.npz"
    one.write(path)
    read = read_fingerprint(path)
    assert (read.sample, read.panel) == (one.sample, one.panel)
    for name in ("keys", "dosages", "starts", "ends"):
        np.testing.assert_array_equal(getattr(read, name), getattr(one, name))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(WgsError, match=r"one\.npz: no fingerprint"):
        read_fingerprint(path)


def test_panels_of_other_sites_are_not_compared(people, take, tmp_path):
    bed = tmp_path / "sites.bed"
    chosen = people.positions[::3]
    bed.write_text("".join(f"chr1\t{at}\t{at + 1}\n" for at in chosen))
    panel = Panel.of({"chr1": people.length}, read_sites(bed))
    listed = take("child", panel=panel)
    dosages = people.dosages("child")[::3]
    assert (listed.keys // 16).tolist() == chosen[dosages > 0].tolist()
    with pytest.raises(WgsError, match="different references or sites"):
        dosage_matrix([listed, take("father")])


def test_sites_of_a_vcf_are_those_of_a_bed(people, tmp_path):
    gvcf = people.write_gvcf(tmp_path / "s.vcf", "stranger", "stranger")
    positions = [int(line.split("\t")[1]) - 1 for line in gvcf.read_text().splitlines()[9:]]
    assert read_sites(gvcf)["chr1"].tolist() == positions


def test_windows_are_spread_over_a_large_genome():
    panel = Panel.of({"chr1": 200_000_000, "chr2": 100_000_000})
    assert len(panel.starts) == 10_000
    assert int((panel.ends - panel.starts).sum()) == 10_000_000
    assert panel.starts[0] == 0
    assert panel.ends[-1] == 300_000_000
    assert (panel.starts[1:] > panel.ends[:-1]).all()
    assert panel.contains(np.array([0, 999, 1000, 299_999_999])).tolist() == [
        True, True, False, True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other", "relation"),
    [
        (CHILD, FATHER, Relation.PARENT_CHILD),
        (MOTHER, CHILD, Relation.PARENT_CHILD),
        (CHILD, BROTHER, Relation.SIBLINGS),
        (FATHER, MOTHER, None),
        (CHILD, STRANGER, Relation.UNRELATED),
        (CHILD, replace(STRANGER, patient_id="p1"), Relation.SAME),
    ],
)
def test_what_the_sheet_expects(one, other, relation):
    assert expected_relation(one, other) is relation


@pytest.mark.parametrize(
    ("expected", "found", "level"),
    [
        (Relation.PARENT_CHILD, PARENT, None),
        (Relation.PARENT_CHILD, NOBODY, "hold"),
        (Relation.PARENT_CHILD, SIBLINGS, "hold"),
        (Relation.PARENT_CHILD, SAME, "hold"),
        (Relation.SIBLINGS, SIBLINGS, None),
        (Relation.SIBLINGS, HALF, "warn"),
        (Relation.SIBLINGS, NOBODY, "hold"),
        (Relation.SIBLINGS, PARENT, "hold"),
        (Relation.SIBLINGS, SAME, "hold"),
        (Relation.SAME, SAME, None),
        (Relation.SAME, PARENT, "hold"),
        (Relation.SAME, NOBODY, "hold"),
        (Relation.UNRELATED, NOBODY, None),
        (Relation.UNRELATED, HALF, None),
        (Relation.UNRELATED, PARENT, "warn"),
        (Relation.UNRELATED, SAME, "hold"),
        (None, HALF, None),
        (None, PARENT, None),
        (None, SAME, "hold"),
    ],
)
def test_what_a_pair_comes_to(expected, found, level):
    pair = Pair("other", RELATEDNESS, found, expected)
    findings = judge_identity("S1", [pair], 500, {}).findings
    assert [reason.level for reason in findings.reasons] == ([level] if level else [])
    for reason in findings.reasons:
        assert reason.other == "other"
        assert "other" in str(reason.value)
    assert (RELATEDNESS in findings.passed) is (level is None)


def test_a_genome_with_few_snvs_is_compared_with_none(people, take):
    one = take("child")
    carried = int((people.dosages("child") > 0).sum())
    assert too_few(one, 2 * carried) == ""
    assert too_few(one, 2 * carried + 2) == (
        f"it carries {carried:,} SNVs where genomes are compared; expected {carried + 1:,}"
    )
    panel = Panel.of({"chr1": people.length})
    assert too_few(nothing_examined("child", panel), 10) == "the sample was not called"


def test_too_few_sites_are_not_judged(people, take):
    pair = compare(take("child"), take("father", "father"), RELATEDNESS, Relation.SAME)
    few = judge_identity("child", [pair], pair.found.sites + 1, {DATABASE: "there is none"})
    assert few.findings.reasons == []
    assert few.findings.passed == []
    assert dict(few.findings.not_judged) == {
        RELATEDNESS: f"{pair.found.sites:,} sites in common with father; "
        f"expected {pair.found.sites + 1:,}",
        DATABASE: "there is none",
    }
    assert judge_identity("child", [pair], pair.found.sites, {}).findings.reasons


def test_findings_are_read_back_for_the_verdict(take, tmp_path):
    pair = compare(take("child"), take("stranger"), RELATEDNESS, Relation.PARENT_CHILD)
    judged = judge_identity("child", [pair], 100, {DATABASE: "there is none"})
    path = tmp_path / "identity.json"
    path.write_text(json.dumps(judged.as_json()))
    read = read_findings([path], "child")
    assert read.reasons == judged.findings.reasons
    assert read.passed == judged.findings.passed
    assert read.not_judged == judged.findings.not_judged
    with pytest.raises(WgsError, match="is of sample child; expected other"):
        read_findings([path], "other")
    path.write_text("{}")
    with pytest.raises(WgsError, match="not the output of wgs qc identity"):
        read_findings([path], "child")
