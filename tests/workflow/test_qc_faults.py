"""Planted faults show in the metric that they are known by, through the real tools.

Synthetic, seeded: a genome of 130 kb with an SNV every 50 bases, two persons, single reads of 100
bases. A lane that is cut short is refused before it is aligned (tests/faults).
"""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from running import REPOSITORY
from wgs_pipeline import reference
from wgs_pipeline.config import load_config
from wgs_pipeline.files import write_json
from wgs_pipeline.metrics.alignment_pass import Regions, tally_alignment
from wgs_pipeline.metrics.catalogue import NotApplicable
from wgs_pipeline.metrics.lanes import lane_metrics, read_lane_stats
from wgs_pipeline.metrics.sample import SampleInputs, SampleMetrics, measure_sample
from wgs_pipeline.metrics.sites import read_common_snvs
from wgs_pipeline.metrics.verdict import judge

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("bwa", "samtools", "bcftools", "fastp"))),
    reason="needs bwa, samtools, bcftools and fastp",
)

LENGTH, READ, ERROR = 130_000, 100, 0.002
SITES = np.arange(100, LENGTH - 100, 50)
ADAPTER = "AGATCGGAAGAGCACACGTCTGAACTCCAGTCAC"


@dataclass(frozen=True)
class Genome:
    """A reference with its common SNVs, and two persons."""

    folder: Path
    fasta: Path
    sites: Path
    haplotypes: np.ndarray  # (persons, 2, LENGTH), bases as numbers

    def reads(self, rng: np.random.Generator, depth: float, share: float) -> list[str]:
        """Reads of the first person, of which a share is the second's."""
        count = round(depth * LENGTH / READ)
        who = (rng.random(count) < share).astype(int)
        start = rng.integers(0, LENGTH - READ, count)[:, np.newaxis] + np.arange(READ)
        bases = self.haplotypes[who[:, np.newaxis], rng.integers(0, 2, count)[:, np.newaxis], start]
        wrong = rng.random(bases.shape) < ERROR
        bases = np.where(wrong, (bases + rng.integers(1, 4, bases.shape)) % 4, bases)
        return text(bases)

    def measure(self, name: str, reads: list[str], *, sites: bool = True) -> SampleMetrics:
        """Align reads and derive the metrics, as the workflow does."""
        folder = self.folder / name
        folder.mkdir()
        write_fastq(folder / "reads.fq", reads)
        script = (
            f"bwa mem {self.fasta} {folder}/reads.fq | samtools sort -u -T {folder}/sort -"
            f" | samtools view --cram --reference {self.fasta} -o {folder}/reads.cram -"
        )
        subprocess.run(["bash", "-euo", "pipefail", "-c", script], check=True, capture_output=True)
        contigs = reference.read_contigs(Path(f"{self.fasta}.fai"))
        common = read_common_snvs(self.sites, ["chr1"]) if sites else None
        regions = Regions(contigs, reference.known_intervals(self.fasta), (), (), common)
        stats, tally = folder / "samtools_stats.txt", folder / "alignment_tally.json"
        counted = tally_alignment(folder / "reads.cram", self.fasta, regions, stats, 1)
        write_json(tally, counted.as_json())
        inputs = SampleInputs(samtools_stats=stats, alignment_tally=tally)
        return measure_sample(name, "unknown", inputs)


def text(bases: np.ndarray) -> list[str]:
    letters = np.frombuffer(b"ACGT", np.uint8)[bases]
    return [row.tobytes().decode() for row in letters]


def write_fastq(path: Path, reads: list[str]) -> None:
    path.write_text(
        "".join(f"@r{n}\n{read}\n+\n{'I' * len(read)}\n" for n, read in enumerate(reads))
    )


@pytest.fixture(scope="module")
def genome(tmp_path_factory: pytest.TempPathFactory) -> Genome:
    folder = tmp_path_factory.mktemp("genome")
    rng = np.random.default_rng(5)
    bases = rng.integers(0, 4, LENGTH)
    alternate = (bases[SITES] + rng.integers(1, 4, len(SITES))) % 4
    frequency = np.exp(rng.uniform(np.log(0.06), np.log(0.94), len(SITES)))
    haplotypes = np.tile(bases, (2, 2, 1))
    carried = rng.random((2, 2, len(SITES))) < frequency
    haplotypes[:, :, SITES] = np.where(carried, alternate, bases[SITES])
    fasta, sites = folder / "genome.fa", folder / "sites.vcf"
    fasta.write_text(f">chr1\n{text(bases[np.newaxis])[0]}\n")
    lines = ["##fileformat=VCFv4.2", f"##contig=<ID=chr1,length={LENGTH}>"]
    lines.append('##INFO=<ID=AF,Number=A,Type=Float,Description="x">')
    lines.append("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO")
    for place, alt, af in zip(SITES, alternate, frequency, strict=True):
        ref = "ACGT"[bases[place]]
        lines.append(f"chr1\t{place + 1}\t.\t{ref}\t{'ACGT'[alt]}\t.\t.\tAF={af:.4f}")
    sites.write_text("\n".join(lines) + "\n")
    subprocess.run(["samtools", "faidx", fasta], check=True)
    subprocess.run(["bwa", "index", fasta], check=True, capture_output=True)
    return Genome(folder, fasta, sites, haplotypes)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.05])
