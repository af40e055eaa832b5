"""Metrics of real reads against Picard and samtools, which count the same by themselves.

Needs the shared data, bwa, samtools and Picard (Debian picard-tools). About a minute.
"""

import csv
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from running import SHARED_DATA
from wgs_pipeline import reference
from wgs_pipeline.files import write_json
from wgs_pipeline.metrics.alignment_pass import Regions, tally_alignment
from wgs_pipeline.metrics.contigs import contig_parts, measured_intervals
from wgs_pipeline.metrics.sample import SampleInputs, SampleMetrics, measure_sample
from wgs_pipeline.metrics.tally import AlignmentTally, read_tally

REFERENCE = SHARED_DATA / "ref-b37-chr20" / "b37.chr20.windows.fa.gz"
#: Deep reads of 128 and 150 bases with a fifth of duplicates; shallow ones of 36 to 101 bases.
READS = {
    "HG002": (SHARED_DATA / "giab-hg002-chr20", "HG002_HMTTCCCXX_L00[1-4]_R{}.fastq.gz"),
    "NA06984": (SHARED_DATA / "cohort-ceu-lowcov-chr20", "NA06984_R{}.fastq.gz"),
}
PICARD = "PicardCommandLine"

pytestmark = [
    pytest.mark.skipif(
        not (REFERENCE.is_file() and all(folder.is_dir() for folder, _ in READS.values())),
        reason=f"needs the real reads in {SHARED_DATA}",
    ),
    pytest.mark.skipif(
        not all(map(shutil.which, (PICARD, "bwa", "samtools"))),
        reason="needs Picard, bwa and samtools",
    ),
]


@dataclass(frozen=True)
class Measured:
    """A sample's alignment, and what we say of it."""

    folder: Path
    cram: Path
    fasta: Path
    tally: AlignmentTally
    metrics: SampleMetrics

    def value(self, name: str) -> float:
        found = self.metrics.number(name)
        assert found is not None, self.metrics.findings[name]
        return found


@pytest.fixture(scope="module")
def fasta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reference") / "genome.fa"
    with path.open("wb") as file:
        subprocess.run(["gzip", "-dc", REFERENCE], stdout=file, check=True)
    subprocess.run(["samtools", "faidx", path], check=True)
    subprocess.run(["samtools", "dict", "-o", path.with_suffix(".dict"), path], check=True)
    subprocess.run(["bwa", "index", path], check=True, capture_output=True)
    return path


@pytest.fixture(scope="module", params=list(READS))
def measured(
    request: pytest.FixtureRequest, fasta: Path, tmp_path_factory: pytest.TempPathFactory
) -> Measured:
    sample = request.param
    folder = tmp_path_factory.mktemp(sample)
    source, pattern = READS[sample]
    lanes = [" ".join(map(str, sorted(source.glob(pattern.format(end))))) for end in (1, 2)]
    cram = folder / "reads.cram"
    # As the workflow aligns (workflow/rules/align.smk).
    script = f"""
        bwa mem -Y -R '@RG\\tID:1\\tSM:{sample}\\tLB:1\\tPL:ILLUMINA' {fasta} \
            <(cat {lanes[0]}) <(cat {lanes[1]}) \
            | samtools fixmate -u -m - - | samtools sort -u -T {folder}/sort - \
            | samtools markdup -u -d 2500 -T {folder}/markdup - - \
            | samtools view --cram --reference {fasta} --write-index -o {cram} -
    """
    subprocess.run(["bash", "-euo", "pipefail", "-c", script], check=True, capture_output=True)
    contigs = reference.read_contigs(Path(f"{fasta}.fai"))
    intervals = measured_intervals(reference.known_intervals(fasta), contig_parts(contigs), ())
    stats = folder / "samtools_stats.txt"
    tally = tally_alignment(cram, fasta, Regions(contigs, intervals, ()), stats, 2)
    write_json(folder / "alignment_tally.json", tally.as_json())
    inputs = SampleInputs(samtools_stats=stats, alignment_tally=folder / "alignment_tally.json")
    assert read_tally(folder / "alignment_tally.json").as_json() == tally.as_json()
    return Measured(folder, cram, fasta, tally, measure_sample(sample, "unknown", inputs))


def picard(measured: Measured, tool: str, *arguments: str) -> Path:
    """Run a Picard tool; the path of its metrics."""
    # Picard asks for R only to draw a chart that nobody looks at here.
    tools = measured.folder / "tools"
    tools.mkdir(exist_ok=True)
    (tools / "Rscript").write_text("#!/bin/sh\n")
    (tools / "Rscript").chmod(0o755)
    output = measured.folder / f"{tool}.txt"
    subprocess.run(
        [
            *(PICARD, tool, f"INPUT={measured.cram}", f"OUTPUT={output}"),
            *(f"REFERENCE_SEQUENCE={measured.fasta}", "VALIDATION_STRINGENCY=SILENT", *arguments),
        ],
        check=True,
        capture_output=True,
        env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"},
    )
    return output


def table(path: Path, number: int = 0) -> list[dict[str, str]]:
    """One of the tables of a Picard file."""
    blocks = path.read_text().split("\n\n")
    tables = [
        [line for line in block.splitlines() if not line.startswith("#")]
        for block in blocks
        if "\t" in block
    ]
    return list(csv.DictReader([line for line in tables[number] if line], delimiter="\t"))


