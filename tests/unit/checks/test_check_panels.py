from pathlib import Path

import pytest

from wgs_pipeline.checks.panels import check_contamination_sites, check_panel
from wgs_pipeline.config import Config, load_config

LENGTHS = {"chr1": 1000, "chr2": 500}
CONFIG = """
samples: samples.tsv
units: units.tsv
consents: consents.tsv
results: results
reference: {build: toy, fasta: toy.fa}
ngd: {root: ngd, vault: vault}
"""


def config(folder: Path, panel: str | None) -> Config:
    path = folder / "config.yaml"
    path.write_text(CONFIG + ("qc:\n  panel: panel.bed\n" if panel is not None else ""))
    if panel:
        (folder / "panel.bed").write_text(panel)
    return load_config(path)


def test_a_panel_inside_the_reference_is_fine(tmp_path: Path) -> None:
    assert check_panel(config(tmp_path, None), LENGTHS) == []
    read = config(tmp_path, "chr1\t10\t1000\tAAA\nchr2\t0\t5\tBBB\n")
    assert read.qc.panel == tmp_path / "panel.bed"
    assert check_panel(read, LENGTHS) == []


@pytest.mark.parametrize(
    ("panel", "found"),
    [
        ("", "qc.panel does not exist"),
        ("chr1\t10\t1001\tAAA\n", "qc.panel has AAA at chr1:11-1001"),
        ("1\t10\t20\tAAA\n", "qc.panel has AAA at 1:11-20"),
        ("chr1\t10\n", "'chr1\\t10'"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, panel: str, found: str) -> None:
    (problem,) = check_panel(config(tmp_path, panel), LENGTHS)
    assert problem.found.startswith(found)
    assert Path(problem.file).name in {"config.yaml", "panel.bed"}


def test_absent_sites_are_named(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG + "qc:\n  contamination_sites: sites.vcf.gz\n")
    (problem,) = check_contamination_sites(load_config(path))
    assert problem.found == "qc.contamination_sites does not exist"
    (tmp_path / "sites.vcf.gz").write_text("x")
    assert check_contamination_sites(load_config(path)) == []
