"""Names that a shell, a path or a template could take for its own, through the real workflow.

Where a name is free to be anything a file system allows (folders, files of reads), a project whose
names are as odd as may be runs to the end; all others are refused before any job. Costs 30 s.
"""

from __future__ import annotations

import pytest
import yaml

from running import REPOSITORY, write_project

#: What a path may hold; `wgs check` refuses quotes, braces, wildcards and shell characters.
ODD = "it (1) [x] #2 ~a!b=c@d%41 +,-ø"
HOSTILE = (
    "$(touch x)", "`touch x`", "a;touch x", "a|touch x", "a&touch x", "a>x", "'a'", '"a"',
    "{sample}", "a{0}", "a\\x", "*", "a?",
)  # fmt: skip
NAMES = ("library_id", "flowcell", "lane")


@pytest.fixture(scope="module")
def toy(toy_run):
    return toy_run.project


def reference_of(project):
    return {"build": "toy", "fasta": str(project / "reference/toy.fa")}


def test_a_project_of_odd_names_runs_to_the_end(toy, tmp_path):
    """From a CRAM and a gVCF, which are copied to files of odd names too."""
    config = yaml.safe_load(toy.config.read_text())
    folder = tmp_path / ODD
    folder.mkdir()
    sources = {
        "toy_unrelated": "alignment/toy_unrelated.cram",
        "toy_father": "gvcf/toy_father.g.vcf.gz",
    }
    names = {"toy_unrelated": f"{ODD}.cram", "toy_father": f"{ODD}.g.vcf.gz"}
    people = [row for row in toy.rows("samples.tsv") if row["sample_id"] in sources]
    units = [
        {"sample_id": sample, name.split(".")[-1].replace("gz", "gvcf"): name}
        for sample, name in names.items()
    ]
    project = write_project(
        folder / "project", people, units, reference_of(toy), calling=config["calling"],
        qc=config["qc"], structural={},
    )  # fmt: skip
    for sample, name in names.items():
        (project / name).write_bytes((toy.results / sources[sample]).read_bytes())
    (project / "consents.tsv").write_bytes((toy / "consents.tsv").read_bytes())
    run = project.complete()
    assert run.jobs["load_genome"] == 2
    assert (project.results / "report/run.html").exists()
    assert {each.name for each in tmp_path.iterdir()} == {ODD}
    assert {each.name for each in folder.iterdir()} <= {"project", "project.txt", "project.tmp"}


def test_names_that_would_be_commands_are_refused_before_any_job(toy, tmp_path):
    """Every hostile cell of the sheets in one run, each named by its line."""
    toy_units = toy.rows("units.tsv")
    good = next(row for row in toy_units if row["fastq_1"])
    cells = [(name, word) for name in NAMES for word in (*HOSTILE, "../a", "a/b", "-x", "a b")]
    cells += [
        (name, f"reads/{word}.fastq.gz") for name in ("fastq_1", "fastq_2") for word in HOSTILE
    ]
    cells += [
        (name, f"{word}.{name}") for name in ("cram", "gvcf", "target_bed") for word in HOSTILE
    ]
    people = [{"sample_id": good["sample_id"], "patient_id": "SYN-0001", "family_id": "F1"}]
    units = [
        {**good, "lane": f"{number:04}", name: word} for number, (name, word) in enumerate(cells)
    ]
    before = {path for path in REPOSITORY.iterdir()}
    project = write_project(tmp_path / "project", people, units, reference_of(toy))
    run = project.run()
    assert run.code != 0
    assert run.jobs == {}
    assert "Traceback" not in run.output
    missing = [
        (number, cells[number - 2])
        for number in range(2, len(cells) + 2)
        if f"units.tsv:{number}: {cells[number - 2][0]} is " not in run.output
    ]
    assert missing == []
    assert not [path for path in tmp_path.rglob("*") if path.name in ("x", "a")]
    assert {path for path in REPOSITORY.iterdir()} == before
    assert not project.results.exists() or not list(project.results.iterdir())


@pytest.mark.parametrize("name", ["sample_id", "family_id", "father_id", "mother_id"])
def test_names_of_people_too(toy, tmp_path, name):
    words = (*HOSTILE, "../a", "a/../../b", "-x")
    people = [
        {"sample_id": f"S{number}", "patient_id": f"SYN-{number:04}", name: word}
        for number, word in enumerate(words)
    ]
    project = write_project(tmp_path / "project", people, [], reference_of(toy))
    said = project.run("--dry-run").output if name == "sample_id" else checked(project)
    for number in range(2, len(words) + 2):
        assert f"samples.tsv:{number}: {name} is " in said
    assert not [path for path in tmp_path.rglob("*") if path.name in ("x", "a", "b")]


def checked(project):
    """What `wgs check` says; it says the same as a run, and starts sooner."""
    import subprocess

    from running import BIN

    done = subprocess.run(
        [BIN / "wgs", "check", project.config], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr
