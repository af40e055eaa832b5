from datetime import UTC, datetime

import pytest

from wgs_pipeline.errors import ProblemsError
from wgs_pipeline.project import Project


def test_a_project(small_project):
    small_project.add_sample("S2", "person-two", "male\tF1\t\t", cram="S2.cram")
    small_project.add_sample("S3", "person-three", "male\t\t\t", gvcf="S3.g.vcf.gz")
    withdrawn = "\tanalysis\twithdrawn\t2025-01-01T00:00:00Z\t2025-01-01T00:00:00Z\tx\n"
    small_project.append("consents.tsv", "person-two" + withdrawn)
    project = Project.load(small_project.path("config.yaml"))
    assert list(project.samples) == ["S1", "S2", "S3"]
    assert project.analysed == ["S1", "S3"]
    assert list(project.excluded) == ["S2"]
    assert "withdrawn" in project.excluded["S2"].reason
    assert project.families == {"F1": ["S1"], "S3": ["S3"]}
    assert [unit.kind for units in project.units.values() for unit in units] == [
        "fastq",
        "cram",
        "gvcf",
    ]
    before = Project.load(small_project.path("config.yaml"), as_of=datetime(2024, 6, 1, tzinfo=UTC))
    assert before.analysed == ["S1", "S2", "S3"]


def test_no_input_is_opened(small_project):
    for name in ("S1_R1.fastq.gz", "S1_R2.fastq.gz", "reference.fa"):
        small_project.path(name).unlink()
    assert Project.load(small_project.path("config.yaml")).analysed == ["S1"]


def test_nobody_is_analysed_without_a_register(small_project):
    small_project.write("consents.tsv", "")
    with pytest.raises(ProblemsError, match="without consent nothing is analysed"):
        Project.load(small_project.path("config.yaml"))


def test_problems_of_all_sheets_come_together(small_project):
    small_project.append("samples.tsv", "S 2\tp\tF\t\t\t\n")
    small_project.append("units.tsv", "S9" + "\t" * 7 + "x.cram\n")
    small_project.append("consents.tsv", "p\tx\tgiven\t2024-01-01\t2024-01-01T00:00:00Z\t\n")
    small_project.append("config.yaml", "truth: {S8: {vcf: a, bed: b}}\n")
    with pytest.raises(ProblemsError) as error:
        Project.load(small_project.path("config.yaml"))
    found = {(problem.file.rpartition("/")[2], problem.line) for problem in error.value.problems}
    assert found == {
        ("samples.tsv", 3),
        ("units.tsv", 3),
        ("consents.tsv", 3),
        ("config.yaml", 11),
    }


def test_overrides(small_project):
    project = Project.load(small_project.path("config.yaml"), {"calling": {"scatter_count": 9}})
    assert project.config.calling.scatter_count == 9
