"""Results that cannot be written: a folder or file system that is read-only, a full disk.

The full disk is a small tmpfs, for which the tests must be root. 60 s.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest

from rules import need
from running import BIN, Project, copy_inputs, loaded, make_toy, unfinished
from wgs_pipeline.aligners import ALIGNERS

needs_mount = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a tmpfs needs root")


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """One sample of the toy."""
    toy = make_toy(tmp_path_factory.mktemp("disk") / "toy", 0.1)
    for sheet in ("samples.tsv", "units.tsv"):
        rows = toy.rows(sheet)
        kept = [row for row in rows if row["sample_id"] == "toy_unrelated"]
        toy.write_rows(sheet, rows[0], kept)
    thresholds = {"yield_bp_q30": None, "ratio_heterozygous_homzygous_snv": None}
    toy.edit_config(calling={"scatter_count": 1}, truth={}, qc={"thresholds": thresholds})
    return toy


@pytest.fixture
def project(toy, tmp_path):
    return copy_inputs(toy, tmp_path / "project")


def mount(folder, options):
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a tmpfs cannot be mounted here")


@pytest.fixture
def results(project):
    """The results folder of the project, for a file system of its own."""
    yield project.results
    subprocess.run(["umount", "--lazy", project.results], capture_output=True, check=False)


def refused(project: Project):
    run = project.run()
    assert run.code != 0
    assert "Traceback" not in run.output
    assert "localrule" not in run.output
    assert not (project / "ngd").exists()
    return run.output


def test_read_only_results_folder(project):
    project.results.mkdir()
    project.results.chmod(0o555)
    said = refused(project)
    assert str(project.results) in said
    assert "read-only" in said or "cannot be written" in said or "Permission denied" in said


@needs_mount
def test_read_only_file_system(project, results):
    mount(results, "ro,size=1m")
    said = refused(project)
    assert str(results) in said
    assert "Read-only file system" in said or "cannot be written" in said


@needs_mount
@pytest.mark.parametrize("size", ["300k", "500k"])  # full at the reference's index, at the CRAM
def test_a_disk_that_fills_up(project, results, size):
    mount(results, f"size={size}")
    run = project.run()
    assert run.code != 0
    assert "No space left on device" in run.output or re.search(r"\n +0 .*/results\n", run.output)
    assert "Traceback" not in run.output
    assert loaded(project) == set()
    assert unfinished(results) == []
    assert list((results / "alignment").glob("*")) == []


def crowding(tool, first_argument, folder, results):
    """A tool that runs when others have filled the disk of the results: 40 kB are left."""
    folder.mkdir()
    real = shutil.which(tool, path=os.pathsep.join([str(BIN), os.environ["PATH"]]))
    ballast = results / "ballast"
    (folder / tool).write_text(f"""#!/bin/bash
if [[ $1 == {first_argument} ]]; then
    dd if=/dev/zero of={ballast} bs=4k 2>/dev/null
    truncate --size=-40K {ballast}
fi
exec {real} "$@"
""")
    (folder / tool).chmod(0o755)
    return folder


@needs_mount
@pytest.mark.parametrize(
    ("tool", "first_argument", "target"),
    [
        ("fastp", "--in1", "qc/toy_unrelated/HSYN2DSXX.L001.toy_unrelated_A.fastp.json"),
        ("minibwa", "index", "reference/minibwa/genome.mbw"),
        ("bwa-mem2", "index", "reference/bwa-mem2/genome.bwt.2bit.64"),
    ],
)
def test_a_tool_that_does_not_say_when_the_disk_is_full(
    project, results, tmp_path, tool, first_argument, target
):
    """It exits with 0; with an index that was cut short minibwa would align reads elsewhere."""
    if tool in ALIGNERS:
        need(tool)
        project.edit_config(aligner={"name": tool})
    mount(results, "size=2m")
    tools = crowding(tool, first_argument, tmp_path / "tools", results)
    run = Project(project.folder, tools).run("--", target)
    assert run.code != 0
    assert "No space left on device" in run.output
    assert unfinished(results) == []
    assert not (results / target).exists()
    (results / "ballast").unlink()
    project.complete("--", target)
    assert (results / target).stat().st_size > 40 * 1024


@needs_mount
def test_after_a_full_disk_was_made_larger_the_same_command_finishes(project, results):
    mount(results, "size=560k")
    assert project.run().code != 0
    subprocess.run(["mount", "-o", "remount,size=64m", results], check=True)
    project.complete()
    assert loaded(project) == {"toy_unrelated"}
    assert unfinished(results) == []