def test_depth_is_that_of_collect_wgs_metrics(measured: Measured) -> None:
    # Our depth has no cap, Picard needs one. Nobody looks at its simulations (SAMPLE_SIZE).
    path = picard(measured, "CollectWgsMetrics", "COVERAGE_CAP=1000", "SAMPLE_SIZE=1")
    (counted,) = table(path)
    for name, theirs in (
        ("mean_autosome_coverage", "MEAN_COVERAGE"),
        ("median_autosome_coverage", "MEDIAN_COVERAGE"),
        ("mad_autosome_coverage", "MAD_COVERAGE"),
    ):
        assert f"{measured.value(name):.6f}".rstrip("0").rstrip(".") == counted[theirs]
    for depth in (1, 10, 15, 20, 30):
        share = measured.value(f"pct_autosomes_{depth}x") / 100
        assert share == pytest.approx(float(counted[f"PCT_{depth}X"]), abs=5.1e-7)
    rows = {int(r["coverage"]): int(r["high_quality_coverage_count"]) for r in table(path, 1)}
    ours = measured.metrics.histograms["coverage"]
    assert {d: n for d, n in zip(ours["depth"], ours["bases"], strict=True) if n} == {
        d: n for d, n in rows.items() if n
    }


def test_chimeras_are_those_of_collect_alignment_summary_metrics(measured: Measured) -> None:
    rows = table(picard(measured, "CollectAlignmentSummaryMetrics"))
    (pair,) = (row for row in rows if row["CATEGORY"] == "PAIR")
    assert measured.value("chimeras") == pytest.approx(float(pair["PCT_CHIMERAS"]), abs=5.1e-7)
    share = float(pair["PCT_PF_READS_ALIGNED"])
    assert measured.value("pct_reads_mapped") / 100 == pytest.approx(share, abs=5.1e-7)
    length = float(pair["MEAN_READ_LENGTH"])
    assert measured.value("mean_read_length") == pytest.approx(length, abs=5.1e-7)
    improper = int(pair["PF_READS_IMPROPER_PAIRS"])
    proper = (int(pair["PF_READS_ALIGNED"]) - improper) / int(pair["PF_READS"])
    assert measured.value("pct_reads_properly_paired") / 100 == pytest.approx(proper, rel=1e-9)


def test_dropout_is_that_of_collect_gc_bias_metrics(measured: Measured) -> None:
    summary = measured.folder / "gc_summary.txt"
    chart = measured.folder / "gc.pdf"
    path = picard(measured, "CollectGcBiasMetrics", f"S={summary}", f"CHART={chart}")
    (counted,) = table(summary)
    for name in ("at_dropout", "gc_dropout"):
        assert measured.value(name) == pytest.approx(float(counted[name.upper()]), abs=5.1e-7)
    rows = table(path)
    assert measured.tally.gc_windows.tolist() == [int(row["WINDOWS"]) for row in rows]
    assert measured.tally.gc_reads.tolist() == [int(row["READ_STARTS"]) for row in rows]


def test_reads_are_counted_line_for_line_as_samtools_stats_does(measured: Measured) -> None:
    theirs = subprocess.run(
        ["samtools", "stats", "--filtering-flag", "QCFAIL", measured.cram],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    made = ("SN", "FFQ", "LFQ", "GCF", "GCL", "IS", "RL", "FRL", "LRL")
    lines = [line.split("\t#")[0] for line in theirs.splitlines()]
    expected = [line for line in lines if line.split("\t")[0] in made]
    assert {line.split("\t")[0] for line in expected} == set(made)
    text = (measured.folder / "samtools_stats.txt").read_text()
    assert [line for line in text.splitlines() if not line.startswith("#")] == expected


def test_duplicates_and_yield_are_those_of_samtools(measured: Measured) -> None:
    def count(*arguments: str) -> int:
        command = ["samtools", "view", "-c", *arguments, str(measured.cram)]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    mapped = count("-F", "0xB04")
    assert measured.value("duplication") == pytest.approx(
        count("-F", "0xB04", "-f", "0x400") / mapped
    )
    optical = count("-F", "0xB04", "-f", "0x400", "-d", "dt:SQ")
    assert measured.value("optical_duplication") == pytest.approx(optical / mapped)
    quality = measured.metrics.histograms["base_quality"]
    assert len(quality["cycle"]) == max(
        measured.metrics.histograms["read_length"]["read_length_bp"]
    )
    script = f"samtools fastq -F 0x900 {measured.cram} 2>/dev/null | awk 'NR%4==0' | fold -w1"
    script += r""" | awk 'BEGIN{for(i=33;i<127;i++)o[sprintf("%c",i)]=i-33}{n++;s+=o[$0];
        if(o[$0]>=30)q++}END{printf "%d %d %d",n,q,s}'"""
    text = subprocess.run(["bash", "-c", script], check=True, capture_output=True, text=True).stdout
    bases, bases_q30, total = map(int, text.split())
    assert (measured.value("yield_bp"), measured.value("yield_bp_q30")) == (bases, bases_q30)
    assert measured.value("mean_base_quality") == pytest.approx(total / bases, rel=1e-12)
