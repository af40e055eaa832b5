from __future__ import annotations

import os

import pytest

from running import write_project
from wgs_pipeline.project import Project


def hollow(path, size):
    """A file of so many bytes that takes no room."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.truncate(path, size)
    return str(path)


@pytest.fixture
def family(tmp_path):
    """Trio of 30x genomes, against a reference of 3.1 Gb; the father comes as a CRAM."""
    people = [
        {"sample_id": name, "patient_id": f"P-{name}", "sex": sex, "family_id": "F1"}
        for name, sex in (("child", "male"), ("father", "male"), ("mother", "female"))
    ]
    units = [
        {
            **{"sample_id": name, "library_id": "A", "flowcell": "FLOW", "lane": lane},
            "fastq_1": hollow(tmp_path / f"{name}_{lane}_R1.fastq.gz", 14_000_000_000),
            "fastq_2": hollow(tmp_path / f"{name}_{lane}_R2.fastq.gz", 16_000_000_000),
        }
        for name in ("child", "mother")
        for lane in ("L1", "L2")
    ]
    cram = hollow(tmp_path / "father.cram", 18_000_000_000)
    fasta = hollow(tmp_path / "genome.fa", 3_150_000_000)
    (tmp_path / "genome.fa.fai").write_text(
        "chr1\t2000000000\t6\t60\t61\nchr2\t1100000000\t6\t60\t61\n"
    )
    project = write_project(
        tmp_path / "project",
        people,
        [*units, {"sample_id": "father", "cram": cram}],
        {"build": "GRCh38", "fasta": fasta},
        calling={"scatter_count": 10},
    )
    return Project.load(project.config)
