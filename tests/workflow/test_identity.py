"""Exchanged samples, a false father, a person registered twice: each is found, named and held.

One run of eight gVCFs (50 s).
"""

from __future__ import annotations

import gzip
import json
import subprocess

import pytest

from people import People
from running import loaded, write_project

#: Sample to (whose genome it is, patient, family, father, mother).
SAMPLES = {
    "child": ("child", "P-1", "first", "false_father", "mother"),
    "false_father": ("stranger", "P-2", "first", "", ""),
    "mother": ("mother", "P-3", "first", "", ""),
    "swapped_child": ("other", "P-4", "second", "other_father", ""),
    "other_father": ("other_father", "P-5", "second", "", ""),
    "swapped_other": ("other_child", "P-6", "third", "", ""),
    "mother_again": ("mother", "P-7", "fourth", "", ""),
    "unrelated": ("unrelated", "P-8", "fifth", "", ""),
}


def compressed(path):
    subprocess.run(["bgzip", "--force", path], check=True)
    return path.with_name(f"{path.name}.gz")


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    folder = tmp_path_factory.mktemp("identity")
    people = People(seed=11)
    for name in ("father", "mother", "stranger", "other_father", "other_mother", "other"):
        people.founder(name)
    people.child("child", "father", "mother")
    people.child("other_child", "other_father", "other_mother")
    people.founder("unrelated")
    rows, units = [], []
    for sample, (person, patient, family, father, mother) in SAMPLES.items():
        gvcf = compressed(people.write_gvcf(folder / f"{sample}.g.vcf", person, sample))
        rows.append(
            {
                **{"sample_id": sample, "patient_id": patient, "family_id": family},
                **{"father_id": father, "mother_id": mother},
            }
        )
        units.append({"sample_id": sample, "gvcf": str(gvcf)})
    fasta = people.write_fasta(folder / "genome.fa")
    project = write_project(
        folder / "project",
        rows,
        units,
        {"build": "small", "fasta": str(fasta)},
        qc={
            "identity": {"wait_for_family": True},
            "thresholds": {"ratio_heterozygous_homzygous_snv": None},  # of no population
        },
    )
    project.complete()
    return project


def verdict(project, sample):
    return json.loads((project.results / f"qc/{sample}/verdict.json").read_text())


def named(project, sample, level="hold"):
    """Samples that the reasons of a level name."""
    reasons = verdict(project, sample)["reasons"]
    return {each.get("other") for each in reasons if each["level"] == level}


def test_a_false_father_is_named_and_keeps_both_out(ended):
    assert verdict(ended, "child")["verdict"] == "hold"
    assert verdict(ended, "child")["next_action"] == "resolve identity"
    assert "false_father" in named(ended, "child")
    assert "mother" not in named(ended, "child")
    assert "child" in named(ended, "false_father")


def test_exchanged_samples_are_named(ended):
    held = named(ended, "swapped_child")
    assert "other_father" in held
    assert "swapped_child" in named(ended, "other_father")
    # Whoever of the two is judged second names the other one.
    assert "swapped_other" in held or "swapped_child" in named(ended, "swapped_other")


def test_a_person_registered_twice_is_held_at_the_latest_the_second_time(ended):
    mother, again = named(ended, "mother"), named(ended, "mother_again")
    assert "mother_again" in mother or "mother" in again


def test_nobody_who_is_held_is_in_the_database(ended):
    held = {name for name in SAMPLES if verdict(ended, name)["verdict"] == "hold"}
    assert held >= {"child", "false_father", "swapped_child", "other_father"}
    assert loaded(ended) == set(SAMPLES) - held
    info = json.loads(ended.wgs("ngd", "info", str(ended / "ngd")))
    assert info["genomes"] == len(SAMPLES) - len(held)


def test_a_second_registration_in_a_later_run_is_found_in_the_database(ended):
    """A person of the database comes as another patient, without the first one's files. 10 s."""
    inside = "unrelated"
    assert inside in loaded(ended)
    gvcf = gzip.decompress((ended.folder.parent / f"{inside}.g.vcf.gz").read_bytes()).decode()
    (ended / "later.g.vcf").write_text(gvcf.replace(f"\tFORMAT\t{inside}", "\tFORMAT\tlater"))
    compressed(ended / "later.g.vcf")
    people, units, consents = (
        ended.rows(f"{name}.tsv") for name in ("samples", "units", "consents")
    )
    later = {"sample_id": "later", "patient_id": "P-9", "sex": "unknown"}
    ended.write_rows("samples.tsv", people[0], [later])
    ended.write_rows("units.tsv", units[0], [{"sample_id": "later", "gvcf": "later.g.vcf.gz"}])
    event = {**consents[0], "patient_id": "P-9"}
    ended.write_rows("consents.tsv", consents[0], [*consents, event])
    ended.complete()
    judged = verdict(ended, "later")
    assert judged["verdict"] == "hold"
    assert [(each["metric"], each["other"]) for each in judged["reasons"]] == [
        ("database_identity", inside)
    ]
    assert "P-9" not in json.dumps(judged)
    assert "later" not in loaded(ended)