def test_another_persons_reads_are_contamination(genome: Genome, share: float) -> None:
    reads = genome.reads(np.random.default_rng(6), 30, share)
    found = genome.measure(f"contaminated-{share}", reads).number("cross_contamination_rate")
    assert found == pytest.approx(share, abs=0.005)


@pytest.mark.parametrize(
    ("share", "verdict", "action"),
    [(0.022, "warn", "load"), (0.05, "fail", "re-extract"), (0.1, "fail", "re-extract")],
)
def test_a_contaminated_sample_is_judged(
    genome: Genome, share: float, verdict: str, action: str
) -> None:
    """By the national bounds: pass below 1.5 %, warn to 3 %, fail above."""
    metrics = genome.measure(f"judged-{share}", genome.reads(np.random.default_rng(12), 30, share))
    bounds = {"cross_contamination_rate": {"pass_max": 0.015, "warn_max": 0.03}}
    found = judge(metrics, bounds)
    assert (found.verdict, found.next_action) == (verdict, action)
    (reason,) = found.reasons
    assert reason.metric == "cross_contamination_rate"
    assert reason.value == pytest.approx(share, rel=0.2)


def test_without_sites_contamination_is_not_applicable(genome: Genome) -> None:
    reads = genome.reads(np.random.default_rng(7), 2, 0.05)
    found = genome.measure("no-sites", reads, sites=False).findings["cross_contamination_rate"]
    assert isinstance(found, NotApplicable)
    assert "qc.contamination_sites" in found.reason
    found = genome.measure("shallow", reads).findings["cross_contamination_rate"]
    assert isinstance(found, NotApplicable)
    assert "8 reads or more; 1000 are needed" in found.reason


def test_low_coverage_is_low_coverage(genome: Genome) -> None:
    metrics = genome.measure("low", genome.reads(np.random.default_rng(8), 6, 0))
    assert metrics.number("mean_autosome_coverage") == pytest.approx(6, abs=0.1)
    assert (metrics.number("pct_autosomes_15x") or 0) < 1
    assert metrics.number("pct_reads_mapped") == 100
    verdict = judge(metrics, {"mean_autosome_coverage": {"pass_min": 30, "warn_min": 25}})
    assert verdict.verdict == "fail"
    assert verdict.next_action.startswith("top up ")


def test_another_species_does_not_map(genome: Genome) -> None:
    rng = np.random.default_rng(9)
    foreign = text(rng.integers(0, 4, (3000, READ)))
    own = genome.reads(rng, 6, 0)
    metrics = genome.measure("species", own + foreign)
    expected = 100 * len(own) / (len(own) + len(foreign))
    assert metrics.number("pct_reads_mapped") == pytest.approx(expected, abs=0.5)
    verdict = judge(metrics, {"pct_reads_mapped": {"pass_min": 95}})
    assert (verdict.verdict, verdict.next_action) == ("fail", "re-extract")


def test_adapter_dimers_are_adapter(tmp_path: Path) -> None:
    """Half of the reads are an adapter that reads on into nothing but A."""
    rng = np.random.default_rng(10)
    inserts = text(rng.integers(0, 4, (2000, READ)))
    dimers = [ADAPTER.ljust(READ, "A")] * 2000
    write_fastq(tmp_path / "lane.fq", inserts + dimers)
    subprocess.run(
        [
            *("fastp", "-i", tmp_path / "lane.fq", "-o", tmp_path / "out.fq"),
            *("--adapter_sequence", ADAPTER, "--json", tmp_path / "lane.json"),
            *("--html", tmp_path / "lane.html"),
        ],
        check=True,
        capture_output=True,
    )
    found = lane_metrics([read_lane_stats(tmp_path / "lane.json")])["pct_adapter_bases"]
    assert found == pytest.approx(50, abs=1)
    metrics = measure_sample("dimers", "unknown", SampleInputs(fastp=[tmp_path / "lane.json"]))
    verdict = judge(metrics, load_config(REPOSITORY / "config" / "config.yaml").qc.thresholds)
    # Not: top up. More of this library would be as empty.
    assert (verdict.verdict, verdict.next_action) == ("fail", "re-extract")
    assert [each.metric for each in verdict.reasons] == ["pct_adapter_bases"]
