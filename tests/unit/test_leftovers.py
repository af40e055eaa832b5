"""Half-written files of killed jobs are removed, and nothing else."""

from __future__ import annotations

import subprocess

from wgs_pipeline.files import replacing
from wgs_pipeline.leftovers import remove_leftovers

KEPT = (
    *("alignment/S1.cram", "qc/S1/metrics.json", "qc/S.part/metrics.json", "report/run.html"),
    *("gvcf/pieces/S1/0000.g.vcf.gz", "gvcf/S1.part.g.vcf.gz", "ngd/S1.tmp.loaded.json"),
)


def make(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def test_what_rules_and_wgs_leave_is_removed(tmp_path):
    """With the names that mktemp and ``files.replacing`` give."""
    make(tmp_path, *KEPT)
    for name in ("alignment/S1.cram", "gvcf/pieces/S1/0001.g.vcf.gz"):
        command = ["mktemp", "--directory", tmp_path / f"{name}.XXXXXX.part"]
        made = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        make(tmp_path, f"{made}/cram")
    writer = replacing(tmp_path / "qc/S1/verdict.json")
    writer.__enter__().write_text("half")  # and killed there
    assert remove_leftovers(tmp_path) == 3
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == set(KEPT)
    writer.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)


def test_nothing_is_followed_out_of_the_results(tmp_path):
    make(tmp_path, "elsewhere/S1.cram.AAAAAA.part/cram")
    (tmp_path / "results").mkdir()
    (tmp_path / "results/alignment").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "results/qc").mkdir()
    (tmp_path / "results/qc/S1").symlink_to(tmp_path / "elsewhere")
    remove_leftovers(tmp_path / "results")
    assert (tmp_path / "elsewhere/S1.cram.AAAAAA.part/cram").exists()


def test_a_folder_that_no_run_wrote_to(tmp_path):
    assert remove_leftovers(tmp_path / "missing") == 0
