"""Archive copies of a run: encrypted for the recipients of the configuration alone."""

from __future__ import annotations

import subprocess

import pytest
import yaml

from running import BIN


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    from crypt4gh.keys import c4gh

    folder = tmp_path_factory.mktemp("keys")
    pairs = {}
    for name in ("hospital", "institute", "stranger"):
        pairs[name] = (folder / f"{name}.sec", folder / f"{name}.pub")
        c4gh.generate(*map(str, pairs[name]), None, None)
    return pairs


@pytest.fixture(scope="module")
def archived(toy_run, keys):
    """The project after a run that was told two recipients; its configuration is put back."""
    project = toy_run.project
    text = project.config.read_text()
    assert "archive" not in yaml.safe_load(text)
    assert not (project.results / "archive").exists()
    project.edit_config(
        archive={"recipients": [str(keys[name][1]) for name in ("hospital", "institute")]}
    )
    sample = next(row["sample_id"] for row in project.rows("samples.tsv"))
    wanted = [f"archive/{sample}.cram.c4gh", f"archive/{sample}.g.vcf.gz.c4gh"]
    try:
        run = project.complete("--", *wanted)
        assert run.jobs == {"archive_alignment": 1, "archive_gvcf": 1}

        yield project, sample
    finally:
        project.config.write_text(text)


def crypt4gh(secret, copy):
    with copy.open("rb") as file:
        return subprocess.run(
            [BIN / "crypt4gh", "decrypt", "--sk", secret], stdin=file, capture_output=True,
            check=False,
        )  # fmt: skip


@pytest.mark.parametrize("recipient", ["hospital", "institute"])
def test_the_crypt4gh_command_opens_them_for_each_recipient(archived, keys, recipient):
    project, sample = archived
    for copy, of in (
        (f"{sample}.cram.c4gh", f"alignment/{sample}.cram"),
        (f"{sample}.g.vcf.gz.c4gh", f"gvcf/{sample}.g.vcf.gz"),
    ):
        path = project.results / "archive" / copy
        assert path.stat().st_mode & 0o777 == 0o600
        done = crypt4gh(keys[recipient][0], path)
        assert done.returncode == 0, done.stderr
        assert done.stdout == (project.results / of).read_bytes()


def test_nobody_else_opens_them(archived, keys):
    project, sample = archived
    path = project.results / "archive" / f"{sample}.cram.c4gh"
    original = (project.results / f"alignment/{sample}.cram").read_bytes()
    assert crypt4gh(keys["stranger"][0], path).stdout == b""
    content = path.read_bytes()
    assert content.startswith(b"crypt4gh")
    assert not any(original[at : at + 32] in content for at in range(0, len(original) - 32, 4096))


def test_a_key_that_is_none_is_found_before_the_run(toy_run, archived, tmp_path):
    project, _ = archived
    before = project.config.read_text()
    (tmp_path / "no.pub").write_text("nothing\n")
    try:
        for recipient in (tmp_path / "no.pub", tmp_path / "missing.pub"):
            project.edit_config(archive={"recipients": [str(recipient)]})
            run = project.run()
            assert run.code != 0
            assert str(recipient) in run.output  # a missing one is named by Snakemake itself
            assert "public key" in run.output or "affected files" in run.output
            assert run.jobs == {}
            assert "Traceback" not in run.output
    finally:
        project.config.write_text(before)
