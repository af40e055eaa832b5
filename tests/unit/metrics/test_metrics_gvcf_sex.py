"""Sex chromosomes of gVCFs as callers write them, made here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pysam
import pytest

from rules import need
from wgs_pipeline.metrics.catalogue import Finding, NotApplicable
from wgs_pipeline.metrics.gvcf_sex import sex_metrics
from wgs_pipeline.reference import Contig, Interval, Role

LENGTH = {"chr1": 120_000, "chrX": 60_000, "chrY": 30_000}
CONTIGS = [
    Contig("chr1", LENGTH["chr1"], Role.AUTOSOME),
    Contig("chrX", LENGTH["chrX"], Role.X),
    Contig("chrY", LENGTH["chrY"], Role.Y),
]
PAR = (Interval("chrX", 0, 5_000), Interval("chrY", 0, 5_000))
INTERVALS = (
    Interval("chr1", 0, LENGTH["chr1"]),
    *(Interval(name, 0, 5_000) for name in ("chrX", "chrY")),
    Interval("chrX", 5_000, LENGTH["chrX"]),
    Interval("chrY", 5_000, LENGTH["chrY"]),
)
GATK = (
    '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="x">\n'
    '##FORMAT=<ID=MIN_DP,Number=1,Type=Integer,Description="x">\n'
)
NO_DEPTH = ""


@pytest.fixture(autouse=True)
def _tools() -> None:
    need("bcftools")


def write(path: Path, copies: dict[str, int], style: str, haploid_x: bool = False) -> Path:
    """A gVCF with a variant a thousand bases and reference blocks of 400 between; 30x."""
    rng = np.random.default_rng(5)
    lines = [
        "##fileformat=VCFv4.2\n",
        '##FILTER=<ID=PASS,Description="x">\n##FILTER=<ID=LowQual,Description="x">\n',
        '##INFO=<ID=END,Number=1,Type=Integer,Description="x">\n',
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="x">\n',
        style,
        *(f"##contig=<ID={name},length={length}>\n" for name, length in LENGTH.items()),
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\n",
    ]
    for name, number in copies.items():
        depth = 15 * number
        for start in range(0, LENGTH[name] if number else 0, 400):
            end = min(start + 400, LENGTH[name])
            # Blocks state their lowest depth, as callers do: a good deal below the mean.
            low = int(0.75 * depth)
            values = "0/0" if not style else f"0/0:{low}:{low}"
            keys = "GT:DP:MIN_DP" if style else "GT"
            lines.append(
                f"{name}\t{start + 1}\t.\tA\t<NON_REF>\t.\t.\tEND={end}\t{keys}\t{values}\n"
            )
            if start % 800 == 0:
                single = number == 1 and (name == "chrY" or haploid_x)
                het = "1/1" if number == 1 else "0/1"
                found = f":{rng.poisson(depth)}:." if style else ""
                lines.append(
                    f"{name}\t{start + 1}\t.\tA\tG,<NON_REF>\t50\tPASS\t.\t{keys}\t"
                    f"{'1' if single else het}{found}\n"
                )
    with pysam.BGZFile(str(path), "wb") as file:
        file.write("".join(lines).encode())
    pysam.tabix_index(str(path), preset="vcf", force=True)
    return path


def measured(path: Path) -> dict[str, Finding]:
    return sex_metrics(path, CONTIGS, INTERVALS, PAR)


@pytest.mark.parametrize(
    ("x", "y", "karyotype"),
    [(2, 0, "XX"), (1, 1, "XY"), (1, 0, "X0"), (2, 1, "XXY"), (1, 2, "XYY"), (3, 0, "XXX")],
)
def test_karyotypes(tmp_path: Path, x: int, y: int, karyotype: str) -> None:
    path = write(tmp_path / "S1.g.vcf.gz", {"chr1": 2, "chrX": x, "chrY": y}, GATK)
    found = measured(path)
    assert found["inferred_karyotype"] == karyotype
    assert found["x_coverage_ratio"] == pytest.approx(x / 2, abs=0.1)
    assert found["y_coverage_ratio"] == pytest.approx(y / 2, abs=0.1)


def test_haploid_genotypes_show_no_heterozygosity(tmp_path: Path) -> None:
    copies = {"chr1": 2, "chrX": 1, "chrY": 1}
    diploid = measured(write(tmp_path / "two.g.vcf.gz", copies, GATK))
    assert diploid["x_heterozygosity_ratio"] == 0
    # Blocks of two alleles and variants of one: most records say two.
    haploid = measured(write(tmp_path / "one.g.vcf.gz", copies, GATK, haploid_x=True))
    assert haploid["inferred_karyotype"] == "XY"


def test_two_x_by_depth_that_do_not_differ_are_no_karyotype(tmp_path: Path) -> None:
    path = write(tmp_path / "S1.g.vcf.gz", {"chr1": 2, "chrX": 2, "chrY": 0}, GATK)
    text = pysam.BGZFile(str(path)).read().decode()
    homozygous = "".join(
        line.replace("0/1:", "1/1:") if line.startswith("chrX") else line
        for line in text.splitlines(keepends=True)
    )
    with pysam.BGZFile(str(path), "wb") as file:
        file.write(homozygous.encode())
    pysam.tabix_index(str(path), preset="vcf", force=True)
    assert measured(path)["inferred_karyotype"] == "other"


def test_without_depth_nothing_is_said(tmp_path: Path) -> None:
    path = write(tmp_path / "S1.g.vcf.gz", {"chr1": 2, "chrX": 1, "chrY": 1}, NO_DEPTH)
    found = measured(path)["inferred_karyotype"]
    assert isinstance(found, NotApplicable)
    assert "no depths" in found.reason


def test_without_records_or_x_nothing_is_said(tmp_path: Path) -> None:
    path = write(tmp_path / "S1.g.vcf.gz", {}, GATK)
    assert isinstance(measured(path)["inferred_karyotype"], NotApplicable)
    only = sex_metrics(path, CONTIGS[:1], INTERVALS[:1], ())
    assert only["inferred_karyotype"] == NotApplicable("the reference has no X")
