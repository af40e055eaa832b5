"""Calls of a mitochondrion whose reads are made here, with alleles in known shares."""

from __future__ import annotations

import math
import subprocess
from pathlib import Path

import numpy as np
import pysam
import pytest

from rules import need
from wgs_pipeline.cli import main
from wgs_pipeline.errors import WgsError
from wgs_pipeline.mitochondrion import Sample, Settings, call
from wgs_pipeline.mitochondrion.calling import count_alleles
from wgs_pipeline.mitochondrion.circle import Cut

LENGTH, READ, INSERT, DEPTH = 3_000, 100, 300, 400
#: Position (0-based) and share of the copies, each kind with copies of its own.
PLANTED = {
    **{2: 0.05, 1300: 0.05},
    **{LENGTH - 3: 0.20, 1600: 0.20, 70: 0.20},
    **{4: 1.0, 2000: 1.0},
}
#: Deleted (0-based position of the first base, bases) in 20 % of the copies.
DELETED = (1800, 3)
OTHER = {"A": "G", "C": "T", "G": "A", "T": "C"}


@pytest.fixture(scope="module")
def genome(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """Reference, sorted BAM, and the sequence of chrM."""
    need("bwa", "samtools", "bcftools")
    folder = tmp_path_factory.mktemp("mitochondrion")
    rng = np.random.default_rng(8)
    sequence, nuclear = ("".join(rng.choice(list("ACGT"), size)) for size in (LENGTH, 2_000))
    fasta = folder / "genome.fa"
    fasta.write_text(f">chr1\n{nuclear}\n>chrM\n{sequence}\n")
    pysam.faidx(str(fasta))
    ends: tuple[list[str], list[str]] = ([], [])
    for share in (0.05, 0.20, 0.75):
        circle = list(sequence)
        for position, of in PLANTED.items():
            if of in (share, 1.0):
                circle[position] = OTHER[circle[position]]
        if share == 0.20:
            del circle[DELETED[0] : DELETED[0] + DELETED[1]]
        unrolled = "".join(circle + circle[:INSERT])
        for number in range(round(share * DEPTH * LENGTH / (2 * READ))):
            start = int(rng.integers(len(circle)))
            fragment = unrolled[start : start + INSERT]
            pair = [fragment[:READ], _reverse(fragment[-READ:])]
            for end, bases in zip(ends, pair[:: rng.choice([1, -1])], strict=True):
                name = f"@r{share:g}.{number}"
                end.append(f"{name}\n{_with_errors(bases, rng)}\n+\n{'F' * READ}\n")
    for mate, lines in enumerate(ends, start=1):
        (folder / f"{mate}.fq").write_text("".join(lines))
    subprocess.run(["bwa", "index", fasta], check=True, capture_output=True)
    aligned = subprocess.run(
        ["bwa", "mem", "-Y", fasta, folder / "1.fq", folder / "2.fq"],
        check=True,
        capture_output=True,
    )
    bam = folder / "sample.bam"
    subprocess.run(["samtools", "sort", "-o", bam, "-"], input=aligned.stdout, check=True,
                   capture_output=True)  # fmt: skip
    pysam.index(str(bam))
    return fasta, bam, sequence


def _reverse(bases: str) -> str:
    return bases[::-1].translate(str.maketrans("ACGT", "TGCA"))


def _with_errors(bases: str, rng: np.random.Generator) -> str:
    wrong = rng.random(len(bases)) < 0.001
    return "".join(
        str(rng.choice(list("ACGT"))) if bad else base
        for base, bad in zip(bases, wrong, strict=True)
    )


def expected(sequence: str) -> dict[tuple[int, str, str], float]:
    """Share by 1-based position, REF and ALT."""
    snvs = {
        (position + 1, sequence[position], OTHER[sequence[position]]): share
        for position, share in PLANTED.items()
    }
    start, size = DELETED
    while sequence[start - 1] == sequence[start + size - 1]:  # as far left as it goes
        start -= 1
    anchor = sequence[start - 1]
    return snvs | {(start, sequence[start - 1 : start + size], anchor): 0.20}


def test_what_was_planted_is_found_and_nothing_else(
    genome: tuple[Path, Path, str], tmp_path: Path
) -> None:
    fasta, bam, sequence = genome
    output = tmp_path / "S1.vcf.gz"
    left_out = call(Sample("S1", bam, fasta, "chrM", 30.0), Settings(), output)
    assert left_out == 0
    found = {}
    with pysam.VariantFile(str(output)) as vcf:
        assert list(vcf.header.samples) == ["S1"]
        for record in vcf:
            sample = record.samples["S1"]
            found[record.pos, record.ref, record.alts[0]] = sample["AF"][0]
            assert record.filter.keys() == ["PASS"], str(record)
            assert sample["AD"][1] / sample["DP"] == pytest.approx(sample["AF"][0], abs=1e-3)
            assert sum(sample["ADF"]) + sum(sample["ADR"]) == sum(sample["AD"])
            assert sample["GT"] == ((1,) if sample["AF"][0] >= 0.95 else (0, 1))
            assert ("PossibleNumt" in record.info) is (sample["AD"][1] <= 42)
    assert set(found) == set(expected(sequence))
    for key, share in expected(sequence).items():
        # Four standard errors of a binomial of the depth.
        error = 4 * math.sqrt(share * (1 - share) / DEPTH) + 0.005
        assert abs(found[key] - share) <= error, (key, share, found[key])


def test_beside_the_cut_only_the_turned_circle_shows_them(genome: tuple[Path, Path, str]) -> None:
    fasta, bam, sequence = genome
    sample = Sample("S1", bam, fasta, "chrM")

    def reads(cuts: tuple[Cut, ...]) -> dict[int, int]:
        """Reads with the planted allele."""
        alleles = count_alleles(sample, sequence, Settings(), cuts)
        rows = zip(alleles.position.tolist(), alleles.ref, alleles.alt, strict=True)
        number = alleles.alt_reads.sum(axis=1).tolist()
        return {
            at: n for (at, ref, alt), n in zip(rows, number, strict=True) if OTHER.get(ref) == alt
        }

    beside = [position for position in PLANTED if min(position, LENGTH - position) < 5]
    assert len(beside) == 3
    linear, circular = reads((Cut(LENGTH, 0),)), reads(Cut.both(LENGTH))
    for position in beside:
        assert circular[position] > 0.5 * PLANTED[position] * DEPTH
        assert linear.get(position, 0) < 0.1 * circular[position], position
    assert linear[1600] == circular[1600] > 0


def test_settings_decide_what_is_listed(genome: tuple[Path, Path, str], tmp_path: Path) -> None:
    fasta, bam, _ = genome
    output = tmp_path / "S1.vcf.gz"
    settings = Settings(min_heteroplasmy=0.1, min_depth=10_000, homoplasmy=0.99)
    call(Sample("S1", bam, fasta, "chrM"), settings, output)
    with pysam.VariantFile(str(output)) as vcf:
        records = list(vcf)
    assert len(records) == 6  # those of 20 and 100 %, and the deletion
    assert {name for record in records for name in record.filter} == {"LowDepth"}
    assert not any("PossibleNumt" in record.info for record in records)


def test_refusals(
    genome: tuple[Path, Path, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fasta, bam, _ = genome
    output = tmp_path / "out.vcf.gz"
    with pytest.raises(WgsError, match="has no contig chrMT"):
        call(Sample("S1", bam, fasta, "chrMT"), Settings(), output)
    with pytest.raises(WgsError, match="samtools"):
        call(Sample("S1", tmp_path / "none.cram", fasta, "chrM"), Settings(), output)
    with pytest.raises(SystemExit) as stop:
        main(["mitochondrion", "call", str(bam), "--sample", "S1", "--fasta", str(fasta),
              "--contig", "chrM", "--min-heteroplasmy", "2", "-o", str(output)])  # fmt: skip
    assert stop.value.code == 2
    assert "--min-heteroplasmy" in capsys.readouterr().err
    assert not output.exists()


def test_a_mitochondrion_without_reads_has_no_record(
    genome: tuple[Path, Path, str], tmp_path: Path
) -> None:
    fasta, _, _ = genome
    header = {"HD": {"VN": "1.6", "SO": "coordinate"},
              "SQ": [{"SN": "chr1", "LN": 2000}, {"SN": "chrM", "LN": LENGTH}]}  # fmt: skip
    empty, output = tmp_path / "empty.bam", tmp_path / "S1.vcf.gz"
    with pysam.AlignmentFile(str(empty), "wb", header=header):
        pass
    pysam.index(str(empty))
    assert call(Sample("S1", empty, fasta, "chrM", 30.0), Settings(), output) == 0
    with pysam.VariantFile(str(output)) as vcf:
        assert list(vcf) == []
