"""Research is answered by a process that may not read the other plane at all."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from export_builders import Study, write_project

from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.vault import Vault

WGS = str(Path(sys.executable).with_name("wgs"))
REFUSING = 1


def _bound() -> list[str]:
    """What makes permission bits bind: nothing, unless we are root."""
    if os.geteuid() != 0:
        return []
    bound = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search",
             "--inh-caps", "-dac_override,-dac_read_search"]  # fmt: skip
    if not shutil.which("setpriv") or subprocess.run([*bound, "true"], check=False).returncode:
        pytest.skip("root, and setpriv cannot take the right to ignore permissions away")
    return bound


@pytest.fixture
def denied(tmp_path: Path) -> Iterator[tuple[Study, list[Path]]]:
    """A database whose other plane, shards of that plane included, no one may read."""
    study = Study(tmp_path)
    for number in range(7):
        study.add(number, [f"chr1 {10 + number} A G,<*> . . GT:DP:GQ 0/1:30:50"])
    study.refuse(REFUSING)
    study.compact()
    study.publish()
    root = Root.open(study.path)
    with Vault(root.vault) as vault:
        (genome,) = vault.genomes_of(study.person(REFUSING).replace("-", ""))
    closed = [study.path / "index" / "care_only", study.path / "counts" / "care_only",
              root.shard(genome.shard)]  # fmt: skip
    modes = [each.stat().st_mode for each in closed]
    for each in closed:
        each.chmod(0)
    yield study, closed
    for each, mode in zip(closed, modes, strict=True):
        each.chmod(mode)


def test_exports_and_answers_need_no_right_to_read_the_other_plane(denied, tmp_path: Path):
    study, closed = denied
    bound = _bound()

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*bound, *command], capture_output=True, text=True, check=False)

    for each in closed:
        assert run("ls", str(each)).returncode != 0, "the bits bind"
    root, project = str(study.path), ("--project", str(study.project))
    wide = ["--format", "parquet", "--format", "vcf", "--format", "bcf"]
    done = run(WGS, "ngd", "export", root, *project, *wide, "-o", str(tmp_path / "genotypes"))
    assert done.returncode == 0, done.stderr
    counts = run(WGS, "ngd", "export", root, *project, "--frequencies-only", "-o",
                 str(tmp_path / "counts"))  # fmt: skip
    assert counts.returncode == 0, counts.stderr
    asked = run(WGS, "ngd", "region", root, "chr1", "--purpose", "research", *project)
    assert asked.returncode == 0, asked.stderr
    table = pq.read_table(tmp_path / "genotypes" / "samples.parquet")
    assert table.num_rows == 6
    assert {each.name for each in (tmp_path / "genotypes").iterdir()} >= {
        "manifest.json", "data_dictionary.tsv", "genotypes.vcf.gz", "genotypes.bcf", "genotypes",
        "frequencies.parquet",
    }  # fmt: skip
    care = run(WGS, "ngd", "region", root, "chr1", "--purpose", "care")
    assert care.returncode != 0, "care does read the other plane, so the test would have noticed"


def test_what_was_denied_changes_nothing(denied, tmp_path: Path):
    """The same data set, byte for byte but for the moment, as by a process that may read all."""
    study, closed = denied
    bound = _bound()
    other = write_project(tmp_path / "other.yaml", id="p1")
    out = tmp_path / "denied"
    command = [WGS, "ngd", "export", str(study.path), "--project", str(other), "-o", str(out)]
    subprocess.run([*bound, *command], check=True, capture_output=True)
    for each in closed:
        each.chmod(0o700)
    free, _ = study.export("free")
    names = {str(each.relative_to(out)) for each in out.rglob("*") if each.is_file()}
    assert names == {str(each.relative_to(free)) for each in free.rglob("*") if each.is_file()}
    for name in names - {"manifest.json"}:
        if name.endswith(".parquet") or name.endswith(".tsv"):
            assert (out / name).read_bytes() == (free / name).read_bytes()
