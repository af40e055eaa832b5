import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from wgs_pipeline.cli import cli, main
from wgs_pipeline.files import write_json
from wgs_pipeline.metrics.sample import SampleMetrics

CONFIG = """
samples: samples.tsv
units: units.tsv
consents: consents.tsv
results: results
reference: {build: toy, fasta: toy.fa}
ngd: {root: ngd, vault: vault}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    return path


def run(*arguments: object, text: str | None = None) -> int:
    return CliRunner().invoke(cli, ["qc", *map(str, arguments)], input=text).exit_code


def test_verdict_then_cohort(
    config: Path, make_metrics: Callable[..., SampleMetrics], tmp_path: Path
) -> None:
    folder = tmp_path / "qc" / "S1"
    write_json(folder / "metrics.json", make_metrics(mean_autosome_coverage=20.0).as_json())
    given = ("--metrics", folder / "metrics.json", "--config", config)
    assert run("verdict", *given, "-o", folder / "verdict.json") == 0
    verdict = json.loads((folder / "verdict.json").read_text())
    assert (verdict["verdict"], verdict["next_action"]) == ("fail", "top up 50 Gb to reach 30x")
    table, content = tmp_path / "samples.tsv", tmp_path / "multiqc_content"
    given = ("--qc-dir", tmp_path / "qc", "--samples-list", "-", "--multiqc-dir", content)
    assert run("cohort", *given, "-o", table, text="S1\n\n") == 0
    assert table.read_text().splitlines()[1].startswith("S1\tfail\ttop up 50 Gb to reach 30x\t")
    assert sorted(path.name for path in content.iterdir()) == [
        "wgs_general_mqc.json",
        "wgs_metrics_mqc.json",
        "wgs_verdict_mqc.json",
    ]


def test_verdict_of_a_tumour_with_an_override(
    config: Path, make_metrics: Callable[..., SampleMetrics], tmp_path: Path
) -> None:
    write_json(tmp_path / "metrics.json", make_metrics(mean_autosome_coverage=45.0).as_json())
    given = ("--metrics", tmp_path / "metrics.json", "--config", config)
    output = tmp_path / "verdict.json"

    def verdict(*more: str) -> tuple[str, str]:
        assert run("verdict", *given, *more, "-o", output) == 0
        document = json.loads(output.read_text())
        return document["verdict"], document["next_action"]

    assert verdict() == ("pass", "load")
    # (60 - 45) / 45 of 100 Gb is 33.33…, rounded up
    assert verdict("--material", "tumour") == ("fail", "top up 33.4 Gb to reach 60x")
    (tmp_path / "overrides.tsv").write_text(
        "sample_id\tmetric\tsigned_by\tsigned_at\treason\n"
        "S1\tmean_autosome_coverage\tA. Olsen\t2025-03-01T09:00:00Z\tno more tissue\n"
        "S2\tduplication\tA. Olsen\t2025-03-01T09:00:00Z\tanother sample\n"
    )
    config.write_text(CONFIG + "qc: {overrides: overrides.tsv}\n")
    assert verdict("--material", "tumour") == ("warn", "load")


def test_regions_have_no_n_and_are_cut_at_par(tmp_path: Path) -> None:
    fasta, par = tmp_path / "toy.fa", tmp_path / "par.bed"
    fasta.write_text(">chr1\nACGTNNACGT\n>chrX\nACGTACGTAC\n")
    Path(f"{fasta}.fai").write_text("chr1\t10\t6\t10\t11\nchrX\t10\t23\t10\t11\n")
    par.write_text("chrX\t0\t4\n")
    given = ("--reference", fasta, "--par-bed", par, "--autosomes", tmp_path / "autosomes.bed")
    assert run("regions", *given, "-o", tmp_path / "regions.bed") == 0
    autosomes = "chr1\t0\t4\nchr1\t6\t10\n"
    assert (tmp_path / "autosomes.bed").read_text() == autosomes
    assert (tmp_path / "regions.bed").read_text() == autosomes + "chrX\t0\t4\nchrX\t4\t10\n"


def test_a_bad_input_leaves_no_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "stats.txt").write_text("SN\tsequences:\t4\n")
    output = tmp_path / "metrics.json"
    arguments = ["qc", "metrics", "--sample", "S1", "--sex", "male", "-o", str(output)]
    with pytest.raises(SystemExit) as stopped:
        main([*arguments, "--samtools-stats", str(tmp_path / "stats.txt")])
    assert stopped.value.code == 1
    assert "it may be cut short" in capsys.readouterr().err
    assert not output.exists()


def test_an_assay_that_there_is_not(config: Path, tmp_path: Path) -> None:
    given = ("--metrics", tmp_path / "metrics.json", "--config", config)
    assert run("verdict", *given, "--assay", "genome", "-o", tmp_path / "verdict.json") == 2


def test_an_alignment_is_not_written_over(tmp_path: Path) -> None:
    cram, bed, fai = tmp_path / "S1.cram", tmp_path / "regions.bed", tmp_path / "ref.fa.fai"
    cram.write_bytes(b"reads")
    bed.write_text("chr1\t0\t100\n")
    fai.write_text("chr1\t100\t6\t60\t61\n")
    given = (cram, "--reference", tmp_path / "ref.fa", "--regions", bed)
    assert run("alignment", *given, "--samtools-stats", tmp_path / "s.txt", "-o", cram) == 1
    assert cram.read_bytes() == b"reads"
